"""Uncertainty of ratios by resampling examples, from a fixed seed."""

from collections.abc import Sequence

import numpy as np

from equalinfo.seeded import bits

RESAMPLES = 1000


def ratio_error(above: Sequence[float], below: Sequence[float]) -> float | None:
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
    draws = bits(0).random_raw((RESAMPLES, len(top))) % len(top)
    return float(np.std(top[draws].sum(1) / bottom[draws].sum(1), ddof=1))


def mean_error(values: Sequence[float]) -> float | None:
    """Standard error of a mean of independent values; None for fewer than two."""
    array = np.asarray(values, np.float64)
    return None if len(array) < 2 else float(array.std(ddof=1) / np.sqrt(len(array)))
