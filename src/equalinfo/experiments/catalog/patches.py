"""Ten bytes a step: M2s that read and write windows of text as they are, with no code between.

A window closes when a predictor has spent b bits, after as many bytes, after a word, or where the next byte is
uncertain. A small local decoder writes its bytes, from M2's state and the bytes so far; with a prior, its logits start
at what the predictor expects. It is counted contexts, of other text than the M2s are trained on, or M1.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from equalinfo.corpus.examples import Example
from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.learning_curve import Point, learning_curve, predictor_point, training_flops
from equalinfo.experiments.m2_tables import listed, measured
from equalinfo.experiments.patch_course import (
    BATCH,
    BITS,
    ROW,
    Cut,
    Materials,
    RowsOfIds,
    above_entropy,
    after_spaces,
    config_of,
    entropies,
    equal_information,
    equal_length,
    informed_course,
    materials,
    patch_course,
    rows_of,
    text_bytes,
    token_rows,
)
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.verdicts import less, positive
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel
from equalinfo.model.patches import PatchDecoder
from equalinfo.score.measurements import Measurement
from equalinfo.sizes import size_by_name
from equalinfo.train.config import M2Config

BUDGETS = {"small": 2 << 20, "mix": 4 << 20, "gpu": 16 << 20}  # bytes of training text
LONGER = 4  # times the text, for the rows that matter most
LONGER_SCALES = ("small", "mix")
CONTEXTS, M1 = "contexts", "M1"  # predictors
ALONE = "{} alone".format
TOLD = "told contexts"
TOKENS = 256  # that an M2 over tokens reads at once
SIZE, LARGER_SIZE = "3m", "25m"  # of M2, at two cores' scales and at the paper's
B = 32.0  # bits that a window of the main comparison spends


@dataclass(frozen=True)
class Kind:
    """A row of the table: where windows close, and which predictor is the local decoder's prior, if any."""

    cut: str
    prior: str

    @property
    def name(self) -> str:
        return f"{self.cut}, {f'{self.prior} as prior' if self.prior else 'no prior'}"


NONE, WORDS, ENTROPY, LENGTH = "no M2", "word starts", "uncertain bytes", "equal length"
INFORMATION = {bits: f"windows of {bits:.0f} bits" for bits in (B, 48.0)}
KINDS = [
    *(Kind(cut, CONTEXTS) for cut in (NONE, INFORMATION[B], LENGTH)),
    *(Kind(cut, M1) for cut in (NONE, INFORMATION[B])),
    *(Kind(cut, CONTEXTS) for cut in (WORDS, ENTROPY)),
    *(Kind(cut, "") for cut in (INFORMATION[B], NONE)),
    Kind(INFORMATION[48.0], CONTEXTS),
    *(Kind(cut, "") for cut in (LENGTH, WORDS)),
]


def tokenized(scale: Scale) -> list[str]:
    """What M2s read for comparison."""
    return [f"EqualInfo[v={scale.wide},unigram,words]", scale.sentencepiece]


def size_of(scale: Scale) -> str:
    return SIZE if scale.small else LARGER_SIZE


def jobs(work: ExperimentContext) -> Iterator[Job]:
    yield Job("contexts", (ROW,), partial(alone, work, CONTEXTS))
    yield Job("m1", (ROW,), partial(alone, work, M1))
    windows, ours = KINDS[1], tokenized(work.scale)[0]
    for seed in work.seeds:
        yield from (_patches(work, kind, seed) for kind in KINDS[:5])
        for told, method in product((False, True), tokenized(work.scale)):
            yield _tokens(work, method, told, seed)
        yield from (_patches(work, kind, seed) for kind in KINDS[5:7])
        if work.scale.name in LONGER_SCALES:
            yield from (_patches(work, kind, seed, LONGER) for kind in (KINDS[0], windows))
            yield from (_tokens(work, ours, told, seed, LONGER) for told in (True, False))
        yield from (_patches(work, kind, seed) for kind in KINDS[7:])


def _patches(work: ExperimentContext, kind: Kind, seed: int, times: int = 1) -> Job:
    measure = partial(patched, work, kind, seed, times)
    return _job(work, f"{kind.name}{_of(times)}", seed, measure)


def _tokens(work: ExperimentContext, method: str, told: bool, seed: int, times: int = 1) -> Job:
    name = f"{method} {TOLD}" if told else method
    return _job(work, f"{name}{_of(times)}", seed, partial(over_tokens, work, method, told, seed, times))


def _of(times: int) -> str:
    """The end of a row's name."""
    return "" if times == 1 else f", {times} times the text"


def _job(work: ExperimentContext, name: str, seed: int, measure: Callable[[str], list[Measurement]]) -> Job:
    return Job(_file(name, seed), (ROW, text_bytes(work, BUDGETS), name, seed), partial(measure, name))


def _file(name: str, seed: int) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name) + f"-seed{seed}"


def alone(work: ExperimentContext, predictor: str) -> list[Measurement]:
    """A predictor by itself on the held-out text, in rows as the M2s read it."""
    shared, name = materials(work, predictor == M1), ALONE(predictor)
    point = predictor_point(shared.predictor, shared.held_out, ROW)
    rows = work.example_rows(name, point.bits, point.sizes, share=1.0)
    return [work.row(name, BITS, point.bits_per_byte, point.error, share=1.0), *rows]


def cut_of(shared: Materials, name: str, training: Sequence[Example]) -> Cut | None:
    """The cut of a name; those that have a free number take as many bytes a step as windows of B bits.

    Args:
        training: the first 20 decide that number.
    """
    if name == NONE:
        return None
    if name == WORDS:
        return after_spaces
    for bits, informed in INFORMATION.items():
        if name == informed:
            return equal_information(bits)
    sample = [(np.frombuffer(row, np.uint8), shared.frequencies(row)) for row in rows_of(training[:20])]
    cut = equal_information(B)
    share = float(np.mean([cut(*row).mean() for row in sample]))
    if name == LENGTH:
        return equal_length(round(1 / share))
    return above_entropy(
        float(np.quantile(np.concatenate([entropies(rows) for _, rows in sample]), 1 - share))
    )


def patched(work: ExperimentContext, kind: Kind, seed: int, times: int, name: str) -> list[Measurement]:
    shared, most = materials(work, kind.prior == M1), times * text_bytes(work, BUDGETS)
    examples = shared.training(most)
    cut, steps_per_byte = cut_of(shared, kind.cut, examples), 1.0
    if cut:
        held_out = [
            (np.frombuffer(row, np.uint8), shared.frequencies(row)) for row in rows_of(shared.held_out)
        ]
        steps_per_byte = float(np.mean([cut(*row).mean() for row in held_out]))
    steps = len(examples) * shared.example_bytes / (BATCH * ROW)
    config = config_of(work, size_of(work.scale), seed, steps, ROW)
    about = (kind.name, ROW, shared.predictor.fingerprint, most)
    course = patch_course(about, shared, rows_of(examples), cut, bool(kind.prior), config, steps_per_byte)
    curve = learning_curve(course, _points(config.steps), work.out / "curves", work.progress)
    model = PatchDecoder(size_by_name(config.size), cut is not None, bool(kind.prior))
    rows = _rows(work, name, seed, curve, config)
    flops = model.flops_per_byte(1 / steps_per_byte)
    if cut:
        rows.append(work.row(name, "bytes_per_step", 1 / steps_per_byte, seed=seed))
    return [*rows, work.row(name, "flops_per_byte", flops, seed=seed)]


def over_tokens(
    work: ExperimentContext, method: str, told: bool, seed: int, times: int, name: str
) -> list[Measurement]:
    shared, tokenizer, length = materials(work), work.tokenizer(method), TOKENS
    most = times * text_bytes(work, BUDGETS)
    examples = shared.training(most)
    training, held_out = (
        list(token_rows(shared.expected, tokenizer, read, length)) for read in (examples, shared.held_out)
    )
    text = RowsOfIds.of(training, held_out, examples, shared.held_out)
    steps = len(examples) * shared.example_bytes / (BATCH * length * text.bytes_per_id)
    config = config_of(work, size_of(work.scale), seed, steps, length)
    about = (method, tokenizer.fingerprint, told, shared.predictor.fingerprint, most)
    course = informed_course(about, tokenizer.vocab, text, config, told)
    curve = learning_curve(course, _points(config.steps), work.out / "curves", work.progress)
    ratio = sum(course.sizes) / sum(course.tokens)
    flops = training_flops(tokenizer.vocab, config, 1) / 3 / ratio
    return [
        *_rows(work, name, seed, curve, config),
        work.row(name, "bytes_per_step", ratio, seed=seed),
        work.row(name, "flops_per_byte", flops, seed=seed),
    ]


def _points(steps: int) -> list[int]:
    return sorted({max(1, steps // parts) for parts in (8, 4, 2, 1)})


def _rows(
    work: ExperimentContext, name: str, seed: int, curve: list[Point], config: M2Config
) -> list[Measurement]:
    rows = []
    for point in curve:
        share = point.step / config.steps
        rows.append(work.row(name, BITS, point.bits_per_byte, point.error, seed, None, share=share))
    last = curve[-1]
    rows += work.example_rows(name, last.bits, last.sizes, seed, share=1.0)
    return [*rows, work.row(name, "train_seconds", last.seconds, seed=seed)]


def findings(rows: Rows) -> list[Finding]:
    names, windows = rows.methods(BITS), INFORMATION[B]
    prior, m1, bare = (Kind(windows, of) for of in (CONTEXTS, M1, ""))
    longer = _of(LONGER)
    read = [name for name in names if "[" in name and longer not in name]  # by M2s over tokens
    pieces, words = (
        next((name for name in read if name.startswith(start) and TOLD not in name), "")
        for start in ("SentencePiece", "EqualInfo[")
    )
    pairs = [
        (prior, Kind(NONE, CONTEXTS), "M2 earns its steps: windows beat the local decoder alone"),
        (m1, Kind(NONE, M1), "with M1 as the prior too, windows beat the local decoder alone"),
        (m1, prior, "M1 is a better prior than counted contexts"),
        (bare, Kind(NONE, ""), "without a prior too, windows beat the local decoder alone"),
        (prior, Kind(LENGTH, CONTEXTS), "equal information beats equal length, with a prior"),
        (bare, Kind(LENGTH, ""), "equal information beats equal length, without a prior"),
        (prior, Kind(WORDS, CONTEXTS), "equal information beats word starts, with a prior"),
        (prior, Kind(ENTROPY, CONTEXTS), "equal information beats uncertain bytes, with a prior"),
        (prior, bare, "the prior helps windows of equal information"),
    ]
    windows_name = prior.name
    named = [(better.name, worse.name, text) for better, worse, text in pairs]
    for rival in (pieces, words, f"{words} {TOLD}"):
        named.append((windows_name, rival, f"windows with a prior beat {rival}"))
    for name in names:
        if name != (plain := name.replace(f" {TOLD}", "")):
            named.append((name, plain, f"an M2 over {plain} learns more if it is {TOLD}"))
    named.append((windows_name + longer, Kind(NONE, CONTEXTS).name + longer, f"M2 earns its steps{longer}"))
    told = f"windows with a prior beat tokens that are told{longer}"
    named.append((windows_name + longer, f"{words} {TOLD}{longer}", told))
    result = [
        less(rows, BITS, better, worse, share=1.0).on(text)
        for better, worse, text in named
        if better in names and worse in names
    ]
    if windows_name not in names or not read:
        return result
    best = min(rows.mean(BITS, name, share=1.0) for name in read)
    bits = rows.estimate(BITS, windows_name, share=1.0)
    cheap = positive(Estimate(1.02 * best - bits.mean, bits.error, bits.source))
    ours = f"{rows.mean('bytes_per_step', windows_name):.1f} bytes a step: {bits.text()} against {best:.3f}"
    expected = "more than 10 bytes a step cost less than 2 % of the best M2 over tokens"
    return [*result, cheap._replace(ours=ours).on(expected)]


def compared(rows: Rows) -> list[Compared]:
    return [*listed(rows, BITS, share=1.0), *listed(rows, "bytes_per_step", "flops_per_byte")]


def figure(rows: Rows) -> Figure:
    points, along = [], []
    for name in rows.methods("flops_per_byte"):
        shares = rows.where(BITS, name).coordinates("share")
        curve = [rows.estimate(BITS, name, share=share) for share in shares]
        along.append(measured(name, [float(share) for share in shares], curve))
        if rows.where("bytes_per_step", name):
            points.append(measured(name, [rows.mean("bytes_per_step", name)], curve[-1:], "points"))
    fixed = [ALONE(CONTEXTS), ALONE(M1), Kind(NONE, CONTEXTS).name]
    levels = [(rows.mean(BITS, name, share=1.0), name) for name in fixed if rows.where(BITS, name)]
    panels = [
        Panel("", "bytes a step", "bits per byte", points, levels=levels),
        Panel("", "share of training", "bits per byte", along),
    ]
    return Figure("Steps of M2 and bits/byte; bars: two standard errors", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="ours",
    measures="Bits/byte of M2s that take one step per window of text, against fixed lengths, words, and tokens.",
    minutes=60,
    cost=Cost(m2s={"25m": len(KINDS) + 4}, tokens=26.2e9),
    limits="A few million bytes of training text; one learning rate for all; M1 has read the M2s' text.",
)
