"""Curves, not points: M2s trained for twenty times the tokens of the other experiments, each scored along its way.

Every method gets the best of a few learning rates, each tried over the whole training: the best of short runs was too
high for long ones. All seeds take the first rate, the first seed takes the others. All are scored on the same held-out
text. The line to get below is the counted context model of the text that the M2s were trained on.
"""

from collections.abc import Iterator
from functools import partial
from itertools import product

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.learning_curve import (
    SCORED,
    Point,
    drawn,
    learning_curve,
    points_of,
    predictor_point,
    scored_examples,
    token_course,
    training_flops,
)
from equalinfo.experiments.m2_tables import measured
from equalinfo.experiments.rows import Difference, Estimate, Rows, joint_error, normal_p
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.verdicts import Verdict, less, positive, verdict
from equalinfo.experiments.workspace import ExperimentContext, Job, slug
from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.predict.context import LONGEST_ORDER, count_contexts
from equalinfo.score.measurements import Measurement
from equalinfo.tokens.spec import Spec
from equalinfo.train.config import M2Config

RATES = (1e-2, 2e-2, 5e-3)  # of Muon
TELLING = 7  # methods that are measured with all seeds and rates before the others begin
CONTEXTS = f"order-{LONGEST_ORDER} contexts"
# Bytes of training text that contexts are counted on: about what M2s read, whose tokens hold 3.4 bytes.
COUNTED_BYTES = {"gpu": 128 << 20}
COUNTED_BYTES_ELSEWHERE = 36 << 20
SCORED_THERE = {"gpu": 128}  # held-out examples; elsewhere SCORED
BITS = "bits_per_byte"
AXES = {
    "tokens": "training tokens",
    "train_bytes": "bytes of training text",
    "train_flops": "training FLOPs, attention and output table included",
    "train_seconds": "seconds of training, beside other runs",
}


def methods(scale: Scale) -> list[str]:
    """The most telling first: a run that is stopped has those."""
    wide = scale.wide
    flags = ("unigram,words", "unigram,phrases", "unigram,words,case", "unigram,phrases,case", "fewest")
    words, phrases, case, case_phrases, fewest = (f"EqualInfo[v={wide},{flag}]" for flag in flags)
    merges = (f"BPE[v={wide}]", f"SuperBPE[v={wide}]", f"BPE[v={wide},words]")
    telling = [case, scale.sentencepiece, words, case_phrases, merges[0], phrases, merges[1]]
    return [*telling, "Bytes", fewest, merges[2]]


def jobs(work: ExperimentContext) -> Iterator[Job]:
    most = COUNTED_BYTES.get(work.scale.name, COUNTED_BYTES_ELSEWHERE)
    yield Job("contexts", (most,), partial(counted, work, most))
    names, (first, *others) = methods(work.scale), RATES
    plan = []
    for group in (names[:TELLING], names[TELLING:]):
        plan += [(method, seed, first) for seed, method in product(work.seeds, group)]
        plan += [(method, work.seeds[0], rate) for rate, method in product(others, group)]
    for method, seed, rate in plan:
        about = (method, seed, rate, work.scale.long)
        yield Job(f"{slug(method)}-rate{rate}-seed{seed}", about, partial(trained, work, method, seed, rate))


def scored(work: ExperimentContext) -> int:
    return SCORED_THERE.get(work.scale.name, SCORED)


def counted(work: ExperimentContext, most: int) -> list[Measurement]:
    """The context model, counted on as much of the M2s' training text and scored on their held-out text."""
    data, corpus = work.scale.recipe.data, work.run.corpus
    order = drawn(corpus.documents("train"), data.example_bytes, most, data.seed)
    model = count_contexts(LONGEST_ORDER, lambda: (example.data for example in order))
    point = predictor_point(model, scored_examples(corpus, data.example_bytes, scored(work)))
    return [work.row(CONTEXTS, BITS, point.bits_per_byte, point.error)]


def config_of(work: ExperimentContext, seed: int, **changes: object) -> M2Config:
    """Settings of the long runs, with `changes`."""
    long = {name: value for name, value in work.scale.long.items() if name not in ("size", "max_tokens")}
    section = work.scale.recipe.m2.model_copy(update={**long, **changes})
    return section.config(work.scale.long["size"], seed)


def curve(work: ExperimentContext, method: str, config: M2Config) -> list[Point]:
    """One M2 along its way, trained where it is missing."""
    run = work.run_with(work.scale.long.get("max_tokens"), sequence_length=config.sequence_length)
    tokens = run.tokens(Spec.parse(method), work.progress)
    points = points_of(config.steps)
    course = token_course(tokens, config, scored(work))
    return learning_curve(course, points, work.out / "curves", work.progress)


def trained(work: ExperimentContext, method: str, seed: int, rate: float) -> list[Measurement]:
    """The rows of one M2."""
    config = config_of(work, seed, learning_rate=rate)
    vocab, rows = work.tokenizer(method).vocab, []
    for point in curve(work, method, config):
        here = partial(work.row, method, seed=seed, step=point.step, rate=rate)
        tokens = point.step * config.sequences_per_step * config.sequence_length
        rows += [
            here(BITS, point.bits_per_byte, point.error),
            here("tokens", tokens),
            here("train_bytes", point.source_bytes),
            here("train_flops", training_flops(vocab, config, tokens)),
            here("train_seconds", point.seconds),
        ]
        if point.step == config.steps:
            rows.append(here("bytes_per_token", sum(point.sizes) / sum(point.tokens)))
            rows += work.example_rows(method, point.bits, point.sizes, seed, step=point.step, rate=rate)
    return rows


def tuned(rows: Rows) -> Rows:
    """Each method at its best rate, by its end; rows without a rate as they are."""
    best = {}
    for method in rows.methods("tokens"):
        rates = rows.where(BITS, method).coordinates("rate")
        best[method] = min(
            rates, key=lambda rate: rows.mean(BITS, method, rate=rate, step=steps_of(rows)[-1])
        )
    return Rows(row for row in rows if row.method not in best or row.at["rate"] == best[row.method])


def steps_of(rows: Rows) -> list[int]:
    """The steps at which every method was scored, ascending."""
    return [int(step) for step in rows.where(BITS).coordinates("step")]


def lead(rows: Rows, method: str, rival: str, step: int) -> Difference:
    return rows.difference(BITS, rival, method, step=step)


def growing(rows: Rows, method: str, rival: str) -> Verdict:
    """Whether a lead is larger at the end than after a quarter of the steps."""
    steps = steps_of(rows)
    early = lead(rows, method, rival, min(steps, key=lambda step: abs(step - steps[-1] / 4)))
    late = lead(rows, method, rival, steps[-1])
    mean = late.mean - early.mean
    text = f"{early.text()} at a quarter, {late.text()} at the end"
    return Verdict(text, late.source, verdict(mean, normal_p(mean, joint_error(early, late))))


def rivals(rows: Rows) -> list[str]:
    return [name for name in rows.methods("tokens") if name.startswith(("SentencePiece", "BPE", "SuperBPE"))]


def findings(rows: Rows) -> list[Finding]:
    rows = tuned(rows)
    last = steps_of(rows)[-1]
    ours = [name for name in rows.methods("tokens") if "unigram" in name]
    findings = [
        less(rows, BITS, method, rival, step=last).on(f"{method} is better than {rival} at the end")
        for method, rival in product(ours, rivals(rows))
    ]
    findings += [
        growing(rows, method, rival).on(f"the lead of {method} over {rival} grows with training")
        for method, rival in product(ours, rivals(rows))
    ]
    best = min(rows.methods("tokens"), key=lambda name: rows.mean(BITS, name, step=last))
    model, limit = rows.estimate(BITS, best, step=last), rows.mean(BITS, CONTEXTS)
    below = positive(Estimate(limit - model.mean, model.error, model.source))
    ours_best = f"{best} {model.text()} against {limit:.3f}"
    return [
        *findings,
        below._replace(ours=ours_best).on(
            "the best M2 is below the context model counted on its training text"
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    everything, rows = rows, tuned(rows)
    last = steps_of(rows)[-1]
    names = rows.methods("tokens")
    lines = [Compared(CONTEXTS, BITS, rows.estimate(BITS, CONTEXTS))]
    lines += [Compared(name, BITS, rows.estimate(BITS, name, step=last)) for name in names]
    lines += [Compared(name, "bytes_per_token", rows.estimate("bytes_per_token", name)) for name in names]
    for name, rate in product(names, everything.coordinates("rate")):
        if everything.where(BITS, name, rate=rate):
            at_rate = everything.estimate(BITS, name, rate=rate, step=last)
            lines.append(Compared(name, f"{BITS} at rate {rate}", at_rate))
    return lines


def figure(rows: Rows) -> Figure:
    rows = tuned(rows)
    level = [(rows.mean(BITS, CONTEXTS), CONTEXTS)]
    panels = []
    for quantity, title in AXES.items():
        series: list[Series] = []
        for method in rows.methods("tokens"):
            steps = [step for step in steps_of(rows) if len(rows.where(BITS, method, step=step))]
            places = [rows.mean(quantity, method, step=step) for step in steps]
            bits = [rows.estimate(BITS, method, step=step) for step in steps]
            series.append(measured(method, places, bits))
        panels.append(Panel("", title, "bits per byte", series, x_log=True, levels=level))
    return Figure("Held-out bits/byte along training; bands: two standard errors", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="ours",
    measures="Bits/byte along training for twenty times the tokens, beside counted contexts.",
    minutes=400,
    cost=Cost(m2s={"25m": 16}, tokens=26.2e9),
    seeds=2,
    limits="10 to 33 million tokens and 1 to 3 million parameters are still few: no curve is flat at the end.",
)
