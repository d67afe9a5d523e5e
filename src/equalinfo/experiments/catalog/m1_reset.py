"""When M1 starts afresh: at every window, every other, or never (appendix A.2, table 9, figure 12)."""

from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import bar_panel, bits_panel, compare_m2s
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.verdicts import less, rising
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure
from equalinfo.score.paper import paper_tables

POLICIES = {
    "every window": "EqualInfoAC[b=16,v=256]",
    "every other window": "EqualInfoAC[b=16,v=256,reset=2]",
    "never": "EqualInfoAC[b=16,v=256,reset=never]",
}


def methods(small: bool) -> list[str]:
    """At the paper's scale for both vocabularies."""
    narrow = list(POLICIES.values())
    return narrow if small else narrow + [name.replace("v=256", "v=65k") for name in narrow]


def jobs(work: ExperimentContext) -> Iterator[Job]:
    yield from work.m2_jobs(methods(work.scale.small))


def findings(rows: Rows) -> list[Finding]:
    table = paper_tables()["table9_m1_reset_403m"]["v=256"]
    order = [(name, rows.estimate("bytes_per_token", method)) for name, method in POLICIES.items()]
    claims = [
        rising(order).on(
            "The longer M1 goes on, the better it compresses (bytes/token)",
            ", ".join(str(values[0]) for values in table.values()),
        )
    ]
    first, *others = POLICIES
    for name in others:
        per_token = (f"{bits * ratio:.2f}" for ratio, bits in (table[first], table[name]))
        claims += [
            less(rows, "bits_per_token", POLICIES[first], POLICIES[name]).on(
                f"and the less M2 learns of its 8 bits per token: {first} against {name}",
                " against ".join(per_token) + " (403m)",
            ),
            less(rows, "bits_per_byte", POLICIES[first], POLICIES[name]).on(
                f"In bits/byte: {first} against {name}", f"{table[first][1]} against {table[name][1]} (403m)"
            ),
        ]
    return claims


def compared(rows: Rows) -> list[Compared]:
    table = paper_tables()["table9_m1_reset_403m"]["v=256"]
    ratios, bits = ({POLICIES[name]: values[i] for name, values in table.items()} for i in (0, 1))
    return compare_m2s(rows, bits, ratios)


def figure(rows: Rows) -> Figure:
    panels = [bits_panel(rows), bar_panel(rows, "bits per token (of 8)", "bits_per_token")]
    return Figure("When M1 starts afresh (table 9)", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="A.2, table 9, figure 12",
    measures="Bytes/token and bits/byte of M2 where M1's context is emptied at every window, every other, or never.",
    minutes=9,
    cost=Cost(m2s={"403m": 6}, coded=6),
    limits="In the paper fresh windows win in bits/byte; here M2 learns so little that the better compression decides.",
)
