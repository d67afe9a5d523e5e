"""The tables of `tokenizer_speed`: results/tokenizer-speed.md, and the one of docs/methods.md."""

from pathlib import Path
from typing import Any

BEGIN, END = (
    "<!-- tokenizer-speed: written by `python -m benchmarks.tokenizer_speed --tables` -->",
    "<!-- end -->",
)
PAGE = Path("docs/methods.md")


def write_tables(found: dict[str, Any], out: Path) -> None:
    """Writes the page beside the results and replaces what is between the marks in docs/methods.md."""
    texts = found["texts"]
    parts = [
        "# Speed of tokenizers\n",
        "Text not seen before, one thread, medians of "
        f"{found['rounds']} rounds, on {found['machine']['processor']}; made by "
        "`python -m benchmarks.tokenizer_speed`, which says how. CPU: by processor time.\n",
    ]
    for kind, about in texts.items():
        parts.append(f"## {kind}, {about['bytes'] / 1e6:.1f} MB in {about['documents']:,} documents\n")
        parts.append(table(found, kind))
    parts.append("## A process that encodes one string\n")
    parts.append(process_table(found["processes"]))
    if found["datasets_map"]:
        rates = ", ".join(f"{row['form']} {row['mb_per_cpu_s']:.0f}" for row in found["datasets_map"])
        parts.append(f"`datasets.map` with `english-65k` on English, MB/s of processor time: {rates}.\n")
    parts.append("## Text made to be slow, MB/s of processor time\n")
    parts.append(hostile_table(found["hostile"]))
    out.with_suffix(".md").write_text("\n".join(parts), encoding="utf-8")
    if PAGE.is_file():
        page = PAGE.read_text(encoding="utf-8")
        before, mark, rest = page.partition(BEGIN)
        if mark:
            after = rest.partition(END)[2]
            inside = f"\n\n{table(found, 'English')}\n{process_table(found['processes'])}\n"
            PAGE.write_text(f"{before}{BEGIN}{inside}{END}{after}", encoding="utf-8")


def table(found: dict[str, Any], kind: str) -> str:
    """One kind of text: a row for each tokenizer."""
    rows = [row for row in found["speed"] if row["text"] == kind]
    reference = {row["entries"]: row for row in rows if row["tokenizer"] == "gigatoken"}
    lines = [
        "| tokenizer | entries | bytes/token | batch MB/s, CPU | x gigatoken | one by one MB/s, CPU | x gigatoken "
        "| both by the clock | 27 characters, us |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        cells = [row["tokenizer"] + note(row), f"{row['entries']:,}", f"{row['bytes_per_token']:.2f}"]
        for task in ("batch", "one by one"):
            rate = row[task]["mb_per_cpu_s"]
            other = reference.get(row["entries"])
            times = f"{rate / other[task]['mb_per_cpu_s']:.2f}" if other else ""
            cells += [f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}", times]
        cells += [f"{row['batch']['mb_per_s']:.0f}, {row['one by one']['mb_per_s']:.0f}"]
        cells += [f"{row['short strings']['cpu_us']:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def note(row: dict[str, Any]) -> str:
    """What is to be known of a row besides."""
    if row.get("right_ids", 1) < 1:
        return f" ({1 - row['right_ids']:.1%} of documents differ from tokenizers')"
    return "" if row["round_trips"] == 1 else f" ({1 - row['round_trips']:.1%} of documents do not come back)"


def process_table(rows: list[dict[str, Any]]) -> str:
    lines = ["| a process that encodes one string | s, CPU | s, clock |", "|---|---:|---:|"]
    for row in rows:
        name = row["tokenizer"] + (", first after installation" if row["process"] == "first" else "")
        lines.append(f"| {name} | {row['cpu_seconds']:.2f} | {row['seconds']:.2f} |")
    return "\n".join(lines) + "\n"


def hostile_table(rows: list[dict[str, Any]]) -> str:
    kinds = list(dict.fromkeys(row["text"] for row in rows))
    lines = [f"| tokenizer | {' | '.join(kinds)} |", "|---" + "|---:" * len(kinds) + "|"]
    for name in dict.fromkeys(row["tokenizer"] for row in rows):
        rates = {row["text"]: row["mb_per_cpu_s"] for row in rows if row["tokenizer"] == name}
        lines.append(f"| {name} | {' | '.join(f'{rates[kind]:.0f}' for kind in kinds)} |")
    return "\n".join(lines) + "\n"
