"""A figure for the page: plotly's JSON, a table of its points, and a sentence for those who see neither.

Files of the same figures are drawn by `figures.matplotlib_files`, with the same colours, symbols and dashes.
"""

import html
import math
from dataclasses import dataclass
from typing import Any

from equalinfo.figures.figure import DASHES, SYMBOLS, Figure, Panel, Series, Style
from equalinfo.figures.labels import label_places, x_ends

NAMES = "circle square triangle-up diamond triangle-down cross x star pentagon triangle-left triangle-right"
PLOTLY_SYMBOLS = dict(zip(SYMBOLS, NAMES.split(), strict=True))
PLOTLY_DASHES = dict(zip(DASHES, ("solid", "dash", "dot", "dashdot"), strict=True))
# Bars of one group differ in pattern too.
PATTERNS = ("", "/", "x", ".", "\\", "-", "+", "|")
BAR_HEIGHT, LINE_HEIGHT = 24, 400  # pixels

Plot = dict[str, Any]


@dataclass(frozen=True)
class ShownPanel:
    """One pair of axes on the page.

    Args:
        plot: plotly's data and layout.
        text: what a screen reader says of it.
        headings, points: the table of its points.
    """

    title: str
    plot: Plot
    text: str
    headings: tuple[str, ...]
    points: list[tuple[str, ...]]


@dataclass(frozen=True)
class ShownFigure:
    """A figure on the page; `names` are the series that can be shown and hidden."""

    key: str
    title: str
    panels: list[ShownPanel]
    names: list[str]


def shown(figure: Figure, key: str) -> ShownFigure:
    """A figure as the page shows it.

    Args:
        key: unique on the page, and the beginning of file names.
    """
    styles = figure.styles()
    panels = [_panel(panel, styles) for panel in figure.panels]
    return ShownFigure(key, figure.title, panels, list(styles))


def plot_text(text: str) -> str:
    """Text for plotly, which reads <b>, <a> and %{...} in labels as its own markup."""
    return html.escape(text, quote=False).replace("%{", "% {")


def _panel(panel: Panel, styles: dict[str, Style]) -> ShownPanel:
    across = any(series.kind == "bars" for series in panel.series)
    places = list(dict.fromkeys(str(x) for series in panel.series for x in series.x)) if across else []
    traces: list[Plot] = []
    named: set[str] = set()
    for series, beside in zip(panel.series, label_places(panel), strict=True):
        style = styles[series.name]
        traces += (
            _bars(series, style, places) if across else _points(series, style, beside, series.name in named)
        )
        named.add(series.name)
    x_title, y_title = (panel.y_title, panel.x_title) if across else (panel.x_title, panel.y_title)
    x_log = panel.y_log if across else panel.x_log
    layout: Plot = {
        "xaxis": {"title": {"text": plot_text(x_title)}, "type": "log" if x_log else "-", "automargin": True},
        "yaxis": {"title": {"text": plot_text(y_title)}, "automargin": True},
        "height": LINE_HEIGHT,
        "hovermode": "closest",
        "showlegend": len(named) > 1 and not all(series.labels for series in panel.series),
        # Beneath the axis's title, whatever the height.
        "legend": {"orientation": "h", "y": 0, "yref": "container", "yanchor": "bottom"},
        "margin": {"l": 55, "r": 20, "t": 15, "b": 60},
        **_levels(panel, across),
    }
    if across:
        layout["yaxis"] |= {
            "tickvals": list(range(len(places))),
            "ticktext": [plot_text(name) for name in places],
            "autorange": "reversed",
        }
        layout["height"] = 110 + BAR_HEIGHT * max(len(places) * (1 + len(named)) // 2, len(places))
        layout["barmode"] = "group"
        values = [y for series in panel.series for y in series.y]
        if values and min(values) < 0 and not any(series.low for series in panel.series):
            # Room for the numbers beside the bars; the negative ones would stand on the names.
            width = max(0.0, *values) - min(values)
            layout["xaxis"]["range"] = [min(values) - 0.35 * width, max(0.0, *values) + 0.15 * width]
    else:
        layout["xaxis"]["autorangeoptions"] = {"include": x_ends(panel) or []}
        layout["yaxis"]["autorangeoptions"] = {"include": [value for value, _ in panel.levels]}
        if panel.y_log:
            layout["yaxis"]["type"] = "log"
    points, headings = _table(panel)
    return ShownPanel(panel.title, {"data": traces, "layout": layout}, _in_words(panel), headings, points)


def _points(series: Series, style: Style, beside: list[str], named: bool) -> list[Plot]:
    number, colour = style.number, style.colour
    symbol = PLOTLY_SYMBOLS[SYMBOLS[number % len(SYMBOLS)]]
    common: Plot = {"type": "scatter", "name": plot_text(series.name), "legendgroup": plot_text(series.name)}
    xs = [plot_text(x) if isinstance(x, str) else x for x in series.x]
    traces: list[Plot] = []
    if series.base:
        stems_x: list[Any] = []
        stems_y: list[Any] = []
        for x, top, y in zip(xs, series.base, series.y, strict=True):
            stems_x += [x, x, None]
            stems_y += [top, y, None]
        below = common | {"showlegend": False, "meta": "base"}
        line = {"color": colour, "width": 1, "dash": "dot"}
        traces.append(
            below | {"x": stems_x, "y": stems_y, "mode": "lines", "line": line, "hoverinfo": "skip"}
        )
        marker = {"symbol": f"{symbol}-open", "color": colour, "size": 8}
        traces.append(below | {"x": xs, "y": list(series.base), "mode": "markers", "marker": marker})
    mode = "lines+markers" if series.kind == "line" else "markers"
    trace = common | {
        "x": xs,
        "y": list(series.y),
        "mode": mode + ("+text" if any(series.labels) else ""),
        "marker": {"color": colour, "symbol": symbol, "size": 9},
        "line": {"color": colour, "dash": PLOTLY_DASHES[DASHES[number % len(DASHES)]], "width": 1.6},
        "showlegend": not named,
    }
    if any(series.labels):
        trace |= {"text": [plot_text(text) for text in series.labels], "textposition": beside}
    return [*traces, trace | _hover(series) | _errors(series, "error_y", colour)]


def _bars(series: Series, style: Style, places: list[str]) -> list[Plot]:
    # An error bar would lie across them.
    values: Plot = {"text": [f"{y:.3g}" for y in series.y], "textposition": "outside", "cliponaxis": False}
    return [
        {
            "type": "bar",
            "orientation": "h",
            "name": plot_text(series.name),
            "legendgroup": plot_text(series.name),
            # Positions, not names, on the axis: plotly would take names like 1e3 for numbers.
            "y": [places.index(str(x)) for x in series.x],
            "x": list(series.y),
            "customdata": [plot_text(str(x)) for x in series.x],
            "hovertemplate": f"%{{customdata}}<br>{plot_text(series.name)} %{{x:.4g}}<extra></extra>",
            "marker": {"color": style.colour, "pattern": {"shape": PATTERNS[style.number % len(PATTERNS)]}},
        }
        | _hover(series)
        | (_errors(series, "error_x", style.colour) or values)
    ]


def _hover(series: Series) -> Plot:
    if not series.hover:
        return {}
    return {
        "hovertemplate": [
            "<br>".join(plot_text(line) for line in text.split("\n")) + "<extra></extra>"
            for text in series.hover
        ]
    }


def _errors(series: Series, name: str, colour: str) -> Plot:
    if not series.low:
        return {}
    above = [top - y for top, y in zip(series.high, series.y, strict=True)]
    below = [y - bottom for bottom, y in zip(series.low, series.y, strict=True)]
    return {name: {"array": above, "arrayminus": below, "symmetric": False, "color": colour, "thickness": 1}}


def _levels(panel: Panel, across: bool) -> Plot:
    """Lines at named values, across the axis that holds values."""
    shapes, notes = [], []
    for value, name in panel.levels:
        axis, other = ("x", "y") if across else ("y", "x")
        logarithmic = panel.y_log
        if logarithmic and value <= 0:
            continue
        ends = {f"{other}0": 0, f"{other}1": 1, f"{axis}0": value, f"{axis}1": value}
        line = {"type": "line", "line": {"dash": "dot", "width": 1.2}}
        shapes.append(line | {f"{other}ref": "paper"} | ends)
        # Annotations, unlike shapes, take the logarithm on such an axis.
        place = math.log10(value) if logarithmic else value
        notes.append(
            {f"{other}ref": "paper", other: 1, axis: place, "text": plot_text(name), "showarrow": False}
            | {
                f"{other}anchor": "top" if across else "right",
                f"{axis}anchor": "right" if across else "bottom",
            }
        )
    return {"shapes": shapes, "annotations": notes}


def _table(panel: Panel) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Every point of a panel, without the columns that are empty throughout."""
    rows: list[tuple[str, ...]] = []
    bases = any(series.base for series in panel.series)
    for series in panel.series:
        for i, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
            between = f"{_number(series.low[i])} to {_number(series.high[i])}" if series.low else ""
            label = series.labels[i] if series.labels else ""
            base = _number(series.base[i]) if series.base else ""
            rows.append((series.name, _number(x), _number(y), between, label, base))
    axes = (panel.x_title or "x", panel.y_title or "y")
    headings = ("series", *axes, "error bar", "note", "open symbol" if bases else "")
    kept = [i for i in range(len(headings)) if i < 3 or any(row[i] for row in rows)]
    return [tuple(row[i] for i in kept) for row in rows], tuple(headings[i] for i in kept)


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.5g}"


def _in_words(panel: Panel) -> str:
    """What is drawn, between which values, of what."""
    values = [y for series in panel.series for y in series.y]
    names = list(dict.fromkeys(series.name for series in panel.series))
    kind = "Bar chart" if any(series.kind == "bars" for series in panel.series) else "Plot"
    if not values:
        return f"{kind} without points."
    many = f"{len(names)} series" if len(names) > 1 else names[0]
    listed = f": {', '.join(names)}" if 1 < len(names) <= 12 else ""
    return (
        f"{kind} of {panel.y_title or 'values'}{' by ' + panel.x_title if panel.x_title else ''}, "
        f"from {_number(min(values))} to {_number(max(values))}; {many}{listed}. The table of data holds every value."
    )
