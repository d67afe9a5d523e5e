"""The inner loops of the greedy parse.

State is the word of the trie's state (`layout`); n is where the next token goes in `out`. With `keep` 0 every
token goes to ``out[0]`` and only their number counts; otherwise `keep` is EVERY.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.trie.intrinsics import choose
from equalinfo.dictionary.trie.layout import (
    ACCEPT,
    BASE_SHIFT,
    FREE,
    LABEL_MASK,
    ROOT_BASE,
    VALUE_MASK,
    VALUE_SHIFT,
    Words,
)
from equalinfo.kernels import kernel
from equalinfo.limits import MAX_ENTRY_BYTES

EVERY = np.uint64(2**64 - 1)
LANES = 4
_ONE = np.uint64(1)

Ids = NDArray[np.unsignedinteger]
Lanes = NDArray[np.uint64]  # a number for each of LANES places
Text = NDArray[np.uint8] | bytes


class Tables(NamedTuple):
    """What a greedy parse looks things up in.

    Args:
        words: uint64 [slots], the double array.
        table, tokens: what to do in a state that does not accept (`aho_corasick.fallback_rows`).
        lengths: uint8 [v], bytes of each entry.
    """

    words: Words
    table: NDArray[np.uint32]
    tokens: NDArray[np.uint32]
    lengths: NDArray[np.uint8]


@kernel(forceinline=True)
def _step(
    tables: Tables, word: np.uint64, c: np.uint64, out: Ids, keep: np.uint64, n: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """One byte further; returns the new state and the new n.

    The next state is the child by c or, if there is none, a token is complete and it is the root's child
    by c. Both are loaded and the token is written in any case; only n says whether it stays.
    """
    words, table, tokens = tables.words, tables.table, tables.tokens
    child = words[(word >> BASE_SHIFT) + c]
    stuck = child & LABEL_MASK != c
    while stuck & (word & ACCEPT == 0):
        row = (word >> VALUE_SHIFT) & VALUE_MASK
        for i in range(table[row, 1], table[row, 2]):
            out[n & keep] = tokens[i]
            n += _ONE
        word = words[table[row, 0]]
        child = words[(word >> BASE_SHIFT) + c]
        stuck = child & LABEL_MASK != c
    out[n & keep] = (word >> VALUE_SHIFT) & VALUE_MASK
    return choose(stuck, words[ROOT_BASE + c], child), n + np.uint64(stuck)


@kernel
def finish(tables: Tables, word: np.uint64, out: Ids, keep: np.uint64, n: np.uint64) -> np.uint64:
    """Writes the tokens of a path that the end of the text cuts off; returns the new n."""
    words, table, tokens = tables.words, tables.table, tables.tokens
    while word & LABEL_MASK != FREE:
        row = (word >> VALUE_SHIFT) & VALUE_MASK
        if word & ACCEPT:
            out[n & keep] = row
            return n + _ONE
        for i in range(table[row, 1], table[row, 2]):
            out[n & keep] = tokens[i]
            n += _ONE
        word = words[table[row, 0]]
    return n


@kernel
def walk1(
    tables: Tables,
    text: Text,
    start: np.int64,
    end: np.int64,
    word: np.uint64,
    out: Ids,
    keep: np.uint64,
    n: np.uint64,
) -> tuple[np.uint64, np.uint64]:
    """Reads ``text[start:end]``; returns the state and n."""
    for i in range(np.uint64(start), np.uint64(end)):
        word, n = _step(tables, word, np.uint64(text[i]), out, keep, n)
    return word, n


@kernel
def walk4(
    tables: Tables, text: Text, steps: np.int64, at: Lanes, word: Lanes, out: Ids, keep: np.uint64, n: Lanes
) -> None:
    """Reads `steps` bytes in each of four places at once; changes at, word and n, uint64 [4] each."""
    at0, at1, at2, at3 = at[0], at[1], at[2], at[3]
    word0, word1, word2, word3 = word[0], word[1], word[2], word[3]
    n0, n1, n2, n3 = n[0], n[1], n[2], n[3]
    for i in range(np.uint64(steps)):
        word0, n0 = _step(tables, word0, np.uint64(text[at0 + i]), out, keep, n0)
        word1, n1 = _step(tables, word1, np.uint64(text[at1 + i]), out, keep, n1)
        word2, n2 = _step(tables, word2, np.uint64(text[at2 + i]), out, keep, n2)
        word3, n3 = _step(tables, word3, np.uint64(text[at3 + i]), out, keep, n3)
    for lane in range(4):
        at[lane] += np.uint64(steps)
    word[0], word[1], word[2], word[3] = word0, word1, word2, word3
    n[0], n[1], n[2], n[3] = n0, n1, n2, n3


@kernel
def parse_short(
    tables: Tables, text: Text, start: np.int64, end: np.int64, out: Ids, keep: np.uint64, n: np.uint64
) -> np.uint64:
    """The greedy parse of ``text[start:end]``, one stream; returns the new n."""
    word, n = walk1(tables, text, start, end, tables.words[0], out, keep, n)
    return finish(tables, word, out, keep, n)


# The greedy parse of one long text in four places at once, exactly.
#
# A parse that starts at any byte soon falls into step with the one that started at the beginning: once both
# cut at the same place they agree for ever, because what follows a cut depends on the bytes after it
# alone. So a window is cut into four pieces, parsed at once as if each began a text, and joined: from the
# last sure token of one piece the true parse is continued until it meets a cut of the next. If it does
# not meet one soon (which takes periodic text), the rest of the window, and then more and more of what
# follows, is parsed as one stream.
LONG = 32768  # bytes; from here on a document is parsed this way
WINDOW = 4 * 65536
BRIDGE = 512  # how far the true parse is continued in search of a common cut; typically 20 bytes suffice
FIRST = 1024
MOST_SKIPPED = 64  # windows


@kernel
def _sure(
    lengths: NDArray[np.uint8],
    ids: Ids,
    begin: int | np.int64,
    end: np.int64,
    stop: np.int64,
    text_end: np.int64,
) -> tuple[np.int64, np.int64]:
    """Drops tokens from the end of ``ids[begin:end]``, which end at `stop`, that bytes after it could change.

    Whatever bytes follow `stop`, a token that begins MAX_ENTRY_BYTES before it is the same; none follow at `text_end`.
    Returns where the kept ones end, in ids and in the text.
    """
    limit = stop if stop == text_end else stop - MAX_ENTRY_BYTES
    while end > begin and stop > limit:
        size = np.int64(lengths[ids[end - 1]])
        if stop - size <= limit:
            break
        end -= 1
        stop -= size
    return end, stop


@kernel
def _append(
    ids: Ids, begin: int | np.int64, end: int | np.int64, out: Ids, keep: np.uint64, n: np.uint64
) -> np.uint64:
    if keep:
        at = np.int64(n)
        out[at : at + end - begin] = ids[begin:end]
    return n + np.uint64(end - begin)


@kernel
def parse_long(
    tables: Tables, text: Text, start: np.int64, end: np.int64, out: Ids, keep: np.uint64, n: np.uint64
) -> np.uint64:
    """The greedy parse of ``text[start:end]``; returns the new n."""
    words, lengths = tables.words, tables.lengths
    ids = np.empty(WINDOW, np.uint32)
    bridge = np.empty(BRIDGE, np.uint32)
    at = np.empty(LANES, np.uint64)
    word = np.empty(LANES, np.uint64)
    count = np.empty(LANES, np.uint64)
    position = np.int64(start)
    end = np.int64(end)
    unit = np.int64(1)
    size = np.int64(FIRST)  # the first tokens, by one stream, show the unit
    skip = 1
    backoff = 1
    while position < end:
        if skip or end - position < LONG:
            stop = min(position + size, end)
            size = np.int64(WINDOW)
            skip = max(skip - 1, 0)
            total = np.int64(parse_short(tables, text, position, stop, ids, EVERY, np.uint64(0)))
            kept, position = _sure(lengths, ids, 0, total, stop, end)
            n = _append(ids, 0, kept, out, keep, n)
            unit = np.int64(lengths[ids[kept - 1]])
            continue

        # In a run of one character, or one entry repeated, tokens are equally long; pieces that are
        # whole numbers of them cut where the true parse does.
        piece = min(end - position, np.int64(WINDOW)) // LANES // unit * unit
        for lane in range(LANES):
            at[lane] = position + lane * piece
            word[lane] = words[0]
            count[lane] = lane * piece
        walk4(tables, text, piece, at, word, ids, EVERY, count)
        window = position
        for lane in range(LANES):
            total = np.int64(finish(tables, word[lane], ids, EVERY, count[lane]))
            begin = lane * piece
            stop = window + begin + piece
            if lane > 0:
                cut = window + begin
                tail = min(position + BRIDGE, end)
                found = np.int64(parse_short(tables, text, position, tail, bridge, EVERY, np.uint64(0)))
                found, _ = _sure(lengths, bridge, 0, found, tail, end)
                used = 0
                while True:
                    while cut < position and begin < total:
                        cut += np.int64(lengths[ids[begin]])
                        begin += 1
                    if cut == position or used == found:
                        break
                    position += np.int64(lengths[bridge[used]])
                    used += 1
                n = _append(bridge, 0, used, out, keep, n)
                if cut != position:
                    skip = backoff
                    backoff = min(2 * backoff, MOST_SKIPPED)
                    break
                backoff = 1
            kept, position = _sure(lengths, ids, begin, total, stop, end)
            n = _append(ids, begin, kept, out, keep, n)
            unit = np.int64(lengths[ids[kept - 1]])
    return n
