"""Text continued by an M2 (`equalinfo generate`)."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from equalinfo.errors import EqualInfoError
from equalinfo.model.branching import Branches
from equalinfo.model.decoder import Decoder
from equalinfo.model.sampling import Choice, Sampler
from equalinfo.pipeline.healing import taken_back, ways
from equalinfo.pipeline.m2 import load_m2
from equalinfo.pipeline.outlet import Outlet
from equalinfo.pipeline.units import Units, ids_of_a_window, units_of
from equalinfo.seeded import bits, uniform
from equalinfo.tokens.base import Tokenizer

END_OF_DOCUMENT = b"\0"
# Codes that run through a whole text are read anew from its start, each time an eighth is added.
READ_AGAIN = 8

# Below this, one step of a model is over before a second thread has begun.
PARAMETERS_FOR_THREADS = 10_000_000

Show = Callable[[int, bytes], None]


@dataclass(frozen=True)
class Settings:
    """How prompts are continued.

    Args:
        tokens: the most ids drawn for a sample.
        max_bytes: the most bytes of a continuation; None sets no limit.
        choice: temperature, top-k, top-p.
        seed: sample k of a prompt is drawn with `seed` + k, in any batch.
        samples: continuations of each prompt.
        stops: a continuation ends before the first of them; the default is the end of a document.
        heal: take back the prompt's last tokens where more text could have changed them (`pipeline.healing`).

    Raises:
        EqualInfoError: a number outside its range.
    """

    tokens: int = 100
    max_bytes: int | None = None
    choice: Choice = field(default_factory=Choice)
    seed: int = 0
    samples: int = 1
    stops: tuple[bytes, ...] = (END_OF_DOCUMENT,)
    heal: bool = True

    def __post_init__(self) -> None:
        if self.tokens < 1 or self.samples < 1 or self.seed < 0 or (self.max_bytes or 1) < 1:
            raise EqualInfoError("tokens, bytes and samples must be at least 1, and the seed 0 or more")


@dataclass
class Continuation:
    """One sample: the prompt, the bytes that follow it, ids drawn, and why it ended: "tokens", "bytes" or "stop"."""

    prompt: bytes
    text: bytes
    tokens: int
    reason: str


class Generator:
    """An M2 ready to continue texts, many at once.

    Whatever is in a batch, a sample's draws are its own. Logits are float32 sums, whose last bits may depend on
    the batch, so that a draw can differ in about one of 10^6.

    Args:
        context: the most ids that predict another: the sequence length that M2 was trained with.
    """

    def __init__(self, model: Decoder, tokenizer: Tokenizer, context: int | None = None) -> None:
        self.model, self.tokenizer, self.context = model, tokenizer, context
        self.units = units_of(tokenizer)
        self.never = self.units.never if self.units else [] if tokenizer.eos is None else [tokenizer.eos]
        self.seconds = 0.0  # spent in `continuations` so far

    @classmethod
    def load(cls, path: Path) -> "Generator":
        """That of an M2 directory."""
        model, tokenizer, config = load_m2(path)
        return cls(model, tokenizer, config["sequence_length"])

    def continuations(
        self, prompts: Sequence[bytes], settings: Settings, show: Show | None = None
    ) -> list[Continuation]:
        """`settings.samples` continuations of each prompt, in order.

        Args:
            show: called with the number of a continuation and its next bytes as soon as they are certain.
        """
        started = time.monotonic()
        with _threads_for(self.model):
            found = self._continuations(prompts, settings, show)
        self.seconds += time.monotonic() - started
        return found

    def _continuations(
        self, prompts: Sequence[bytes], settings: Settings, show: Show | None
    ) -> list[Continuation]:
        begun = [start for prompt in prompts for start in self._starts(prompt, settings)]
        seeds = len(prompts) * list(range(settings.seed, settings.seed + settings.samples))
        sampler = Sampler(
            self.model, [ids for ids, _ in begun], settings.choice, seeds, self.context, self.never
        )
        rows = [
            _Row(prompt, len(ids) - healed, Outlet(settings.stops, settings.max_bytes))
            for prompt, (ids, healed) in zip(
                [prompt for prompt in prompts for _ in range(settings.samples)], begun, strict=True
            )
        ]
        reader = _reader(self.tokenizer, self.units)
        self._read(reader, rows, sampler.ids, range(len(rows)), show)
        while sampler.running:
            drawn = [row for row, _ in sampler.step()]
            self._read(reader, rows, sampler.ids, drawn, show)
            ended = [
                row
                for row in sampler.running
                if rows[row].outlet.reason or len(sampler.ids[row]) - rows[row].kept >= settings.tokens
            ]
            if ended:
                sampler.stop(ended)
                self._read(reader, rows, sampler.ids, ended, show, final=True)
        return [
            Continuation(row.prompt, row.outlet.text, len(ids) - row.kept, row.outlet.reason or "tokens")
            for row, ids in zip(rows, sampler.ids, strict=True)
        ]

    def _starts(self, prompt: bytes, settings: Settings) -> list[tuple[list[int], int]]:
        """For each sample of a prompt, the ids to go on from and how many of them were drawn already."""
        ids = self.tokenizer.encode_prompt(prompt).tolist()
        if self.units is None or not settings.heal:
            return [(ids, 0)] * settings.samples
        kept, text = taken_back(self.units, prompt, ids)
        if not text:
            return [(ids, 0)] * settings.samples
        found = ways(self.units, Branches(self.model, kept, self.context, self.never), text)
        if found.log_probability == -math.inf:
            return [(ids, 0)] * settings.samples
        starts = []
        for seed in range(settings.seed, settings.seed + settings.samples):
            # Numbers of its own, so that what follows is drawn alike with and without healing.
            chosen = found.pick(settings.choice, uniform(bits(seed, 1)))
            starts.append((kept + chosen, len(chosen)))
        return starts

    @staticmethod
    def _read(
        reader: "_Reader",
        rows: "list[_Row]",
        ids: list[list[int]],
        which: Sequence[int],
        show: Show | None,
        final: bool = False,
    ) -> None:
        reader.read([(rows[row], ids[row]) for row in which], final)
        for row in which:
            new = rows[row].outlet.take(final)
            if new and show:
                show(row, new)


@contextmanager
def _threads_for(model: Decoder) -> Iterator[None]:
    """One CPU thread for small models: steps are short, and on a busy machine threads wait long for each other."""
    threads = torch.get_num_threads()
    if model.size.parameters < PARAMETERS_FOR_THREADS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Row:
    """A continuation on its way."""

    def __init__(self, prompt: bytes, kept: int, outlet: Outlet) -> None:
        self.prompt, self.kept, self.outlet = prompt, kept, outlet
        self.ids_read = self.bytes_read = 0

    def take(self, text: bytes, ids_read: int) -> None:
        """Takes the next bytes of prompt and continuation; only those after the prompt go on."""
        start = max(len(self.prompt) - self.bytes_read, 0)
        self.bytes_read += len(text)
        self.ids_read = ids_read
        self.outlet.feed(text[start:])


class _Reader:
    """Turns the new ids of rows into bytes; here, where groups of ids have bytes by themselves."""

    def __init__(self, length: int, texts: Callable[[list[list[int]]], list[bytes]]) -> None:
        self.length, self.texts = length, texts

    def read(self, rows: Sequence[tuple[_Row, list[int]]], final: bool) -> None:
        due = []
        for row, ids in rows:
            upto = len(ids) // self.length * self.length
            if upto > row.ids_read:
                due.append((row, ids[row.ids_read : upto], upto))
        if due:
            for (row, _, upto), text in zip(due, self.texts([ids for _, ids, _ in due]), strict=True):
                row.take(text, upto)


class _WholeReader(_Reader):
    """Where a code runs through the whole text: all ids are read again, more seldom as they become many."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(1, lambda streams: tokenizer.decode_batch(streams, partial=True))

    def read(self, rows: Sequence[tuple[_Row, list[int]]], final: bool) -> None:
        due = [
            (row, ids)
            for row, ids in rows
            if len(ids) > row.ids_read + (0 if final else row.ids_read // READ_AGAIN)
        ]
        if due:
            for (row, ids), text in zip(due, self.texts([ids for _, ids in due]), strict=True):
                row.take(text[row.bytes_read :], len(ids))


def _reader(tokenizer: Tokenizer, units: Units | None) -> _Reader:
    if units is not None:
        return _Reader(units.length, lambda streams: [units.text(ids) for ids in streams])
    length = ids_of_a_window(tokenizer)
    if length:
        return _Reader(length, lambda streams: tokenizer.decode_batch(streams, partial=True))
    return _WholeReader(tokenizer)


def continued(
    model: Decoder, tokenizer: Tokenizer, context: int, prompt: bytes, count: int, temperature: float
) -> bytes:
    """A prompt and its continuation by `count` tokens, past the end of a document too."""
    settings = Settings(count, None, Choice(temperature), stops=())
    (sample,) = Generator(model, tokenizer, context).continuations([prompt], settings)
    return sample.prompt + sample.text
