"""Text continued by an M2 (`equalinfo generate`)."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from equalinfo.errors import EqualInfoError
from equalinfo.generate.stop_strings import StopMatcher
from equalinfo.generate.token_healing import completions, split_unsettled
from equalinfo.model.continuations import Branches
from equalinfo.model.decoder import Decoder
from equalinfo.model.sampling import Sampler, SamplingParams
from equalinfo.seeded import bits, uniform
from equalinfo.tokens.strings import token_strings_of
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.m2 import load_m2

END_OF_DOCUMENT = b"\0"
# Codes that run through a whole text are read anew from its start, each time an eighth is added.
READ_AGAIN = 8

# Below this, one step of a model is over before a second thread has begun.
PARAMETERS_FOR_THREADS = 10_000_000

Show = Callable[[int, bytes], None]


@dataclass(frozen=True)
class GenerationConfig:
    """How prompts are continued.

    Args:
        tokens: the most ids drawn for a sample.
        max_bytes: the most bytes of a continuation; None sets no limit.
        choice: temperature, top-k, top-p.
        seed: sample k of a prompt is drawn with `seed` + k, in any batch.
        samples: continuations of each prompt.
        stops: a continuation ends before the first of them.
        end: it ends where the model ends the document, too.
        heal: take back the prompt's last tokens where more text could have changed them (`generate.token_healing`).

    Raises:
        EqualInfoError: a number outside its range.
    """

    tokens: int = 100
    max_bytes: int | None = None
    choice: SamplingParams = field(default_factory=SamplingParams)
    seed: int = 0
    samples: int = 1
    stops: tuple[bytes, ...] = ()
    end: bool = True
    heal: bool = True

    def __post_init__(self) -> None:
        if self.tokens < 1 or self.samples < 1 or self.seed < 0 or (self.max_bytes or 1) < 1:
            raise EqualInfoError("tokens, bytes and samples must be at least 1, and the seed 0 or more")


@dataclass
class Continuation:
    """One sample.

    Args:
        prompt: what was to be continued.
        text: the bytes that follow it: prompt and text are what `ids` settle, up to a stop string or limit. Only where
            those end inside the prompt is there no text yet.
        ids: the prompt's that its end does not change, and those drawn after them.
        tokens: how many were drawn.
        reason: why it ended: "tokens", "bytes", "stop" (a stop string, or the document's end), or "special": a special
            token came, which is left out.
    """

    prompt: bytes
    text: bytes
    ids: list[int]
    tokens: int
    reason: str


class Generator:
    """An M2 ready to continue texts, many at once.

    Whatever is in a batch, a sample's draws are its own. Logits are float32 sums, whose last bits may depend on
    the batch, so that a draw can differ in about one of 10^6.

    Args:
        context: the most ids that predict another: the sequence length that M2 was trained with.
        eos: the id that M2 learned at the end of documents; None where it learned a zero byte there.

    Examples:
        >>> from equalinfo.sizes import size_by_name
        >>> from equalinfo.tokens.sources import Sources
        >>> from equalinfo.tokens.spec import Spec
        >>> model = Decoder(size_by_name("65k"), vocab=256)  # untrained: it writes noise
        >>> model.init_weights(seed=0)
        >>> generator = Generator(model, Spec.parse("Bytes").build(Sources()), context=64)
        >>> (sample,) = generator.continuations([b"Windows of"], GenerationConfig(tokens=5))
        >>> sample.prompt, sample.tokens, sample.reason
        (b'Windows of', 5, 'tokens')
    """

    def __init__(
        self, model: Decoder, tokenizer: Tokenizer, context: int | None = None, eos: int | None = None
    ) -> None:
        self.model, self.tokenizer, self.context, self.eos = model, tokenizer, context, eos
        self.strings = token_strings_of(tokenizer)
        self.special = frozenset(tokenizer.special_tokens.values())
        self.never = self.strings.never if self.strings else [] if tokenizer.eos is None else [tokenizer.eos]
        self.seconds = 0.0  # spent in `continuations` so far

    @classmethod
    def load(cls, path: Path) -> "Generator":
        """That of an M2 directory."""
        model, tokenizer, config = load_m2(path)
        return cls(model, tokenizer, config["sequence_length"], config.get("eos"))

    def continuations(
        self, prompts: Sequence[bytes], settings: GenerationConfig, show: Show | None = None
    ) -> list[Continuation]:
        """`settings.samples` continuations of each prompt, in order.

        Args:
            show: called with the number of a continuation and its next bytes as soon as they are certain.

        Raises:
            EqualInfoError: ids of the method cannot go on from this prompt (ANS).
        """
        started = time.monotonic()
        with _threads_for(self.model):
            results = self._continuations(prompts, settings, show)
        self.seconds += time.monotonic() - started
        return results

    def _continuations(
        self, prompts: Sequence[bytes], settings: GenerationConfig, show: Show | None
    ) -> list[Continuation]:
        begun = [(prompt, start) for prompt in prompts for start in self._starts(prompt, settings)]
        ends = self.special | ({self.eos} if settings.end and self.eos is not None else set())
        seeds = len(prompts) * list(range(settings.seed, settings.seed + settings.samples))
        sampler = Sampler(
            self.model,
            [start.ids for _, start in begun],
            settings.choice,
            seeds,
            self.context,
            [token for token in self.never if token not in ends],
            [start.range for _, start in begun],
        )
        stops = [*settings.stops, *([END_OF_DOCUMENT] if settings.end else [])]
        rows = [
            _Row(prompt, len(start.ids) - start.drawn, StopMatcher(stops, settings.max_bytes))
            for prompt, start in begun
        ]
        length = self.tokenizer.ids_per_window or int(self.tokenizer.text_of_ids)
        reader = _Reader(self.tokenizer, length) if length else _WholeReader(self.tokenizer, 1)

        def read(which: Sequence[int], final: bool = False) -> None:
            reader.read([(rows[row], sampler.ids[row]) for row in which], final)
            for row in which:
                new = rows[row].matcher.take(final)
                if new and show:
                    show(row, new)

        read(range(len(rows)))
        while sampler.running:
            drawn, ending = [], []
            for row, token in sampler.step():
                drawn.append(row)
                if token in ends:
                    sampler.ids[row].pop()
                    ending.append((rows[row].matcher, "stop" if token == self.eos else "special"))
            read(drawn)
            for matcher, reason in ending:
                matcher.reason = matcher.reason or reason
            ended = [
                row
                for row in sampler.running
                if rows[row].matcher.reason or len(sampler.ids[row]) - rows[row].kept >= settings.tokens
            ]
            if ended:
                sampler.stop(ended)
                read(ended, final=True)
        return [
            Continuation(
                row.prompt, row.matcher.text, ids, len(ids) - row.kept, row.matcher.reason or "tokens"
            )
            for row, ids in zip(rows, sampler.ids, strict=True)
        ]

    def _starts(self, prompt: bytes, settings: GenerationConfig) -> list["_Start"]:
        """Where each sample of a prompt begins."""
        ids, lowest, highest = (part.tolist() for part in self.tokenizer.prompt_range(prompt))
        plain = [_Start(ids, (lowest, highest))] * settings.samples
        if self.strings is None or not settings.heal:
            if not self.tokenizer.continues_prompts and self.tokenizer.decode(ids, partial=True) != prompt:
                raise EqualInfoError(
                    f"{self.tokenizer.spec} cannot go on from a prompt: its ids depend on the end of their block"
                )
            return plain
        kept, text = split_unsettled(self.strings, self.tokenizer.written(prompt), ids)
        if not text:
            return plain
        never = [*self.never, *self.special]
        completed = completions(self.strings, Branches(self.model, kept, self.context, never), text)
        if completed.log_probability == -math.inf:
            return plain
        starts = []
        for seed in range(settings.seed, settings.seed + settings.samples):
            # Numbers of its own, so that what follows is drawn alike with and without healing.
            chosen = completed.pick(settings.choice, uniform(bits(seed, 1)))
            starts.append(_Start(kept + chosen, drawn=len(chosen)))
        return starts


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


@dataclass(frozen=True)
class _Start:
    """Ids to go on from, where further ones must lie to agree with the prompt, and how many were drawn already."""

    ids: list[int]
    range: tuple[list[int], list[int]] = ([], [])
    drawn: int = 0


class _Row:
    """A continuation on its way."""

    def __init__(self, prompt: bytes, kept: int, matcher: StopMatcher) -> None:
        self.prompt, self.kept, self.matcher = prompt, kept, matcher
        self.ids_read = self.bytes_read = 0

    def take(self, text: bytes, ids_read: int) -> None:
        """Takes the next bytes of prompt and continuation; only those after the prompt go on."""
        start = max(len(self.prompt) - self.bytes_read, 0)
        self.bytes_read += len(text)
        self.ids_read = ids_read
        self.matcher.feed(text[start:])


class _Reader:
    """Turns the new ids of rows into bytes, where each `length` ids have bytes by themselves."""

    def __init__(self, tokenizer: Tokenizer, length: int) -> None:
        self.tokenizer, self.length = tokenizer, length

    def read(self, rows: Sequence[tuple[_Row, list[int]]], final: bool) -> None:
        due = []
        for row, ids in rows:
            upto = len(ids) if final else len(ids) // self.length * self.length
            if upto > row.ids_read:
                due.append((row, ids[row.ids_read : upto], upto))
        texts = self.tokenizer.decode_batch([ids for _, ids, _ in due], partial=True) if due else []
        for (row, _, upto), text in zip(due, texts, strict=True):
            row.take(text, upto)


class _WholeReader(_Reader):
    """Where a code runs through the whole text: all ids are read again, more seldom as they become many."""

    def read(self, rows: Sequence[tuple[_Row, list[int]]], final: bool) -> None:
        due = [
            (row, ids)
            for row, ids in rows
            if len(ids) > row.ids_read + (0 if final else row.ids_read // READ_AGAIN)
        ]
        texts = self.tokenizer.decode_batch([ids for _, ids in due], partial=True) if due else []
        for (row, ids), text in zip(due, texts, strict=True):
            row.take(text[row.bytes_read :], len(ids))


def continued(
    model: Decoder, tokenizer: Tokenizer, context: int, prompt: bytes, count: int, temperature: float
) -> bytes:
    """A prompt and its continuation by `count` tokens, past the end of a document too."""
    settings = GenerationConfig(count, None, SamplingParams(temperature), end=False)
    (sample,) = Generator(model, tokenizer, context).continuations([prompt], settings)
    return sample.prompt + sample.text
