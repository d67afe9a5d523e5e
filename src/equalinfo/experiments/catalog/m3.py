"""Compressed twice: an M2's probabilities code its tokens in windows of b bits, and an M3 learns the codes.

The paper names this as future work. M2 is trained on other text than M3 is. M3 also gets what M2 knew where each
window begins, to see whether that makes codes readable.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import product

import numpy as np
import torch

from equalinfo.corpus.examples import Example
from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.learning_curve import Point, learning_curve
from equalinfo.experiments.m2_tables import listed, measured
from equalinfo.experiments.patch_course import (
    BATCH,
    BITS,
    UNIFORM,
    RowsOfIds,
    TokenRow,
    config_of,
    end_rows,
    informed_course,
    materials,
    text_bytes,
    token_rows,
)
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.token_windows import SHARE_BITS, cumulative_shares, digits_of, windows_of
from equalinfo.experiments.verdicts import less, positive
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.decoder import Decoder
from equalinfo.model.train_loop import Trainer, TrainingData
from equalinfo.runs.run import fingerprint_of
from equalinfo.score.measurements import Measurement
from equalinfo.sizes import size_by_name
from equalinfo.tokens.tokenizer import Tokenizer

WINDOWS = (16, 24, 32)
M2_TEXT = {"small": 2 << 20, "mix": 16 << 20}  # bytes
M3_TEXT = {"small": 1 << 20, "mix": 4 << 20}
LENGTH = 256  # ids that a model reads at once
M2, CONTROL = "M2 that codes", "M2 on M3's text"


def name_of(bits: int, told: bool) -> str:
    return f"M3 on windows of {bits} bits" + (", told M2's state" if told else "")


def jobs(work: ExperimentContext) -> Iterator[Job]:
    about = (M2_TEXT, M3_TEXT, LENGTH)
    for seed in work.seeds:
        yield Job(f"m2-seed{seed}", (*about, seed), partial(coder, work, seed))
        yield Job(f"control-seed{seed}", (*about, seed), partial(control, work, seed))
        for told, bits in product((False, True), WINDOWS):
            named = f"m3-{bits}-{'told' if told else 'alone'}-seed{seed}"
            yield Job(named, (*about, seed), partial(compressed, work, bits, told, seed))


def _text(work: ExperimentContext, sizes: dict[str, int], unseen: bool) -> list[Example]:
    return materials(work).training(text_bytes(work, sizes), unseen)


def _tokenizer(work: ExperimentContext) -> Tokenizer:
    return work.tokenizer(f"EqualInfo[v={work.scale.wide},unigram,words]")


def _token_rows(work: ExperimentContext, examples: list[Example]) -> list[list[TokenRow]]:
    return list(token_rows(materials(work).expected, _tokenizer(work), examples, LENGTH))


@dataclass(frozen=True)
class Seen:
    """An example as M2 sees it.

    Args:
        shares: each token, and where its share of M2's probabilities begins and ends.
        states: M2's last hidden state before each token, [T, D] float16.
    """

    shares: list[tuple[int, int, int]]
    states: np.ndarray
    source_bytes: int

    @property
    def bits(self) -> float:
        return sum(SHARE_BITS - math.log2(end - begin) for _, begin, end in self.shares)


@dataclass(frozen=True)
class CodeRow:
    """Consecutive ids of codes, and M2's state where each one's window begins."""

    ids: np.ndarray
    states: np.ndarray

    def told(self) -> np.ndarray:
        """The states, [T, D]."""
        return self.states.astype(np.float32)


@cache
def trained(work: ExperimentContext, seed: int) -> Decoder:
    """The M2 that codes."""
    tokenizer = _tokenizer(work)
    rows = [row.ids for rows in _token_rows(work, _text(work, M2_TEXT, unseen=False)) for row in rows]
    whole = np.stack([ids for ids in rows if len(ids) == LENGTH])
    config = config_of(work, work.scale.size, seed, len(whole) / BATCH, LENGTH)
    model = Decoder(size_by_name(config.size), tokenizer.vocab, config.preset)
    key = fingerprint_of(tokenizer.fingerprint, M2_TEXT, work.run.corpus_key, config.plan())
    data = TrainingData(SequenceBatches(whole, BATCH, config.seed), key, lambda nats: nats / math.log(2))
    Trainer(model, data, config, work.out / "m3" / key, title=M2).run(work.progress)
    return model


@torch.no_grad()
def seen(model: Decoder, rows: list[TokenRow], source_bytes: int) -> Seen:
    """An example's rows as M2 sees them."""
    shares: list[tuple[int, int, int]] = []
    states = [np.empty((0, model.size.d_model), np.float16)]
    for row in rows:
        ids_BT = torch.from_numpy(row.ids)[None].to(next(model.parameters()).device)
        hidden_TD = model.hidden(model.shifted(ids_BT))[0]
        begins = cumulative_shares(torch.softmax(model.lm_head(hidden_TD).double(), -1).cpu().numpy())
        each = np.arange(len(row.ids))
        columns = (row.ids, begins[each, row.ids], begins[each, row.ids + 1])
        shares += zip(*(column.tolist() for column in columns), strict=True)
        states.append(hidden_TD.half().cpu().numpy())
    return Seen(shares, np.concatenate(states), source_bytes)


@cache
def texts(work: ExperimentContext, seed: int) -> tuple[list[Seen], list[Seen]]:
    """M3's training text and the held-out text, as M2 sees them."""
    model = trained(work, seed)
    read, scored = (
        [
            seen(model, rows, one.source_bytes)
            for rows, one in zip(_token_rows(work, examples), examples, strict=True)
        ]
        for examples in (_text(work, M3_TEXT, unseen=True), materials(work).held_out)
    )
    return read, scored


def code_rows(example: Seen, bits: int, vocab: int) -> list[CodeRow]:
    """The windows of an example as ids, in rows."""
    windows = windows_of(example.shares, bits, vocab)
    digits = digits_of(np.array([window.code for window in windows], np.int64), bits)
    states = np.repeat(example.states[[window.first for window in windows]], bits // 8, axis=0)
    ids, starts = digits.reshape(-1), range(0, digits.size, LENGTH)
    return [CodeRow(ids[at : at + LENGTH], states[at : at + LENGTH]) for at in starts]


def coder(work: ExperimentContext, seed: int) -> list[Measurement]:
    """What the held-out text costs the M2 that codes."""
    scored = texts(work, seed)[1]
    bits, sizes = [example.bits for example in scored], [example.source_bytes for example in scored]
    tokens = [len(example.shares) for example in scored]
    return end_rows(
        work, M2, seed, Point(0, 0.0, 0.0, bits, sizes, tokens), math.log2(_tokenizer(work).vocab)
    )


def control(work: ExperimentContext, seed: int) -> list[Measurement]:
    """An M2 over tokens, trained on the text that M3s are trained on."""
    examples, scored = _text(work, M3_TEXT, unseen=True), materials(work).held_out
    text = RowsOfIds.of(_token_rows(work, examples), _token_rows(work, scored), examples, scored)
    vocab = _tokenizer(work).vocab
    return _learned(work, CONTROL, seed, vocab, text, told=False)


def compressed(work: ExperimentContext, bits: int, told: bool, seed: int) -> list[Measurement]:
    read, scored = texts(work, seed)
    vocab = _tokenizer(work).vocab
    training, held_out = (
        [code_rows(example, bits, vocab) for example in examples] for examples in (read, scored)
    )
    text = RowsOfIds.of(training, held_out, read, scored)
    return _learned(work, name_of(bits, told), seed, 256, text, told)


def _learned(
    work: ExperimentContext, name: str, seed: int, vocab: int, text: RowsOfIds, told: bool
) -> list[Measurement]:
    config = config_of(work, work.scale.size, seed, len(text.whole(LENGTH)) / BATCH, LENGTH)
    about = (name, _tokenizer(work).fingerprint, M2_TEXT, M3_TEXT, work.run.corpus_key, seed)
    course = informed_course(about, vocab, text, config, told)
    (end,) = learning_curve(course, [config.steps], work.out / "curves", work.progress)
    return end_rows(work, name, seed, end, math.log2(vocab))


def findings(rows: Rows) -> list[Finding]:
    result = []
    for bits in WINDOWS:
        alone, told = (name_of(bits, known) for known in (False, True))
        if alone not in rows.methods(BITS):
            continue
        uniform, estimate = rows.mean(UNIFORM, alone), rows.estimate(BITS, alone)
        learned = Estimate(uniform - estimate.mean, estimate.error, estimate.source)
        text = f"{estimate.text()} against {uniform:.3f} of uniform ids"
        result.append(positive(learned)._replace(ours=text).on(f"M3 learns windows of {bits} bits"))
        result.append(
            less(rows, BITS, alone, M2).on(
                f"M3 on windows of {bits} bits knows more than the M2 that made them"
            )
        )
        if told in rows.methods(BITS):
            result.append(
                less(rows, BITS, told, alone).on(f"M2's state makes windows of {bits} bits easier to read")
            )
    return result


def compared(rows: Rows) -> list[Compared]:
    return listed(rows, BITS, UNIFORM, "bytes_per_token")


def figure(rows: Rows) -> Figure:
    points = [
        measured(name, [rows.mean("bytes_per_token", name)], [rows.estimate(BITS, name)], "points")
        for name in rows.methods(BITS)
    ]
    return Figure(
        "Compressed twice; bars: two standard errors", [Panel("", "bytes per id", "bits per byte", points)]
    )


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="ours",
    measures="Bits/byte of an M3 over windows that an M2's probabilities make, told M2's state or not.",
    minutes=10,
    cost=Cost(m2s={"25m": 8}, tokens=26.2e9),
    limits="M2's probabilities are rounded from floats of one machine; a few million bytes of text; one learning rate.",
)
