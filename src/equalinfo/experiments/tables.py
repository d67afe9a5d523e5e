"""An experiment's tables for the terminal and for docs/results.md."""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from rich.table import Table

from equalinfo.experiments.base import COST_RULE, Compared, Experiment, Finding, Found
from equalinfo.experiments.registry import experiments
from equalinfo.experiments.rows import Rows
from equalinfo.score.paper import paper_tables
from equalinfo.score.results import read_measurements
from equalinfo.score.tables import markdown_table, screen_table

OUTCOMES: tuple[Found, ...] = ("yes", "no", "unclear")
FOUND = ("expected", "paper", "ours", "uncertainty", "found")


def list_table(all_of: Sequence[Experiment]) -> Table:
    """Names, the paper's table or figure, what is measured, minutes here and cost there."""
    headings = ("name", "paper", "measures", "minutes, small", "at the paper's scale")
    rows = [(one.name, one.paper, one.measures, f"{one.minutes:g}", one.cost.text()) for one in all_of]
    table = screen_table(headings, rows)
    table.caption, table.caption_justify = COST_RULE, "left"
    return table


def list_records(all_of: Sequence[Experiment]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [
        {
            "name": one.name,
            "paper": one.paper,
            "measures": one.measures,
            "minutes": one.minutes,
            "cost": one.cost.text(),
            "seeds": one.seeds,
        }
        for one in all_of
    ]


def findings_table(findings: Sequence[Finding]) -> Table:
    return screen_table(FOUND, map(finding_cells, findings))


def compared_table(lines: Sequence[Compared]) -> Table:
    return screen_table(*pivot(lines))


def finding_cells(one: Finding) -> tuple[str, ...]:
    return (one.expectation, one.paper or "-", one.ours, one.uncertainty, one.found)


def pivot(lines: Sequence[Compared]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Headings and rows: one row for each thing, one column for each quantity, the paper's value in parentheses.

    The last column names the paper's method where it is not the same, and is left out where it always is.
    """
    quantities = list(dict.fromkeys(one.quantity for one in lines))
    by_what: dict[str, dict[str, Compared]] = {}
    for one in lines:
        by_what.setdefault(one.what, {})[one.quantity] = one
    rows, named = [], False
    for what, by_quantity in by_what.items():
        cells = [
            _compared_cell(by_quantity[quantity]) if quantity in by_quantity else "-"
            for quantity in quantities
        ]
        other = {one.paper_what for one in by_quantity.values() if one.paper is not None} - {what, ""}
        named = named or bool(other)
        rows.append((what, *cells, ", ".join(sorted(other))))
    headings = ["ours (paper)", *(name.replace("_", " ") for name in quantities), "paper's method"]
    if named:
        return headings, rows
    return headings[:-1], [row[:-1] for row in rows]


def _compared_cell(one: Compared) -> str:
    paper = "" if one.paper is None else f" ({one.paper:g})"
    return one.ours.text() + paper


def records(findings: Sequence[Finding], compared: Sequence[Compared]) -> dict[str, Any]:
    """Findings and comparison as JSON."""
    return {
        "findings": [dict(zip(FOUND, finding_cells(one), strict=True)) for one in findings],
        "compared": [
            {
                "what": one.what,
                "quantity": one.quantity,
                "ours": one.ours.mean,
                "standard_error": one.ours.error,
                "paper": one.paper,
                "of": one.paper_what,
            }
            for one in compared
        ],
    }


def summary(folder: Path, images: str) -> str:
    """docs/results.md from the tables in `folder`: every experiment with rows there, figures by relative path."""
    lines = [
        "# Results of the experiments at the small scale",
        "",
        "This page has what each experiment expected and what it measured, with the paper's values in parentheses "
        f"beside ours ({paper_tables()['source']}). A finding is *unclear* where chance could explain it at 5 %. Why "
        "an expectation was not found: [lab notes](lab-notes.md). `equalinfo experiment --summary` writes the page "
        "from the rows that each section names; do not edit it.",
        "",
        "What this scale can show: what tokenizers do by themselves (ratios, frequencies, uniformity, contents, "
        "stability) with a small M1; whether M2 learns a method at all; which methods, window sizes and places in a "
        "window are learned before others. What it cannot: bits/byte near the paper's (M1 and M2 have half a million "
        "parameters, M2 reads 0.5 M tokens where the paper's reads 26 G), where curves of slow learners cross those "
        "of fast ones, differences of a hundredth of a bit, and vocabularies of 65,536. Names that end in -mix are "
        "of the scale `mix`: more text, read once, and M2s that read up to 10 M tokens; those in -gpu read 39 M.",
        "",
    ]
    sections: list[str] = []
    tally: list[tuple[str, ...]] = []
    for one, suffix in product(experiments(), ("", "-mix", "-gpu")):
        name = one.name + suffix
        path = folder / f"{name}.jsonl"
        if not path.is_file():
            continue
        rows = Rows(read_measurements(path))
        findings = one.run.findings(rows)
        counts = Counter(finding.found for finding in findings)
        tally.append((f"[{name}](#{name})", one.paper, *(str(counts[word]) for word in OUTCOMES)))
        source = f"Rows: [{path.name}]({images}/{path.name})."
        sections += [f"## {name}", "", f"{one.measures} Paper: {one.paper}. {source}", ""]
        sections += [markdown_table(FOUND, map(finding_cells, findings))]
        if (folder / f"{name}.svg").is_file():
            sections += [f"![{name}]({images}/{name}.svg)", ""]
        if compared := one.run.compared(rows):
            sections += [markdown_table(*pivot(compared))]
        if one.limits:
            sections += [f"What this scale cannot show: {one.limits}", ""]
    head = markdown_table(("experiment", "paper", "found", "not found", "unclear"), tally, (2, 3, 4))
    return "\n".join([*lines, head, *sections]).rstrip() + "\n"
