"""ANS and StaticANS: rANS of blocks of 10,240 bytes, by the constriction library (`pip install 'equalinfo[ans]'`).

A block is a number of 32-bit words, padded with zeros to whole tokens. A block shorter than 10,240 bytes ends with
END. What is coded last is read first, so a block's first words depend on all of its bytes: a prompt settles whole
blocks only. There are no windows: see docs/architecture.md.
"""

from collections.abc import Sequence

import numpy as np

from equalinfo.coding import rans
from equalinfo.errors import UndecodableTokens
from equalinfo.parallel import in_groups
from equalinfo.tokens.blocks import BlockTokenizer

STREAMS_AT_ONCE = 64


class ANSTokenizer(BlockTokenizer):
    """Blocks of text, one rANS code each."""

    continues_prompts = False

    def _bits(self, block: bytes, end: bool) -> np.ndarray:
        rows = np.asarray(self.predictor.frequencies(block + b"\0" if end else block))
        words = rans.encode_block(rows, np.frombuffer(block, np.uint8), end)
        return np.unpackbits(words.astype(">u4").view(np.uint8))

    def _open_bits(self, block: bytes) -> tuple[np.ndarray, np.ndarray]:
        return np.empty(0, np.uint8), np.empty(0, np.uint8)

    def _decode(self, streams: list[np.ndarray], partial: bool) -> list[bytes]:
        return in_groups(lambda group: self._decode_group(group, partial), streams, STREAMS_AT_ONCE)

    def _decode_group(self, streams: Sequence[np.ndarray], partial: bool) -> list[bytes]:
        """Decodes streams side by side, one step of the predictor per byte."""
        contexts = self.predictor.new_contexts(len(streams))
        texts = [bytearray() for _ in streams]
        readers = [rans.BlockReader(_words(bits, 0)) for bits in streams]
        starts = [0] * len(streams)
        lengths = [0] * len(streams)  # bytes decoded in the open block
        rows = [np.asarray(self.predictor.initial)] * len(streams)
        active = [slot for slot, bits in enumerate(streams) if len(bits)]
        while active:
            stepping, going_on = [], []
            for slot in active:
                if not readers[slot].determined:
                    if not partial:
                        raise UndecodableTokens("the ids end in the middle of a block; are they truncated?")
                    continue
                symbol = readers[slot].symbol(rows[slot])
                if symbol != rans.END:
                    texts[slot].append(symbol)
                    lengths[slot] += 1
                    if lengths[slot] < self.block_bytes:
                        stepping.append(slot)
                        continue
                end = starts[slot] + rans.WORD_BITS * readers[slot].words_read
                following = starts[slot] - (starts[slot] - end) // self.width * self.width
                bits = streams[slot]
                if not partial:
                    if not readers[slot].finished or not lengths[slot] or bits[end:following].any():
                        raise UndecodableTokens(
                            "a block does not end as an encoded one does; are the ids damaged?"
                        )
                    if following > len(bits):
                        raise UndecodableTokens("the ids end in the middle of a block; are they truncated?")
                    if symbol == rans.END and following < len(bits):
                        raise UndecodableTokens("more ids follow the end of the text; were two texts joined?")
                starts[slot], lengths[slot], rows[slot] = following, 0, np.asarray(self.predictor.initial)
                if following < len(bits):
                    readers[slot] = rans.BlockReader(_words(bits, following))
                    going_on.append(slot)
            slots = np.array(stepping, np.int64)
            keep = np.array([lengths[slot] - 1 for slot in stepping], np.int64)
            last = np.array([texts[slot][-1] for slot in stepping], np.int64)
            for slot, row in zip(stepping, contexts.step(slots, keep, last), strict=True):
                rows[slot] = row
            active = sorted(stepping + going_on)
        return [bytes(text) for text in texts]


def _words(bits: np.ndarray, start: int) -> np.ndarray:
    """The whole 32-bit words from bit `start` on, uint32."""
    whole = (len(bits) - start) // rans.WORD_BITS * rans.WORD_BITS
    return np.packbits(bits[start : start + whole]).view(">u4").astype(np.uint32)
