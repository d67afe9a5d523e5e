"""Wide tokens trained on as many tokens, or on as many bytes, as short ones (table 6)."""

from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding
from equalinfo.experiments.cell_tables import bars
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.verdicts import expect_less
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
    for matched, method, own in (
        (TOKEN, short, steps),
        (TOKEN, wide, steps),
        (BYTE, wide, round(steps / longer)),
    ):
        for seed in work.seeds:

            def measure(
                matched: str = matched, method: str = method, own: int = own, seed: int = seed
            ) -> list[Measurement]:
                # Named apart, so that the two settings of one method are two methods to findings.
                cell = work.cell(method, seed, steps=own)
                rows = work.cell_rows(cell, matched=matched, steps=own)
                name = f"{method} {matched}" if method == wide else method
                return [row.model_copy(update={"method": name}) for row in rows]

            yield Job(
                f"{matched.replace(' ', '-')}-{'wide' if method == wide else 'short'}-seed{seed}",
                (matched, method, own, seed),
                measure,
            )


def named(rows: Rows) -> tuple[str, str, str]:
    """Short, wide by bytes, wide by tokens."""
    names = rows.methods("bits_per_byte")
    return (
        next(m for m in names if m.endswith("]")),
        next(m for m in names if m.endswith(BYTE)),
        next(m for m in names if m.endswith(TOKEN)),
    )


def findings(rows: Rows) -> list[Finding]:
    table = paper_tables()["table6_bits_per_byte_25m"]
    short, by_bytes, by_tokens = named(rows)
    ours, bytes_, tokens = table.values()
    return [
        expect_less(
            rows,
            "bits_per_byte",
            by_bytes,
            short,
            "Wide tokens are better even on the same bytes",
            f"{bytes_} against {ours}",
        ),
        expect_less(
            rows,
            "bits_per_byte",
            by_tokens,
            by_bytes,
            "More bytes help: as many tokens are better than as many bytes",
            f"{tokens} against {bytes_}",
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
    name="byte_matched",
    paper="table 6",
    measures="Bits/byte of wide tokens after as many bytes, and after as many tokens, as short ones.",
    minutes=8,
    cost=Cost(cells={"25m": 3}, coded=2),
    jobs=jobs,
    findings=findings,
    figure=figure,
    compared=compared,
)
