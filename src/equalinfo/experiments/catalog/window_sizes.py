"""Windows of 16 to 128 bits: compression against learnability, and where learnability breaks (figure 5, table 16)."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Found
from equalinfo.experiments.cell_tables import bits_by_place, compare_cells, line, measured
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.statistics import mean_error
from equalinfo.experiments.verdicts import expect_order
from equalinfo.experiments.workspace import ExperimentContext, Job, example_losses
from equalinfo.figures.figure import Figure, Panel
from equalinfo.score.measurements import Measurement
from equalinfo.score.paper import paper_tables

# The paper's four, and 24, 48, 96 between them.
BITS = (16, 24, 32, 48, 64, 96, 128)
PAPER_BITS = (16, 32, 64, 128)
TOKEN = 8
# A place is learned where M2 saves this share of its 8 bits: ten times what AC shows as noise at this scale.
LEARNED = 0.01


def method(bits: int) -> str:
    return f"EqualInfoAC[b={bits},v=256]"


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for bits in BITS:
        for seed in work.seeds:

            def measure(bits: int = bits, seed: int = seed) -> list[Measurement]:
                cell = work.cell(method(bits), seed)
                rows = work.cell_rows(cell, b=bits)
                places = bits_by_place(example_losses(cell), bits // TOKEN)
                common: dict[str, Any] = {"seed": seed, "cell": cell.result.cell}
                for place, values in enumerate(places, start=1):
                    mean = sum(values) / len(values)
                    where: dict[str, Any] = {"b": bits, "position": place}
                    rows.append(
                        work.row(
                            method(bits), "bits_per_token_at", mean, mean_error(values), **common, **where
                        )
                    )
                return rows

            yield Job(f"b{bits}-seed{seed}", (bits, seed), measure)


def learned_places(rows: Rows, bits: int) -> list[int]:
    """The places of a window at which M2 saves LEARNED of a token's 8 bits or more."""
    own = rows.where("bits_per_token_at", method(bits))
    places = [int(place) for place in own.coordinates("position")]
    limit = TOKEN * (1 - LEARNED)
    return [place for place in places if own.mean("bits_per_token_at", position=place) <= limit]


def breaking_point(rows: Rows) -> float | None:
    """Window size in bits at which the mean saving falls below LEARNED, by interpolation over log b; None: nowhere."""
    saved = [1 - rows.mean("bits_per_token", method(bits)) / TOKEN for bits in BITS]
    for (small, one), (large, other) in pairwise(zip(BITS, saved, strict=True)):
        if one >= LEARNED > other:
            share = (one - LEARNED) / (one - other)
            return math.exp(math.log(small) + share * (math.log(large) - math.log(small)))
    return None


def findings(rows: Rows) -> list[Finding]:
    table, ratios = paper_tables()["table15_16_bits_per_byte"], paper_tables()["table12_bytes_per_token"]

    def order(quantity: str, over: tuple[int, ...]) -> list[tuple[str, Estimate]]:
        return [(f"b={bits}", rows.estimate(quantity, method(bits))) for bits in over]

    # The code of a byte that is uniform is a longer one; what is learned is per token.
    paper_bits = ", ".join(f"{table[method(b)]['25m'] * ratios[method(b)]:.2f}" for b in PAPER_BITS)
    breaks = breaking_point(rows)
    last = {bits: learned_places(rows, bits) for bits in BITS}
    first_only: Found = (
        "yes" if all(places and places[0] == 1 for places in last.values() if places) else "no"
    )
    return [
        expect_order(
            order("bytes_per_token", BITS),
            "Longer windows compress better (bytes/token)",
            ", ".join(f"{ratios[method(b)]}" for b in PAPER_BITS) + " for b = 16, 32, 64, 128",
        ),
        expect_order(
            order("bits_per_token", BITS),
            "Longer windows are harder to learn: bits/token rise towards 8",
            f"{paper_bits} of 8 for b = 16, 32, 64, 128 at 25m",
        ),
        Finding(
            f"Somewhere between 16 and 128 bits M2 stops saving {LEARNED:.0%} of a token's 8 bits",
            "no such point: the paper's longest windows still save 1.3 % at 25m",
            "nowhere" if breaks is None else f"at b = {breaks:.0f}",
            "interpolated between the sizes measured",
            "no" if breaks is None else "yes",
        ),
        Finding(
            "Within a window the first tokens are the ones learned",
            "figure 10: the first two of eight",
            "; ".join(f"b={bits}: {', '.join(map(str, places)) or 'none'}" for bits, places in last.items()),
            f"places where M2 saves {LEARNED:.0%} or more",
            first_only,
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    tables = paper_tables()
    bits = {name: values["25m"] for name, values in tables["table15_16_bits_per_byte"].items()}
    lines = compare_cells(rows, bits, tables["table12_bytes_per_token"])
    ratios = tables["table12_bytes_per_token"]
    for name in rows.methods("bits_per_token"):
        theirs = bits[name] * ratios[name] if name in bits and name in ratios else None
        lines.append(Compared(name, "bits_per_token", rows.estimate("bits_per_token", name), theirs, name))
    return lines


def figure(rows: Rows) -> Figure:
    over_b = []
    for quantity in ("bits_per_byte", "uniform_bits_per_byte"):
        own = [rows.estimate(quantity, method(bits)) for bits in BITS]
        over_b.append(measured("measured" if quantity == "bits_per_byte" else "uniform", BITS, own))
    own = [rows.estimate("bits_per_token", method(bits)) for bits in BITS]
    per_token = measured("measured", BITS, own)
    places = [line(rows, "bits_per_token_at", method(bits), "position", f"b={bits}") for bits in BITS]
    level = [(TOKEN * (1 - LEARNED), "1 % saved"), (float(TOKEN), "uniform")]
    return Figure(
        "Window sizes (figure 5, table 16)",
        [
            Panel("", "bits per window", "bits per byte", over_b, x_log=True),
            Panel("", "bits per window", "bits per token", [per_token], x_log=True, levels=level),
            Panel("", "token in its window", "bits per token", places, levels=level),
        ],
    )


EXPERIMENT = Experiment(
    name="window_sizes",
    paper="figure 5, table 16; 24, 48 and 96 bits are ours",
    measures="Bits/byte and bits/token of M2 on windows of 16 to 128 bits, by place in them; where it stops learning.",
    minutes=12,
    cost=Cost(cells={"25m": 7, "113m": 7, "403m": 7, "2b": 7}, coded=7),
    jobs=jobs,
    findings=findings,
    figure=figure,
    compared=compared,
    limits="That M2 goes on learning the later tokens of a window: the paper sees that after thousands of steps.",
)
