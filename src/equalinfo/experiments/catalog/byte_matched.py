"""Wide tokens trained on as many tokens, or on as many bytes, as short ones (table 6)."""

from collections.abc import Iterator
from functools import partial
from itertools import product

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import bars
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.verdicts import less
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel
from equalinfo.score.measurements import Measurement
from equalinfo.score.paper import paper_tables

TOKEN, BYTE = "token matched", "byte matched"


def methods(scale: Scale) -> tuple[str, str, float]:
    """Short and wide tokens of the same windows, and how many times as long the wide ones are."""
    bits = 24 if scale.small else 16
    return scale.windows(bits), scale.windows(bits, scale.wide), scale.wide_bits / 8


def jobs(work: ExperimentContext) -> Iterator[Job]:
    short, wide, longer = methods(work.scale)
    steps = work.scale.recipe.m2.steps
    cases = ((TOKEN, short, steps), (TOKEN, wide, steps), (BYTE, wide, round(steps / longer)))
    for (matched, method, m2_steps), seed in product(cases, work.seeds):
        name = f"{matched.replace(' ', '-')}-{'wide' if method == wide else 'short'}-seed{seed}"
        # Named apart, so that the two settings of one method are two methods to findings.
        shown = f"{method} {matched}" if method == wide else method
        measure = partial(trained, work, method, seed, matched, m2_steps, shown)
        yield Job(name, (matched, method, m2_steps, seed), measure)


def trained(
    work: ExperimentContext, method: str, seed: int, matched: str, steps: int, shown: str
) -> list[Measurement]:
    rows = work.m2_rows(work.m2(method, seed, steps=steps), matched=matched, steps=steps)
    return [row.model_copy(update={"method": shown}) for row in rows]


def named(rows: Rows) -> tuple[str, str, str]:
    """Short, wide by bytes, wide by tokens."""
    short, by_bytes, by_tokens = (
        rows.method(end=end, quantity="bits_per_byte") for end in ("]", BYTE, TOKEN)
    )
    return short, by_bytes, by_tokens


def findings(rows: Rows) -> list[Finding]:
    short, by_bytes, by_tokens = named(rows)
    ours, bytes_, tokens = paper_tables()["table6_bits_per_byte_25m"].values()
    return [
        less(rows, "bits_per_byte", by_bytes, short).on(
            "Wide tokens are better even on the same bytes", f"{bytes_} against {ours}"
        ),
        less(rows, "bits_per_byte", by_tokens, by_bytes).on(
            "More bytes help: as many tokens are better than as many bytes", f"{tokens} against {bytes_}"
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    table = paper_tables()["table6_bits_per_byte_25m"]
    return [
        Compared(name, "bits_per_byte", rows.estimate("bits_per_byte", name), paper, what)
        for name, (what, paper) in zip(named(rows), table.items(), strict=True)
    ]


def figure(rows: Rows) -> Figure:
    panel = Panel("", "", "bits per byte", [bars(rows, "bits_per_byte", "measured", named(rows))])
    return Figure("As many bytes, or as many tokens (table 6)", [panel])


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="table 6",
    measures="Bits/byte of wide tokens after as many bytes, and after as many tokens, as short ones.",
    minutes=8,
    cost=Cost(m2s={"25m": 3}, coded=2),
)
