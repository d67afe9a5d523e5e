"""M2s that take one step per window of text, and M2s over tokens that are told what another predictor knows.

The context model is counted on four fifths of the training documents; every M2 here is trained on the last fifth, so
that what the contexts tell is news to it.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.examples import END_OF_DOCUMENT, Example
from equalinfo.experiments.learning_curve import Course, Point, drawn, scored_examples
from equalinfo.experiments.workspace import ExperimentContext
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.decoder import Decoder
from equalinfo.model.informed import InformedDecoder
from equalinfo.model.loss import next_id_loss
from equalinfo.model.patches import PatchDecoder
from equalinfo.model.train_loop import Trainer, TrainingData
from equalinfo.parallel import grouped
from equalinfo.predict.base import FREQUENCY_TOTAL, Predictor
from equalinfo.predict.context import FILE as CONTEXTS_FILE
from equalinfo.predict.context import LONGEST_ORDER, ContextModel, count_contexts
from equalinfo.predict.exact_files import load_m1
from equalinfo.runs.run import fingerprint_of
from equalinfo.score import metrics
from equalinfo.score.measurements import Measurement
from equalinfo.sizes import size_by_name
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.config import M2Config

GROUP_BYTES = 1 << 20  # of examples that are made into tokens together
OWN_SHARE = 5  # one training document in so many is M2s' own
ROW = 1024  # bytes that a patch model reads at once
BATCH = 8  # rows in a step of training
LARGEST_TEXT = 1 << 33  # bytes, at scales for which no number stands
BITS, UNIFORM = "bits_per_byte", "uniform_bits_per_byte"
LETTERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

Cut = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Materials:
    """What all M2s here share: where their text comes from, the held-out text, and a predictor.

    Args:
        kept: folder of the contexts.
        m1: the predictor's directory, if it is not contexts.
    """

    corpus: Corpus
    example_bytes: int
    kept: Path
    m1: Path | None = None

    @cached_property
    def predictor(self) -> Predictor:
        """M1, or contexts counted on the documents that are not M2s', once."""
        if self.m1:
            return load_m1(self.m1)
        if not (self.kept / CONTEXTS_FILE).is_file():
            contexts = count_contexts(LONGEST_ORDER, partial(self._documents, unseen=False))
            self.kept.mkdir(parents=True, exist_ok=True)
            contexts.save(self.kept)
        return ContextModel.load(self.kept)

    def training(self, most: int, unseen: bool = True) -> list[Example]:
        """At most so many bytes of text for M2s, or of the text that the contexts are counted on."""
        return drawn(self._documents(unseen), self.example_bytes, most)

    @cached_property
    def held_out(self) -> list[Example]:
        return scored_examples(self.corpus, self.example_bytes)

    def _documents(self, unseen: bool) -> Iterator[bytes]:
        for number, document in enumerate(self.corpus.documents("train")):
            if (number % OWN_SHARE == 0) == unseen:
                yield document

    def frequencies(self, text: bytes) -> np.ndarray:
        """What the predictor expects at each byte, [len(text), 256] float32 that sum to 1."""
        rows = np.maximum(self.predictor.frequencies(text), 1).astype(np.float32)
        return rows / FREQUENCY_TOTAL

    def expected(self, text: bytes) -> np.ndarray:
        """The logarithms of these."""
        return np.log(self.frequencies(text))


@cache
def materials(work: ExperimentContext, m1: bool = False) -> Materials:
    """Those of an experiment's corpus, with contexts or with its M1."""
    kept = work.out / "contexts" / fingerprint_of(work.run.corpus_key, LONGEST_ORDER, OWN_SHARE)
    path = work.run.m1(work.progress) if m1 else None
    return Materials(work.run.corpus, work.scale.recipe.data.example_bytes, kept, path)


def text_bytes(work: ExperimentContext, most: dict[str, int]) -> int:
    """The most text that models read, in bytes, of numbers by scale."""
    return most.get(work.scale.name, LARGEST_TEXT)


def end_rows(
    work: ExperimentContext, name: str, seed: int, end: Point, bits_per_id: float
) -> list[Measurement]:
    """What a model knows in the end, beside uniform ids of so many bits."""
    per_id = sum(end.sizes) / sum(end.tokens)
    return [
        work.row(name, BITS, end.bits_per_byte, end.error, seed),
        work.row(name, UNIFORM, bits_per_id / per_id, seed=seed),
        work.row(name, "bytes_per_token", per_id, seed=seed),
        *work.example_rows(name, end.bits, end.sizes, seed),
    ]


def config_of(work: ExperimentContext, size: str, seed: int, steps: float, length: int) -> M2Config:
    """Settings of a model that takes so many steps, each of BATCH rows of `length` ids."""
    names = ("optimizer", "precision", "preset")
    shape = {
        "batch_size": BATCH,
        "sequence_length": length,
        "learning_rate": 1e-2,
        "steps": max(1, int(steps)),
    }
    long = {name: work.scale.long[name] for name in names if name in work.scale.long}
    return work.scale.recipe.m2.model_copy(update={**long, **shape}).config(size, seed)


# Where windows begin. Whether one begins at a byte follows from the bytes before it: what stands in a cut's result at
# a byte may not depend on that byte, or the model would be told something of what it has to predict.


def equal_information(bits: float) -> Cut:
    """Windows that close once `bits` are spent."""

    def cut(text: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
        costs = (-np.log2(frequencies[np.arange(len(text)), text])).tolist()
        starts, spent = np.zeros(len(text), bool), 0.0
        for place, cost in enumerate(costs):
            if spent >= bits:
                starts[place], spent = True, 0.0
            spent += cost
        return starts

    return cut


def equal_length(length: int) -> Cut:
    """Windows of as many bytes each (MegaByte)."""
    return lambda text, _: np.arange(len(text)) % length == 0


def after_spaces(text: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Windows that begin after the first of some bytes that are no letters or digits (SpaceByte)."""
    letter = np.isin(text, np.frombuffer(LETTERS, np.uint8)) | (text >= 0x80)
    starts = np.zeros(len(text), bool)
    starts[1:] = ~letter[:-1]
    starts[2:] &= letter[:-2]
    return starts


def entropies(frequencies: np.ndarray) -> np.ndarray:
    """Bits of uncertainty of each row."""
    return -(frequencies * np.log2(frequencies)).sum(1)


def above_entropy(threshold: float) -> Cut:
    """Windows that begin where the next byte is uncertain (BLT)."""
    return lambda text, frequencies: entropies(frequencies) > threshold


class PatchObjective(nn.Module):
    """The loss of a `PatchDecoder` on rows of text by number."""

    def __init__(
        self, rows: Sequence[bytes], materials: Materials, cut: Cut | None, model: Decoder, z: float
    ) -> None:
        super().__init__()
        assert isinstance(model, PatchDecoder)
        self.model, self.z = model, z
        self.rows, self.materials, self.cut = rows, materials, cut

    def forward(self, numbers_B1: Tensor) -> tuple[Tensor, Tensor]:
        """What training minimises, and mean nats per byte."""
        nats_BT, z = self.nats([self.rows[number] for number in numbers_B1[:, 0].tolist()])
        return nats_BT.mean() + self.z * z, nats_BT.mean().detach()

    def nats(self, texts: Sequence[bytes]) -> tuple[Tensor, Tensor]:
        """Of each byte [B, T], of texts of one length, and the z-loss."""
        model, known = self.model, []
        device = next(model.parameters()).device
        if model.prior or self.cut:
            known = [self.materials.frequencies(text) for text in texts]
        arrays = [np.frombuffer(text, np.uint8) for text in texts]
        bytes_BT = torch.from_numpy(np.stack(arrays).astype(np.int64)).to(device)
        starts_BT = prior_BTV = None
        if self.cut:
            cuts = [self.cut(array, rows) for array, rows in zip(arrays, known, strict=True)]
            starts_BT = torch.from_numpy(np.stack(cuts)).to(device)
        if model.prior:
            prior_BTV = torch.log(torch.from_numpy(np.stack(known)).to(device))
        logits_BTV = model.predict(bytes_BT, starts_BT, prior_BTV)
        log_sum_BT = torch.logsumexp(logits_BTV, -1)
        correct_BT = logits_BTV.gather(2, bytes_BT[..., None]).squeeze(2)
        return log_sum_BT - correct_BT, log_sum_BT.square().mean()


def rows_of(examples: Iterable[Example]) -> list[bytes]:
    """The whole rows of some examples."""
    return [
        example.data[start : start + ROW]
        for example in examples
        for start in range(0, len(example.data) - ROW + 1, ROW)
    ]


def patch_course(
    about: tuple[object, ...],
    materials: Materials,
    rows: Sequence[bytes],
    cut: Cut | None,
    prior: bool,
    config: M2Config,
    steps_per_byte: float,
) -> Course:
    """Of a patch model.

    Args:
        about: what decides the rows and the cut; the first names the model.
        rows: the training text.
        cut: None: no M2.
        steps_per_byte: windows per byte, for what is reported.
    """

    def trainer(folder: Path, key: str) -> Trainer:
        batches = SequenceBatches(np.arange(len(rows))[:, None], config.batch_size, config.seed)
        model = PatchDecoder(size_by_name(config.size), cut is not None, prior)
        objective = partial(PatchObjective, rows, materials, cut)
        data = TrainingData(batches, key, lambda nats: nats / math.log(2))
        return Trainer(model, data, config, folder, title=str(about[0]), objective=objective)

    @torch.no_grad()
    def bits(model: Decoder) -> list[float]:
        scorer = PatchObjective([], materials, cut, model, 0.0)
        costs = []
        for example in materials.held_out:
            whole = rows_of([example])
            rest = example.data[len(whole) * ROW :]
            nats = [scorer.nats(whole)[0].sum()] if whole else []
            nats += [scorer.nats([rest])[0].sum()] if rest else []
            costs.append(float(sum(nats)) / math.log(2))
        return costs

    sizes = [example.source_bytes for example in materials.held_out]
    steps = [max(1, round(len(example.data) * steps_per_byte)) for example in materials.held_out]
    per_step = config.sequences_per_step * ROW
    return Course((*about, config.plan()), trainer, bits, sizes, steps, per_step)


@dataclass(frozen=True)
class TokenRow:
    """Some consecutive tokens: their ids, their text, and where in it each begins (or its window does)."""

    ids: np.ndarray
    text: bytes
    places: np.ndarray
    known: Callable[[bytes], np.ndarray]

    def told(self) -> np.ndarray:
        """What is known before each token, [T, F]."""
        return self.known(self.text + b" ")[self.places]


def token_rows(
    known: Callable[[bytes], np.ndarray], tokenizer: Tokenizer, examples: Sequence[Example], length: int
) -> Iterator[list[TokenRow]]:
    """The rows of `length` tokens of each example; the last may be shorter.

    Args:
        known: what a model may be told before each byte of a text, [bytes, F].
    """
    for group in grouped(examples, GROUP_BYTES, lambda example: len(example.data)):
        texts = [example.data.split(END_OF_DOCUMENT) for example in group]
        cut = iter(tokenizer.segments_batch([part for parts in texts for part in parts]))
        for example, parts in zip(group, texts, strict=True):
            ids, places = _ids_and_places(tokenizer, [next(cut) for _ in parts])
            array, bounds = np.array(ids, np.int64), np.array([*places, len(example.data)])
            rows = []
            for start in range(0, len(array), length):
                stop = min(start + length, len(array))
                text = example.data[bounds[start] : bounds[stop]]
                places_T = bounds[start:stop] - bounds[start]
                rows.append(TokenRow(array[start:stop], text, places_T, known))
            yield rows


def _ids_and_places(
    tokenizer: Tokenizer, parts: list[list[tuple[bytes, list[int]]]]
) -> tuple[list[int], list[int]]:
    """The ids of an example, and where each begins; within windows all have the window's place."""
    ids: list[int] = []
    places: list[int] = []
    place = 0
    for number, segments in enumerate(parts):
        if number and tokenizer.eos is not None:
            ids.append(tokenizer.eos)
            places.append(place)
        place += number > 0
        for piece, segment_ids in segments:
            ids += segment_ids
            if tokenizer.places_in_text:
                places += [place] * len(segment_ids)
            else:
                places += [
                    place + settled for settled in (0, *tokenizer.settled_lengths(piece, segment_ids)[:-1])
                ]
            place += len(piece)
    return ids, places


class Sized(Protocol):
    """An example, as far as its size matters."""

    @property
    def source_bytes(self) -> int: ...


class Row(Protocol):
    """Consecutive ids of an example."""

    @property
    def ids(self) -> np.ndarray: ...

    def told(self) -> np.ndarray:
        """What a model may be told at each id, [T, F] float."""
        ...


@dataclass(frozen=True)
class RowsOfIds:
    """The training and the held-out text in rows of ids, by example.

    Args:
        sizes: source bytes of each held-out example.
        bytes_per_id: of the training text.
    """

    training: Sequence[Sequence[Row]]
    held_out: Sequence[Sequence[Row]]
    sizes: list[int]
    bytes_per_id: float

    @classmethod
    def of(
        cls,
        training: Sequence[Sequence[Row]],
        held_out: Sequence[Sequence[Row]],
        read: Sequence[Sized],
        scored: Sequence[Sized],
    ) -> "RowsOfIds":
        """Rows of the examples `read` in training and of those that are scored."""
        source = sum(example.source_bytes for example in read)
        count = sum(len(row.ids) for rows in training for row in rows)
        sizes = [example.source_bytes for example in scored]
        return cls(training, held_out, sizes, metrics.bytes_per_token(source, count))

    def whole(self, length: int) -> list[Row]:
        """The training rows of that length."""
        return [row for rows in self.training for row in rows if len(row.ids) == length]


class InformedObjective(nn.Module):
    """The loss of an M2 that is told something at each id, [T, F] float of a row."""

    def __init__(self, rows: Sequence[Row], model: Decoder, z: float) -> None:
        super().__init__()
        self.model, self.z, self.rows = model, z, rows

    def forward(self, numbers_B1: Tensor) -> tuple[Tensor, Tensor]:
        """As `next_id_loss`."""
        return self.losses([self.rows[number] for number in numbers_B1[:, 0].tolist()])

    def losses(self, rows: Sequence[Row]) -> tuple[Tensor, Tensor]:
        """Of rows of one length."""
        device = next(self.model.parameters()).device
        ids_BT = torch.from_numpy(np.stack([row.ids for row in rows]).astype(np.int64)).to(device)
        added_BTD = None
        if isinstance(self.model, InformedDecoder):
            known = np.stack([row.told() for row in rows])
            added_BTD = self.model.told(torch.from_numpy(known).float().to(device))
        return next_id_loss(self.model, ids_BT, self.z, added_BTD)


def informed_course(
    about: tuple[object, ...], vocab: int, text: RowsOfIds, config: M2Config, told: bool
) -> Course:
    """Of an M2 over rows of ids, told what the rows say of each or not.

    Args:
        about: what decides the rows; the first names the model.
    """
    length = config.sequence_length
    rows = text.whole(length)

    def trainer(folder: Path, key: str) -> Trainer:
        batches = SequenceBatches(np.arange(len(rows))[:, None], config.batch_size, config.seed)
        size = size_by_name(config.size)
        informed = InformedDecoder(size, vocab, rows[0].told().shape[1]) if told else None
        model = informed or Decoder(size, vocab, config.preset)
        objective = partial(InformedObjective, rows)
        data = TrainingData(batches, key, lambda nats: nats / text.bytes_per_id / math.log(2))
        return Trainer(model, data, config, folder, title=str(about[0]), objective=objective)

    @torch.no_grad()
    def bits(model: Decoder) -> list[float]:
        scorer = InformedObjective([], model, 0.0)
        return [
            sum(float(scorer.losses([row])[1]) * len(row.ids) for row in rows) / math.log(2)
            for rows in text.held_out
        ]

    counts = [sum(len(row.ids) for row in rows) for rows in text.held_out]
    per_step = config.sequences_per_step * length * text.bytes_per_id
    return Course((*about, config.plan()), trainer, bits, text.sizes, counts, per_step)
