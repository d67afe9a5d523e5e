"""What searches for a best parse share: the states whose paths end at each byte, and the ids once tokens are known."""

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.trie.aho_corasick import FALL_MASK, FALL_SHIFT
from equalinfo.dictionary.trie.intrinsics import choose
from equalinfo.dictionary.trie.layout import BASE_SHIFT, LABEL_MASK, VALUE_MASK, VALUE_SHIFT, Words
from equalinfo.kernels import kernel

CHUNK_BYTES = 8192  # bytes that each of four places reads of a block
_ONE = np.uint64(1)
_WINDOW = np.uint64(64)
Text = NDArray[np.uint8]
States = NDArray[np.uint32]


@kernel(forceinline=True)
def _step(
    steps: Words, text: Text, i: np.uint64, word: np.uint64, states: States, shift: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Reads byte i, or falls to a shorter suffix if no child takes it; the last slot written is right."""
    c = np.uint64(text[i])
    slot = (word >> BASE_SHIFT) + c
    child = steps[slot]
    fallen = steps[(word >> FALL_SHIFT) & FALL_MASK]
    states[i - shift] = slot
    stuck = child & LABEL_MASK != c
    return choose(stuck, fallen, child), i + np.uint64(not stuck)


@kernel
def suffix_states(steps: Words, text: Text, begin: int, end: np.int64, states: States) -> None:
    """The machine's slot after each byte of ``text[begin:end]``, at ``states[64:]``.

    The state depends on the last 64 bytes alone, so four places are read at once, each from 64 bytes before
    its own. What it writes for those, in at most 128 steps, is overwritten later by the place they belong
    to, which has at least 192 bytes to read before it comes there.
    """
    start, stop = np.uint64(begin), np.uint64(end)
    shift = start - _WINDOW  # may wrap around; differences of positions are right all the same
    piece = (stop - start + np.uint64(3)) >> np.uint64(2)
    end0 = min(start + piece, stop)
    end1 = min(end0 + piece, stop)
    end2 = min(end1 + piece, stop)
    i0 = start - min(start, _WINDOW)
    i1 = end0 - min(end0, _WINDOW)
    i2 = end1 - min(end1, _WINDOW)
    i3 = end2 - min(end2, _WINDOW)
    if piece < np.uint64(256):  # one place
        i0, i1, i2, i3 = end0, end1, end2, start - min(start, _WINDOW)
    word0 = word1 = word2 = word3 = steps[0]
    while i0 < end0 and i1 < end1 and i2 < end2 and i3 < stop:
        word0, i0 = _step(steps, text, i0, word0, states, shift)
        word1, i1 = _step(steps, text, i1, word1, states, shift)
        word2, i2 = _step(steps, text, i2, word2, states, shift)
        word3, i3 = _step(steps, text, i3, word3, states, shift)
    while i3 < stop:
        word3, i3 = _step(steps, text, i3, word3, states, shift)
    while i2 < end2:
        word2, i2 = _step(steps, text, i2, word2, states, shift)
    while i1 < end1:
        word1, i1 = _step(steps, text, i1, word1, states, shift)
    while i0 < end0:
        word0, i0 = _step(steps, text, i0, word0, states, shift)


@kernel
def write_ids(
    words: Words,
    text: Text,
    bounds: NDArray[np.int64],
    back: Text,
    id_bounds: NDArray[np.int64],
    out: NDArray[np.uint32],
) -> None:
    """Follows `back` from the end of each document and looks up the ids."""
    for document in range(bounds.size - 1):
        start = np.uint64(bounds[document])
        end = np.uint64(bounds[document + 1])
        n = np.uint64(id_bounds[document + 1])
        while end > start:
            begin = end - np.uint64(back[end - _ONE])
            word = words[0]
            for i in range(begin, end):
                word = words[(word >> BASE_SHIFT) + np.uint64(text[i])]
            n -= _ONE
            out[n] = (word >> VALUE_SHIFT) & VALUE_MASK
            end = begin
