"""GZip with and without its header and footer (appendix A.4, table 10)."""

from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import bits_panel, compare_m2s
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.verdicts import less, near
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure
from equalinfo.score.paper import paper_tables

WITH, WITHOUT = "GZip[v=256]", "GZip[v=256,bare]"


def jobs(work: ExperimentContext) -> Iterator[Job]:
    # GZip[v=65k] needs a softmax over 65,536 ids: not on two cores.
    wide = [] if work.scale.small else ["GZip[v=65k]", "GZip[v=65k,bare]"]
    yield from work.m2_jobs([WITH, WITHOUT, *wide])


def findings(rows: Rows) -> list[Finding]:
    table = paper_tables()["table10_gzip_25m"]
    (ratio, bits), (bare_ratio, bare_bits) = table["GZip[v=256]"][:2], table["GZip[v=256] bare"][:2]
    difference = rows.difference("bits_per_byte", WITH, WITHOUT)
    return [
        less(rows, "bytes_per_token", WITH, WITHOUT).on(
            "Without header and footer tokens are a little longer", f"{ratio} and {bare_ratio}"
        ),
        near(Estimate(difference.mean, difference.error, difference.source), 0.0, 0.05).on(
            "Header and footer hardly matter to what M2 learns (difference in bits/byte within 0.05)",
            f"{bits} and {bare_bits}",
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    table = paper_tables()["table10_gzip_25m"]
    ratios, bits = (
        {name.replace("] bare", ",bare]"): value[place] for name, value in table.items()} for place in (0, 1)
    )
    return compare_m2s(rows, bits, ratios)


def figure(rows: Rows) -> Figure:
    return Figure("GZip's header and footer (table 10)", [bits_panel(rows)])


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="A.4, table 10",
    measures="Bytes/token and bits/byte of M2 on gzip streams with and without header and footer.",
    minutes=2,
    cost=Cost(m2s={"25m": 4}),
    version=2,
    limits="M2 learns hardly anything of DEFLATE from 0.5 M tokens, so the header can give or take little.",
)
