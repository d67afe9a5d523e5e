"""Figures as data, built from rows by pure functions; `matplotlib_files` makes files of them,
`figures.plotly_json` plots on a page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

# Okabe and Ito's colours, told apart by colour-blind eyes; symbols and dashes change with other periods.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8B7500")
SYMBOLS = ("o", "s", "^", "D", "v", "P", "X", "*", "p", "<", ">")
DASHES = ("solid", "dashed", "dotted", "dashdot")


@dataclass(frozen=True)
class Series:
    """Points of one method.

    Args:
        low, high: ends of error bars (a band for lines), one each per point; empty for none.
        labels: written beside the points; empty for none. Where each series has some, no legend is drawn.
        kind: a line with markers, points alone, or bars (x are then names).
        group: series of one group share a colour; default: the name.
        base: for points and lines, what each is measured against (uniform bits/byte): an open symbol, joined to the
            point by a dotted line; empty for none.
        hover: what the page says of each point, in lines; empty for its coordinates.
    """

    name: str
    x: Sequence[float | str]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    labels: Sequence[str] = ()
    kind: Literal["line", "points", "bars"] = "line"
    group: str = ""
    base: Sequence[float] = ()
    hover: Sequence[str] = ()


@dataclass(frozen=True)
class Style:
    """How series of one name are drawn: a colour, and a number that says which symbol and dash."""

    colour: str
    number: int


@dataclass(frozen=True)
class Panel:
    """One pair of axes; their names hold units. `levels` are horizontal lines with names."""

    title: str
    x_title: str
    y_title: str
    series: Sequence[Series]
    x_log: bool = False
    y_log: bool = False
    levels: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True)
class Figure:
    """Panels side by side under one title."""

    title: str
    panels: Sequence[Panel]

    def styles(self) -> dict[str, Style]:
        """The style of each series name, the same in all panels."""
        groups = {
            series.name: series.group or series.name for panel in self.panels for series in panel.series
        }
        colours = list(dict.fromkeys(groups.values()))
        return {
            name: Style(COLOURS[colours.index(group) % len(COLOURS)], number)
            for number, (name, group) in enumerate(groups.items())
        }


def label_places(panel: Panel) -> list[list[str]]:
    """Where the labels of each series stand: "top", "middle" or "bottom", then "center", "left" or "right".

    Each takes the place where it lies least on labels that have one, on points, and over the edges.
    """
    points = [(series.x[i], series.y[i]) for series in panel.series for i in range(len(series.y))]
    if not points or not any(series.labels for series in panel.series):
        return [[] for _ in panel.series]
    xs = np.array([math.log10(float(x)) if panel.x_log else float(x) for x, _ in points])
    ys = np.array([math.log10(y) if panel.y_log else y for _, y in points])
    levels = [math.log10(level) if panel.y_log else level for level, _ in panel.levels]
    at = np.stack([_spread(xs) * PLOT_WIDTH, _spread(ys, levels) * PLOT_HEIGHT], axis=1)
    taken = [np.concatenate([point - 5, point + 5]) for point in at]
    places, number = [], 0
    for series in panel.series:
        chosen = []
        for label in series.labels:
            boxes = [_box(at[number], len(label) * CHARACTER, place) for place in PLACES]
            best = min(range(len(PLACES)), key=lambda i: (_over(boxes[i], taken), i))
            taken.append(boxes[best])
            chosen.append(PLACES[best])
            number += 1
        number += len(series.y) - len(series.labels)
        places.append(chosen)
    return places


PLACES = [f"{up} {across}" for up in ("top", "bottom") for across in ("center", "right", "left")]
PLACES += ["middle right", "middle left"]
PLOT_WIDTH, PLOT_HEIGHT, CHARACTER, LINE = 620.0, 330.0, 6.0, 13.0  # pixels, about


def _spread(values: np.ndarray, others: Sequence[float] = ()) -> np.ndarray:
    """Where values stand on an axis from 0 to 1 that holds others too and has some room at its ends."""
    low, high = min([values.min(), *others]), max([values.max(), *others])
    return 0.05 + 0.9 * (values - low) / (high - low) if high > low else np.full(len(values), 0.5)


def _box(point: np.ndarray, width: float, place: str) -> np.ndarray:
    """Left, bottom, right and top of a label."""
    up, across = place.split()
    left = point[0] + {"center": -width / 2, "right": 6.0, "left": -6.0 - width}[across]
    bottom = point[1] + {"top": 6.0, "middle": -LINE / 2, "bottom": -6.0 - LINE}[up]
    return np.array([left, bottom, left + width, bottom + LINE])


def _over(box: np.ndarray, taken: list[np.ndarray]) -> float:
    """Area of a label that lies on others or, twice as bad, beyond the plot."""
    across, up = (
        max(0.0, min(box[2 + i], size) - max(box[i], 0.0)) for i, size in enumerate((PLOT_WIDTH, PLOT_HEIGHT))
    )
    area = 2 * ((box[2] - box[0]) * (box[3] - box[1]) - across * up)
    for other in taken:
        shared = [max(0.0, min(box[2 + i], other[2 + i]) - max(box[i], other[i])) for i in range(2)]
        area += shared[0] * shared[1]
    return float(area)
