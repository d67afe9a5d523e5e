"""GZip with and without its header and footer (appendix A.4, table 10)."""

from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding
from equalinfo.experiments.cell_tables import bars, compare_cells
from equalinfo.experiments.rows import Difference, Estimate, Rows
from equalinfo.experiments.verdicts import expect_less, expect_near
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel
from equalinfo.score.paper import paper_tables

WITH, WITHOUT = "GZip[v=256]", "GZip[v=256,bare]"


def jobs(work: ExperimentContext) -> Iterator[Job]:
    # GZip[v=65k] needs a softmax over 65,536 ids: not on two cores.
    wide = [] if work.scale.small else ["GZip[v=65k]", "GZip[v=65k,bare]"]
    yield from work.cells([WITH, WITHOUT, *wide])


def findings(rows: Rows) -> list[Finding]:
    table = paper_tables()["table10_gzip_25m"]
    difference: Difference = rows.difference("bits_per_byte", WITH, WITHOUT)
    return [
        expect_less(
            rows,
            "bytes_per_token",
            WITH,
            WITHOUT,
            "Without header and footer tokens are a little longer",
            f"{table['GZip[v=256]'][0]} and {table['GZip[v=256] bare'][0]}",
        ),
        expect_near(
            Estimate(difference.mean, difference.error, difference.source),
            0.0,
            0.05,
            "Header and footer hardly matter to what M2 learns (difference in bits/byte within 0.05)",
            f"{table['GZip[v=256]'][1]} and {table['GZip[v=256] bare'][1]}",
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    table = {
        name.replace("] bare", ",bare]"): value for name, value in paper_tables()["table10_gzip_25m"].items()
    }
    bits = {name: value[1] for name, value in table.items()}
    return compare_cells(rows, bits, {name: value[0] for name, value in table.items()})


def figure(rows: Rows) -> Figure:
    series = [
        bars(rows, quantity, quantity.replace("_", " "))
        for quantity in ("bits_per_byte", "uniform_bits_per_byte")
    ]
    return Figure("GZip's header and footer (table 10)", [Panel("", "", "bits per byte", series)])


EXPERIMENT = Experiment(
    name="gzip_headers",
    paper="A.4, table 10",
    measures="Bytes/token and bits/byte of M2 on gzip streams with and without header and footer.",
    minutes=2,
    cost=Cost(cells={"25m": 4}),
    jobs=jobs,
    findings=findings,
    figure=figure,
    compared=compared,
    version=2,
    limits="M2 learns hardly anything of DEFLATE from 0.5 M tokens, so the header can give or take little.",
)
