"""Tokenizers compared, as one HTML page that needs nothing else."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2


def comparison_page(rows: Sequence[dict[str, Any]], source: str, source_bytes: int, documents: int) -> str:
    """The page: a table of figures, then bytes/token by kind of text and by language as bars.

    Args:
        rows: fields of `runs.compare.Compared`, one tokenizer each.
        source: the corpus as the user named it.
    """
    groups = {
        title: list(dict.fromkeys(group for row in rows for group in row[key]))
        for title, key in (("By kind of text", "by_kind"), ("By language", "by_language"))
    }
    longest = max(max(row["by_kind"].values()) for row in rows)
    longest = max(longest, *(max(row["by_language"].values()) for row in rows))
    return _template().render(
        rows=rows,
        source=source,
        source_bytes=source_bytes,
        documents=documents,
        groups=groups,
        longest=longest,
    )


@cache
def _template() -> jinja2.Template:
    text = files(__package__).joinpath("comparison.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text)
