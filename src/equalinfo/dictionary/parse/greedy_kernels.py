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


# The greedy parse of one text in four places at once, exactly.
#
# A parse that starts at any byte soon falls into step with the one that started at the beginning: once both cut at the
# same place they agree for ever, because what follows a cut depends on the bytes after it alone. So four pieces of the
# text are read at once, the later ones as if each began a text. Then the true parse goes on into each of them until it
# meets one of its cuts, typically for 20 bytes; in periodic text it may meet none and reads the piece again.
SHORT = 256  # bytes, below which one walk is faster
LONG = 32768  # of a document among others, from which on it is parsed this way
MOST_PIECE = 4096


@kernel
def _append(
    ids: Ids,
    begin: np.int64,
    end: np.int64,
    out: Ids,
    keep: np.uint64,
    n: np.uint64,
    lengths: NDArray[np.uint8],
) -> tuple[np.uint64, np.int64]:
    """Writes ``ids[begin:end]``; returns the new n and the bytes that they are."""
    size = np.int64(0)
    for i in range(begin, end):
        out[n & keep] = ids[i]
        n += _ONE
        size += np.int64(lengths[ids[i]])
    return n, size


@kernel
def parse_apart(
    tables: Tables, text: Text, start: np.int64, end: np.int64, out: Ids, keep: np.uint64, n: np.uint64
) -> np.uint64:
    """The greedy parse of ``text[start:end]``, four pieces at once; returns the new n."""
    lengths = tables.lengths
    most = min(np.int64(MOST_PIECE), (end - start) // LANES)
    room = most + MAX_ENTRY_BYTES + 1  # what was read of a token before may become as many as it has bytes
    ids, bridge = np.empty(LANES * room, np.uint32), np.empty(room, np.uint32)
    at, words, counts = np.empty(LANES, np.uint64), np.empty(LANES, np.uint64), np.empty(LANES, np.uint64)
    word = tables.words[0]
    position = cut = np.int64(start)  # what the true parse has read, and where its last token ends
    while end - position >= SHORT:
        piece = min(most, (end - position) // LANES)
        for lane in range(LANES):
            at[lane], words[lane], counts[lane] = position + lane * piece, tables.words[0], lane * room
        words[0] = word
        walk4(tables, text, piece, at, words, ids, EVERY, counts)
        n, size = _append(ids, np.int64(0), np.int64(counts[0]), out, keep, n, lengths)
        word, cut, position = words[0], cut + size, position + piece
        for lane in range(1, LANES):
            begin, total, piece_cut = lane * room, np.int64(counts[lane]), position
            stop, used = position + piece, np.uint64(0)
            while position < stop:
                while piece_cut < cut and begin < total:
                    piece_cut += np.int64(lengths[ids[begin]])
                    begin += 1
                if piece_cut == cut:
                    break
                before = used
                word, used = _step(tables, word, np.uint64(text[position]), bridge, EVERY, used)
                for i in range(before, used):
                    cut += np.int64(lengths[bridge[i]])
                position += 1
            n, _ = _append(bridge, np.int64(0), np.int64(used), out, keep, n, lengths)
            if position < stop:
                n, size = _append(ids, begin, total, out, keep, n, lengths)
                word, cut, position = words[lane], cut + size, stop
    word, n = walk1(tables, text, position, end, word, out, keep, n)
    return finish(tables, word, out, keep, n)
