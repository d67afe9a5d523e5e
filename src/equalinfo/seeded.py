"""Chance that a seed alone decides, on every machine and with every version of NumPy.

NumPy promises never to change the raw output of PCG64 (NEP 19). What `Generator` makes of it (permutations, integers)
may differ between versions, so nothing in this package calls it.
"""

import numpy as np


def bits(*seed: int) -> np.random.PCG64:
    """Random 64-bit numbers of a seed of one or more parts, as (seed, epoch): call its `random_raw`."""
    return np.random.PCG64(np.random.SeedSequence(seed))


def permutation(count: int, *seed: int) -> np.ndarray:
    """A random order: int64 [count], a permutation of 0 ... count - 1."""
    return np.argsort(bits(*seed).random_raw(count), kind="stable")


def uniform(source: np.random.PCG64) -> float:
    """The next number of `bits`, in [0, 1)."""
    return (source.random_raw() >> 11) * 2.0**-53
