"""Windows that leave bytes which would add only zero bits to the next (appendix A.5, table 17, figure 14)."""

from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import bar_panel, bits_panel, compare_m2s
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.verdicts import less
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure
from equalinfo.score.paper import paper_bits, paper_ratios, paper_tables

GREEDY, DELAYED = "EqualInfoAC[b=16,v=256]", "EqualInfoAC[b=16,v=256,delay]"


def jobs(work: ExperimentContext) -> Iterator[Job]:
    wide, bits = work.scale.wide, 24 if work.scale.small else 16
    pair = [work.scale.windows(bits, wide), f"EqualInfoAC[b={bits},v={wide},delay]"]
    yield from work.m2_jobs([GREEDY, DELAYED, *pair])


def findings(rows: Rows) -> list[Finding]:
    delayed, bits, theirs = paper_tables()["table17_delay"], paper_bits(), "EqualInfoAC[b=16,v=65k]"
    wide = next(m for m in rows.methods() if m.endswith(",delay]") and m != DELAYED)
    return [
        less(rows, "bytes_per_token", DELAYED, GREEDY).on(
            "Delay makes tokens shorter", f"{delayed[GREEDY]['ratio']} against {paper_ratios()[GREEDY]}"
        ),
        less(rows, "bits_per_byte", GREEDY, DELAYED).on(
            "At v=256 delay does not help M2", f"{bits[GREEDY]} against {delayed[GREEDY]['25m']} at 25m"
        ),
        less(rows, "bits_per_byte", wide, wide.replace(",delay", "")).on(
            "With wide tokens delay helps M2 a little",
            f"{delayed[theirs]['25m']} against {bits[theirs]} at 25m",
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    bits, ratios = paper_bits(), dict(paper_ratios())
    for name, values in paper_tables()["table17_delay"].items():
        bits[f"{name[:-1]},delay]"], ratios[f"{name[:-1]},delay]"] = values["25m"], values["ratio"]
    return compare_m2s(rows, bits, ratios)


def figure(rows: Rows) -> Figure:
    panels = [bits_panel(rows), bar_panel(rows, "bytes per token", "bytes_per_token")]
    return Figure("Greedy windows and delayed ones (table 17)", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="A.5, table 17, figure 14",
    measures="Bytes/token and bits/byte of M2 on windows closed as early as their bits allow.",
    minutes=9,
    cost=Cost(m2s={"25m": 4, "113m": 4, "403m": 4, "2b": 4}, coded=4),
    limits="The paper's gain at v=65k is 0.02 bits/byte after 26 G tokens.",
)
