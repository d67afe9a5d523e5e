"""How much bits/byte vary from seed to seed (appendix D.1, table 11)."""

import math
from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import bars
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.scales import Scale, paper_method
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.score.metrics import mean_and_deviation
from equalinfo.score.paper import paper_tables

# The paper's largest is 0.0061; ours sees a fifty-thousandth of the tokens.
SMALL = 0.05


def methods(scale: Scale) -> list[str]:
    always = ["Bytes", scale.sentencepiece, "AC[v=256]", "EqualInfoAC[b=16,v=256]", "GZip[v=256]"]
    if scale.small:
        return [*always, "EqualInfo[v=4k,fewest,words]"]
    windows = [scale.windows(bits) for bits in (32, 64, 128)]
    return [*always, "StaticAC[v=256]", *windows, "EqualInfo[v=65k,fewest,words]"]


def jobs(work: ExperimentContext) -> Iterator[Job]:
    yield from work.m2_jobs(methods(work.scale))


def deviation(rows: Rows, method: str) -> Estimate:
    """Sample standard deviation over seeds, and its own standard error for normal values."""
    values = rows.values("bits_per_byte", method)
    spread = mean_and_deviation(values)[1] or 0.0
    error = spread / math.sqrt(2 * (len(values) - 1)) if len(values) > 1 else None
    return Estimate(spread, error, f"{len(values)} seeds")


def findings(rows: Rows) -> list[Finding]:
    names = rows.methods("bits_per_byte")
    table = paper_tables()["table11_std_25m"]
    spread = {name: deviation(rows, name) for name in names}
    largest = max(names, key=lambda name: spread[name].mean)
    low, high = sorted(rows.mean("bits_per_byte", name) for name in names)[:: len(names) - 1]
    widest, ac, learned = spread[largest], "AC[v=256]", "EqualInfoAC[b=16,v=256]"
    return [
        Finding(
            f"Seeds differ little: every standard deviation is below {SMALL} bits/byte",
            f"at most {max(value[1] for value in table.values())}",
            f"at most {widest.mean:.4f} ({largest}); methods span {high - low:.2f}",
            widest.source,
            "yes" if widest.mean < SMALL else "no",
        ),
        Finding(
            "They differ least where nothing is learned: AC below EqualInfoAC[b=16]",
            f"{table[ac][1]} and {table[learned][1]}",
            f"{spread[ac].mean:.5f} and {spread[learned].mean:.5f}",
            f"standard errors {spread[ac].error or 0:.5f} and {spread[learned].error or 0:.5f}",
            "yes" if spread[ac].mean < spread[learned].mean else "no",
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    table = paper_tables()["table11_std_25m"]
    lines = []
    for name in rows.methods("bits_per_byte"):
        theirs = paper_method(name)
        mean, std = table.get(theirs, (None, None))
        lines.append(Compared(name, "standard deviation, bits_per_byte", deviation(rows, name), std, theirs))
        bits = rows.estimate("bits_per_byte", name)
        lines.append(Compared(name, "mean, bits_per_byte", bits, mean, theirs))
    return lines


def figure(rows: Rows) -> Figure:
    names = rows.methods("bits_per_byte")
    spread = Series("standard deviation", names, [deviation(rows, n).mean for n in names], kind="bars")
    panels = [
        Panel("", "", "bits per byte (± 2 standard errors)", [bars(rows, "bits_per_byte", "mean")]),
        Panel("", "", "standard deviation over seeds, bits per byte", [spread]),
    ]
    return Figure("Variance over seeds (table 11)", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="D.1, table 11",
    measures="Mean and standard deviation of bits/byte over seeds of M2.",
    minutes=20,
    cost=Cost(m2s={"25m": 50}, coded=5),
    seeds=4,
)
