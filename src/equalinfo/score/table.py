"""The comparison as a table, for the terminal and for Markdown files."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from equalinfo.score.results import Result
from equalinfo.score.summary import Summary, counted_level, summarise
from equalinfo.score.tables import code, markdown_table, screen_table

_HEADINGS = ("method", "bytes/token", "bits/byte", "uniform", "unigram", "learned", "MFLOPs/byte", "s")
_NUMBERS = range(1, len(_HEADINGS))  # columns that are set right
LEARNED_NOTHING = 0.05  # bits/byte


def results_table(results: Iterable[Result]) -> Table:
    """Settings by mean bits/byte, best first, under sentences that say how to read them."""
    results = list(results)
    # Narrow enough for a terminal of 80 columns: headings in two lines.
    headings = [heading.replace("/", "/\n") for heading in _HEADINGS]
    table = screen_table(headings, map(_cells, _best_first(results)), _NUMBERS)
    table.title, table.title_style, table.title_justify = Text(how_to_read(results)), "none", "left"
    table.collapse_padding = True
    for column in table.columns:
        column.no_wrap = True
    return table


def results_markdown(results: Iterable[Result]) -> str:
    """The same in Markdown, with a final newline."""
    results = list(results)
    rows = [[code(name), *numbers] for name, *numbers in map(_cells, _best_first(results))]
    return f"{how_to_read(results)}\n\n{markdown_table(_HEADINGS, rows, _NUMBERS)}"


def how_to_read(results: Iterable[Result]) -> str:
    """What the table's columns mean, which methods M2 could not read, and what counting alone knows."""
    summaries = summarise(results)
    text = (
        "Lower bits/byte of held-out text are better. Uniform: an M2 that has learned nothing. "
        "Learned: the difference. ±: standard deviation over seeds. s: seconds of training and scoring."
    )
    unread = [s.label for s in summaries if s.mean("learned_bits_per_byte") < LEARNED_NOTHING]
    if unread:
        text += f" Learned nothing, so their bits/byte are the coder's own: {', '.join(unread)}."
    counted = counted_level(summaries)
    if counted is not None:
        text += f" A context model of order 5, counted on the training text: {counted:.3f} bits/byte."
    return " ".join(text.split())  # a name may hold a line end


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
        f"{summary.mean('megaflops_per_byte'):.2f}",
        f"{summary.mean('wall_seconds'):,.0f}",
    ]
