"""What parsers of the least sum of scores share; and that of a short text, by a plain walk down the trie.

Nothing is derived from the dictionary but a score beside each state, and nothing is allocated: a word takes a fraction
of a microsecond where the search through the Aho-Corasick machine (`viterbi`, `fewest`) takes ten. That one's time does
not depend on the text; this one takes up to 64 steps for a byte.
"""

from abc import abstractmethod
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.parse.memory import address_of, load8, load64, stack, store16, store32, store64
from equalinfo.dictionary.parse.parser import Bounds, ByteVector, Ids, Parser
from equalinfo.dictionary.parse.suffix_search import write_ids
from equalinfo.dictionary.trie.intrinsics import choose
from equalinfo.dictionary.trie.layout import (
    ACCEPT,
    BASE_SHIFT,
    LABEL_MASK,
    MAX_SLOTS,
    VALUE_MASK,
    VALUE_SHIFT,
    Words,
)
from equalinfo.kernels import kernel

LONG = 512  # bytes, at most

# The best way to a byte: its score in bits 37..63, where its last token begins in 28..36, that one's slot below. A
# state: the score of the entry that ends there in bits 37..63, base in 9..34, label below.
_BEGIN_SHIFT, _SCORE_SHIFT, _BASE_SHIFT = np.uint64(28), np.uint64(37), np.uint64(9)
_SLOT = np.uint64(MAX_SLOTS - 1)
_SCORE = np.uint64(2**64 - 2**37)
_BEGIN = np.uint64(LONG - 1)
_NO_SCORE = np.uint64(1 << 63)
_DEAD = _NO_SCORE  # of base 0, under which no child is
LANES = 4
_LANES = np.uint64(LANES)
Walks = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
_BEST_BYTES = 8 * LONG + 8
_0, _1, _2, _3, _8 = (np.uint64(n) for n in (0, 1, 2, 3, 8))
_ALL = np.uint64(2**64 - 1)


class LeastSumParser(Parser):
    """The parse of the least sum of scores: a short text by one walk from each byte, others by a search.

    Attributes:
        scores: of the entries, int64 [v], 0 to 65,535.
    """

    scores: NDArray[np.int64]

    @abstractmethod
    def _search(self, text: ByteVector, bounds: Bounds, back: ByteVector) -> Bounds:
        """Finds the best last token of every beginning of every document.

        Args:
            back: uint8 [bytes]; receives at i the length of the token that ends with byte i in the best parse up to
                there.

        Returns:
            int64 [documents + 1]: tokens of all documents before each.
        """

    @cached_property
    def _states(self) -> Words:
        return scored_states(self.automaton.words, self.scores)

    def _parse_short(self, text: bytes) -> Ids | None:
        if len(text) > LONG:
            return None
        return _encode(self.automaton.words, self._states, text, self._like)

    def _count(self, text: ByteVector) -> int:
        return int(self._search(text, np.array([0, text.size], np.int64), np.empty(text.size, np.uint8))[-1])

    def _parse(self, text: ByteVector, bounds: Bounds) -> tuple[Ids, Bounds]:
        back = np.empty(text.size, np.uint8)
        id_bounds = self._search(text, bounds, back)
        out = np.empty(int(id_bounds[-1]), self.id_type)
        write_ids(self.automaton.words, text, bounds, back, id_bounds, out)
        return out, id_bounds


@kernel
def _encode(words: Words, states: Words, text: bytes, like: Ids) -> Ids:
    out = np.empty(len(text), like.dtype)
    wide = np.uint64(like.itemsize > 2)
    size = np.uint64(len(text))
    count = search(address_of(words), address_of(states), address_of(text), size, wide, address_of(out))
    return out[: np.int64(count)].copy()


def scored_states(words: Words, scores: NDArray[np.int64]) -> Words:
    """What a search needs of each state, in one word: score (none: _NO_SCORE), base, label; uint64 [slots].

    Ids are left to the trie's words, which are looked up for the tokens of the best parse alone: half of the memory
    that walks go through, and what is no longer in a core's cache costs more than all the rest.
    """
    states = np.full(words.size, _NO_SCORE)
    ends = np.flatnonzero(words & ACCEPT)
    ids = (words[ends] >> VALUE_SHIFT) & VALUE_MASK
    states[ends] = scores[ids].astype(np.uint64) << _SCORE_SHIFT
    return states | words >> BASE_SHIFT << _BASE_SHIFT | words & LABEL_MASK


@kernel(forceinline=True)
def _walk(
    states: np.uint64, c: np.uint64, walk: np.uint64, so_far: np.uint64, best: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """A walk one byte further, _DEAD if the trie does not go on; and `best` or the way by this walk."""
    slot = (walk >> _BASE_SHIFT & _SLOT) + c
    child = load64(states + (slot << _3))
    walk = choose(child & LABEL_MASK == c, child, _DEAD)
    return walk, min(best, so_far + (walk & _SCORE) | slot)


@kernel(forceinline=True)
def _step(states: np.uint64, c: np.uint64, walks: Walks, so_far: Walks, here: np.uint64) -> Walks:
    """All walks one byte further; `here` is the address of the best way to where they come."""
    best = load64(here)
    walk0, best = _walk(states, c, walks[0], so_far[0], best)
    walk1, best = _walk(states, c, walks[1], so_far[1], best)
    walk2, best = _walk(states, c, walks[2], so_far[2], best)
    walk3, best = _walk(states, c, walks[3], so_far[3], best)
    store64(here, best)
    return walk0, walk1, walk2, walk3


@kernel
def search(
    words: np.uint64, states: np.uint64, text: np.uint64, size: np.uint64, wide: np.uint64, out: np.uint64
) -> np.uint64:
    """Writes the ids of a word of at most LONG bytes; returns their number. All places are addresses.

    From each byte a walk goes down the trie; at each entry's end the best way there is kept. A way is one number, so
    that less is better: its score; of equal ones where its last token begins, as the longest is wanted.

    Walks from LANES neighbouring bytes go at once. Each sets out when the others come to its byte, so it knows the best
    way there; where a walk ends, which nothing foresees, is a branch no more.
    """
    best = stack(_BEST_BYTES)
    store64(best, _0)
    for byte in range(size):
        store64(best + _8 + (np.uint64(byte) << _3), _ALL)
    root = load64(states)
    for begin in range(0, size, LANES):
        here = best + (np.uint64(begin) << _3)
        walks, so_far = (_DEAD, _DEAD, _DEAD, _DEAD), (_0, _0, _0, _0)
        i = np.uint64(begin)
        born = min(i + _LANES, size)
        while i < born:
            way = load64(here) >> _SCORE_SHIFT << _SCORE_SHIFT | i << _BEGIN_SHIFT
            walks, so_far = (root, walks[0], walks[1], walks[2]), (way, so_far[0], so_far[1], so_far[2])
            here += _8
            walks = _step(states, load8(text + i), walks, so_far, here)
            i += _1
        while i < size and walks[0] | walks[1] | walks[2] | walks[3] != _DEAD:
            here += _8
            walks = _step(states, load8(text + i), walks, so_far, here)
            i += _1
    count = _0
    j = np.uint64(size)
    while j:
        j = load64(best + (j << _3)) >> _BEGIN_SHIFT & _BEGIN
        count += _1
    at = count
    j = np.uint64(size)
    while j:
        at -= _1
        way = load64(best + (j << _3))
        token = load64(words + ((way & _SLOT) << _3)) >> VALUE_SHIFT & VALUE_MASK
        if wide:
            store32(out + (at << _2), token)
        else:
            store16(out + (at << _1), token)
        j = way >> _BEGIN_SHIFT & _BEGIN
    return count
