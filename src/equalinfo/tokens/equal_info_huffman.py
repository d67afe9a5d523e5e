"""EqualInfoHuffman: windows of equal information with Huffman words in place of arithmetic coding.

A window takes bytes as long as their words fit into b bits; the rest of it is zeros, as in the paper's windows
(Lester et al. 2024, section 3.3), and predictor and code start afresh. It reads back for any text:

    In every code here END is the longest word and all zeros (`coding.huffman`). So if the r zeros at a window's end
    are as many as END's bits or more, they begin with END; if fewer, they are the beginning of END and of no
    word that is complete. Either way no byte can be read from them: a reader that stops at END or where a word
    is incomplete stops exactly where the writer did.

The end of the input closes a window like any byte that does not fit. Words have at most b bits, so one byte
always fits. The code 0, an empty window, is never written: where a window is one id, it is EOS.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.coding import huffman
from equalinfo.coding.chunking import bits_to_ids, codes_to_bits, ids_to_bits, token_bits
from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.predict.base import Predictor
from equalinfo.tokens.base import Advance, as_bytes, checked_ids
from equalinfo.tokens.coded import CodedTokenizer
from equalinfo.tokens.huffman import joined, read_symbols
from equalinfo.tokens.spec import Spec

STREAMS_AT_ONCE = 128
LARGEST = 1024

Windows = tuple[list[int], list[int]]  # the codes, and how many bytes each holds


class EqualInfoHuffmanTokenizer(CodedTokenizer):
    """Windows of b bits, joined and cut into tokens of log2 v bits (which may cross windows)."""

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        super().__init__(spec, spec["v"], predictor)
        self.width, self.window_bits = token_bits(self.vocab), spec["b"]
        if not huffman.SHORTEST_LIMIT <= self.window_bits <= LARGEST:
            raise EqualInfoError(
                f"{spec}: b is outside {huffman.SHORTEST_LIMIT} to {LARGEST}; choose a b within, or Huffman"
            )
        if self.width > self.window_bits:
            raise EqualInfoError(
                f"{spec}: a token of {self.width} bits is wider than a window; use a larger b"
            )
        self.limit = min(self.window_bits, huffman.LONGEST_WORD)
        self.eos = 0 if self.width == self.window_bits else None

    def _encode(self, texts: list[bytes], advance: Advance | None) -> list[Windows]:
        groups = [texts[start : start + STREAMS_AT_ONCE] for start in range(0, len(texts), STREAMS_AT_ONCE)]

        def encoded(group: list[bytes]) -> list[Windows]:
            windows = self._encode_group(group)
            if advance:
                advance(sum(map(len, group)))
            return windows

        with self.side_by_side() as workers:
            return [windows for group in workers.map(encoded, groups) for windows in group]

    def _encode_group(self, texts: list[bytes]) -> list[Windows]:
        """Cuts and codes texts side by side, one step of the predictor per byte."""
        contexts = self.predictor.open(len(texts))
        root_lengths, root_words = huffman.code_of(np.asarray(self.predictor.root, np.int32), self.limit)
        results: list[Windows] = [([], []) for _ in texts]
        codes, used, held = [0] * len(texts), [0] * len(texts), [0] * len(texts)  # of the open windows
        position = [0] * len(texts)

        def take(slot: int, word: int, length: int) -> None:
            codes[slot] = codes[slot] << length | word
            used[slot] += length
            held[slot] += 1
            position[slot] += 1

        def close(slot: int) -> None:
            results[slot][0].append(codes[slot] << (self.window_bits - used[slot]))
            results[slot][1].append(held[slot])
            codes[slot] = used[slot] = held[slot] = 0

        active = [slot for slot, text in enumerate(texts) if text]
        for slot in active:
            take(slot, int(root_words[texts[slot][0]]), int(root_lengths[texts[slot][0]]))
        while active:
            for slot in active:
                if position[slot] == len(texts[slot]):
                    close(slot)
            active = [slot for slot in active if held[slot]]
            slots = np.array(active, np.int64)
            before = np.array([texts[slot][position[slot] - 1] for slot in active], np.int64)
            keep = np.array([held[slot] - 1 for slot in active], np.int64)
            rows = np.ascontiguousarray(contexts.advance(slots, keep, before))
            symbols = np.array([texts[slot][position[slot]] for slot in active], np.int64)
            lengths, words = np.empty(len(active), np.int64), np.empty(len(active), np.int64)
            huffman.words_of(rows, symbols, self.limit, lengths, words)
            for slot, byte, length, word in zip(
                active, symbols.tolist(), lengths.tolist(), words.tolist(), strict=True
            ):
                if used[slot] + length > self.window_bits:
                    close(slot)
                    length, word = int(root_lengths[byte]), int(root_words[byte])
                take(slot, word, length)
        return results

    def encode_batch(self, texts: Sequence[str | bytes], advance: Advance | None = None) -> list[np.ndarray]:
        results = self._encode([as_bytes(text) for text in texts], advance)
        return [bits_to_ids(codes_to_bits(codes, self.window_bits), self.width) for codes, _ in results]

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        """The text of each list of ids (`Tokenizer.decode_batch`).

        Args:
            partial: bits that stand after a window's last complete word may be any; the ids may end inside a
                window, whose complete words are given.
        """
        arrays = []
        for ids in streams:
            bits = ids_to_bits(checked_ids(ids, self.vocab), self.width)
            left = len(bits) % self.window_bits
            if not partial:
                if left >= self.width or bits[len(bits) - left :].any():
                    raise UndecodableTokens("the ids end in the middle of a window; are they truncated?")
                bits = bits[: len(bits) - left]
            arrays.append(bits)
        groups = [arrays[start : start + STREAMS_AT_ONCE] for start in range(0, len(arrays), STREAMS_AT_ONCE)]
        with self.side_by_side() as workers:
            decoded = workers.map(lambda group: self._decode_group(group, partial), groups)
            return [text for group in decoded for text in group]

    def _decode_group(self, streams: list[np.ndarray], partial: bool) -> list[bytes]:
        contexts = self.predictor.open(len(streams))
        texts = [bytearray() for _ in streams]
        bits, positions, stops = joined(streams)
        window_stops = np.minimum(positions + self.window_bits, stops)
        lengths = np.zeros(len(streams), np.int64)  # bytes read in the open window
        rows = np.tile(np.asarray(self.predictor.root, np.int32), (len(streams), 1))
        active = np.flatnonzero(positions < stops)
        while len(active):
            symbols, sizes = read_symbols(
                rows[active], self.limit, bits, positions[active], window_stops[active]
            )
            stepping, going_on = [], []
            for slot, symbol, size in zip(active.tolist(), symbols.tolist(), sizes.tolist(), strict=True):
                start, stop = positions[slot], window_stops[slot]
                if symbol != huffman.END and start + size <= stop:
                    texts[slot].append(symbol)
                    lengths[slot] += 1
                    positions[slot] += size
                    stepping.append(slot)
                    continue
                if not partial and (bits[start:stop].any() or not (lengths[slot] or self.eos == 0)):
                    raise UndecodableTokens(
                        "a window does not end as an encoded one does; are the ids damaged?"
                    )
                positions[slot], lengths[slot] = stop, 0
                window_stops[slot] = min(stop + self.window_bits, stops[slot])
                rows[slot] = self.predictor.root
                if stop < stops[slot]:
                    going_on.append(slot)
            slots = np.array(stepping, np.int64)
            last = np.array([texts[slot][-1] for slot in stepping], np.int64)
            rows[slots] = contexts.advance(slots, lengths[slots] - 1, last)
            active = np.array(sorted(stepping + going_on), np.int64)
        return [bytes(text) for text in texts]

    def encode_prompt(self, text: str | bytes) -> np.ndarray:
        """Whole tokens of the prompt's windows: with b not a multiple of the width, padding is left out."""
        bits = codes_to_bits(self._encode([as_bytes(text)], None)[0][0], self.window_bits)
        return bits_to_ids(bits[: len(bits) // self.width * self.width], self.width)

    def token_bytes(self, token: int) -> bytes:
        if self.width < self.window_bits:
            return super().token_bytes(token)
        return self.decode([token], partial=True)

    def pieces(self, text: str | bytes) -> list[tuple[bytes, list[int]]]:
        data = as_bytes(text)
        codes, lengths = self._encode([data], None)[0]
        ids = bits_to_ids(codes_to_bits(codes, self.window_bits), self.width).tolist()
        pieces, position = [], 0
        for index, length in enumerate(lengths):
            first = -(-index * self.window_bits // self.width)
            after = -(-(index + 1) * self.window_bits // self.width)
            pieces.append((data[position : position + length], ids[first:after]))
            position += length
        return pieces
