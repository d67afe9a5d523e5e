"""Bits/byte of every method against inference FLOPs and against bytes per step (figures 3 and 4, table 15)."""

from collections.abc import Iterator
from functools import partial
from itertools import product

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import compare_m2s, measured
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.verdicts import less, near, positive
from equalinfo.experiments.workspace import ExperimentContext, Job, slug
from equalinfo.figures.figure import Figure, Panel
from equalinfo.score.measurements import Measurement
from equalinfo.score.paper import paper_bits, paper_ratios

SIZES = ("250k", "500k")
NOTHING = 0.01  # bits/byte: the paper's AC equals its uniform line to two digits


def sizes(scale: Scale) -> list[str]:
    return list(SIZES) if scale.small else list(scale.recipe.m2.sizes)


def jobs(work: ExperimentContext) -> Iterator[Job]:
    methods = work.scale.recipe.methods
    # Other experiments share the cells of the larger size.
    for size, method, seed in product(reversed(sizes(work.scale)), methods, work.seeds):
        measure = partial(trained, work, method, size, seed)
        yield Job(f"{slug(method)}-{size}-seed{seed}", (method, size, seed), measure)


def trained(work: ExperimentContext, method: str, size: str, seed: int) -> list[Measurement]:
    return work.m2_rows(work.m2(method, seed, size=size), size=size)


def largest(rows: Rows) -> str:
    """The size with the most parameters."""
    flops = {size: rows.mean("flops_per_byte", "Bytes", size=size) for size in rows.coordinates("size")}
    return str(max(flops, key=lambda size: flops[size]))


def findings(rows: Rows) -> list[Finding]:
    table, size = paper_bits(), largest(rows)
    names = rows.methods("bits_per_byte")
    pieces = rows.method("SentencePiece", quantity="bits_per_byte")

    def paper(*methods: str) -> str:
        return " against ".join(f"{table[m]}" for m in methods) + " at 25m"

    claims = [
        near(gain(rows, method, size), 0.0, NOTHING, 4).on(
            f"M2 learns nothing on {method}: uniform minus measured bits/byte",
            f"{table[method]} bits/byte, its uniform line",
        )
        for method in ("AC[v=256]", "StaticAC[v=256]")
    ]
    claims += [
        positive(gain(rows, method, size), 4, NOTHING).on(
            f"M2 learns something on {method}: uniform minus measured bits/byte, above {NOTHING}",
            paper(method),
        )
        for method in ("EqualInfoAC[b=16,v=256]", "GZip[v=256]")
    ]
    for other in names:
        if "unigram" in other:
            text = f"Ours: {other} is better than SentencePiece at equal size"
            claims.append(less(rows, "bits_per_byte", other, pieces, size=size).on(text))
        elif other != pieces and not other.startswith(("StaticAC", "GZip")):
            text = f"SentencePiece is better than {other} at equal size"
            theirs = paper("SentencePiece[v=32k]", other) if other in table else ""
            claims.append(less(rows, "bits_per_byte", pieces, other, size=size).on(text, theirs))
    window = "EqualInfo[b=12,v=4k]" if "EqualInfo[b=12,v=4k]" in names else "EqualInfoAC[b=16,v=65k]"
    return [
        *claims,
        less(rows, "bits_per_byte", "EqualInfoAC[b=16,v=256]", "GZip[v=256]", size=size).on(
            "EqualInfoAC is better than GZip", paper("EqualInfoAC[b=16,v=256]", "GZip[v=256]")
        ),
        less(rows, "bits_per_byte", window, "Bytes", size=size).on(
            f"Windows of one token ({window}) are better than bytes",
            paper("EqualInfoAC[b=16,v=65k]", "Bytes"),
        ),
        less(rows, "bytes_per_token", pieces, window, size=size).on(
            f"{window} takes fewer steps than SentencePiece (bytes/token)", "5.31 against 4.28"
        ),
    ]


def gain(rows: Rows, method: str, size: str) -> Estimate:
    """Uniform minus measured bits/byte; uncertain as the measured one is."""
    learned = rows.estimate("bits_per_byte", method, size=size)
    tokens = rows.mean("bytes_per_token", method, size=size)
    # Of bits/byte, what comes from the length of the code is in both and cancels; what M2 saves is per token.
    bits = rows.estimate("bits_per_token", method, size=size)
    error = None if bits.error is None else bits.error / tokens
    return Estimate(rows.mean("uniform_bits_per_byte", method, size=size) - learned.mean, error, bits.source)


def compared(rows: Rows) -> list[Compared]:
    return compare_m2s(rows, paper_bits(), paper_ratios(), size=largest(rows))


def figure(rows: Rows) -> Figure:
    flops, steps = [], []
    for method in rows.methods("bits_per_byte"):
        by_flops = sorted(rows.coordinates("size"), key=lambda s: rows.mean("flops_per_byte", method, size=s))
        bits = [rows.estimate("bits_per_byte", method, size=size) for size in by_flops]
        x = [rows.mean("flops_per_byte", method, size=size) / 1e6 for size in by_flops]
        flops.append(measured(method, x, bits))
        ratio = [rows.mean("bytes_per_token", method, size=size) for size in by_flops]
        steps.append(measured(method, ratio, bits, "points"))
    title = "Bits/byte of every method (figures 3 and 4); bars: two standard errors over examples or seeds"
    panels = [
        Panel("by cost", "MFLOPs per byte, M1 included", "bits per byte", flops, x_log=True),
        Panel("by steps", "bytes per step (bytes/token)", "bits per byte", steps),
    ]
    return Figure(title, panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="figures 3 and 4, table 15",
    measures="Bits/byte of an M2 on every method, by FLOPs/byte and by bytes per step.",
    minutes=20,
    cost=Cost(m2s={"25m": 15, "113m": 15, "403m": 15, "2b": 15}, coded=6),
    limits="That EqualInfoAC overtakes bytes and nears SentencePiece: that takes 26 G tokens. And v=65k.",
)
