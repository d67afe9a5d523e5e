"""Figures as data, built from rows by pure functions: drawn as SVG for files, given to the report as plotly's JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

# Okabe and Ito's colours, told apart by colour-blind eyes; symbols and dashes change with other periods.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8B7500")
SYMBOLS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("solid", "dashed", "dotted", "dashdot")
PLOTLY_SYMBOLS = dict(
    zip(SYMBOLS, ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x"), strict=True)
)
PLOTLY_DASHES = dict(zip(DASHES, ("solid", "dash", "dot", "dashdot"), strict=True))


@dataclass(frozen=True)
class Series:
    """Points of one method.

    Args:
        low, high: ends of error bars (a band for lines), one each per point; empty for none.
        labels: written beside the points; empty for none.
        kind: a line with markers, points alone, or bars (x are then names).
        style: which colour, symbol and dash; series with the same number look alike.
    """

    name: str
    x: Sequence[float | str]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    labels: Sequence[str] = ()
    kind: Literal["line", "points", "bars"] = "line"
    style: int | None = None


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

    def styles(self) -> dict[str, int]:
        """The style of each series name, the same in all panels."""
        styles: dict[str, int] = {}
        for panel in self.panels:
            for series in panel.series:
                if series.style is not None:
                    styles.setdefault(series.name, series.style)
                else:
                    styles.setdefault(series.name, len(styles))
        return styles


def as_plotly(figure: Figure) -> list[dict[str, Any]]:
    """One plotly figure ({"data": ..., "layout": ...}) per panel."""
    styles, plots = figure.styles(), []
    for panel in figure.panels:
        traces = []
        for series in panel.series:
            number = styles[series.name]
            colour = COLOURS[number % len(COLOURS)]
            trace: dict[str, Any] = {"name": series.name, "x": list(series.x), "y": list(series.y)}
            if series.kind == "bars":
                trace |= {"type": "bar", "marker": {"color": colour}}
            else:
                symbol = PLOTLY_SYMBOLS[SYMBOLS[number % len(SYMBOLS)]]
                mode = "lines+markers" if series.kind == "line" else "markers"
                dash = PLOTLY_DASHES[DASHES[number % len(DASHES)]]
                trace |= {"type": "scatter", "mode": mode + ("+text" if series.labels else "")}
                trace |= {"marker": {"color": colour, "symbol": symbol, "size": 8}}
                trace |= {"line": {"color": colour, "dash": dash}}
            if series.labels:
                trace |= {"text": list(series.labels), "textposition": "top center"}
            if series.low:
                above = [top - y for top, y in zip(series.high, series.y, strict=True)]
                below = [y - bottom for bottom, y in zip(series.low, series.y, strict=True)]
                trace["error_y"] = {"array": above, "arrayminus": below, "symmetric": False, "color": colour}
            traces.append(trace)
        layout = {
            "title": {"text": panel.title or figure.title},
            "xaxis": {"title": {"text": panel.x_title}, "type": "log" if panel.x_log else "-"},
            "yaxis": {"title": {"text": panel.y_title}, "type": "log" if panel.y_log else "linear"},
            "shapes": [
                {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": {"dash": "dot"}}
                for y, _ in panel.levels
            ],
            "annotations": [
                {"xref": "paper", "x": 1, "y": y, "text": name, "showarrow": False, "yanchor": "bottom"}
                for y, name in panel.levels
            ],
        }
        plots.append({"data": traces, "layout": layout})
    return plots
