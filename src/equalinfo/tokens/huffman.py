"""Huffman and StaticHuffman: a Huffman code for every byte's distribution, blocks of 10,240 bytes as AC's.

A block's words are padded with zeros to whole tokens. A block shorter than 10,240 bytes ends with END.
"""

from collections.abc import Sequence

import numpy as np

from equalinfo.coding import huffman
from equalinfo.coding.workers import in_groups
from equalinfo.errors import UndecodableTokens
from equalinfo.tokens.blocks import BlockTokenizer

STREAMS_AT_ONCE = 64


class HuffmanTokenizer(BlockTokenizer):
    """Blocks of text, each byte in the Huffman code of its frequencies."""

    def _bits(self, block: bytes, end: bool) -> np.ndarray:
        rows = self.predictor.along(block + b"\0" if end else block)
        return huffman.encode_block(np.ascontiguousarray(rows), np.frombuffer(block, np.uint8), end)

    def _open_bits(self, block: bytes) -> tuple[np.ndarray, np.ndarray]:
        bits = self._bits(block, end=False)
        return bits, bits

    def _decode(self, streams: list[np.ndarray], partial: bool) -> list[bytes]:
        return in_groups(lambda group: self._decode_group(group, partial), streams, STREAMS_AT_ONCE)

    def _decode_group(self, streams: Sequence[np.ndarray], partial: bool) -> list[bytes]:
        """Decodes streams side by side, one step of the predictor per byte."""
        contexts = self.predictor.open(len(streams))
        texts = [bytearray() for _ in streams]
        bits, starts, stops = joined(streams)  # starts: of the open blocks
        positions = starts.copy()
        lengths = np.zeros(len(streams), np.int64)  # bytes decoded in the open block
        rows = np.tile(np.asarray(self.predictor.root, np.int32), (len(streams), 1))
        active = np.flatnonzero(stops > starts)
        while len(active):
            symbols, sizes = read_symbols(
                rows[active], huffman.LONGEST_WORD, bits, positions[active], stops[active]
            )
            stepping, going_on = [], []
            for slot, symbol, size in zip(active.tolist(), symbols.tolist(), sizes.tolist(), strict=True):
                end = positions[slot] = positions[slot] + size
                if end > stops[slot]:
                    if not partial:
                        raise UndecodableTokens("the ids end in the middle of a block; are they truncated?")
                    continue
                if symbol != huffman.END:
                    texts[slot].append(symbol)
                    lengths[slot] += 1
                    if lengths[slot] < self.block_bytes:
                        stepping.append(slot)
                        continue
                following = starts[slot] - (starts[slot] - end) // self.width * self.width
                if not partial:
                    if bits[end:following].any() or not lengths[slot]:
                        raise UndecodableTokens(
                            "a block does not end as an encoded one does; are the ids damaged?"
                        )
                    if symbol == huffman.END and following < stops[slot]:
                        raise UndecodableTokens("more ids follow the end of the text; were two texts joined?")
                starts[slot] = positions[slot] = following
                lengths[slot] = 0
                rows[slot] = self.predictor.root
                if following < stops[slot]:
                    going_on.append(slot)
            last = np.array([texts[slot][-1] for slot in stepping], np.int64)
            slots = np.array(stepping, np.int64)
            rows[slots] = contexts.advance(slots, lengths[slots] - 1, last)
            active = np.array(sorted(stepping + going_on), np.int64)
        return [bytes(text) for text in texts]


def joined(streams: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bit streams as one array, and where each begins and ends; int64."""
    stops = np.cumsum([len(bits) for bits in streams], dtype=np.int64)
    starts = stops - np.array([len(bits) for bits in streams], np.int64)
    return np.concatenate([np.empty(0, np.uint8), *streams]), starts, stops


def read_symbols(
    rows: np.ndarray, limit: int, bits: np.ndarray, positions: np.ndarray, stops: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The symbol that begins at each position and the length of its word (`huffman.next_symbols`)."""
    symbols, lengths = np.empty(len(positions), np.int64), np.empty(len(positions), np.int64)
    huffman.next_symbols(rows, limit, bits, positions, stops, symbols, lengths)
    return symbols, lengths
