"""Chance that a seed alone decides, on every machine and with every version of NumPy.

NumPy promises never to change the raw output of PCG64 (NEP 19). What `Generator` makes of it (permutations, integers)
may differ between versions, so nothing in this package calls it.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Bits: TypeAlias = np.random.PCG64


def bits(*seed: int) -> Bits:
    """Random 64-bit numbers of a seed of one or more parts, as (seed, epoch): call its `random_raw`."""
    return np.random.PCG64(np.random.SeedSequence(seed))


def permutation(count: int, *seed: int) -> np.ndarray:
    """A random order: int64 [count], a permutation of 0 ... count - 1."""
    return np.argsort(bits(*seed).random_raw(count), kind="stable")


def uniform(source: Bits) -> float:
    """The next number of `bits`, in [0, 1)."""
    return float(uniforms(source, 1)[0])


def uniforms(source: Bits, count: int) -> NDArray[np.float64]:
    """The next `count` numbers of `bits`, in [0, 1); float64 [count]."""
    return (source.random_raw(count) >> np.uint64(11)) * np.float64(2.0**-53)
