"""Huffman and StaticHuffman: a Huffman code for every byte's distribution, blocks of 10,240 bytes as AC's.

A block's words are padded with zeros to whole tokens. A block shorter than 10,240 bytes ends with END.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from equalinfo.coding import huffman
from equalinfo.coding.compiled_windows import WindowTable, list_huffman
from equalinfo.coding.many_places import EncodedWindows, Window, encode_at_many_places
from equalinfo.coding.side_by_side import BlockReader, Run, StreamReader, decode_side_by_side
from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.predict.base import OnProgress, Predictor
from equalinfo.tokens.blocks import STATIC_OPTIONS, BlockTokenizer
from equalinfo.tokens.spec import UNIGRAM, Spec, coded_options
from equalinfo.tokens.texts import common_start
from equalinfo.tokens.windows import WindowTokenizer


class _BlockReader(BlockReader):
    def __init__(self, streams: Sequence[np.ndarray], block_bytes: int, width: int, partial: bool) -> None:
        self._positions = np.zeros(len(streams), np.int64)
        super().__init__(streams, block_bytes, width, partial)

    def begin(self, slot: int) -> None:
        self._positions[slot] = self.starts[slot]

    def symbols(self, slots: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        stops = self.stops[slots]
        symbols, sizes = huffman.next_symbols(
            rows, huffman.LONGEST_WORD, self.bits, self._positions[slots], stops
        )
        ends = self._positions[slots] = self._positions[slots] + sizes
        return np.where(ends > stops, -1, symbols), ends


class HuffmanTokenizer(BlockTokenizer):
    """Blocks of text, each byte in the Huffman code of its frequencies."""

    columns = ("M1", "Huffman", "none", "log2 v bits")
    static = "StaticHuffman"
    reader = _BlockReader

    def _bits(self, block: bytes, end: bool) -> np.ndarray:
        rows = self.predictor.frequencies(block + b"\0" if end else block)
        return huffman.encode_block(np.ascontiguousarray(rows), np.frombuffer(block, np.uint8), end)

    def _open_bits(self, block: bytes) -> tuple[np.ndarray, np.ndarray]:
        bits = self._bits(block, end=False)
        return bits, bits


class StaticHuffmanTokenizer(HuffmanTokenizer):
    """Huffman with the byte unigram."""

    columns = (UNIGRAM, "Huffman", "none", "log2 v bits")
    options = STATIC_OPTIONS


# EqualInfoHuffman: windows of equal information with Huffman words in place of arithmetic coding.
#
# A window takes bytes as long as their words fit into b bits; the rest of it is zeros, as in the paper's windows
# (Lester et al. 2024, section 3.3), and predictor and code start afresh. It reads back for any text:
#
#     In every code here END is the longest word and all zeros (`coding.huffman`). So if the r zeros at a window's end
#     are as many as END's bits or more, they begin with END; if fewer, they are the beginning of END and of no
#     word that is complete. Either way no byte can be read from them: a reader that stops at END or where a word
#     is incomplete stops exactly where the writer did.
#
# The end of the input closes a window like any byte that does not fit. Words have at most b bits, so one byte
# always fits. The code 0, an empty window, is never written: where a window is one id, it is EOS.
LARGEST = 1024
DAMAGED = "a window does not end as an encoded one does; are the ids damaged?"


class EqualInfoHuffmanTokenizer(WindowTokenizer):
    """Windows of b bits, joined and cut into tokens of log2 v bits (which may cross windows)."""

    columns = ("M1", "Huffman", "b bits, closed by zeros", "log2 v bits")
    options = coded_options({"b": None, "v": 256})

    def __init__(self, spec: Spec, predictor: Predictor, table: WindowTable | None = None) -> None:
        if not huffman.SHORTEST_LIMIT <= spec["b"] <= LARGEST:
            raise EqualInfoError(
                f"{spec}: b is outside {huffman.SHORTEST_LIMIT} to {LARGEST}; choose a b within, or Huffman"
            )
        super().__init__(spec, predictor, table)
        self.limit = min(self.window_bits, huffman.LONGEST_WORD)
        self.eos = 0 if self.width == self.window_bits else None

    def _listed(self, threads: int, on_progress: OnProgress | None) -> WindowTable | None:
        return list_huffman(self.predictor, self.window_bits, self.limit, threads, on_progress)

    def _beginning(self, table: WindowTable, bits: int, count: int) -> bytes:
        # Whole words are in every text that the code may be of; the next word differs between the first and the last.
        lowest = bits << (self.window_bits - count)
        highest = lowest + (1 << (self.window_bits - count)) - 1
        first, last = (table.decode(np.array([code], np.uint32)) for code in (lowest, highest))
        return common_start(first, last)

    def _check_codes(self, table: WindowTable, codes: np.ndarray) -> None:
        closed = table.written(codes)
        if self.eos == 0:
            closed |= codes == 0
        if not closed.all():
            raise UndecodableTokens(DAMAGED)

    def _encode_group(self, texts: Sequence[bytes]) -> list[EncodedWindows]:
        lengths, words = huffman.code_of(np.asarray(self.predictor.initial, np.int32), self.limit)
        root = list(zip(lengths.tolist(), words.tolist(), strict=True))

        def reply(symbols: Sequence[int], rows: np.ndarray) -> Iterable[tuple[int, int]]:
            codes = huffman.words_of(np.ascontiguousarray(rows), np.array(symbols), self.limit)
            return zip(*(part.tolist() for part in codes), strict=True)

        coder = partial(self._encoding, root=root)
        return encode_at_many_places(self.predictor, texts, coder, reply, self.window_bits)

    def _encoding(
        self, text: memoryview, met: Callable[[int], bool], root: list[tuple[int, int]]
    ) -> Run[list[Window]]:
        windows: list[Window] = []
        code = used = held = 0  # of the open window
        for position, byte in enumerate(text):
            length, word = (yield held - 1, text[position - 1], byte) if held else root[byte]
            if used + length > self.window_bits:
                windows.append((code << (self.window_bits - used), held, False))
                if met(position):
                    return windows
                code = used = held = 0
                length, word = root[byte]
            code, used, held = code << length | word, used + length, held + 1
        if held:
            windows.append((code << (self.window_bits - used), held, False))
        return windows

    def _decode_group(self, streams: Sequence[np.ndarray], partial: bool) -> list[bytes]:
        reader = _WindowReader(streams, partial, self.window_bits, self.limit, self.eos == 0)
        return decode_side_by_side(self.predictor, reader)

    def token_bytes(self, token: int) -> bytes:
        if self.width < self.window_bits:
            return super().token_bytes(token)
        return self.decode([token], partial=True)


class _WindowReader(StreamReader):
    """Windows of `window_bits` bits with words of at most `limit`.

    Args:
        may_be_empty: whether a window may hold nothing, because its code is EOS.
    """

    def __init__(
        self, streams: Sequence[np.ndarray], partial: bool, window_bits: int, limit: int, may_be_empty: bool
    ) -> None:
        super().__init__(streams, partial)
        self.window_bits, self.limit, self.may_be_empty = window_bits, limit, may_be_empty
        self._positions = self.starts.copy()

    def read(self, slots: np.ndarray, rows: np.ndarray) -> np.ndarray:
        stops = np.minimum(self.starts[slots] + self.window_bits, self.stops[slots])
        symbols, sizes = huffman.next_symbols(rows, self.limit, self.bits, self._positions[slots], stops)
        ends = self._positions[slots] + sizes
        byte = (symbols != huffman.END) & (ends <= stops)
        self.take(slots[byte], symbols[byte])
        self._positions[slots] = np.where(byte, ends, stops)
        going_on = np.ones(len(slots), bool)
        for index in np.flatnonzero(~byte).tolist():
            slot, start, stop = slots[index], int(ends[index] - sizes[index]), int(stops[index])
            whole = self.lengths[slot] or self.may_be_empty
            if not self.partial and (self.bits[start:stop].any() or not whole):
                raise UndecodableTokens(DAMAGED)
            self.starts[slot], self.lengths[slot] = stop, 0
            going_on[index] = stop < self.stops[slot]
        return going_on
