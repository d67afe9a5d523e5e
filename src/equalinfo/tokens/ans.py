"""ANS and StaticANS: rANS of blocks of 10,240 bytes, by the constriction library (`pip install 'equalinfo[ans]'`).

A block is a number of 32-bit words, padded with zeros to whole tokens. A block shorter than 10,240 bytes ends with
END. What is coded last is read first, so a block's first words depend on all of its bytes: a prompt settles whole
blocks only. There are no windows: see docs/architecture.md.
"""

from collections.abc import Sequence

import numpy as np

from equalinfo.coding import rans
from equalinfo.coding.side_by_side import BlockReader
from equalinfo.tokens.blocks import STATIC_OPTIONS, BlockTokenizer
from equalinfo.tokens.spec import UNIGRAM


class _Reader(BlockReader):
    def __init__(self, streams: Sequence[np.ndarray], block_bytes: int, width: int, partial: bool) -> None:
        self._blocks: dict[int, rans.BlockReader] = {}
        super().__init__(streams, block_bytes, width, partial)

    def begin(self, slot: int) -> None:
        start = int(self.starts[slot])
        whole = (int(self.stops[slot]) - start) // rans.WORD_BITS * rans.WORD_BITS
        words = np.packbits(self.bits[start : start + whole]).view(">u4").astype(np.uint32)
        self._blocks[slot] = rans.BlockReader(words)

    def symbols(self, slots: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        blocks = [self._blocks[slot] for slot in slots.tolist()]
        symbols = [
            block.symbol(row) if block.determined else -1 for block, row in zip(blocks, rows, strict=True)
        ]
        read = np.array([block.words_read for block in blocks], np.int64)
        return np.array(symbols, np.int64), self.starts[slots] + rans.WORD_BITS * read

    def closed(self, slot: int) -> bool:
        return self._blocks[slot].finished


class ANSTokenizer(BlockTokenizer):
    """Blocks of text, one rANS code each."""

    columns = ("M1", "rANS", "none", "log2 v bits")
    static = "StaticANS"
    reader = _Reader
    continues_prompts = False

    def _bits(self, block: bytes, end: bool) -> np.ndarray:
        rows = np.asarray(self.predictor.frequencies(block + b"\0" if end else block))
        words = rans.encode_block(rows, np.frombuffer(block, np.uint8), end)
        return np.unpackbits(words.astype(">u4").view(np.uint8))

    def _open_bits(self, block: bytes) -> tuple[np.ndarray, np.ndarray]:
        return np.empty(0, np.uint8), np.empty(0, np.uint8)


class StaticANSTokenizer(ANSTokenizer):
    """ANS with the byte unigram."""

    columns = (UNIGRAM, "rANS", "none", "log2 v bits")
    options = STATIC_OPTIONS
