"""Blocks of text with a code each, the predictor starting afresh in each; subclasses say what code.

A block has 10,240 bytes (Lester et al. 2024, section 3.1: M1 sees the whole example), in EqualText n (their
Equal-Text windows, described and not run). Its bits are padded with zeros to whole tokens, so the next block
begins at a token.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from equalinfo.coding import arithmetic
from equalinfo.coding.bits import bits_to_ids, id_range, ids_to_bits, token_bits
from equalinfo.coding.side_by_side import BlockReader, decode_side_by_side
from equalinfo.parallel import in_groups, worker_threads
from equalinfo.predict.base import Predictor
from equalinfo.tokens.coded import CodedTokenizer
from equalinfo.tokens.spec import UNIGRAM, Options, Spec, coded_options
from equalinfo.tokens.tokenizer import Advance, checked_ids

BLOCK_BYTES = 10_240
STREAMS_AT_ONCE = 64
STATIC_OPTIONS = Options({"v": 256})


class BlockTokenizer(CodedTokenizer):
    """Blocks of text, each turned into bits of its own.

    Attributes:
        static: the method's name with the byte unigram (order=0); the paper's StaticAC suggests these.
        reader: what reads its streams of bits.
    """

    options = coded_options({"v": 256})
    places_in_text = False
    static: ClassVar[str | None] = None
    reader: ClassVar[type[BlockReader]]

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        super().__init__(spec, predictor)
        self.width = token_bits(self.vocab)
        self.block_bytes = BLOCK_BYTES

    @classmethod
    def canonical(cls, spec: Spec, saved: bool) -> Spec:
        if cls.static and spec.get("order") == 0:
            return replace(spec, method=cls.static, numbers=(("v", spec["v"]),))
        return spec

    @abstractmethod
    def _bits(self, block: bytes, end: bool) -> np.ndarray:
        """Bits (0/1, uint8) of a block, with END if it is shorter than the decoder would assume."""

    @abstractmethod
    def _open_bits(self, block: bytes) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest bits of blocks that begin so; zeros follow the one, ones the other."""

    def _blocks(self, data: bytes) -> list[bytes]:
        return [data[start : start + self.block_bytes] for start in range(0, len(data), self.block_bytes)]

    def _encode_block(self, block: bytes) -> np.ndarray:
        return bits_to_ids(self._bits(block, len(block) < self.block_bytes), self.width)

    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        blocks = [self._blocks(text) for text in texts]

        def encoded(block: bytes) -> np.ndarray:
            ids = self._encode_block(block)
            if advance:
                advance(len(block))
            return ids

        with worker_threads() as workers:
            ids = workers.map(encoded, (block for parts in blocks for block in parts))
            return [np.concatenate([np.empty(0, np.uint16), *(next(ids) for _ in parts)]) for parts in blocks]

    def _prompt_bounds(self, text: bytes) -> tuple[np.ndarray, np.ndarray]:
        whole = len(text) // self.block_bytes * self.block_bytes
        before = self._encode(text[:whole])
        lowest, highest = id_range(*self._open_bits(text[whole:]), self.width)
        return np.concatenate([before, lowest]), np.concatenate([before, highest])

    def _segments(self, text: bytes) -> list[tuple[bytes, list[int]]]:
        return [(block, self._encode_block(block).tolist()) for block in self._blocks(text)]

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        bits = [ids_to_bits(checked_ids(ids, self.vocab), self.width) for ids in streams]

        def decoded(group: Sequence[np.ndarray]) -> list[bytes]:
            reader = self.reader(group, self.block_bytes, self.width, partial)
            return decode_side_by_side(self.predictor, reader)

        return in_groups(decoded, bits, STREAMS_AT_ONCE)


class ArithmeticReader(BlockReader):
    """Blocks of one arithmetic code each."""

    def __init__(self, streams: Sequence[np.ndarray], block_bytes: int, width: int, partial: bool) -> None:
        self._registers = arithmetic.new_streams(len(streams))
        super().__init__(streams, block_bytes, width, partial)

    def begin(self, slot: int) -> None:
        arithmetic.start_block(
            self._registers[slot], self.bits, int(self.starts[slot]), int(self.stops[slot])
        )

    def symbols(self, slots: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        symbols, used = arithmetic.read_symbols(self._registers, self.bits, slots, rows, self.partial)
        return symbols, self.starts[slots] + used

    def closed(self, slot: int) -> bool:
        return arithmetic.closed_as_encoded(self._registers[slot])


class ACTokenizer(BlockTokenizer):
    """Blocks of text, one arithmetic code each."""

    columns = ("M1", "arithmetic", "none", "log2 v bits")
    static: ClassVar[str | None] = "StaticAC"
    reader = ArithmeticReader

    def _bits(self, block: bytes, end: bool) -> np.ndarray:
        rows = np.ascontiguousarray(self.predictor.frequencies(block))
        return arithmetic.encode_block(rows, np.frombuffer(block, np.uint8), end)

    def settled_lengths(self, text: bytes, ids: Sequence[int]) -> list[int]:
        bits = ids_to_bits(checked_ids(ids, self.vocab), self.width)
        rows = np.ascontiguousarray(self.predictor.frequencies(text))
        lengths = arithmetic.settled_lengths(rows, bits, self.width)
        return [*lengths[:-1].tolist(), len(text)]

    def _open_bits(self, block: bytes) -> tuple[np.ndarray, np.ndarray]:
        rows = np.ascontiguousarray(self.predictor.frequencies(block))
        lowest, highest = arithmetic.open_block(rows, np.frombuffer(block, np.uint8))
        return lowest, highest


class StaticACTokenizer(ACTokenizer):
    """AC with the byte unigram (Lester et al. 2024, StaticAC)."""

    columns = (UNIGRAM, "arithmetic", "none", "log2 v bits")
    options = STATIC_OPTIONS


class EqualTextTokenizer(ACTokenizer):
    """AC in blocks of n bytes: windows of equal text."""

    columns = ("M1", "arithmetic", "n bytes", "log2 v bits")
    options = coded_options({"n": 8, "v": 256})
    static = None
    places_in_text = True

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        super().__init__(spec, predictor)
        self.block_bytes = spec["n"]
