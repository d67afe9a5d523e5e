"""Tokens that cross the ends of windows (appendix A.1: windows of 24 bits and tokens of 16)."""

from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding
from equalinfo.experiments.cell_tables import bars, compare_cells
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.verdicts import expect_less
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel
from equalinfo.score.paper import paper_tables


def jobs(work: ExperimentContext) -> Iterator[Job]:
    # Small: tokens of 12 bits in windows of 16, whose ends they cross as 16 bits cross those of 24.
    bits = 16 if work.scale.small else 24
    aligned = 24 if work.scale.small else 16
    wide = work.scale.wide
    yield from work.cells(
        [work.scale.windows(bits), work.scale.windows(bits, wide), work.scale.windows(aligned, wide)]
    )


def findings(rows: Rows) -> list[Finding]:
    table = paper_tables()["a1_24bit_403m_bits_per_byte"]
    short, crossing, _ = rows.methods("bits_per_byte")
    return [
        expect_less(
            rows,
            "bits_per_byte",
            crossing,
            short,
            f"Wide tokens are better though they cross windows ({crossing} against {short})",
            " against ".join(str(table[f"EqualInfoAC[b=24,v={v}]"]) for v in ("65k", "256"))
            + " (b=24, 403m)",
        )
    ]


def compared(rows: Rows) -> list[Compared]:
    tables = paper_tables()
    return compare_cells(rows, tables["a1_24bit_403m_bits_per_byte"], tables["table12_bytes_per_token"])


def figure(rows: Rows) -> Figure:
    series = [bars(rows, q, q.replace("_", " ")) for q in ("bits_per_byte", "uniform_bits_per_byte")]
    return Figure("Tokens across windows (A.1)", [Panel("", "", "bits per byte", series)])


EXPERIMENT = Experiment(
    name="tokens_across_windows",
    paper="A.1",
    measures="Bits/byte of M2 on wide tokens that cross the ends of windows, beside short ones that do not.",
    minutes=8,
    cost=Cost(cells={"403m": 2}, coded=2),
    jobs=jobs,
    findings=findings,
    figure=figure,
    compared=compared,
)
