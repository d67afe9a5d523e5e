"""Texts coded side by side, one step of the predictor per byte, which is what takes the time.

`side_by_side` runs coders of one text each. `StreamReader` reads all streams of bits at once: runs of blocks, or
windows, in each of which the predictor starts afresh. What a coder adds is how the next symbol is read
(`BlockReader.symbols`), and how a block ends.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from equalinfo.errors import UndecodableTokens
from equalinfo.predict.base import Predictor

END = 256

T = TypeVar("T")
# What a coder of one text yields: as `Contexts.step` takes them how many bytes to keep and the byte that follows, and
# what `reply` is to know. It is sent what `reply` makes of the frequencies, and returns its result.
Run = Generator[tuple[int, int, Any], Any, T]


def side_by_side(
    predictor: Predictor,
    runs: Sequence[Run[T]],
    reply: Callable[[Sequence[Any], np.ndarray], Iterable[Any]],
) -> list[T]:
    """The results of coders, one for each text.

    Args:
        reply: from what each coder let it know, and the frequencies [n, 256], what each of the n is sent.
    """
    contexts = predictor.new_contexts(len(runs))
    results: dict[int, T] = {}
    answers: dict[int, Any] = dict.fromkeys(range(len(runs)))
    while answers:
        asked = {}
        for slot, answer in answers.items():
            try:
                asked[slot] = runs[slot].send(answer)
            except StopIteration as end:
                results[slot] = end.value
        if not asked:
            break
        keep, symbols, known = zip(*asked.values(), strict=True)
        rows = contexts.step(np.array([*asked]), np.array(keep), np.array(symbols))
        answers = dict(zip(asked, reply(known, rows), strict=True))
    return [results[slot] for slot in range(len(runs))]


class StreamReader(ABC):
    """Bit streams on their way through the decoder.

    Args:
        streams: bits (0/1, uint8) of each.
        partial: take what the bits settle whatever follows them, and no offence at how they end.

    Attributes:
        bits: all streams, one after the other; starts, stops: where the open block of each begins, and where each
            ends; [streams] int64.
        texts: the bytes of each, [streams, capacity] uint8; sizes: how many there are, and lengths: how many of them
            in the open block; [streams] int64.
    """

    def __init__(self, streams: Sequence[np.ndarray], partial: bool) -> None:
        bits = np.array([len(stream) for stream in streams], np.int64)
        self.bits = np.concatenate([np.empty(0, np.uint8), *streams])
        self.stops = np.cumsum(bits, dtype=np.int64)
        self.starts = self.stops - bits
        self.texts = np.empty((len(streams), 256), np.uint8)
        self.sizes, self.lengths = np.zeros(len(streams), np.int64), np.zeros(len(streams), np.int64)
        self.partial = partial

    @abstractmethod
    def read(self, slots: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Reads a byte in each slot, or the end of its block; whether each goes on, [n] bool.

        Args:
            slots: which streams, [n] int64.
            rows: frequencies of the next byte of each, [n, 256] int32.
        """

    def take(self, slots: np.ndarray, symbols: np.ndarray) -> None:
        """Adds a byte to each of `slots`."""
        if len(slots) and self.sizes[slots].max() == self.texts.shape[1]:
            self.texts = np.hstack([self.texts, np.empty_like(self.texts)])
        self.texts[slots, self.sizes[slots]] = symbols
        self.sizes[slots] += 1
        self.lengths[slots] += 1


def decode_side_by_side(predictor: Predictor, reader: StreamReader) -> list[bytes]:
    """The texts of the reader's streams."""
    contexts = predictor.new_contexts(len(reader.stops))
    initial = np.asarray(predictor.initial, np.int32)
    rows = np.tile(initial, (len(reader.stops), 1))
    active = np.flatnonzero(reader.stops > reader.starts)
    while len(active):
        active = active[reader.read(active, rows[active])]
        within = reader.lengths[active] > 0
        rows[active[~within]] = initial
        inside = active[within]
        if len(inside):
            last = reader.texts[inside, reader.sizes[inside] - 1].astype(np.int64)
            rows[inside] = contexts.step(inside, reader.lengths[inside] - 1, last)
    return [text[:size].tobytes() for text, size in zip(reader.texts, reader.sizes, strict=True)]


class BlockReader(StreamReader):
    """Blocks of `block_bytes` bytes, or fewer and END; their bits are padded with zeros to whole tokens.

    Args:
        width: bits of a token.

    Raises:
        UndecodableTokens: when reading, bits that no text encodes to.
    """

    def __init__(self, streams: Sequence[np.ndarray], block_bytes: int, width: int, partial: bool) -> None:
        super().__init__(streams, partial)
        self.block_bytes, self.width = block_bytes, width
        for slot in np.flatnonzero(self.starts < self.stops).tolist():
            self.begin(slot)

    @abstractmethod
    def begin(self, slot: int) -> None:
        """A block begins at the `starts` of a slot."""

    @abstractmethod
    def symbols(self, slots: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The next symbol of each slot, -1 if its bits do not settle it, and where its block ends if it does so now."""

    def closed(self, slot: int) -> bool:
        """Whether a block that is over ends as an encoded one does."""
        return True

    def read(self, slots: np.ndarray, rows: np.ndarray) -> np.ndarray:
        symbols, ends = self.symbols(slots, rows)
        going_on = symbols >= 0
        if not self.partial and not going_on.all():
            raise UndecodableTokens("the ids end in the middle of a block; are they truncated?")
        byte = going_on & (symbols != END)
        self.take(slots[byte], symbols[byte])
        over = going_on & ((symbols == END) | (self.lengths[slots] == self.block_bytes))
        for index in np.flatnonzero(over).tolist():
            going_on[index] = self._next_block(int(slots[index]), int(ends[index]), symbols[index] == END)
        return going_on

    def _next_block(self, slot: int, end: int, ended: bool) -> bool:
        """Begins the block after one that is over, if there is one."""
        start, stop = int(self.starts[slot]), int(self.stops[slot])
        following = start + -(-(end - start) // self.width) * self.width
        if not self.partial:
            if following > stop:
                raise UndecodableTokens("the ids end in the middle of a block; are they truncated?")
            if not self.closed(slot) or not self.lengths[slot] or self.bits[end:following].any():
                raise UndecodableTokens("a block does not end as an encoded one does; are the ids damaged?")
            if ended and following < stop:
                raise UndecodableTokens("more ids follow the end of the text; were two texts joined?")
        self.starts[slot], self.lengths[slot] = following, 0
        if following < stop:
            self.begin(slot)
        return following < stop
