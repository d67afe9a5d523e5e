"""Tables that follow from the words of an automaton: for greedy parses and for matching suffixes.

References: X. Song et al., "Fast WordPiece tokenization", EMNLP 2021 (a longest-match parse that never
reads a byte twice); A. Aho, M. Corasick, "Efficient string matching", CACM 1975.
"""

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.trie.layout import ACCEPT, BASE_SHIFT, LABEL_MASK, VALUE_MASK, VALUE_SHIFT, Words
from equalinfo.kernels import kernel

# A word of `suffix_words`: base in bits 38..63, as in the trie, slot to fall to in bits 9..37, label below.
FALL_SHIFT = np.uint64(9)
FALL_MASK = np.uint64((1 << 29) - 1)

Slots = NDArray[np.uint32]


@kernel
def breadth_first(words: Words, states: int) -> tuple[Slots, Slots, NDArray[np.uint8]]:
    """All states from the root down, nearest first; children in the order of their bytes.

    Args:
        words: uint64 [slots], sound by `validate`.
        states: how many states there are, root included.

    Returns:
        slots uint32 [states], parents uint32 [states] (as positions in the first; the root's is 0) and
        depths uint8 [states].
    """
    slots = np.zeros(states, np.uint32)
    parents = np.zeros(states, np.uint32)
    depths = np.zeros(states, np.uint8)
    tail = 1
    for head in range(states):
        base = words[slots[head]] >> BASE_SHIFT
        if base == 0:
            continue
        for c in range(256):
            slot = base + np.uint64(c)
            if words[slot] & LABEL_MASK == np.uint64(c):
                slots[tail] = slot
                parents[tail] = head
                depths[tail] = depths[head] + np.uint8(1)
                tail += 1
    return slots, parents, depths


@kernel
def fallback_rows(
    words: Words, slots: Slots, parents: Slots, rows: int
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """What a greedy parse does where the path read so far is no entry and cannot be continued.

    It would put back the bytes after the last entry on the path and read them again. Which tokens come
    of that, and in which state the parse then stands, depends on the path alone, so it is a table: each
    byte of text is read once, however the dictionary tempts the parse to run ahead.

    Args:
        words: uint64 [slots]; slots, parents: as `breadth_first` returns them.
        rows: number of states that do not accept.

    Returns:
        table uint32 [rows, 3]: for each row the slot to go on from, and where its tokens begin and end in tokens
        uint32 [...]. The root is row 0 and has none.
    """
    table = np.zeros((rows, 3), np.uint32)
    tokens: list[np.uint32] = []
    for k in range(1, slots.size):
        word = words[slots[k]]
        if word & ACCEPT:
            continue
        row = (word >> VALUE_SHIFT) & VALUE_MASK
        c = word & LABEL_MASK
        table[row, 1] = len(tokens)
        before = words[slots[parents[k]]]
        while True:
            # `before` is where the parse stood; what it emits on being stuck there comes first.
            value = (before >> VALUE_SHIFT) & VALUE_MASK
            if before & ACCEPT:
                tokens.append(np.uint32(value))
                before = words[0]
            else:
                for i in range(np.int64(table[value, 1]), np.int64(table[value, 2])):
                    tokens.append(tokens[i])
                before = words[table[value, 0]]
            slot = (before >> BASE_SHIFT) + c
            if words[slot] & LABEL_MASK == c:
                break
        table[row, 0], table[row, 2] = slot, len(tokens)
    return table, np.array(tokens, np.uint32)


@kernel(forceinline=True)
def longest_suffix(words: Words, link: Slots, parent: np.uint32, c: np.uint64) -> np.uint32:
    """Slot of the longest proper suffix of the path to `parent` and then byte c; `link`: those of shorter paths."""
    while parent != 0:
        parent = link[parent]
        target = (words[parent] >> BASE_SHIFT) + c
        if words[target] & LABEL_MASK == c:
            return np.uint32(target)
    return np.uint32(0)


@kernel
def suffix_words(
    words: Words, slots: Slots, parents: Slots, depths: NDArray[np.uint8]
) -> tuple[Words, Words]:
    """The Aho-Corasick machine of the trie, and the entries that end in each of its states.

    A state's link goes to the state of the longest proper suffix of its path. Links that cannot help
    are skipped: if a state has no child by a byte, neither has a state whose children are fewer, and a leaf
    takes over the base of the first state down its links that has children at all.

    Args:
        words: uint64 [slots]; slots, parents, depths: as `breadth_first` returns them.

    Returns:
        steps uint64 [slots]: base, link and label of each state (layout above).
        ends uint64 [slots]: bit 64 - n is set if the path's last n bytes are an entry.
    """
    ends = np.zeros(words.size, np.uint64)
    link = np.zeros(words.size, np.uint32)  # to the longest proper suffix
    leap = np.zeros(words.size, np.uint32)  # to the first suffix on that way that can help
    steps = np.full(words.size, np.uint64(256), np.uint64)
    for k in range(slots.size):
        slot = slots[k]
        word = words[slot]
        base = word >> BASE_SHIFT
        c = word & LABEL_MASK
        if k > 0:
            suffix = longest_suffix(words, link, slots[parents[k]], c)
            link[slot] = suffix
            ends[slot] = ends[suffix]
            if word & ACCEPT:
                ends[slot] |= np.uint64(1) << np.uint64(64 - depths[k])
            helps = suffix == 0
            if not helps:
                other = words[suffix] >> BASE_SHIFT
                if other != 0:
                    for label in range(256):
                        byte = np.uint64(label)
                        if words[other + byte] & LABEL_MASK == byte and (
                            base == 0 or words[base + byte] & LABEL_MASK != byte
                        ):
                            helps = True
                            break
            leap[slot] = suffix if helps else leap[suffix]
        acting = slot if base != 0 else leap[slot]
        steps[slot] = (
            ((words[acting] >> BASE_SHIFT) << BASE_SHIFT) | (np.uint64(leap[acting]) << FALL_SHIFT) | c
        )
    return steps, ends
