"""The inner loops of the greedy parse.

State is the word of the trie's state (`_words`); n is where the next token goes in `out`. With `keep` 0 every
token goes to ``out[0]`` and only their number counts; otherwise `keep` is EVERY.
"""

import numpy as np

from equalinfo.dictionary._llvm import choose
from equalinfo.dictionary._words import (
    ACCEPT,
    BASE_SHIFT,
    FREE,
    LABEL_MASK,
    ROOT_BASE,
    VALUE_MASK,
    VALUE_SHIFT,
)
from equalinfo.kernels import kernel

EVERY = np.uint64(2**64 - 1)
LANES = 4
_ONE = np.uint64(1)


@kernel(forceinline=True)
def _step(words, table, tokens, word, c, out, keep, n):  # type: ignore[no-untyped-def]
    """One byte further; returns the new state and the new n.

    The next state is the child by c or, if there is none, a token is complete and it is the root's child
    by c. Both are loaded and the token is written in any case; only n says whether it stays.
    """
    child = words[(word >> BASE_SHIFT) + c]
    stuck = child & LABEL_MASK != c
    while stuck & (word & ACCEPT == 0):
        row = (word >> VALUE_SHIFT) & VALUE_MASK
        for i in range(table[row, 1], table[row + _ONE, 1]):
            out[n & keep] = tokens[i]
            n += _ONE
        word = words[table[row, 0]]
        child = words[(word >> BASE_SHIFT) + c]
        stuck = child & LABEL_MASK != c
    out[n & keep] = (word >> VALUE_SHIFT) & VALUE_MASK
    return choose(stuck, words[ROOT_BASE + c], child), n + np.uint64(stuck)


@kernel
def finish(words, table, tokens, word, out, keep, n):  # type: ignore[no-untyped-def]
    """Writes the tokens of a path that the end of the text cuts off; returns the new n."""
    while word & LABEL_MASK != FREE:
        row = (word >> VALUE_SHIFT) & VALUE_MASK
        if word & ACCEPT:
            out[n & keep] = row
            return n + _ONE
        for i in range(table[row, 1], table[row + _ONE, 1]):
            out[n & keep] = tokens[i]
            n += _ONE
        word = words[table[row, 0]]
    return n


@kernel
def walk1(words, table, tokens, text, start, end, word, out, keep, n):  # type: ignore[no-untyped-def]
    """Reads ``text[start:end]``; returns the state and n."""
    for i in range(np.uint64(start), np.uint64(end)):
        word, n = _step(words, table, tokens, word, np.uint64(text[i]), out, keep, n)
    return word, n


@kernel
def walk4(words, table, tokens, text, steps, at, word, out, keep, n):  # type: ignore[no-untyped-def]
    """Reads `steps` bytes in each of four places at once; changes at, word and n, uint64 [4] each."""
    at0, at1, at2, at3 = at[0], at[1], at[2], at[3]
    word0, word1, word2, word3 = word[0], word[1], word[2], word[3]
    n0, n1, n2, n3 = n[0], n[1], n[2], n[3]
    for i in range(np.uint64(steps)):
        word0, n0 = _step(words, table, tokens, word0, np.uint64(text[at0 + i]), out, keep, n0)
        word1, n1 = _step(words, table, tokens, word1, np.uint64(text[at1 + i]), out, keep, n1)
        word2, n2 = _step(words, table, tokens, word2, np.uint64(text[at2 + i]), out, keep, n2)
        word3, n3 = _step(words, table, tokens, word3, np.uint64(text[at3 + i]), out, keep, n3)
    for lane in range(4):
        at[lane] += np.uint64(steps)
    word[0], word[1], word[2], word[3] = word0, word1, word2, word3
    n[0], n[1], n[2], n[3] = n0, n1, n2, n3


@kernel
def parse_short(words, table, tokens, text, start, end, out, keep, n):  # type: ignore[no-untyped-def]
    """The greedy parse of ``text[start:end]``, one stream; returns the new n."""
    word, n = walk1(words, table, tokens, text, start, end, words[0], out, keep, n)
    return finish(words, table, tokens, word, out, keep, n)
