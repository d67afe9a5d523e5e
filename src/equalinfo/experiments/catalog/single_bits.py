"""M2 on single bits: at a loss of ln 2 = 0.693 nats it has learned nothing (section 5.1)."""

import math
from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import bars, compare_m2s
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.verdicts import near, positive
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel

METHODS = ("AC[v=2]", "EqualInfoAC[b=16,v=2]")
TOLERANCE = 0.002  # nats


def jobs(work: ExperimentContext) -> Iterator[Job]:
    # Four times the tokens: a bit holds an eighth of what a token of 8 bits does.
    settings = {"max_tokens": 4 * work.scale.recipe.data.max_tokens} if work.scale.small else {}
    yield from work.m2_jobs(METHODS, **settings)


def nats(rows: Rows, method: str) -> Estimate:
    bits = rows.estimate("bits_per_token", method)
    error = None if bits.error is None else bits.error * math.log(2)
    return Estimate(bits.mean * math.log(2), error, bits.source)


def findings(rows: Rows) -> list[Finding]:
    windows = nats(rows, METHODS[1])
    saved = Estimate(math.log(2) - windows.mean, windows.error, windows.source)
    return [
        near(nats(rows, METHODS[0]), math.log(2), TOLERANCE, 4).on(
            "On AC's single bits M2 learns nothing: a loss of 0.693 nats", "0.693"
        ),
        positive(saved, 4, TOLERANCE).on(
            f"Ours: in windows of 16 bits it learns something even so: {TOLERANCE} nats or more below 0.693"
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    lines = [
        Compared(m, "loss_nats", nats(rows, m), 0.693 if m == METHODS[0] else None, m)
        for m in rows.methods("bits_per_token")
    ]
    return lines + compare_m2s(rows, {}, {})


def figure(rows: Rows) -> Figure:
    series = [bars(rows, "bits_per_token", "measured")]
    panel = Panel("", "", "bits per token (of 1)", series, levels=[(1.0, "uniform")])
    return Figure("M2 on single bits (section 5.1)", [panel])


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="section 5.1",
    measures="Loss of M2 on the single bits of AC and of windows of 16 bits.",
    minutes=8,
    cost=Cost(m2s={"25m": 2}, coded=2),
)
