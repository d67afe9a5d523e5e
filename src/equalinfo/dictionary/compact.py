"""A dictionary in half of the bytes: the entries, and where the automaton's branches stand.

    arrays = to_compact(automaton)
    automaton = from_compact(**arrays)          # the same arrays to the bit, after the same checks

`build` finds places for the branches by trying, which takes 0.05 s at 65,536 entries and, in the first process after
an installation, 5 s to compile. Given the places, everything else of a state's word follows from the entries: 20 ms
in NumPy.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary._words import (
    ACCEPT,
    BASE_SHIFT,
    FREE,
    LABEL_MASK,
    MAX_SLOTS,
    MAX_VALUE,
    ROOT_BASE,
    VALUE_SHIFT,
)
from equalinfo.dictionary.automaton import Automaton, from_arrays
from equalinfo.errors import DamagedArtifact

ARRAYS = {"blob": np.uint8, "lengths": np.uint8, "branches": np.uint32, "bases": np.uint32}
DAMAGED = "the dictionary's compact form is damaged; make it again"


def to_compact(automaton: Automaton) -> dict[str, NDArray[Any]]:
    """What to save, for `from_compact`: the arrays of `ARRAYS`.

    `blob` and `lengths` are the entries; `branches` are the slots of the states that have children, in order, and
    `bases` where their children stand.
    """
    bases = automaton.words >> BASE_SHIFT
    branches = np.flatnonzero(bases)
    return {
        "blob": automaton.blob,
        "lengths": automaton.lengths,
        "branches": branches.astype(np.uint32),
        "bases": bases[branches].astype(np.uint32),
    }


def from_compact(
    blob: NDArray[Any], lengths: NDArray[Any], branches: NDArray[Any], bases: NDArray[Any]
) -> Automaton:
    """The automaton that `to_compact` took apart.

    Raises:
        DamagedArtifact: the arrays are not those of a dictionary.
    """
    for array, dtype in zip((blob, lengths, branches, bases), ARRAYS.values(), strict=True):
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1:
            raise DamagedArtifact(DAMAGED)
    offsets = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    if (
        not lengths.size
        or lengths.size > MAX_VALUE
        or offsets[-1] != blob.size
        or branches.size != bases.size
        or not bases.size
        # `build` puts a branch at the latest right after all others, within 256 slots.
        or int(bases.max()) > min(MAX_SLOTS, 512 * (bases.size + 1)) - 256
        or int(branches.max()) >= int(bases.max()) + 256
    ):
        raise DamagedArtifact(DAMAGED)
    words = np.full(int(bases.max()) + 256, FREE, np.uint64)
    base_of = np.zeros(words.size, np.int64)
    base_of[branches] = bases
    if base_of[0] != ROOT_BASE:
        raise DamagedArtifact(DAMAGED)
    words |= base_of.astype(np.uint64) << BASE_SHIFT
    # All entries walk down side by side; `slots` is where each stands.
    tokens, slots = np.arange(lengths.size), np.zeros(lengths.size, np.int64)
    for depth in range(int(lengths.max())):
        tokens = tokens[lengths[tokens] > depth]
        labels = blob[offsets[tokens] + depth]
        slots[tokens] = below = base_of[slots[tokens]] + labels
        words[below] = words[below] & ~LABEL_MASK | labels
    entries = np.arange(1, lengths.size, dtype=np.uint64)
    words[slots[1:]] |= ACCEPT | entries << VALUE_SHIFT
    # States that do not accept are numbered in slot order, the root first (`_build.number_rows`).
    states = (words & LABEL_MASK) < FREE
    states[0] = True
    inner = np.flatnonzero(states & ((words & ACCEPT) == 0))
    words[inner] |= np.arange(inner.size, dtype=np.uint64) << VALUE_SHIFT
    return from_arrays(words, blob, offsets.astype(np.uint32))
