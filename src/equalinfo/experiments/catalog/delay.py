"""Windows that leave bytes which would add only zero bits to the next (appendix A.5, table 17, figure 14)."""

from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding
from equalinfo.experiments.cell_tables import bars, compare_cells
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.verdicts import expect_less
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel
from equalinfo.score.paper import paper_tables

GREEDY, DELAYED = "EqualInfoAC[b=16,v=256]", "EqualInfoAC[b=16,v=256,delay]"


def jobs(work: ExperimentContext) -> Iterator[Job]:
    pairs = [GREEDY, DELAYED]
    wide, bits = work.scale.wide, 24 if work.scale.small else 16
    pairs += [work.scale.windows(bits, wide), f"EqualInfoAC[b={bits},v={wide},delay]"]
    yield from work.cells(pairs)


def findings(rows: Rows) -> list[Finding]:
    tables = paper_tables()
    ratios, delayed = tables["table12_bytes_per_token"], tables["table17_delay"]
    bits = tables["table15_16_bits_per_byte"]
    wide = next(m for m in rows.methods() if m.endswith(",delay]") and m != DELAYED)
    plain = wide.replace(",delay", "")
    return [
        expect_less(
            rows,
            "bytes_per_token",
            DELAYED,
            GREEDY,
            "Delay makes tokens shorter",
            f"{delayed[GREEDY]['ratio']} against {ratios[GREEDY]}",
        ),
        expect_less(
            rows,
            "bits_per_byte",
            GREEDY,
            DELAYED,
            "At v=256 delay does not help M2",
            f"{bits[GREEDY]['25m']} against {delayed[GREEDY]['25m']} at 25m",
        ),
        expect_less(
            rows,
            "bits_per_byte",
            wide,
            plain,
            "With wide tokens delay helps M2 a little",
            f"{delayed['EqualInfoAC[b=16,v=65k]']['25m']} against {bits['EqualInfoAC[b=16,v=65k]']['25m']} at 25m",
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    tables = paper_tables()
    bits = {name: values["25m"] for name, values in tables["table15_16_bits_per_byte"].items()}
    ratios = dict(tables["table12_bytes_per_token"])
    for name, values in tables["table17_delay"].items():
        bits[f"{name[:-1]},delay]"], ratios[f"{name[:-1]},delay]"] = values["25m"], values["ratio"]
    return compare_cells(rows, bits, ratios)


def figure(rows: Rows) -> Figure:
    lengths = ("bits_per_byte", "uniform_bits_per_byte")
    panels = [
        Panel("", "", "bits per byte", [bars(rows, q, q.replace("_", " ")) for q in lengths]),
        Panel("", "", "bytes per token", [bars(rows, "bytes_per_token", "bytes per token")]),
    ]
    return Figure("Greedy windows and delayed ones (table 17)", panels)


EXPERIMENT = Experiment(
    name="delay",
    paper="A.5, table 17, figure 14",
    measures="Bytes/token and bits/byte of M2 on windows closed as early as their bits allow.",
    minutes=9,
    cost=Cost(cells={"25m": 4, "113m": 4, "403m": 4, "2b": 4}, coded=4),
    jobs=jobs,
    findings=findings,
    figure=figure,
    compared=compared,
    limits="The paper's gain at v=65k is 0.02 bits/byte after 26 G tokens.",
)
