"""Places a trie into a double array.

Reference: J. Aoe, "An efficient digital search algorithm by using a double-array structure", IEEE TSE 1989.
"""

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.trie.layout import (
    ACCEPT,
    BASE_SHIFT,
    FREE,
    MAX_SLOTS,
    ROOT_BASE,
    VALUE_SHIFT,
    Words,
)
from equalinfo.kernels import kernel

# A search that passes this many free slots moves the start of the next one forward. Larger packs
# tighter and builds slower: 16 leaves 2 % of the slots free at 65k entries.
_PATIENCE = 16

Links = NDArray[np.int32]


@kernel
def count_states(blob: NDArray[np.uint8], offsets: NDArray[np.uint32], order: NDArray[np.int64]) -> int:
    """States of the trie over the entries in sorted `order`, root included; -1 - k if the k-th repeats."""
    states = np.int64(1)
    for k in range(order.size):
        start = np.int64(offsets[order[k]])
        end = np.int64(offsets[order[k] + 1])
        shared = 0
        if k > 0:
            before = np.int64(offsets[order[k - 1]])
            before_end = np.int64(offsets[order[k - 1] + 1])
            limit = min(end - start, before_end - before)
            while shared < limit and blob[start + shared] == blob[before + shared]:
                shared += 1
            if shared == end - start:
                return -1 - k
        states += end - start - shared
    return int(states)


@kernel
def _grow(
    words: Words, following: Links, preceding: Links, base_taken: NDArray[np.bool_]
) -> tuple[Words, Links, Links, NDArray[np.bool_]]:
    """The four arrays, twice as long, the new slots free and linked behind the old ones."""
    old = words.size
    more_words = np.full(2 * old, FREE, np.uint64)
    more_following = np.arange(1, 2 * old + 2).astype(np.int32)
    more_preceding = np.arange(-1, 2 * old).astype(np.int32)
    more_taken = np.zeros(2 * old, np.bool_)
    more_words[:old] = words
    more_following[:old] = following[:old]
    more_preceding[: old + 1] = preceding
    more_taken[:old] = base_taken
    return more_words, more_following, more_preceding, more_taken


@kernel
def _fitting_base(
    words: Words, following: Links, base_taken: NDArray[np.bool_], labels: Links, first: np.int32
) -> tuple[np.int64, int]:
    """A base under which all of `labels` are free, and how many gaps from `first` on were passed; -1 if none is."""
    gap, passed = np.int64(first), 0
    while gap + 256 < words.size:
        base = gap - np.int64(labels[0])
        if not base_taken[base]:
            fits = True
            for j in range(1, labels.size):
                if words[base + labels[j]] != FREE:
                    fits = False
                    break
            if fits:
                return base, passed
        gap = np.int64(following[gap])
        passed += 1
    return np.int64(-1), passed


@kernel
def place(
    blob: NDArray[np.uint8], offsets: NDArray[np.uint32], order: NDArray[np.int64], states: int
) -> Words:
    """The words of the trie, or an empty array if they need more than MAX_SLOTS slots.

    States are placed breadth-first, each set of children into the first gap that takes it, so the
    states that text visits most lie together at the front.

    Args:
        blob: uint8 [bytes]; offsets: uint32 [v + 1]: the entries.
        order: int64 [v - 1], the ids 1 to v - 1 in the order of their bytes; single bytes all present.
        states: what `count_states` returned.

    Returns:
        uint64 [slots], complete but for the values of states that do not accept.
    """
    size = max(1024, states + states // 16 + 512)
    words = np.full(size, FREE, np.uint64)
    # The free slots form a list in ascending order, from slot 512 to a last element that is no slot.
    following = np.arange(1, size + 2).astype(np.int32)
    preceding = np.arange(-1, size).astype(np.int32)
    base_taken = np.zeros(size, np.bool_)
    first = following[511]
    # Of each state, in the order of placing: its entries in `order`, its depth and its slot.
    lows, highs = np.zeros(states, np.int32), np.zeros(states, np.int32)
    depths, slots = np.zeros(states, np.uint8), np.zeros(states, np.int32)
    labels, begins = np.zeros(256, np.int32), np.zeros(257, np.int32)
    highs[0] = order.size
    tail, largest = 1, np.int64(256)
    for head in range(states):
        low, high, depth = np.int64(lows[head]), np.int64(highs[head]), np.int64(depths[head])
        slot = slots[head]
        entry = order[low]
        if np.int64(offsets[entry + 1]) - np.int64(offsets[entry]) == depth:  # the shortest sorts first
            words[slot] |= ACCEPT | (np.uint64(entry) << VALUE_SHIFT)
            low += 1
        count = 0
        for k in range(low, high):
            c = np.int32(blob[np.int64(offsets[order[k]]) + depth])
            if count == 0 or labels[count - 1] != c:
                labels[count], begins[count] = c, k
                count += 1
        if count == 0:
            continue
        begins[count] = high
        base = np.int64(ROOT_BASE)
        if head > 0:
            base, passed = _fitting_base(words, following, base_taken, labels[:count], first)
            while base < 0:
                if 2 * words.size > MAX_SLOTS:
                    return np.empty(0, np.uint64)
                words, following, preceding, base_taken = _grow(words, following, preceding, base_taken)
                base, passed = _fitting_base(words, following, base_taken, labels[:count], first)
            if passed > _PATIENCE:
                for _ in range(passed // _PATIENCE):
                    first = following[first]
        base_taken[base] = True
        largest = max(largest, base)
        words[slot] |= np.uint64(base) << BASE_SHIFT
        for j in range(count):
            child = base + labels[j]
            words[child] = np.uint64(labels[j])
            if head > 0:
                if child == first:
                    first = following[child]
                following[preceding[child]] = following[child]
                preceding[following[child]] = preceding[child]
            lows[tail], highs[tail] = begins[j], begins[j + 1]
            depths[tail], slots[tail] = depth + 1, child
            tail += 1
    return words[: largest + 256].copy()


@kernel
def number_rows(words: Words) -> int:
    """Numbers the states that do not accept, in slot order, the root being row 0; changes `words`."""
    rows = 0
    for slot in range(words.size):
        if (slot == 0 or words[slot] & FREE == 0) and words[slot] & ACCEPT == 0:
            words[slot] |= np.uint64(rows) << VALUE_SHIFT
            rows += 1
    return rows
