"""Windows of 16 to 128 bits: compression against learnability, and where learnability breaks (figure 5, table 16)."""

import math
from collections.abc import Iterator
from functools import partial
from itertools import pairwise, product

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Found, Functions
from equalinfo.experiments.m2_tables import bits_by_place, compare_m2s, line, measured
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.statistics import mean_error
from equalinfo.experiments.verdicts import rising
from equalinfo.experiments.workspace import ExperimentContext, Job, example_losses
from equalinfo.figures.figure import Figure, Panel
from equalinfo.score.measurements import Measurement
from equalinfo.score.paper import paper_bits, paper_ratios

# The paper's four, and 24, 48, 96 between them.
BITS = (16, 24, 32, 48, 64, 96, 128)
PAPER_BITS = (16, 32, 64, 128)
TOKEN = 8
PLACED = "bits_per_token_at"
# A place is learned where M2 saves this share of its 8 bits: ten times what AC shows as noise at this scale.
LEARNED = 0.01


def method(bits: int) -> str:
    return f"EqualInfoAC[b={bits},v=256]"


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for bits, seed in product(BITS, work.seeds):
        yield Job(f"b{bits}-seed{seed}", (bits, seed), partial(trained, work, bits, seed))


def trained(work: ExperimentContext, bits: int, seed: int) -> list[Measurement]:
    run = work.m2(method(bits), seed)
    rows = work.m2_rows(run, b=bits)
    for place, values in enumerate(bits_by_place(example_losses(run), bits // TOKEN), start=1):
        mean, error = sum(values) / len(values), mean_error(values)
        rows.append(
            work.row(method(bits), PLACED, mean, error, seed, run.result.cell, b=bits, position=place)
        )
    return rows


def learned_places(rows: Rows, bits: int) -> list[int]:
    """The places of a window at which M2 saves LEARNED of a token's 8 bits or more."""
    placed = rows.where(PLACED, method(bits))
    places = [int(place) for place in placed.coordinates("position")]
    limit = TOKEN * (1 - LEARNED)
    return [place for place in places if placed.mean(PLACED, position=place) <= limit]


def breaking_point(rows: Rows) -> float | None:
    """Window size in bits at which the mean saving falls below LEARNED, by interpolation over log b; None: nowhere."""
    saved = [1 - rows.mean("bits_per_token", method(bits)) / TOKEN for bits in BITS]
    for (small, one), (large, other) in pairwise(zip(BITS, saved, strict=True)):
        if one >= LEARNED > other:
            share = (one - LEARNED) / (one - other)
            return math.exp(math.log(small) + share * (math.log(large) - math.log(small)))
    return None


def over(rows: Rows, quantity: str) -> list[Estimate]:
    """A quantity by window size."""
    return [rows.estimate(quantity, method(bits)) for bits in BITS]


def findings(rows: Rows) -> list[Finding]:
    table, ratios = paper_bits(), paper_ratios()
    names = [f"b={bits}" for bits in BITS]
    # The code of a byte that is uniform is a longer one; what is learned is per token.
    per_token = ", ".join(f"{table[method(b)] * ratios[method(b)]:.2f}" for b in PAPER_BITS)
    breaks = breaking_point(rows)
    places = {bits: learned_places(rows, bits) for bits in BITS}
    first: Found = "yes" if all(learned[0] == 1 for learned in places.values() if learned) else "no"
    return [
        rising(list(zip(names, over(rows, "bytes_per_token"), strict=True))).on(
            "Longer windows compress better (bytes/token)",
            ", ".join(f"{ratios[method(b)]}" for b in PAPER_BITS) + " for b = 16, 32, 64, 128",
        ),
        rising(list(zip(names, over(rows, "bits_per_token"), strict=True))).on(
            "Longer windows are harder to learn: bits/token rise towards 8",
            f"{per_token} of 8 for b = 16, 32, 64, 128 at 25m",
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
            "; ".join(
                f"b={bits}: {', '.join(map(str, learned)) or 'none'}" for bits, learned in places.items()
            ),
            f"places where M2 saves {LEARNED:.0%} or more",
            first,
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    bits, ratios = paper_bits(), paper_ratios()
    lines = compare_m2s(rows, bits, ratios)
    for name in rows.methods("bits_per_token"):
        theirs = bits[name] * ratios[name] if name in bits and name in ratios else None
        lines.append(Compared(name, "bits_per_token", rows.estimate("bits_per_token", name), theirs, name))
    return lines


def figure(rows: Rows) -> Figure:
    names = {"bits_per_byte": "measured", "uniform_bits_per_byte": "uniform"}
    per_byte = [measured(name, BITS, over(rows, quantity)) for quantity, name in names.items()]
    per_token = measured("measured", BITS, over(rows, "bits_per_token"))
    places = [line(rows, PLACED, method(bits), "position", f"b={bits}") for bits in BITS]
    level = [(TOKEN * (1 - LEARNED), "1 % saved"), (float(TOKEN), "uniform")]
    panels = [
        Panel("", "bits per window", "bits per byte", per_byte, x_log=True),
        Panel("", "bits per window", "bits per token", [per_token], x_log=True, levels=level),
        Panel("", "token in its window", "bits per token", places, levels=level),
    ]
    return Figure("Window sizes (figure 5, table 16)", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="figure 5, table 16; 24, 48 and 96 bits are ours",
    measures="Bits/byte and bits/token of M2 on windows of 16 to 128 bits, by place in them; where it stops learning.",
    minutes=12,
    cost=Cost(m2s={"25m": 7, "113m": 7, "403m": 7, "2b": 7}, coded=7),
    limits="That M2 goes on learning the later tokens of a window: the paper sees that after thousands of steps.",
)
