"""From estimates to findings: whether an expected direction was found, not found, or cannot be told."""

from collections.abc import Sequence
from itertools import pairwise

from equalinfo.experiments.base import Finding, Found
from equalinfo.experiments.rows import Difference, Estimate, Rows, normal_p
from equalinfo.score.measurements import Coordinate

SIGNIFICANT = 0.05


def verdict(mean: float, p: float | None) -> Found:
    """Whether a difference that is expected to be positive is: unclear where it may be chance."""
    if mean == 0:
        return "unclear"
    if p is not None and p >= SIGNIFICANT:
        return "unclear"
    return "yes" if mean > 0 else "no"


def expect_less(
    rows: Rows,
    quantity: str,
    smaller: str,
    larger: str,
    expectation: str,
    paper: str = "",
    digits: int = 3,
    **at: Coordinate,
) -> Finding:
    """Expects a quantity to be smaller for one method than for another."""
    found = rows.difference(quantity, larger, smaller, **at)
    ours = f"{rows.mean(quantity, smaller, **at):.{digits}f} against {rows.mean(quantity, larger, **at):.{digits}f}"
    return Finding(
        expectation, paper, ours, f"{found.text(digits)}, {found.uncertainty()}", verdict(found.mean, found.p)
    )


def expect_positive(
    estimate: Estimate, expectation: str, paper: str = "", digits: int = 3, least: float = 0.0
) -> Finding:
    """Expects a number above `least`."""
    over = estimate.mean - least
    p = None if estimate.error is None else normal_p(over, estimate.error)
    return Finding(
        expectation, paper, estimate.text(digits), estimate.source or "one value", verdict(over, p)
    )


def expect_near(
    estimate: Estimate, target: float, tolerance: float, expectation: str, paper: str = "", digits: int = 3
) -> Finding:
    """Expects a number within `tolerance` of `target`: yes where two standard errors lie inside, no where outside."""
    error = 2 * (estimate.error or 0.0)
    off = abs(estimate.mean - target)
    found: Found = "yes" if off + error <= tolerance else "no" if off - error > tolerance else "unclear"
    ours = (
        f"{estimate.text(digits)}, {off:.{digits}f} from {target:.{digits}f} (allowed {tolerance:.{digits}f})"
    )
    return Finding(expectation, paper, ours, estimate.source or "one value", found)


def expect_order(
    values: Sequence[tuple[str, Estimate]], expectation: str, paper: str = "", digits: int = 3
) -> Finding:
    """Expects estimates to rise from each to the next.

    Yes where every step is up; no where some step is down by more than chance; unclear otherwise.
    """
    steps: list[Difference] = []
    for (_, one), (_, other) in pairwise(values):
        known = [e.error for e in (one, other) if e.error is not None]
        error = sum(e**2 for e in known) ** 0.5 if known else None
        mean = other.mean - one.mean
        steps.append(Difference(mean, error, None if error is None else normal_p(mean, error), ""))
    verdicts = [verdict(step.mean, step.p) for step in steps]
    found: Found = "no" if "no" in verdicts else "unclear" if "unclear" in verdicts else "yes"
    ours = " < ".join(f"{name} {estimate.mean:.{digits}f}" for name, estimate in values)
    doubtful = [values[i + 1][0] for i, one in enumerate(verdicts) if one != "yes"]
    uncertainty = f"not up, or not surely: {', '.join(doubtful)}" if doubtful else "every step up"
    return Finding(expectation, paper, ours.replace(" < ", ", "), uncertainty, found)
