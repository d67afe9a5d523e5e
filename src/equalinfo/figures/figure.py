"""Figures as data, built from rows by pure functions; `matplotlib_files` makes files of them,
`figures.plotly_json` plots on a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

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
