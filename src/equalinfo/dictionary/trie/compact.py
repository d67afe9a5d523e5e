"""A dictionary in a third of the bytes: the entries, and where the children of the automaton's states stand.

    arrays = to_compact(automaton)
    automaton = from_compact(**arrays)          # the same arrays to the bit, after the same checks

`build` finds those places by trying, which takes 0.05 s at 65,536 entries and, in the first process after an
installation, 5 s to compile. Given them, everything else of a state's word follows from the entries: 50 ms in NumPy.
"""

import copyreg
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equalinfo.coding.bits import bounds_from
from equalinfo.dictionary.trie.automaton import Automaton, from_arrays
from equalinfo.dictionary.trie.layout import (
    ACCEPT,
    BASE_SHIFT,
    FREE,
    LABEL_MASK,
    MAX_SLOTS,
    MAX_VALUE,
    ROOT_BASE,
    VALUE_SHIFT,
)
from equalinfo.errors import DamagedArtifact
from equalinfo.predict.base import read_only

ARRAYS = {"blob": 1, "lengths": 1, "bases": 2}  # dimensions, all of uint8
DAMAGED = "the dictionary's compact form is damaged; make it again"


def to_compact(automaton: Automaton) -> dict[str, NDArray[Any]]:
    """What to save, for `from_compact`: the arrays of `ARRAYS`.

    `blob` and `lengths` are the entries; `bases` say where children stand, of the states that have some, by their
    depth, then by their slot: the lowest bytes of all, then the next ones, [as many as the largest needs, states].
    """
    slots, _, depths = automaton.tree
    bases = automaton.words[slots[np.lexsort((slots, depths))]] >> BASE_SHIFT
    digits = bases[bases > 0].astype("<u4").view(np.uint8).reshape(-1, 4).T
    needed = (int(bases.max()).bit_length() + 7) // 8
    return {"blob": automaton.blob, "lengths": automaton.lengths, "bases": digits[:needed]}


def from_compact(blob: NDArray[Any], lengths: NDArray[Any], bases: NDArray[Any]) -> Automaton:
    """The automaton that `to_compact` took apart.

    Raises:
        DamagedArtifact: the arrays are not those of a dictionary.
    """
    for array, dimensions in zip((blob, lengths, bases), ARRAYS.values(), strict=True):
        if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.ndim != dimensions:
            raise DamagedArtifact(DAMAGED)
    if len(bases) > 4:
        raise DamagedArtifact(DAMAGED)
    places = np.zeros(bases.shape[1], np.int64)
    for byte, digits in enumerate(bases):
        places |= digits.astype(np.int64) << 8 * byte
    offsets = bounds_from(lengths)
    if (
        not lengths.size
        or lengths.size > MAX_VALUE
        or offsets[-1] != blob.size
        or not places.size
        or places[0] != ROOT_BASE
        # `build` puts children at the latest right after all others, within 256 slots.
        or int(places.max()) > min(MAX_SLOTS, 512 * (places.size + 1)) - 256
    ):
        raise DamagedArtifact(DAMAGED)
    words = np.full(int(places.max()) + 256, FREE, np.uint64)
    base_of, reached, known = np.zeros(words.size, np.int64), np.zeros(words.size, np.bool_), 0
    # All entries walk down side by side; `slots` is where each stands.
    tokens, slots = np.arange(lengths.size), np.zeros(lengths.size, np.int64)
    for depth in range(int(lengths.max())):
        tokens = tokens[lengths[tokens] > depth]
        reached[slots[tokens]] = True
        parents = np.flatnonzero(reached)  # faster than np.unique
        reached[parents] = False
        if known + parents.size > places.size:
            raise DamagedArtifact(DAMAGED)
        base_of[parents] = places[known : known + parents.size]
        known += parents.size
        labels = blob[offsets[tokens] + depth]
        slots[tokens] = below = base_of[slots[tokens]] + labels
        words[below] = words[below] & ~LABEL_MASK | labels
    if known != places.size:
        raise DamagedArtifact(DAMAGED)
    words |= base_of.astype(np.uint64) << BASE_SHIFT
    entries = np.arange(1, lengths.size, dtype=np.uint64)
    words[slots[1:]] |= ACCEPT | entries << VALUE_SHIFT
    # States that do not accept are numbered in slot order, the root first (`build.number_rows`).
    states = (words & LABEL_MASK) < FREE
    states[0] = True
    inner = np.flatnonzero(states & ((words & ACCEPT) == 0))
    words[inner] |= np.arange(inner.size, dtype=np.uint64) << VALUE_SHIFT
    return from_arrays(words, blob, offsets.astype(np.uint32))


# Pickles, as those for worker processes, take this form.
copyreg.pickle(Automaton, lambda a: (from_compact, tuple(map(read_only, to_compact(a).values()))))
