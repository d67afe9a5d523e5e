"""From estimates to findings: whether an expected direction was found, not found, or cannot be told."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from equalinfo.experiments.base import Finding, Found
from equalinfo.experiments.rows import Estimate, Rows, joint_error, normal_p
from equalinfo.score.measurements import Coordinate
from equalinfo.score.significance import SIGNIFICANT


def verdict(mean: float, p: float | None) -> Found:
    """Whether a difference that is expected to be positive is: unclear where it may be chance."""
    if mean == 0 or (p is not None and p >= SIGNIFICANT):
        return "unclear"
    return "yes" if mean > 0 else "no"


class Verdict(NamedTuple):
    """What was measured, how sure that is, and whether it is what was expected."""

    ours: str
    uncertainty: str
    found: Found

    def on(self, expectation: str, paper: str = "") -> Finding:
        """The finding on an expectation; `paper`: the paper's value."""
        return Finding(expectation, paper, *self)


def less(rows: Rows, quantity: str, smaller: str, larger: str, digits: int = 3, **at: Coordinate) -> Verdict:
    """Expects a quantity to be smaller for one method than for another."""
    rows = rows.of_common_seeds(quantity, smaller, larger, **at)
    difference = rows.difference(quantity, larger, smaller, **at)
    low, high = (f"{rows.mean(quantity, method, **at):.{digits}f}" for method in (smaller, larger))
    uncertainty = f"{difference.text(digits)}, {difference.uncertainty()}"
    return Verdict(f"{low} against {high}", uncertainty, verdict(difference.mean, difference.p))


def positive(estimate: Estimate, digits: int = 3, least: float = 0.0) -> Verdict:
    """Expects a number above `least`."""
    over = estimate.mean - least
    answer = verdict(over, normal_p(over, estimate.error))
    return Verdict(estimate.text(digits), estimate.source or "one value", answer)


def near(estimate: Estimate, target: float, tolerance: float, digits: int = 3) -> Verdict:
    """Expects a number within `tolerance` of `target`: yes where two standard errors lie inside, no where outside."""
    error = 2 * (estimate.error or 0.0)
    off = abs(estimate.mean - target)
    answer: Found = "yes" if off + error <= tolerance else "no" if off - error > tolerance else "unclear"
    allowed = f"{off:.{digits}f} from {target:.{digits}f} (allowed {tolerance:.{digits}f})"
    return Verdict(f"{estimate.text(digits)}, {allowed}", estimate.source or "one value", answer)


def rising(values: Sequence[tuple[str, Estimate]]) -> Verdict:
    """Expects estimates to rise from each to the next.

    Yes where every step is up; no where some step is down by more than chance; unclear otherwise.
    """
    verdicts: list[Found] = []
    for (_, one), (_, other) in pairwise(values):
        mean = other.mean - one.mean
        verdicts.append(verdict(mean, normal_p(mean, joint_error(one, other))))
    answer: Found = "no" if "no" in verdicts else "unclear" if "unclear" in verdicts else "yes"
    ours = ", ".join(f"{name} {estimate.mean:.3f}" for name, estimate in values)
    doubtful = [values[i + 1][0] for i, one in enumerate(verdicts) if one != "yes"]
    return Verdict(
        ours, f"not up, or not surely: {', '.join(doubtful)}" if doubtful else "every step up", answer
    )
