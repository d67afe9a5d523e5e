"""Tables of text cells, for the terminal and in Markdown."""

from collections.abc import Collection, Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

Rows = Iterable[Sequence[str]]


def screen_table(headings: Sequence[str], rows: Rows, numbers: Collection[int] = ()) -> Table:
    """For a terminal of any width: few rules.

    Args:
        numbers: columns that are set right.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index in numbers else "left")
    for row in rows:
        # Text, not str: rich would take the brackets of AC[v=256] for markup and drop them.
        table.add_row(*map(Text, row))
    return table


def markdown_table(headings: Sequence[str], rows: Rows, numbers: Collection[int] = ()) -> str:
    """The same in Markdown, with a final newline.

    Example:
        >>> print(markdown_table(["method", "bits/byte"], [["AC[v=256]", "2.31"]], {1}), end="")
        | method | bits/byte |
        |---|---:|
        | AC[v=256] | 2.31 |
    """
    rule = "".join("---:|" if index in numbers else "---|" for index in range(len(headings)))
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in (headings, *rows)]
    return "\n".join([lines[0], "|" + rule, *lines[1:]]) + "\n"


def code(text: str) -> str:
    """A Markdown code span."""
    return "`" + text.replace("`", "'") + "`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
