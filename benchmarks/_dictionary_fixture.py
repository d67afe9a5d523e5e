"""A dictionary of realistic shape made from text, for benchmarks of the parsers alone.

The most frequent substrings of some text, those at the start of a word counting four times: closed under
prefixes, but not under suffixes, as the plain dictionary of a model is. `pruned` then drops the
least used, as the refined dictionary does, which breaks the closure.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary import automaton, fewest
from equalinfo.dictionary.automaton import Automaton

LONGEST = 32  # bytes; longer repeats are boilerplate
WORD_START = 4  # what an occurrence at the start of a word counts


def plain_dictionary(documents: Sequence[bytes], size: int) -> Automaton:
    """The automaton of `frequent_substrings`."""
    return automaton.build(frequent_substrings(documents, size))


def refined_dictionary(documents: Sequence[bytes], size: int) -> Automaton:
    """Three times as many candidates, and twice the least used are dropped."""
    entries = frequent_substrings(documents, 3 * size)
    for keep in (3 * size // 2, size):
        entries = pruned(entries, fewest.usage(automaton.build(entries), documents), keep)
    return automaton.build(entries)


def frequent_substrings(documents: Sequence[bytes], size: int, sample: int = 6_000_000) -> list[bytes]:
    """EOS, the 256 single bytes and the most frequent longer substrings that are whole characters.

    Args:
        documents: text; the first `sample` bytes are counted.
        size: entries in all.

    Returns:
        `size` entries, fewer if the text has not that many repeated substrings.
    """
    text = np.frombuffer(b"\0".join(documents)[:sample], np.uint8)
    continuation = (text & 0xC0) == 0x80
    names = text.astype(np.int64)  # names[i]: number of the substring of the present length at i
    positions = np.flatnonzero(~continuation & (text > 0))
    space = (text == ord(" ")) | (text == ord("\n")) | (text == 0)
    weights = np.where(space & ~np.roll(space, 1), WORD_START, 1)
    found: list[tuple[int, int, bytes]] = []
    least = WORD_START + 1
    for length in range(2, LONGEST + 1):
        positions = positions[positions + length <= text.size]
        last = text[positions + length - 1]
        positions, last = positions[last > 0], last[last > 0]
        keys = names[positions] * 256 + last
        _, where, inverse = np.unique(keys, return_index=True, return_inverse=True)
        counts = np.bincount(inverse, weights[positions]).astype(np.int64)
        alive = counts >= least
        for count, first in zip(counts[alive].tolist(), positions[where[alive]].tolist(), strict=True):
            if first + length == text.size or not continuation[first + length]:
                found.append((-count, length, text[first : first + length].tobytes()))
        names[positions] = inverse
        positions = positions[alive[inverse]]
        if len(found) > 2 * size:  # only what can still be among the most frequent is extended
            found.sort()
            del found[size:]
            least = max(least, -found[-1][0])
        if not positions.size:
            break
    found.sort()
    return [b"", *(bytes([c]) for c in range(256)), *(entry for _, _, entry in found[: size - 257])]


def pruned(entries: Sequence[bytes], usage: NDArray[np.int64], size: int) -> list[bytes]:
    """The `size` most used entries, EOS and single bytes always; ties keep the earlier."""
    keep = np.argsort(-usage[257:], kind="stable")[: size - 257] + 257
    return [*entries[:257], *(entries[i] for i in np.sort(keep).tolist())]
