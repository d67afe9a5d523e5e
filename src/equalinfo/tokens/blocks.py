"""AC, StaticAC and EqualText: arithmetic coding of blocks of bytes, M1 starting afresh in each.

AC and StaticAC take 10,240 bytes to a block (Lester et al. 2024, section 3.1: M1 sees the whole example),
EqualText takes n (their Equal-Text windows, described and not run). A block's bits are padded with zeros
to whole tokens, so the next block begins at a token.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.coding.block_coding import decode_streams, encode_block
from equalinfo.coding.chunking import bits_to_ids, ids_to_bits, token_bits
from equalinfo.predict.base import Predictor
from equalinfo.tokens.base import Advance, as_bytes, checked_ids
from equalinfo.tokens.coded import CodedTokenizer
from equalinfo.tokens.spec import Spec

BLOCK_BYTES = 10_240


class BlockTokenizer(CodedTokenizer):
    """Blocks of text, one arithmetic code each."""

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        super().__init__(spec, spec["v"], predictor)
        self.width = token_bits(self.vocab)
        self.block_bytes = spec["n"] if spec.method == "EqualText" else BLOCK_BYTES

    def _blocks(self, data: bytes) -> list[bytes]:
        return [data[start : start + self.block_bytes] for start in range(0, len(data), self.block_bytes)]

    def _encode_block(self, block: bytes, end: bool) -> np.ndarray:
        return bits_to_ids(encode_block(self.predictor, block, end), self.width)

    def encode_batch(self, texts: Sequence[str | bytes], advance: Advance | None = None) -> list[np.ndarray]:
        blocks = [self._blocks(as_bytes(text)) for text in texts]

        def encoded(block: bytes) -> np.ndarray:
            ids = self._encode_block(block, len(block) < self.block_bytes)
            if advance:
                advance(len(block))
            return ids

        with self.side_by_side() as workers:
            ids = workers.map(encoded, (block for parts in blocks for block in parts))
            return [np.concatenate([np.empty(0, np.uint16), *(next(ids) for _ in parts)]) for parts in blocks]

    def encode_prompt(self, text: str | bytes) -> np.ndarray:
        """The tokens that the text decides whatever follows: the last block's closing bits are left out."""
        parts = self._blocks(as_bytes(text))
        ids = [self._encode_block(part, False) for part in parts]
        if parts and len(parts[-1]) < self.block_bytes:
            settled = encode_block(self.predictor, parts[-1], False, close=False)
            ids[-1] = bits_to_ids(settled[: len(settled) // self.width * self.width], self.width)
        return np.concatenate([np.empty(0, np.uint16), *ids])

    def pieces(self, text: str | bytes) -> list[tuple[bytes, list[int]]]:
        blocks = self._blocks(as_bytes(text))
        return [(b, self._encode_block(b, len(b) < self.block_bytes).tolist()) for b in blocks]

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        bits = [ids_to_bits(checked_ids(ids, self.vocab), self.width) for ids in streams]
        return decode_streams(self.predictor, bits, self.block_bytes, self.width, partial)
