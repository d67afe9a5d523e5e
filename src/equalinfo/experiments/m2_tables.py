"""What the experiments with M2s share: lines beside the paper's, points of their figures, places in windows."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from equalinfo.experiments.base import Compared
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.scales import paper_method
from equalinfo.experiments.workspace import ExampleLoss
from equalinfo.figures.figure import Panel, Series
from equalinfo.score.measurements import Coordinate

QUANTITIES = ("bits_per_byte", "uniform_bits_per_byte", "bytes_per_token")


def compare_m2s(
    rows: Rows,
    bits: Mapping[str, float | None],
    ratios: Mapping[str, float] | None = None,
    quantities: Sequence[str] = QUANTITIES,
    **at: Coordinate,
) -> list[Compared]:
    """Bits/byte and ratio of each method beside the paper's, by the name of the paper's method.

    Args:
        bits, ratios: the paper's bits/byte and bytes/token, by its method.
    """
    lines = []
    for quantity in quantities:
        for method in rows.where(quantity, None, **at).methods():
            theirs = paper_method(method)
            paper = {"bits_per_byte": bits, "bytes_per_token": ratios or {}}.get(quantity, {}).get(theirs)
            lines.append(Compared(method, quantity, rows.estimate(quantity, method, **at), paper, theirs))
    return lines


def listed(rows: Rows, *quantities: str, **at: Coordinate) -> list[Compared]:
    """Quantities that the paper does not have, of each method."""
    return [Compared(m, q, rows.estimate(q, m, **at)) for q in quantities for m in rows.methods(q)]


def measured(
    name: str,
    x: Sequence[float | str],
    estimates: Sequence[Estimate],
    kind: Literal["line", "points", "bars"] = "line",
) -> Series:
    """Estimates with two standard errors."""
    low = [one.mean - 2 * (one.error or 0.0) for one in estimates]
    high = [one.mean + 2 * (one.error or 0.0) for one in estimates]
    return Series(name, x, [one.mean for one in estimates], low, high, kind=kind)


def bars(
    rows: Rows, quantity: str, name: str, methods: Sequence[str] | None = None, **at: Coordinate
) -> Series:
    """Bars of a quantity by method, with two standard errors."""
    names = list(methods or rows.where(quantity, None, **at).methods())
    return measured(name, names, [rows.estimate(quantity, method, **at) for method in names], "bars")


def bar_panel(rows: Rows, title: str, *quantities: str) -> Panel:
    """Bars of quantities by method."""
    return Panel("", "", title, [bars(rows, q, q.replace("_", " ")) for q in quantities])


def bits_panel(rows: Rows) -> Panel:
    """Bits/byte of each method, measured and uniform."""
    return bar_panel(rows, "bits per byte", "bits_per_byte", "uniform_bits_per_byte")


def line(
    rows: Rows, quantity: str, method: str, over: str, name: str | None = None, **at: Coordinate
) -> Series:
    """A quantity of one method over a numeric coordinate, with two standard errors."""
    places = [float(x) for x in rows.where(quantity, method, **at).coordinates(over)]
    return measured(
        name or method, places, [rows.estimate(quantity, method, **{over: x}, **at) for x in places]
    )


def bits_by_place(losses: Sequence[ExampleLoss], places: int) -> list[list[float]]:
    """Mean bits of the tokens at each place of their windows, for each example; [places][examples].

    Windows begin with the example and hold `places` tokens each.
    """
    result: list[list[float]] = [[] for _ in range(places)]
    for loss in losses:
        for place in range(places):
            nats = loss.nats[place::places]
            if len(nats):
                result[place].append(float(np.mean(nats)) / math.log(2))
    return result
