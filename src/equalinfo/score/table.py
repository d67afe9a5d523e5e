"""The comparison as a table, for the terminal and for Markdown files."""

from collections.abc import Iterable
from typing import Literal

from rich import box
from rich.table import Table
from rich.text import Text

from equalinfo.score.results import Result
from equalinfo.score.summary import Summary, summarise
from equalinfo.score.tables import code, markdown_table

_HEADINGS = ("method", "bytes/token", "bits/byte", "uniform", "unigram", "learned", "MFLOPs/byte", "s")


def results_table(results: Iterable[Result]) -> Table:
    """Settings by mean bits/byte, best first; ± is the standard deviation over seeds.

    "learned" is uniform minus measured bits/byte, "s" the wall time of one cell in seconds.
    """
    # Narrow enough for a terminal of 80 columns: headings in two lines, few rules.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in _HEADINGS:
        justify: Literal["left", "right"] = "left" if heading == "method" else "right"
        table.add_column(heading.replace("/", "/\n"), justify=justify, no_wrap=True)
    for summary in _best_first(results):
        # Text, not str: rich would take the brackets of AC[v=256] for markup and drop them.
        table.add_row(*(Text(cell) for cell in _cells(summary)))
    return table


def results_markdown(results: Iterable[Result]) -> str:
    """The same table in Markdown, with a final newline."""
    rows = [[code(name), *numbers] for name, *numbers in map(_cells, _best_first(results))]
    return markdown_table(_HEADINGS, rows, range(1, len(_HEADINGS)))


def _best_first(results: Iterable[Result]) -> list[Summary]:
    return sorted(summarise(results), key=lambda summary: summary.mean("bits_per_byte"))


def _cells(summary: Summary) -> list[str]:
    unigram, deviation = summary.mean_if_known("unigram_bits_per_byte"), summary.deviation("bits_per_byte")
    bits = f"{summary.mean('bits_per_byte'):.3f}"
    return [
        summary.label,
        f"{summary.mean('bytes_per_token'):.2f}",
        bits if deviation is None else f"{bits} ± {deviation:.3f}",
        f"{summary.mean('uniform_bits_per_byte'):.3f}",
        "-" if unigram is None else f"{unigram:.3f}",
        f"{summary.mean('learned_bits_per_byte'):.3f}",
        f"{summary.mean('flops_per_byte') / 1e6:.2f}",
        f"{summary.mean('wall_seconds'):,.0f}",
    ]
