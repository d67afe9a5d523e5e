"""Tokens that cross the ends of windows (appendix A.1: windows of 24 bits and tokens of 16)."""

from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import bits_panel, compare_m2s
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.verdicts import less
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure
from equalinfo.score.paper import paper_ratios, paper_tables


def jobs(work: ExperimentContext) -> Iterator[Job]:
    # Small: tokens of 12 bits in windows of 16, whose ends they cross as 16 bits cross those of 24.
    bits, aligned = (16, 24) if work.scale.small else (24, 16)
    wide = [work.scale.windows(b, work.scale.wide) for b in (bits, aligned)]
    yield from work.m2_jobs([work.scale.windows(bits), *wide])


def findings(rows: Rows) -> list[Finding]:
    table = paper_tables()["a1_24bit_403m_bits_per_byte"]
    short, crossing, _ = rows.methods("bits_per_byte")
    paper = " against ".join(str(table[f"EqualInfoAC[b=24,v={v}]"]) for v in ("65k", "256"))
    return [
        less(rows, "bits_per_byte", crossing, short).on(
            f"Wide tokens are better though they cross windows ({crossing} against {short})",
            f"{paper} (b=24, 403m)",
        )
    ]


def compared(rows: Rows) -> list[Compared]:
    return compare_m2s(rows, paper_tables()["a1_24bit_403m_bits_per_byte"], paper_ratios())


def figure(rows: Rows) -> Figure:
    return Figure("Tokens across windows (A.1)", [bits_panel(rows)])


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="A.1",
    measures="Bits/byte of M2 on wide tokens that cross the ends of windows, beside short ones that do not.",
    minutes=8,
    cost=Cost(m2s={"403m": 2}, coded=2),
)
