"""What ships with the package: `tokenizers`."""

from pathlib import Path
from typing import Any

from equalinfo.cli.app import app
from equalinfo.cli.options import AsJson


@app.command("tokenizers")
def tokenizers_command(as_json: AsJson = False) -> None:
    """List the tokenizers that ship with equalinfo, and the M1 they were compiled from.

    Example: equalinfo tokenizers
    """
    import json

    from equalinfo.pipeline.progress import console
    from equalinfo.shipped import shipped

    rows = [_row(name, path) for name, path in shipped().items()]
    if as_json:
        print(json.dumps(rows))
    elif not rows:
        print("none ships with this equalinfo; `equalinfo compile` makes one")
    else:
        console().print(_table(rows))


def _row(name: str, path: Path) -> dict[str, Any]:
    from equalinfo.shipped import card_of

    card = card_of(path)
    shown = ("kind", "spec", "vocab", "identity", "bytes_per_token", "bits_per_byte")
    size = sum(file.stat().st_size for file in path.iterdir())
    return {"name": name, "bytes": size, **{key: card[key] for key in shown if key in card}}


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "spec", "entries", "MB", "bytes/token", "M1 bits/byte")
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        figures = (f"{row[key]:.2f}" if key in row else "" for key in ("bytes_per_token", "bits_per_byte"))
        entries = f"{row['vocab']:,}" if row["kind"] == "tokenizer" else ""
        table.add_row(row["name"], Text(row["spec"]), entries, f"{row['bytes'] / 1e6:.2f}", *figures)
    return table
