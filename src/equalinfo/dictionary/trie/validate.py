"""Whether an array of words is an automaton that kernels may walk without looking where they step.

In NumPy, although a kernel takes half the time (5 ms at 65k): a process that only loads a dictionary then
does not wait for Numba, whose import and first call take 0.4 s.
"""

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.trie.layout import (
    ACCEPT,
    BASE_SHIFT,
    FREE,
    LABEL_MASK,
    ROOT_BASE,
    VALUE_MASK,
    VALUE_SHIFT,
)
from equalinfo.limits import MAX_ENTRY_BYTES


def fault(words: NDArray[np.uint64], blob: NDArray[np.uint8], offsets: NDArray[np.uint32]) -> str | None:
    """What is wrong, in a few words, or None.

    Checked: every base leaves room for 256 children; what hangs from the root is one tree, at most
    MAX_ENTRY_BYTES deep, and nothing else is there; states that do not accept are numbered in slot order;
    every entry walks to its own id, and no other state accepts.

    Args:
        words: uint64 [slots].
        blob: uint8 [bytes]; offsets: uint32 [v + 1], increasing and inside `blob` (the caller looked).
    """
    if words.size < 512:
        return "there are too few words"
    bases = (words >> BASE_SHIFT).astype(np.int64)
    labels = (words & LABEL_MASK).astype(np.int64)
    if int(bases.max()) + 256 > words.size:
        return "a state's children lie outside the array"
    if bases[0] != ROOT_BASE or (labels[:256] != FREE).any() or labels.max() > FREE:
        return "the root is not where it belongs"

    # The parent of the state in a slot is the one state whose base is slot - label.
    children = np.flatnonzero(labels < FREE)
    states = np.concatenate([[0], children])
    parents_of = states[bases[states] > 0]
    owner = np.full(words.size, -1, np.int64)
    owner[bases[parents_of]] = parents_of
    parent = np.zeros(words.size, np.int64)
    parent[children] = owner[children - labels[children]]
    if (owner[bases[parents_of]] != parents_of).any() or (parent < 0).any():
        return "the states do not form one tree"
    above = parent[children]
    for _ in range(MAX_ENTRY_BYTES):
        above = parent[above[above > 0]]
    if above.size:
        return "a path is too long"

    accepts = (words[states] & ACCEPT) > 0
    values = ((words[states] >> VALUE_SHIFT) & VALUE_MASK).astype(np.int64)
    rows = values[~accepts]
    if accepts[0] or (rows != np.arange(rows.size)).any():
        return "the states that do not accept are not numbered"
    if np.count_nonzero(accepts) != offsets.size - 2:
        return "there are more or fewer accepting states than entries"
    begin = offsets[1:-1].astype(np.int64)
    lengths = np.diff(offsets.astype(np.int64))[1:]
    reached = np.zeros(begin.size, np.int64)
    active = np.arange(begin.size)
    for depth in range(MAX_ENTRY_BYTES):
        active = active[lengths[active] > depth]
        if not active.size:
            break
        byte = blob[begin[active] + depth]
        reached[active] = bases[reached[active]] + byte
        if (labels[reached[active]] != byte).any():
            return "an entry is not found"
    expected = (ACCEPT >> VALUE_SHIFT) | np.arange(1, begin.size + 1, dtype=np.uint64)
    if (((words[reached] >> VALUE_SHIFT) & (VALUE_MASK | (ACCEPT >> VALUE_SHIFT))) != expected).any():
        return "an entry has another's id"
    if (labels[256:512] != np.arange(256)).any() or ((words[256:512] & ACCEPT) == 0).any():
        return "a single byte is missing"
    return None
