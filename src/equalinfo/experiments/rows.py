"""Measurements looked up by what they are of, with their uncertainty over seeds or examples."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from equalinfo.score.measurements import Coordinate, Measurement
from equalinfo.score.metrics import mean_and_deviation
from equalinfo.score.significance import two_sided_tail, welch

# Quantities that are rows of single validation examples, for paired differences.
EXAMPLE = "example"


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error (None: one value, nothing to estimate it from) and where that comes from."""

    mean: float
    error: float | None = None
    source: str = ""

    def text(self, digits: int = 3, sign: str = "") -> str:
        spread = "" if self.error is None else f" ± {self.error:.{digits}f}"
        return f"{self.mean:{sign}.{digits}f}{spread}"

    def __sub__(self, other: "Estimate") -> "Estimate":
        """The difference of two independent ones."""
        return Estimate(
            self.mean - other.mean, math.hypot(self.error or 0.0, other.error or 0.0), self.source
        )


@dataclass(frozen=True)
class Difference(Estimate):
    """First minus second, its standard error and the two-sided p of no difference (None: unknown)."""

    p: float | None = None

    def text(self, digits: int = 3, sign: str = "+") -> str:
        return super().text(digits, sign)

    def uncertainty(self) -> str:
        if self.p is None:
            return self.source
        # float64 ends at 5e-324: a p of 0 is one below that.
        p = f"p = {self.p:.2g}" if self.p else "p < 1e-300"
        return f"{p} ({self.source})"


class Rows:
    """The measurements of one experiment at one scale."""

    def __init__(self, rows: Iterable[Measurement]) -> None:
        self.rows = tuple(rows)

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, quantity: str | None = None, method: str | None = None, **at: Coordinate) -> "Rows":
        """Those of a quantity and method whose coordinates include `at`."""
        return Rows(
            row
            for row in self.rows
            if quantity in (None, row.quantity)
            and method in (None, row.method)
            and all(row.at.get(name) == value for name, value in at.items())
        )

    def methods(self, quantity: str | None = None) -> list[str]:
        """The methods that have the quantity, in the order in which they were measured."""
        return list(dict.fromkeys(row.method for row in self.where(quantity)))

    def method(self, start: str = "", end: str = "", quantity: str | None = None) -> str:
        """The first method whose name begins and ends so. Raises KeyError where there is none."""
        for name in self.methods(quantity):
            if name.startswith(start) and name.endswith(end):
                return name
        raise KeyError(f"no method {start}...{end}")

    def coordinates(self, name: str) -> list[Coordinate]:
        """The distinct values of a coordinate, sorted."""
        values = {row.at[name] for row in self.rows if name in row.at}
        return sorted(values, key=lambda value: (isinstance(value, str), value))

    def values(self, quantity: str, method: str | None = None, **at: Coordinate) -> list[float]:
        """In order of seed. Raises KeyError where there is none."""
        rows = sorted(
            self.where(quantity, method, **at), key=lambda row: (row.seed is not None, row.seed or 0)
        )
        if not rows:
            raise KeyError(f"no {quantity} of {method} at {at}")
        return [row.value for row in rows]

    def mean(self, quantity: str, method: str | None = None, **at: Coordinate) -> float:
        return mean_and_deviation(self.values(quantity, method, **at))[0]

    def estimate(self, quantity: str, method: str | None = None, **at: Coordinate) -> Estimate:
        """Mean over seeds; its standard error from them, or from the one row's own estimate."""
        values = self.values(quantity, method, **at)
        mean, deviation = mean_and_deviation(values)
        if deviation is not None:
            return Estimate(mean, deviation / math.sqrt(len(values)), f"{len(values)} seeds")
        error = next(iter(self.where(quantity, method, **at))).standard_error
        return Estimate(
            mean, error, "bootstrap over examples, one seed" if error is not None else "one value"
        )

    def of_common_seeds(self, quantity: str, *methods: str, **at: Coordinate) -> "Rows":
        """Those of the seeds for which all methods have the quantity; all rows where they have the same or none."""
        seeds = [{row.seed for row in self.where(quantity, method, **at)} for method in methods]
        common = set.intersection(*seeds)
        if not common or all(some == common for some in seeds):
            return self
        return Rows(row for row in self if row.seed in common)

    def difference(self, quantity: str, first: str, second: str, **at: Coordinate) -> Difference:
        """Of two methods: Welch's test over seeds, else paired over validation examples, else by standard errors.

        Of seeds that only one of them has nothing is taken: what a seed decides would pass for a difference.
        """
        rows = self.of_common_seeds(quantity, first, second, **at)
        ones, others = rows.values(quantity, first, **at), rows.values(quantity, second, **at)
        mean = mean_and_deviation(ones)[0] - mean_and_deviation(others)[0]
        if min(len(ones), len(others)) > 1:
            try:
                test = welch(ones, others)
            except ValueError:
                return Difference(mean, 0.0, "seeds do not differ", 0.0 if mean else 1.0)
            error = abs(mean / test.t) if test.t else None
            return Difference(mean, error, f"Welch, {len(ones)} and {len(others)} seeds", test.p)
        pairs = rows._pairs(quantity, first, second, at)
        if len(pairs) > 2:
            return paired(pairs, mean)
        error = joint_error(*(rows.estimate(quantity, method, **at) for method in (first, second)))
        if error is None:
            return Difference(mean, None, "no estimate of the uncertainty")
        return Difference(mean, error, "standard errors over examples, one seed", normal_p(mean, error))

    def _pairs(
        self, quantity: str, first: str, second: str, at: dict[str, Coordinate]
    ) -> list[tuple[float, float]]:
        """Values of both methods on the same example and seed."""
        sides = []
        for method in (first, second):
            rows = self.where(f"{EXAMPLE}_{quantity}", method, **at)
            sides.append({(row.at[EXAMPLE], row.seed): row.value for row in rows})
        return [(sides[0][key], sides[1][key]) for key in sides[0] if key in sides[1]]


def paired(pairs: list[tuple[float, float]], mean: float) -> Difference:
    """A paired t-test; `mean` is the number reported, which may be weighted as the mean of the pairs is not."""
    pair_mean, deviation = mean_and_deviation([one - other for one, other in pairs])
    if not deviation:
        return Difference(mean, 0.0, f"paired over {len(pairs)} examples", 0.0 if mean else 1.0)
    error = deviation / math.sqrt(len(pairs))
    p = two_sided_tail(pair_mean / error, len(pairs) - 1)
    return Difference(mean, error, f"paired over {len(pairs)} examples, one seed", p)


def joint_error(*estimates: Estimate) -> float | None:
    """The standard error of a difference of independent estimates, from those that have one; None: none has."""
    known = [one.error for one in estimates if one.error is not None]
    return math.hypot(*known) if known else None


def normal_p(mean: float, error: float | None) -> float | None:
    """Two-sided p of a mean this far from 0 under a normal with that standard error; None where that is unknown."""
    if error is None:
        return None
    if error == 0:
        return 0.0 if mean else 1.0
    return math.erfc(abs(mean) / error / math.sqrt(2))
