"""Tokenizers compared, as one HTML page that needs nothing else."""

from collections.abc import Sequence
from typing import Any

from equalinfo.report.templates import template


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
    fields = {"rows": rows, "source": source, "source_bytes": source_bytes, "documents": documents}
    return template("comparison.html.j2").render(**fields, groups=groups, longest=longest)
