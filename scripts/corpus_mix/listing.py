"""The list of sources as a table."""

from typing import Any

from equalinfo.score.tables import markdown_table

COLUMNS = ("source", "kind", "package", "documents", "MB", "repeated MB", "licence", "open")


def table(entries: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """A row for each entry of sources.json, in the order of COLUMNS, and one for all; MB are 10^6 bytes of text."""
    rows = [_row(entry) for entry in entries]
    here = [entry for entry in entries if "missing" not in entry]
    for name, counted in (("open", [entry for entry in here if entry["open"]]), ("all", here)):
        documents, size, repeated = (
            sum(entry[key] for entry in counted) for key in ("documents", "bytes", "repeated_bytes")
        )
        rows.append((name, "", "", f"{documents:,}", _mb(size), _mb(repeated), "", ""))
    return rows


def markdown(entries: list[dict[str, Any]]) -> str:
    """The table for a page of documentation."""
    return markdown_table(COLUMNS, table(entries), (3, 4, 5))


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    version = f" {entry['version']}" if entry["version"] else ""
    named = (entry["name"], entry["kind"], f"{entry['registry']} {entry['package']}{version}")
    ends = (entry["licence"], "yes" if entry["open"] else "no")
    if "missing" in entry:
        return (*named, "missing", "", "", *ends)
    return (*named, f"{entry['documents']:,}", _mb(entry["bytes"]), _mb(entry["repeated_bytes"]), *ends)


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f}"
