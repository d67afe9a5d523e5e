"""AC, StaticAC and EqualText: arithmetic coding of blocks of bytes, M1 starting afresh in each.

AC and StaticAC take 10,240 bytes to a block (Lester et al. 2024, section 3.1: M1 sees the whole example),
EqualText takes n (their Equal-Text windows, described and not run). A block's bits are padded with zeros
to whole tokens, so the next block begins at a token.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.coding import arithmetic
from equalinfo.coding.chunking import bits_to_ids, ids_to_bits, token_bits
from equalinfo.errors import UndecodableTokens
from equalinfo.predict.base import Predictor
from equalinfo.tokens.base import Advance, as_bytes, checked_ids
from equalinfo.tokens.coded import CodedTokenizer
from equalinfo.tokens.spec import Spec

BLOCK_BYTES = 10_240
STREAMS_AT_ONCE = 64


class BlockTokenizer(CodedTokenizer):
    """Blocks of text, one arithmetic code each."""

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        super().__init__(spec, spec["v"], predictor)
        self.width = token_bits(self.vocab)
        self.block_bytes = spec["n"] if spec.method == "EqualText" else BLOCK_BYTES

    def _blocks(self, data: bytes) -> list[bytes]:
        return [data[start : start + self.block_bytes] for start in range(0, len(data), self.block_bytes)]

    def _bits(self, block: bytes, end: bool, close: bool = True) -> np.ndarray:
        text = np.frombuffer(block, np.uint8)
        return arithmetic.encode_block(np.ascontiguousarray(self.predictor.along(block)), text, end, close)

    def _encode_block(self, block: bytes, end: bool) -> np.ndarray:
        return bits_to_ids(self._bits(block, end), self.width)

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
            settled = self._bits(parts[-1], False, close=False)
            ids[-1] = bits_to_ids(settled[: len(settled) // self.width * self.width], self.width)
        return np.concatenate([np.empty(0, np.uint16), *ids])

    def pieces(self, text: str | bytes) -> list[tuple[bytes, list[int]]]:
        blocks = self._blocks(as_bytes(text))
        return [(b, self._encode_block(b, len(b) < self.block_bytes).tolist()) for b in blocks]

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        bits = [ids_to_bits(checked_ids(ids, self.vocab), self.width) for ids in streams]
        groups = [bits[start : start + STREAMS_AT_ONCE] for start in range(0, len(bits), STREAMS_AT_ONCE)]
        with self.side_by_side() as workers:
            return [
                text
                for group in workers.map(lambda g: self._decode_group(g, partial), groups)
                for text in group
            ]

    def _decode_group(self, streams: list[np.ndarray], partial: bool) -> list[bytes]:
        """Decodes streams side by side, one step of the predictor per byte."""
        contexts = self.predictor.open(len(streams))
        registers = arithmetic.new_streams(len(streams))
        rows = [self.predictor.root] * len(streams)
        texts = [bytearray() for _ in streams]
        starts = [0] * len(streams)
        lengths = [0] * len(streams)  # bytes decoded in the open block
        active = [slot for slot, bits in enumerate(streams) if len(bits)]
        for slot in active:
            arithmetic.start_block(registers[slot], streams[slot], 0, len(streams[slot]))
        while active:
            slots, symbols = [], []
            for slot in active:
                register, bits = registers[slot], streams[slot]
                while True:
                    symbol = arithmetic.decode_symbol(register, bits, rows[slot])
                    if partial and register[arithmetic.SHIFTS] > len(bits) - starts[slot]:
                        symbol = arithmetic.END  # it rests on bits that are not there
                        break
                    if symbol != arithmetic.END:
                        texts[slot].append(symbol)
                        lengths[slot] += 1
                        if lengths[slot] < self.block_bytes:
                            break
                    end = starts[slot] + arithmetic.block_bits(register)
                    starts[slot] += -(-(end - starts[slot]) // self.width) * self.width
                    if not partial:
                        self._check_end(symbol, register, bits, end, starts[slot])
                    lengths[slot], rows[slot] = 0, self.predictor.root
                    if starts[slot] >= len(bits):
                        symbol = arithmetic.END
                        break
                    arithmetic.start_block(register, bits, starts[slot], len(bits))
                if symbol != arithmetic.END:
                    slots.append(slot)
                    symbols.append(symbol)
            keep = np.array([lengths[slot] - 1 for slot in slots], np.int64)
            new_rows = contexts.advance(np.array(slots, np.int64), keep, np.array(symbols, np.int64))
            for index, slot in enumerate(slots):
                rows[slot] = new_rows[index]
            active = slots
        return [bytes(text) for text in texts]

    @staticmethod
    def _check_end(symbol: int, register: np.ndarray, bits: np.ndarray, end: int, next_start: int) -> None:
        """Refuses a block that the encoder would not have written.

        Args:
            end: where the block's bits end.
            next_start: where the next token begins.
        """
        if next_start > len(bits):
            raise UndecodableTokens("the ids end in the middle of a block; are they truncated?")
        if not arithmetic.closed_as_encoded(register, bits[end:next_start]):
            raise UndecodableTokens("a block does not end as an encoded one does; are the ids damaged?")
        if symbol == arithmetic.END and next_start < len(bits):
            raise UndecodableTokens("more ids follow the end of the text; were two texts joined?")
