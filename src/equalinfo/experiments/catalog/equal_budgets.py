"""M2s of the next larger size at equal compute and at equal bytes: where our methods stand against SentencePiece.

Equal compute: as many tokens of training, hence as many FLOPs, of whatever text they are. Equal bytes: as much text as
`Bytes` reads with those tokens, so that longer tokens train fewer steps.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import product
from pathlib import Path

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import bars, compare_m2s, measured
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.verdicts import less
from equalinfo.experiments.workspace import ExperimentContext, Job, slug
from equalinfo.figures.figure import Figure, Panel
from equalinfo.score.measurements import Measurement
from equalinfo.score.metrics import bytes_per_token
from equalinfo.score.paper import paper_ratios, paper_tables
from equalinfo.shards.format import read_split

COMPUTE, BYTES = "compute", "bytes"


def methods(scale: Scale) -> list[str]:
    """The most telling first: a run that is stopped has those."""
    wide = scale.wide
    words, phrases, fewest_words, fewest = (
        f"EqualInfo[v={wide},{flags}]"
        for flags in ("unigram,words", "unigram,phrases", "fewest,words", "fewest")
    )
    plain, short = f"EqualInfo[v={wide}]", scale.windows(16)
    ours = [words, phrases, fewest_words, "Bytes", fewest, plain, scale.one_token, short]
    return [scale.sentencepiece, f"BPE[v={wide}]", *ours]


@cache
def ratio(tokens: Path) -> float:
    """Bytes/token of the held-out examples."""
    held_out = read_split(tokens, "validation")
    return bytes_per_token(held_out.source_bytes, held_out.tokens)


def jobs(work: ExperimentContext) -> Iterator[Job]:
    # A run that is stopped has some seeds of everything.
    for seed, budget, method in product(work.seeds, (COMPUTE, BYTES), methods(work.scale)):
        about = (budget, method, seed, work.scale.budget)
        yield Job(f"{budget}-{slug(method)}-seed{seed}", about, partial(trained, work, budget, method, seed))


def trained(work: ExperimentContext, budget: str, method: str, seed: int) -> list[Measurement]:
    common = work.scale.budget
    steps = common["steps"]
    if budget == BYTES:
        # Found from the tokens of the cell of equal compute, which come first.
        steps = max(1, round(steps / ratio(work.m2(method, seed, **common).tokens)))
    return work.m2_rows(work.m2(method, seed, **{**common, "steps": steps}), budget=budget, steps=steps)


def findings(rows: Rows) -> list[Finding]:
    pieces, merges = (rows.method(name, quantity="bits_per_byte") for name in ("SentencePiece", "BPE"))
    words, phrases, fewest = (
        rows.method(end=f",{flags}]", quantity="bits_per_byte")
        for flags in ("unigram,words", "unigram,phrases", "fewest,words")
    )
    table = paper_tables()["table13_scaled_data_bits_per_byte"]
    claims = [
        less(rows, "bytes_per_token", rival, name, budget=COMPUTE).on(
            f"{name} takes fewer steps than {rival} (bytes/token)"
        )
        for name, rival in product((words, phrases), (pieces, merges))
    ]
    pairs = (
        (words, pieces),
        (phrases, pieces),
        (words, merges),
        (phrases, merges),
        (words, fewest),
        (words, phrases),
        (fewest, pieces),
    )
    claims += [
        less(rows, "bits_per_byte", better, worse, budget=budget).on(
            f"{better} is better than {worse} at equal {budget}"
        )
        for budget, (better, worse) in product((COMPUTE, BYTES), pairs)
    ]
    both = f"{table['SentencePiece[v=32k]']['25m']} against {table['Bytes']['25m']} at 25m, equal compute"
    return claims + [
        less(rows, "bits_per_byte", pieces, "Bytes", budget=budget).on(
            f"SentencePiece is better than bytes at equal {budget}", both if budget == COMPUTE else ""
        )
        for budget in (COMPUTE, BYTES)
    ]


def compared(rows: Rows) -> list[Compared]:
    table = paper_tables()["table13_scaled_data_bits_per_byte"]
    bits = {name: values["25m"] for name, values in table.items() if name != "steps"}
    lines = compare_m2s(rows, bits, paper_ratios(), ("bits_per_byte", "bytes_per_token"), budget=COMPUTE)
    equal = compare_m2s(rows, {}, None, ("bits_per_byte",), budget=BYTES)
    return lines + [replace(line, quantity="bits_per_byte at equal bytes") for line in equal]


def figure(rows: Rows) -> Figure:
    points = []
    for method in rows.methods("bits_per_byte"):
        x = rows.mean("bytes_per_token", method, budget=COMPUTE)
        bits = rows.estimate("bits_per_byte", method, budget=COMPUTE)
        points.append(measured(method, [x], [bits], "points"))
    by_budget = [bars(rows, "bits_per_byte", f"equal {b}", budget=b) for b in (COMPUTE, BYTES)]
    panels = [
        Panel("by steps, equal compute", "bytes per step (bytes/token)", "bits per byte", points),
        Panel("", "", "bits per byte", by_budget),
    ]
    return Figure("Equal compute and equal bytes; bars: two standard errors over seeds", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="D.3, table 13 (25m)",
    measures="Bits/byte of the main methods with as much compute, and with as many bytes, by a larger M2.",
    minutes=85,
    cost=Cost(m2s={"25m": 57}, coded=2, tokens=3000 * 256 * 512.0),
    seeds=3,
    limits="v=65k: its output table alone would take most of two cores' time.",
)
