"""Figures drawn by matplotlib as SVG, the same bytes for the same rows."""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from equalinfo.extras import needed
from equalinfo.figures.figure import DASHES, SYMBOLS, Figure, Panel, Series, Style
from equalinfo.figures.labels import label_places, x_ends
from equalinfo.outputs import Inputs, output_file

PANEL_WIDTH, HEIGHT = 5.6, 4.4  # inches
LABELLED_WIDTH, LABELLED_HEIGHT = 9.0, 5.6  # of a single panel with names beside its points
LEGEND_ROW = 0.24
FEW = 10
NEAR = 5  # points between a point and its label
# Where a label stands: how it is set, and on which side of its point.
ACROSS = {"center": ("center", 0), "right": ("left", 1), "left": ("right", -1)}
UP = {"top": ("bottom", 1), "middle": ("center", 0), "bottom": ("top", -1)}


def write_figure(figure: Figure, path: Path, inputs: Inputs = ()) -> None:
    """Draws `figure` into an .svg or .png file, which may be none of `inputs`.

    Raises:
        EqualInfoError: matplotlib is not installed.
    """
    with needed():
        import matplotlib
        from matplotlib.figure import Figure as Canvas
    styles = figure.styles()
    count = max(1, len(figure.panels))
    columns = 2 if count == 4 else min(count, 3)
    lines = -(-count // columns)
    across = 2 * columns
    # Names beside the points say as much.
    labelled = all(series.labels for panel in figure.panels for series in panel.series)
    rows = 0 if labelled else -(-len(styles) // across)
    width, height = PANEL_WIDTH * columns, HEIGHT * lines + LEGEND_ROW * rows
    if labelled and count == 1:
        width, height = LABELLED_WIDTH, LABELLED_HEIGHT
    with matplotlib.rc_context({"svg.hashsalt": "equalinfo", "font.size": 9, "svg.fonttype": "none"}):
        canvas = Canvas(figsize=(width, height))
        axes = canvas.subplots(lines, columns, squeeze=False).flatten()
        handles: dict[str, Any] = {}
        for panel, ax in zip(figure.panels, axes, strict=False):
            _draw(panel, ax, styles, handles)
        for ax in axes[count:]:
            ax.set_axis_off()
        canvas.suptitle(figure.title, fontsize=11)
        bottom = (LEGEND_ROW * rows + 0.1) / height
        canvas.tight_layout(rect=(0, bottom, 1, 1))
        if rows and len(handles) > 1:
            across = min(across, len(handles))
            canvas.legend(handles.values(), handles.keys(), loc="lower center", ncols=across, fontsize=8)
        buffer = io.BytesIO()
        kind = path.suffix.lstrip(".") or "svg"
        canvas.savefig(buffer, format=kind, dpi=110, metadata={"Date": None} if kind == "svg" else None)
    with output_file(path, inputs) as stream:
        stream.write(buffer.getvalue())


def _draw(panel: Panel, ax: Any, styles: dict[str, Style], handles: dict[str, Any]) -> None:
    bars = [series for series in panel.series if series.kind == "bars"]
    names = list(dict.fromkeys(x for series in bars for x in series.x))
    width = 0.8 / max(1, len(bars))
    for series, beside in zip(panel.series, label_places(panel), strict=True):
        number, colour = styles[series.name].number, styles[series.name].colour
        if series.kind == "bars":
            shift = (bars.index(series) - (len(bars) - 1) / 2) * width
            places = [names.index(x) + shift for x in series.x]
            handle = ax.barh(places, series.y, width, color=colour, xerr=_errors(series), capsize=2)
        else:
            handle = ax.errorbar(
                series.x,
                series.y,
                yerr=_errors(series),
                color=colour,
                marker=SYMBOLS[number % len(SYMBOLS)],
                markersize=5,
                linestyle=DASHES[number % len(DASHES)] if series.kind == "line" else "none",
                linewidth=1.4,
                capsize=2,
                elinewidth=0.8,
            )
            for x, y, label, place in zip(series.x, series.y, series.labels, beside, strict=False):
                up, across = place.split()
                ax.annotate(
                    label,
                    (x, y),
                    xytext=(NEAR * ACROSS[across][1], NEAR * UP[up][1]),
                    textcoords="offset points",
                    ha=ACROSS[across][0],
                    va=UP[up][0],
                    fontsize=7,
                    color=colour,
                )
        handles.setdefault(series.name, handle)
    if bars:
        ax.set_yticks(range(len(names)), names)
        ax.invert_yaxis()
    (ax.set_ylabel if bars else ax.set_xlabel)(panel.x_title)
    (ax.set_xlabel if bars else ax.set_ylabel)(panel.y_title)
    if panel.x_log:
        ax.set_xscale("log")
        values = sorted({x for series in panel.series for x in series.x})
        if len(values) <= FEW and float(values[-1]) < 1e6:  # powers of ten say little of a few sizes
            ax.set_xticks(values, [f"{x:g}" for x in values])
            ax.minorticks_off()
    if ends := None if bars else x_ends(panel):
        ax.set_xlim(*ends)
    if panel.y_log:
        (ax.set_xscale if bars else ax.set_yscale)("log")
    for level, name in panel.levels:
        (ax.axvline if bars else ax.axhline)(level, color="#555555", linewidth=0.9, linestyle=(0, (1, 2)))
        step = -1 if bars else 1
        at, kinds = (1, level)[::step], ("axes fraction", "data")[::step]
        ax.annotate(name, at, xycoords=kinds, fontsize=7, ha="right", va="top" if bars else "bottom")
    ax.set_title(panel.title, fontsize=9)
    ax.grid(alpha=0.25, linewidth=0.6)


def _errors(series: Series) -> list[list[float]] | None:
    if not series.low:
        return None
    below = [max(0.0, y - bottom) for bottom, y in zip(series.low, series.y, strict=True)]
    return [below, [max(0.0, top - y) for top, y in zip(series.high, series.y, strict=True)]]


KINDS = ("svg", "png")


def write_figures(figures: Mapping[str, Figure], folder: Path, inputs: Inputs = ()) -> list[Path]:
    """Each figure as NAME.svg and NAME.png.

    Raises:
        EqualInfoError: matplotlib is missing, or `folder` cannot be written.
    """
    written = []
    for name, figure in figures.items():
        safe = re.sub(r"[^A-Za-z0-9_-]+", "-", name)
        for kind in KINDS:
            path = folder / f"{safe}.{kind}"
            write_figure(figure, path, inputs)
            written.append(path)
    return written
