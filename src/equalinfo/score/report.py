"""results.jsonl as one HTML page that needs nothing else: plots, table, samples, machine."""

import html
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file
from equalinfo.score.metrics import flops_per_byte, uniform_bits_per_byte
from equalinfo.score.paper import paper_tables
from equalinfo.score.results import Result
from equalinfo.score.summary import Summary, methods, setting, summarise

# Middle tones: each has enough contrast on a white and on a near-black page. The symbols change with
# another period, so that no two of the first 70 methods look the same, in print or to the colour-blind.
_COLOURS = (
    "#3b7dd8", "#e0792b", "#2a9d6f", "#c74a5b", "#8a63c9",
    "#a07a52", "#d65fa8", "#7a8794", "#97a329", "#1fa3b5",
)  # fmt: skip
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "pentagon", "triangle-down", "hexagon")

Plot = dict[str, Any]


def write_report(
    results: Sequence[Result], path: Path, title: str, samples: Sequence[tuple[str, str]] = ()
) -> None:
    """Writes a self-contained HTML page (about 5 MB, mostly the plotting library) to `path`.

    Args:
        results: rows of any number of methods, sizes and seeds; rows that differ only in the seed are
            shown as their mean with the standard deviation as error bar.
        path: appears whole or not at all.
        title: heading of the page.
        samples: (caption, text) pairs, such as texts that the models wrote; any characters.

    Raises:
        EqualInfoError: no results, or `path` cannot be written.
    """
    if not results:
        raise EqualInfoError("no results to report; run some cells first")
    summaries = summarise(results)
    page = _template().render(
        title=title,
        headline=_headline(summaries),
        comparable=len({row.corpus for row in results}) == 1,
        seeds_averaged=any(len(summary.rows) > 1 for summary in summaries),
        plots=[
            _scatter(
                summaries, lambda s: s.mean("flops_per_byte") / 1e6, "MFLOPs per byte", logarithmic=True
            ),
            _scatter(summaries, lambda s: s.mean("bytes_per_token"), "bytes per step (bytes/token)"),
            _learned(summaries),
        ],
        columns=_COLUMNS,
        rows=[_table_row(row) for summary in summaries for row in summary.rows],
        paper=_paper_rows(summaries),
        samples=samples,
        machines=sorted({row.machine for row in results}),
        versions=sorted({", ".join(f"{k} {v}" for k, v in sorted(row.versions.items())) for row in results}),
        plotly_js=_inline(get_plotlyjs()),
    )
    with atomic_file(Path(path)) as stream:
        # Samples may hold lone surrogates, which UTF-8 has no bytes for.
        stream.write(page.encode("utf-8", errors="replace"))


def _template() -> jinja2.Template:
    text = files(__package__).joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(text)


@cache
def _inline(script: str) -> str:
    """A script that can stand inside an HTML script element."""
    return script.replace("</script", "<\\/script")


def _headline(summaries: list[Summary]) -> list[tuple[str, str, str]]:
    """(what, value, setting) of the three settings that lead in one respect."""
    best = min(summaries, key=lambda s: s.mean("bits_per_byte"))
    cheapest = min(summaries, key=lambda s: s.mean("flops_per_byte"))
    shortest = max(summaries, key=lambda s: s.mean("bytes_per_token"))
    return [
        ("lowest bits/byte", f"{best.mean('bits_per_byte'):.3f}", best.label),
        ("fewest MFLOPs per byte", f"{cheapest.mean('flops_per_byte') / 1e6:.2f}", cheapest.label),
        ("most bytes per token", f"{shortest.mean('bytes_per_token'):.2f}", shortest.label),
    ]


def _style(summaries: list[Summary]) -> dict[str, tuple[str, str]]:
    """(colour, symbol) of every method."""
    return {
        method: (_COLOURS[i % len(_COLOURS)], _SYMBOLS[i % len(_SYMBOLS)])
        for i, method in enumerate(methods(summaries))
    }


def _scatter(summaries: list[Summary], x_of: Any, x_title: str, logarithmic: bool = False) -> Plot:
    """Bits/byte against `x_of` of each setting, one series per method.

    A setting is a filled symbol joined by a thin line to an open one at its uniform bits/byte: the length
    of the line is what M2 learned.
    """
    traces: list[Plot] = []
    several_sizes = len({summary.size for summary in summaries}) > 1
    for method, (colour, symbol) in _style(summaries).items():
        mine = [summary for summary in summaries if summary.method == method]
        uniform = [summary.mean("uniform_bits_per_byte") for summary in mine]
        common = {"type": "scatter", "legendgroup": _plot_text(method)}
        # Drawn first, so that it lies beneath the measured points.
        stems_x: list[float | None] = []
        stems_y: list[float | None] = []
        for summary, top in zip(mine, uniform, strict=True):
            stems_x += [x_of(summary), x_of(summary), None]
            stems_y += [top, summary.mean("bits_per_byte"), None]
        traces.append(
            common
            | {
                "x": stems_x,
                "y": stems_y,
                "mode": "lines",
                "line": {"color": colour, "width": 1, "dash": "dot"},
                "hoverinfo": "skip",
                "showlegend": False,
                "meta": "uniform",
            }
        )
        traces.append(
            common
            | {
                "x": [x_of(summary) for summary in mine],
                "y": uniform,
                "mode": "markers",
                "marker": {"symbol": f"{symbol}-open", "color": colour, "size": 8},
                "hovertemplate": [
                    f"{_plot_text(s.label)}<br>uniform %{{y:.3f}}<extra></extra>" for s in mine
                ],
                "showlegend": False,
                "meta": "uniform",
            }
        )
        measured: Plot = {"x": [], "y": [], "text": [], "hovertemplate": [], "deviation": []}
        for run in _runs(mine):
            if measured["x"]:  # None breaks the line between settings that are not sizes of one run
                for name, filler in (
                    ("x", None),
                    ("y", None),
                    ("text", ""),
                    ("hovertemplate", ""),
                    ("deviation", None),
                ):
                    measured[name].append(filler)
            for summary in run:
                measured["x"].append(x_of(summary))
                measured["y"].append(summary.mean("bits_per_byte"))
                measured["text"].append(_plot_text(summary.size) if several_sizes else "")
                measured["hovertemplate"].append(_hover(summary))
                measured["deviation"].append(summary.deviation("bits_per_byte"))
        deviation = measured.pop("deviation")
        traces.append(
            common
            | measured
            | {
                "mode": "lines+markers+text",
                "name": _plot_text(method),
                "textposition": "bottom center" if logarithmic else "middle right",
                "textfont": {"color": colour, "size": 11},
                "line": {"color": colour, "width": 1.5},
                "marker": {"symbol": symbol, "color": colour, "size": 10},
                "error_y": {
                    "array": deviation,
                    "color": colour,
                    "visible": any(d is not None for d in deviation),
                },
            }
        )
    layout = {
        "xaxis": {"title": {"text": x_title}, "type": "log" if logarithmic else "linear"},
        "yaxis": {"title": {"text": "bits per byte"}, "rangemode": "tozero"},
        "legend": {"orientation": "h", "y": -0.18, "yanchor": "top"},
        "height": 500 + 14 * len(methods(summaries)),
        "margin": {"l": 60, "r": 30, "t": 35, "b": 60},
        "hovermode": "closest",
    }
    return {"data": traces, "layout": layout}


def _runs(summaries: list[Summary]) -> list[list[Summary]]:
    """Settings split into groups that differ in model size alone, each in order of parameters."""
    runs: dict[Any, list[Summary]] = {}
    for summary in summaries:
        key = tuple(pair for pair in setting(summary.rows[0]) if pair[0] not in ("size", "parameters"))
        runs.setdefault(key, []).append(summary)
    return [sorted(run, key=lambda s: s.rows[0].parameters) for run in runs.values()]


def _learned(summaries: list[Summary]) -> Plot:
    """Horizontal bars of uniform minus measured bits/byte, longest on top."""
    style = _style(summaries)
    ordered = sorted(summaries, key=lambda s: s.mean("learned_bits_per_byte"))
    learned = [summary.mean("learned_bits_per_byte") for summary in ordered]
    deviation = [summary.deviation("learned_bits_per_byte") for summary in ordered]
    trace = {
        "type": "bar",
        "orientation": "h",
        # Positions, not labels, on the axis: plotly would merge two equal labels.
        "y": list(range(len(ordered))),
        "x": learned,
        # The deviation as text: an error bar would lie across it.
        "text": [
            f"{x:.3f}" + ("" if d is None else f" ± {d:.3f}") for x, d in zip(learned, deviation, strict=True)
        ],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [style[summary.method][0] for summary in ordered]},
        "hovertemplate": [_hover(summary) for summary in ordered],
    }
    # Room for the numbers beside the bars, the negative ones (nothing learned, and some noise) included.
    highest, lowest = max(0.01, *learned), min(0.0, *learned)
    room = 0.12 * (highest - lowest)
    layout = {
        "xaxis": {
            "title": {"text": "uniform − measured bits per byte"},
            "range": [lowest - room if lowest < 0 else 0.0, highest + room],
        },
        "yaxis": {
            "tickvals": list(range(len(ordered))),
            "ticktext": [_plot_text(summary.label) for summary in ordered],
            "automargin": True,
            "showgrid": False,
        },
        "height": 120 + 30 * len(ordered),
        "margin": {"l": 20, "r": 20, "t": 30, "b": 50},
        "showlegend": False,
        "hovermode": "closest",
    }
    return {"data": [trace], "layout": layout}


def _hover(summary: Summary) -> str:
    row = summary.rows[0]
    deviation, unigram = summary.deviation("bits_per_byte"), summary.mean_if_known("unigram_bits_per_byte")
    changed = summary.mean_if_known("windows_changed")
    spread = "" if deviation is None else f" ± {deviation:.4f}"
    lines = [
        f"<b>{_plot_text(summary.label)}</b>",
        f"{summary.mean('bits_per_byte'):.4f}{spread} bits/byte",
        f"uniform {summary.mean('uniform_bits_per_byte'):.3f}"
        + ("" if unigram is None else f", unigram {unigram:.3f}")
        + f", learned {summary.mean('learned_bits_per_byte'):.3f}",
        f"{summary.mean('bytes_per_token'):.2f} bytes/token, bit ratio {summary.mean('bit_ratio'):.2f}",
        f"{summary.mean('flops_per_byte') / 1e6:.2f} MFLOPs/byte",
        f"M2 {_plot_text(row.size)}, {row.parameters:,} parameters",
        f"{row.steps:,} steps of {row.batch_size} × {row.sequence_length} tokens",
        f"{_plot_text(row.corpus)}, seed {', '.join(str(row.seed) for row in summary.rows)}",
    ]
    if changed is not None:
        lines.append(f"windows changed {changed:.1%}")
    return "<br>".join(lines) + "<extra></extra>"


def _plot_text(text: str) -> str:
    """Text for plotly, which reads <b>, <a> and %{...} in labels as its own markup."""
    return html.escape(text, quote=False).replace("%{", "% {")


# Heading, explanation.
_COLUMNS = (
    ("method", "spec of the tokenizer"),
    ("size", "of M2"),
    ("parameters", "of M2, without embeddings"),
    ("corpus", ""),
    ("steps", "training steps of M2"),
    ("seed", ""),
    ("bytes/token", "source bytes per token"),
    ("bits/byte", "of M2 on held-out text; lower is better"),
    ("uniform", "bits/byte of a model that has learned nothing"),
    ("unigram", "bits/byte from token frequencies alone"),
    ("learned", "uniform minus measured bits/byte"),
    ("MFLOPs/byte", "forward pass of M2, and of M1 where it runs"),
    ("changed", "share of windows where the paper's bits would not have read back"),
    ("train tokens", ""),
    ("s", "wall time of the cell"),
)


def _table_row(row: Result) -> list[tuple[str, str | float]]:
    """(text shown, value sorted by) per column; "" sorts last."""
    unigram, changed = row.unigram_bits_per_byte, row.windows_changed
    return [
        (row.method, row.method),
        (row.size, row.parameters),
        (f"{row.parameters:,}", row.parameters),
        (row.corpus, row.corpus),
        (f"{row.steps:,}", row.steps),
        (str(row.seed), row.seed),
        (f"{row.bytes_per_token:.2f}", row.bytes_per_token),
        (f"{row.bits_per_byte:.3f}", row.bits_per_byte),
        (f"{row.uniform_bits_per_byte:.3f}", row.uniform_bits_per_byte),
        ("–", "") if unigram is None else (f"{unigram:.3f}", unigram),
        (f"{row.learned_bits_per_byte:.3f}", row.learned_bits_per_byte),
        (f"{row.flops_per_byte / 1e6:.2f}", row.flops_per_byte),
        ("–", "") if changed is None else (f"{changed:.1%}", changed),
        (f"{row.train_tokens:,}", row.train_tokens),
        (f"{row.wall_seconds:,.0f}", row.wall_seconds),
    ]


def _paper_rows(summaries: list[Summary]) -> list[tuple[str, ...]]:
    """(method, bytes/token, bits/byte, uniform, MFLOPs/byte) of the paper's 25m models, by method."""
    tables = paper_tables()
    rows: list[tuple[str, ...]] = []
    for method in methods(summaries):
        bits = tables["table15_16_bits_per_byte"].get(method, {}).get("25m")
        ratio = tables["table12_bytes_per_token"].get(method)
        if bits is None or ratio is None:
            continue
        example = next(summary.rows[0] for summary in summaries if summary.method == method)
        # Table 15 leaves some methods out; the formula gives those (M1 runs for AC and EqualInfoAC).
        m1 = tables["sizes"]["3m"]["nominal_params"] if method.startswith(("AC[", "EqualInfoAC[")) else 0
        flops = flops_per_byte(tables["sizes"]["25m"]["nominal_params"], ratio, m1)
        uniform = uniform_bits_per_byte(example.vocab, ratio)
        rows.append((method, f"{ratio:.2f}", f"{bits:.2f}", f"{uniform:.2f}", f"{flops / 1e6:.2f}"))
    return rows
