"""AC, StaticAC and EqualText: arithmetic coding of blocks of bytes."""

import numpy as np

from equalinfo.coding.block_coding import decode_streams, encode_block, open_block
from equalinfo.tokens.blocks import BlockTokenizer


class ACTokenizer(BlockTokenizer):
    """Blocks of text, one arithmetic code each."""

    def _bits(self, block: bytes, end: bool) -> np.ndarray:
        return encode_block(self.predictor, block, end)

    def _open_bits(self, block: bytes) -> tuple[np.ndarray, np.ndarray]:
        lowest, highest = open_block(self.predictor, block)
        return lowest, highest

    def _decode(self, streams: list[np.ndarray], partial: bool) -> list[bytes]:
        return decode_streams(self.predictor, streams, self.block_bytes, self.width, partial)
