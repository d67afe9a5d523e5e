"""Uncertainty of ratios by resampling examples, from a fixed seed; entropy of counts."""

import math
from collections.abc import Sequence

import numpy as np

from equalinfo.seeded import bits

RESAMPLES = 1000


def ratio_error(above: Sequence[float], below: Sequence[float], seed: int = 0) -> float | None:
    """Standard error of sum(above) / sum(below) by the bootstrap over examples (Efron 1979).

    Args:
        above, below: one number per example, as nats and source bytes.

    Returns:
        None for fewer than three examples, which say nothing about their spread.
    """
    top, bottom = np.asarray(above, np.float64), np.asarray(below, np.float64)
    if len(top) != len(bottom):
        raise ValueError(f"{len(top)} numbers above and {len(bottom)} below")
    if len(top) < 3:
        return None
    draws = bits(seed).random_raw((RESAMPLES, len(top))) % len(top)
    return float(np.std(top[draws].sum(1) / bottom[draws].sum(1), ddof=1))


def mean_error(values: Sequence[float]) -> float | None:
    """Standard error of a mean of independent values; None for fewer than two."""
    array = np.asarray(values, np.float64)
    return None if len(array) < 2 else float(array.std(ddof=1) / np.sqrt(len(array)))


def entropy_bits(counts: np.ndarray, miller_madow: bool = False) -> float:
    """Entropy in bits of the distribution that `counts` were drawn from.

    The plug-in estimate is too low by about (symbols seen - 1) / (2 samples ln 2), which Miller (1955) and Madow add.

    Raises:
        ValueError: no count.
    """
    seen = counts[counts > 0].astype(np.float64)
    total = seen.sum()
    if not total:
        raise ValueError("no samples to estimate an entropy from")
    entropy = float(math.log2(total) - (seen @ np.log2(seen)) / total)
    if miller_madow:
        entropy += (len(seen) - 1) / (2 * total * math.log(2))
    return entropy
