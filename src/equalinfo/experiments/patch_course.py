"""M2s that take one step per window of text, and M2s over tokens that are told what counted contexts know.

The context model is counted on four fifths of the training documents; every M2 here is trained on the last fifth, so
that what the contexts tell is news to it.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.examples import END_OF_DOCUMENT, Example
from equalinfo.experiments.learning_curve import Course, drawn, scored_examples
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.decoder import Decoder
from equalinfo.model.informed import InformedDecoder
from equalinfo.model.loss import next_id_loss
from equalinfo.model.patches import BYTES, PatchDecoder
from equalinfo.model.train_loop import Trainer, TrainingData
from equalinfo.predict.base import FREQUENCY_TOTAL
from equalinfo.predict.context import LONGEST_ORDER, ContextModel, count_contexts
from equalinfo.score import metrics
from equalinfo.sizes import size_by_name
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.config import M2Config

OWN_SHARE = 5  # one training document in so many is M2s' own
ROW = 1024  # bytes that a patch model reads at once
LETTERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

Cut = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Materials:
    """What all M2s here share: where their text comes from, the held-out text, and the contexts of other text."""

    corpus: Corpus
    example_bytes: int

    @cached_property
    def contexts(self) -> ContextModel:
        """Counted on the documents that are not M2s'."""
        found = count_contexts(LONGEST_ORDER, partial(self._documents, own=False))
        assert isinstance(found, ContextModel)
        return found

    def training(self, most: int) -> list[Example]:
        """At most so many bytes of text for M2s."""
        return drawn(self._documents(own=True), self.example_bytes, most)

    @cached_property
    def held_out(self) -> list[Example]:
        return scored_examples(self.corpus, self.example_bytes)

    def _documents(self, own: bool) -> Iterator[bytes]:
        for number, document in enumerate(self.corpus.documents("train")):
            if (number % OWN_SHARE == 0) == own:
                yield document

    def frequencies(self, text: bytes) -> np.ndarray:
        """What the contexts expect at each byte, [len(text), 256] float32 that sum to 1."""
        rows = np.maximum(self.contexts.frequencies(text), 1).astype(np.float32)
        return rows / FREQUENCY_TOTAL


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
    found: np.ndarray = -(frequencies * np.log2(frequencies)).sum(1)
    return found


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
        if model.prior or self.cut:
            known = [self.materials.frequencies(text) for text in texts]
        arrays = [np.frombuffer(text, np.uint8) for text in texts]
        bytes_BT = torch.from_numpy(np.stack(arrays).astype(np.int64))
        starts_BT = prior_BTV = None
        if self.cut:
            cuts = [self.cut(array, rows) for array, rows in zip(arrays, known, strict=True)]
            starts_BT = torch.from_numpy(np.stack(cuts))
        if model.prior:
            prior_BTV = torch.log(torch.from_numpy(np.stack(known)))
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
    materials: Materials,
    most: int,
    name: str,
    cut: Cut | None,
    prior: bool,
    config: M2Config,
    steps_per_byte: float,
) -> Course:
    """Of a patch model.

    Args:
        most: bytes of training text.
        name: says the cut, for hashes.
        cut: None: no M2.
        steps_per_byte: windows per byte, for what is reported.
    """
    rows = rows_of(materials.training(most))

    def trainer(folder: Path, key: str) -> Trainer:
        batches = SequenceBatches(np.arange(len(rows))[:, None], config.batch_size, config.seed)
        model = PatchDecoder(size_by_name(config.size), cut is not None, prior)
        objective = partial(PatchObjective, rows, materials, cut)
        data = TrainingData(batches, key, lambda nats: nats / math.log(2))
        return Trainer(model, data, config, folder, title=name, objective=objective)

    @torch.no_grad()
    def bits(model: Decoder) -> list[float]:
        scorer = PatchObjective([], materials, cut, model, 0.0)
        found = []
        for example in materials.held_out:
            whole = rows_of([example])
            rest = example.data[len(whole) * ROW :]
            nats = [scorer.nats(whole)[0].sum()] if whole else []
            nats += [scorer.nats([rest])[0].sum()] if rest else []
            found.append(float(sum(nats)) / math.log(2))
        return found

    sizes = [example.source_bytes for example in materials.held_out]
    steps = [max(1, round(len(example.data) * steps_per_byte)) for example in materials.held_out]
    about = (name, prior, ROW, materials.contexts.fingerprint, most, config.plan())
    per_step = config.sequences_per_step * ROW
    return Course(about, trainer, bits, sizes, steps, per_step)


@dataclass(frozen=True)
class TokenRow:
    """Some consecutive tokens: their ids, their text, and where in it each begins (or its window does)."""

    ids: np.ndarray
    text: bytes
    places: np.ndarray


def token_rows(tokenizer: Tokenizer, examples: Sequence[Example], length: int) -> Iterator[list[TokenRow]]:
    """The rows of `length` tokens of each example; the last may be shorter."""
    for example in examples:
        ids: list[int] = []
        places: list[int] = []
        place = 0
        for number, part in enumerate(example.data.split(END_OF_DOCUMENT)):
            if number and tokenizer.eos is not None:
                ids.append(tokenizer.eos)
                places.append(place)
            place += number > 0
            for piece, own in tokenizer.segments(part):
                ids += own
                places += [place] * len(own)
                place += len(piece)
        bounds = np.array([*places, len(example.data)])
        array = np.array(ids, np.int64)
        rows = []
        for start in range(0, len(array), length):
            stop = min(start + length, len(array))
            text = example.data[bounds[start] : bounds[stop]]
            rows.append(TokenRow(array[start:stop], text, bounds[start:stop] - bounds[start]))
        yield rows


@dataclass(frozen=True)
class TokenRows:
    """The training and the held-out text in rows of tokens, by example."""

    most: int  # bytes of training text
    training: list[list[TokenRow]]
    held_out: list[list[TokenRow]]
    bytes_per_token: float  # of the training text

    @classmethod
    def of(cls, materials: Materials, most: int, tokenizer: Tokenizer, length: int) -> "TokenRows":
        examples = materials.training(most)
        training = list(token_rows(tokenizer, examples, length))
        source = sum(example.source_bytes for example in examples)
        tokens = sum(len(row.ids) for own in training for row in own)
        held_out = list(token_rows(tokenizer, materials.held_out, length))
        return cls(most, training, held_out, metrics.bytes_per_token(source, tokens))


class InformedObjective(nn.Module):
    """The loss of an M2 over tokens that is told, before each, what the contexts expect next."""

    def __init__(self, rows: Sequence[TokenRow], materials: Materials, model: Decoder, z: float) -> None:
        super().__init__()
        self.model, self.z, self.rows, self.materials = model, z, rows, materials

    def forward(self, numbers_B1: Tensor) -> tuple[Tensor, Tensor]:
        """As `next_id_loss`."""
        return self.losses([self.rows[number] for number in numbers_B1[:, 0].tolist()])

    def losses(self, rows: Sequence[TokenRow]) -> tuple[Tensor, Tensor]:
        """Of rows of one length."""
        ids_BT = torch.from_numpy(np.stack([row.ids for row in rows]))
        added_BTD = None
        if isinstance(self.model, InformedDecoder):
            known = [self.materials.frequencies(row.text + b" ")[row.places] for row in rows]
            added_BTD = self.model.told(torch.log(torch.from_numpy(np.stack(known))))
        return next_id_loss(self.model, ids_BT, self.z, added_BTD)


def informed_course(
    materials: Materials, tokenizer: Tokenizer, text: TokenRows, prior: bool, config: M2Config
) -> Course:
    """Of an M2 over the tokens of a text, told or not what the contexts know."""
    length, ratio = config.sequence_length, text.bytes_per_token
    rows = [row for own in text.training for row in own if len(row.ids) == length]

    def trainer(folder: Path, key: str) -> Trainer:
        batches = SequenceBatches(np.arange(len(rows))[:, None], config.batch_size, config.seed)
        size = size_by_name(config.size)
        told = InformedDecoder(size, tokenizer.vocab, BYTES) if prior else None
        model = told or Decoder(size, tokenizer.vocab, config.preset)
        objective = partial(InformedObjective, rows, materials)
        data = TrainingData(batches, key, lambda nats: nats / ratio / math.log(2))
        return Trainer(model, data, config, folder, title=str(tokenizer.spec), objective=objective)

    @torch.no_grad()
    def bits(model: Decoder) -> list[float]:
        scorer = InformedObjective([], materials, model, 0.0)
        return [
            sum(float(scorer.losses([row])[1]) * len(row.ids) for row in own) / math.log(2)
            for own in text.held_out
        ]

    about = (
        str(tokenizer.spec),
        tokenizer.fingerprint,
        prior,
        materials.contexts.fingerprint,
        text.most,
    )
    sizes = [example.source_bytes for example in materials.held_out]
    counts = [sum(len(row.ids) for row in own) for own in text.held_out]
    return Course(
        (*about, config.plan()), trainer, bits, sizes, counts, config.sequences_per_step * length * ratio
    )
