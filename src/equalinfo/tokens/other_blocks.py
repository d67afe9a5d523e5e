"""Blocks of 10,240 bytes as AC's, for coders other than arithmetic coding."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.coding.chunking import bits_to_ids, ids_to_bits
from equalinfo.tokens.base import as_bytes, checked_ids
from equalinfo.tokens.blocks import BlockTokenizer

STREAMS_AT_ONCE = 64


class OtherBlockTokenizer(BlockTokenizer):
    """Blocks of text; a subclass says what bits a block is and how blocks are read."""

    @abstractmethod
    def _bits(self, block: bytes, end: bool) -> np.ndarray:
        """Bits (0/1, uint8) of a block, with END if it is shorter than the decoder would assume."""

    @abstractmethod
    def _settled(self, block: bytes) -> np.ndarray:
        """The bits that an unfinished block decides whatever follows."""

    @abstractmethod
    def _decode_group(self, streams: list[np.ndarray], partial: bool) -> list[bytes]:
        """The texts of streams of bits, decoded side by side (`Tokenizer.decode_batch`)."""

    def _encode_block(self, block: bytes, end: bool) -> np.ndarray:
        return bits_to_ids(self._bits(block, end), self.width)

    def encode_prompt(self, text: str | bytes) -> np.ndarray:
        """The tokens that the text decides whatever follows."""
        ids = [np.empty(0, np.uint16)]
        for part in self._blocks(as_bytes(text)):
            if len(part) == self.block_bytes:
                ids.append(self._encode_block(part, False))
            else:
                settled = self._settled(part)
                ids.append(bits_to_ids(settled[: len(settled) // self.width * self.width], self.width))
        return np.concatenate(ids)

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        bits = [ids_to_bits(checked_ids(ids, self.vocab), self.width) for ids in streams]
        groups = [bits[start : start + STREAMS_AT_ONCE] for start in range(0, len(bits), STREAMS_AT_ONCE)]
        with self.side_by_side() as workers:
            decoded = workers.map(lambda group: self._decode_group(group, partial), groups)
            return [text for group in decoded for text in group]
