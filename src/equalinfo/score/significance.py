"""Whether two methods differ by more than their seeds do: Welch's t-test, as in Lester et al. 2024, section 4."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from equalinfo.score.metrics import mean_and_deviation

SIGNIFICANT = 0.05  # the p below which a difference counts


@dataclass(frozen=True)
class Welch:
    """The outcome: t, its degrees of freedom, and the two-sided p of a difference as large by chance."""

    t: float
    degrees_of_freedom: float
    p: float


def welch(first: Sequence[float], second: Sequence[float]) -> Welch:
    """Welch's t-test (1947) of whether two groups have the same mean, their variances being unequal.

    Raises:
        ValueError: fewer than two values in a group, or no variance in either.

    Examples:
        >>> outcome = welch([2.17, 2.18, 2.17], [2.14, 2.15, 2.14])
        >>> round(outcome.t, 2), outcome.p < 0.05
        (6.36, True)
    """
    (mean, deviation), (other_mean, other_deviation) = mean_and_deviation(first), mean_and_deviation(second)
    if deviation is None or other_deviation is None:
        raise ValueError("each group needs at least two values")
    parts = deviation**2 / len(first), other_deviation**2 / len(second)
    if not sum(parts) > 0:
        raise ValueError("the values of each group are all equal")
    t = (mean - other_mean) / math.sqrt(sum(parts))
    # Welch and Satterthwaite's approximation.
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(first) - 1) + parts[1] ** 2 / (len(second) - 1))
    return Welch(t, freedom, two_sided_tail(t, freedom))


def two_sided_tail(t: float, freedom: float) -> float:
    """The probability that Student's t with so many degrees of freedom is at least |t| from 0.

    It is the regularised incomplete beta function at freedom / (freedom + t^2) for freedom / 2 and 1 / 2
    (Abramowitz and Stegun 26.7.1).
    """
    return _incomplete_beta(freedom / (freedom + t * t), t * t / (freedom + t * t), freedom / 2, 0.5)


def _incomplete_beta(x: float, one_minus_x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by a series of positive terms (DLMF 8.17.8)."""
    if x > (a + 1) / (a + b + 2):  # where the series is slow, the other side's is fast
        return 1 - _incomplete_beta(one_minus_x, x, b, a)
    if x == 0:
        return 0.0
    log_front = (
        a * math.log(x)
        + b * math.log(one_minus_x)
        - math.log(a)
        - (math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b))
    )
    term = total = 1.0
    index = 0
    while term > 1e-17 * total:
        term *= (a + b + index) / (a + 1 + index) * x
        total += term
        index += 1
    return math.exp(log_front) * total
