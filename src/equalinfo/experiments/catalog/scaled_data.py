"""Training data scaled with M2's size (appendix D.3, table 13, figure 15)."""

from collections.abc import Iterator
from functools import partial
from itertools import product

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import compare_m2s, measured
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.verdicts import less, near
from equalinfo.experiments.workspace import ExperimentContext, Job, slug
from equalinfo.figures.figure import Figure, Panel
from equalinfo.score.measurements import Measurement
from equalinfo.score.paper import paper_tables


def methods(scale: Scale) -> list[str]:
    always = ["Bytes", scale.sentencepiece, "AC[v=256]", "EqualInfoAC[b=16,v=256]", scale.one_token]
    return always if scale.small else [*always, "StaticAC[v=256]", "GZip[v=256]", "GZip[v=65k]"]


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for (size, steps), method, seed in product(work.scale.scaled.items(), methods(work.scale), work.seeds):
        measure = partial(trained, work, method, size, steps, seed)
        yield Job(f"{slug(method)}-{size}-seed{seed}", (method, size, steps, seed), measure)


def trained(work: ExperimentContext, method: str, size: str, steps: int, seed: int) -> list[Measurement]:
    run = work.m2(method, seed, size=size, steps=steps)
    rows = work.m2_rows(run, size=size, steps=steps)
    return [*rows, work.row(method, "parameters", run.result.parameters, size=size, seed=seed)]


def sizes(rows: Rows) -> list[str]:
    """By parameters, smallest first."""
    names = [str(size) for size in rows.coordinates("size")]
    return sorted(names, key=lambda size: rows.mean("parameters", "Bytes", size=size))


def findings(rows: Rows) -> list[Finding]:
    table = paper_tables()["table13_scaled_data_bits_per_byte"]
    small, *_, large = sizes(rows)
    claims = []
    for method in rows.methods("bits_per_byte"):
        if method.startswith(("AC", "StaticAC")):
            continue
        by_size = Rows(
            row.model_copy(update={"method": f"{method} {row.at['size']}"})
            for row in rows.where(method=method)
            if row.at.get("size") in (small, large)
        )
        theirs = table.get(method, {})
        claims.append(
            less(by_size, "bits_per_byte", f"{method} {large}", f"{method} {small}").on(
                f"{method} gains from model and data together",
                f"{theirs['2b']} (2b) against {theirs['25m']} (25m)" if theirs else "",
            )
        )
    uniform = rows.mean("uniform_bits_per_byte", "AC[v=256]", size=large)
    at_uniform = near(rows.estimate("bits_per_byte", "AC[v=256]", size=large), uniform, 0.01 * uniform)
    return [*claims, at_uniform.on("AC gains nothing: the largest M2 is at uniform", "1.46 at every size")]


def compared(rows: Rows) -> list[Compared]:
    table = paper_tables()["table13_scaled_data_bits_per_byte"]
    bits = {name: values.get("25m") for name, values in table.items() if name != "steps"}
    return compare_m2s(rows, bits, size=sizes(rows)[-1])


def figure(rows: Rows) -> Figure:
    series = []
    for method in rows.methods("bits_per_byte"):
        by_size = sizes(rows)
        bits = [rows.estimate("bits_per_byte", method, size=size) for size in by_size]
        series.append(
            measured(method, [rows.mean("parameters", method, size=size) for size in by_size], bits)
        )
    panel = Panel("", "parameters of M2; steps in proportion", "bits per byte", series, x_log=True)
    return Figure("Data scaled with the model (table 13, figure 15)", [panel])


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="D.3, table 13, figure 15",
    measures="Bits/byte of M2s of several sizes, each trained for steps in proportion to its parameters.",
    minutes=18,
    cost=Cost(
        coded=5,
        also="25m, 113m, 403m and 2b at 3,000, 11,000, 40,000 and 200,000 steps, 8 methods: 8 x 0.05, 0.7, 8.9 and 265 "
        "H100-hours, about 2,200",
    ),
    limits="Four sizes up to a million parameters; every method still gains from more of anything.",
)
