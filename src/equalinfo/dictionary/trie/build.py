"""Places a trie into a double array.

Reference: J. Aoe, "An efficient digital search algorithm by using a double-array structure", IEEE TSE 1989.
"""

import numpy as np

from equalinfo.dictionary.trie.layout import ACCEPT, BASE_SHIFT, FREE, MAX_SLOTS, ROOT_BASE, VALUE_SHIFT
from equalinfo.kernels import kernel

# A search that passes this many free slots moves the start of the next one forward. Larger packs
# tighter and builds slower: 16 leaves 2 % of the slots free at 65k entries.
_PATIENCE = 16


@kernel
def count_states(blob, offsets, order):  # type: ignore[no-untyped-def]
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
    return states


@kernel
def _grow(words, following, preceding, size):  # type: ignore[no-untyped-def]
    """The three arrays, longer, the new slots free and linked behind the old ones."""
    old = words.size
    more_words = np.full(size, FREE, np.uint64)
    more_following = np.arange(1, size + 2).astype(np.int32)
    more_preceding = np.arange(-1, size).astype(np.int32)
    more_words[:old] = words
    more_following[:old] = following[:old]
    more_preceding[: old + 1] = preceding
    return more_words, more_following, more_preceding


@kernel
def place(blob, offsets, order, states):  # type: ignore[no-untyped-def]
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
    taken_base = np.zeros(size, np.bool_)
    first = following[511]

    lows = np.zeros(states, np.int32)
    highs = np.zeros(states, np.int32)
    depths = np.zeros(states, np.uint8)
    slots = np.zeros(states, np.int32)
    labels = np.zeros(256, np.int32)
    begins = np.zeros(257, np.int32)
    highs[0] = order.size
    tail = 1
    largest = np.int64(256)
    for head in range(states):
        low = np.int64(lows[head])
        high = np.int64(highs[head])
        depth = np.int64(depths[head])
        slot = slots[head]
        word = words[slot]
        entry = order[low]
        if np.int64(offsets[entry + 1]) - np.int64(offsets[entry]) == depth:  # the shortest sorts first
            word |= ACCEPT | (np.uint64(entry) << VALUE_SHIFT)
            low += 1
        if low == high:
            words[slot] = word
            continue
        count = 0
        for k in range(low, high):
            c = np.int32(blob[np.int64(offsets[order[k]]) + depth])
            if count == 0 or labels[count - 1] != c:
                labels[count] = c
                begins[count] = k
                count += 1
        begins[count] = high

        base = np.int64(ROOT_BASE)
        if head > 0:
            gap = np.int64(first)
            passed = 0
            while True:
                if gap + 256 >= size:
                    if 2 * size > MAX_SLOTS:
                        return np.empty(0, np.uint64)
                    bases = np.zeros(2 * size, np.bool_)
                    bases[:size] = taken_base
                    taken_base = bases
                    words, following, preceding = _grow(words, following, preceding, 2 * size)
                    size *= 2
                base = gap - np.int64(labels[0])
                if not taken_base[base]:
                    fits = True
                    for j in range(1, count):
                        if words[base + labels[j]] != FREE:
                            fits = False
                            break
                    if fits:
                        break
                gap = np.int64(following[gap])
                passed += 1
            if passed > _PATIENCE:
                for _ in range(passed // _PATIENCE):
                    first = following[first]
        taken_base[base] = True
        if base > largest:
            largest = base
        words[slot] = word | (np.uint64(base) << BASE_SHIFT)
        for j in range(count):
            child = base + labels[j]
            words[child] = np.uint64(labels[j])
            if head > 0:
                if child == first:
                    first = following[child]
                following[preceding[child]] = following[child]
                preceding[following[child]] = preceding[child]
            lows[tail] = begins[j]
            highs[tail] = begins[j + 1]
            depths[tail] = depth + 1
            slots[tail] = child
            tail += 1
    return words[: largest + 256].copy()


@kernel
def number_rows(words):  # type: ignore[no-untyped-def]
    """Numbers the states that do not accept, in slot order, the root being row 0; changes `words`."""
    rows = 0
    for slot in range(words.size):
        if (slot == 0 or words[slot] & FREE == 0) and words[slot] & ACCEPT == 0:
            words[slot] |= np.uint64(rows) << VALUE_SHIFT
            rows += 1
    return rows
