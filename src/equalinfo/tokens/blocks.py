"""Blocks of text with a code each, the predictor starting afresh in each; subclasses say what code.

A block has 10,240 bytes (Lester et al. 2024, section 3.1: M1 sees the whole example), in EqualText n (their
Equal-Text windows, described and not run). Its bits are padded with zeros to whole tokens, so the next block
begins at a token.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.coding.bits import bits_to_ids, id_range, ids_to_bits, token_bits
from equalinfo.coding.blocks import decode_streams, encode_block, open_block
from equalinfo.parallel import worker_threads
from equalinfo.predict.base import Predictor
from equalinfo.tokens.coded import CodedTokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Advance, checked_ids

BLOCK_BYTES = 10_240


class BlockTokenizer(CodedTokenizer):
    """Blocks of text, each turned into bits of its own."""

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        super().__init__(spec, spec["v"], predictor)
        self.width = token_bits(self.vocab)
        self.block_bytes = spec["n"] if spec.method == "EqualText" else BLOCK_BYTES

    @abstractmethod
    def _bits(self, block: bytes, end: bool) -> np.ndarray:
        """Bits (0/1, uint8) of a block, with END if it is shorter than the decoder would assume."""

    @abstractmethod
    def _open_bits(self, block: bytes) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest bits of blocks that begin so; zeros follow the one, ones the other."""

    @abstractmethod
    def _decode(self, streams: list[np.ndarray], partial: bool) -> list[bytes]:
        """The texts of streams of bits (`Tokenizer.decode_batch`)."""

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

    def _pieces(self, text: bytes) -> list[tuple[bytes, list[int]]]:
        return [(block, self._encode_block(block).tolist()) for block in self._blocks(text)]

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        bits = [ids_to_bits(checked_ids(ids, self.vocab), self.width) for ids in streams]
        return self._decode(bits, partial)


class ACTokenizer(BlockTokenizer):
    """Blocks of text, one arithmetic code each."""

    def _bits(self, block: bytes, end: bool) -> np.ndarray:
        return encode_block(self.predictor, block, end)

    def _open_bits(self, block: bytes) -> tuple[np.ndarray, np.ndarray]:
        lowest, highest = open_block(self.predictor, block)
        return lowest, highest

    def _decode(self, streams: list[np.ndarray], partial: bool) -> list[bytes]:
        return decode_streams(self.predictor, streams, self.block_bytes, self.width, partial)
