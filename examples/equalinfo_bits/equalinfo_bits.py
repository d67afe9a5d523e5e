"""Bits: the bits of a text as they are, cut into ids of log2 v bits. It compresses nothing: a method to start from."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.coding.bits import bits_to_ids, ids_to_bits
from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.tokens.spec import Options, Spec
from equalinfo.tokens.tokenizer import Advance, Tokenizer, checked_ids


class BitsTokenizer(Tokenizer):
    """Each byte is 8 / log2 v ids, its highest bits first; v is 2, 4, 16 or 256."""

    options = Options({"v": 16})
    columns = ("none", "bits as they are", "none", "log2 v bits")

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        if self.vocab not in (2, 4, 16, 256):
            raise EqualInfoError(f"{spec}: v is 2, 4, 16 or 256, so that a byte is whole ids")
        self.width = self.vocab.bit_length() - 1

    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        if advance:
            advance(sum(map(len, texts)))
        return [bits_to_ids(np.unpackbits(np.frombuffer(text, np.uint8)), self.width) for text in texts]

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        return [self._text(checked_ids(ids, self.vocab), partial) for ids in streams]

    def _text(self, ids: np.ndarray, partial: bool) -> bytes:
        bits = ids_to_bits(ids, self.width)
        left = len(bits) % 8
        if left and not partial:
            raise UndecodableTokens("the ids end in the middle of a byte; are they truncated?")
        return np.packbits(bits[: len(bits) - left]).tobytes()
