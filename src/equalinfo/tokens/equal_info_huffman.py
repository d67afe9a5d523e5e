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

import numpy as np

from equalinfo.coding import huffman
from equalinfo.coding.chunking import token_bits
from equalinfo.coding.windows import EncodedWindows
from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.predict.base import Predictor
from equalinfo.tokens.huffman import joined, read_symbols
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.windows import WindowTokenizer

LARGEST = 1024


class EqualInfoHuffmanTokenizer(WindowTokenizer):
    """Windows of b bits, joined and cut into tokens of log2 v bits (which may cross windows)."""

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        width = token_bits(spec["v"])
        if not huffman.SHORTEST_LIMIT <= spec["b"] <= LARGEST:
            raise EqualInfoError(
                f"{spec}: b is outside {huffman.SHORTEST_LIMIT} to {LARGEST}; choose a b within, or Huffman"
            )
        super().__init__(spec, predictor, width)
        self.limit = min(self.window_bits, huffman.LONGEST_WORD)
        self.eos = 0 if self.width == self.window_bits else None

    def _encode_group(self, texts: Sequence[bytes]) -> list[EncodedWindows]:
        """Cuts and codes texts side by side, one step of the predictor per byte."""
        contexts = self.predictor.open(len(texts))
        root_lengths, root_words = huffman.code_of(np.asarray(self.predictor.root, np.int32), self.limit)
        results = [EncodedWindows([], []) for _ in texts]
        codes, used, held = [0] * len(texts), [0] * len(texts), [0] * len(texts)  # of the open windows
        position = [0] * len(texts)

        def take(slot: int, word: int, length: int) -> None:
            codes[slot] = codes[slot] << length | word
            used[slot] += length
            held[slot] += 1
            position[slot] += 1

        def close(slot: int) -> None:
            results[slot].codes.append(codes[slot] << (self.window_bits - used[slot]))
            results[slot].lengths.append(held[slot])
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

    def _decode_group(self, streams: Sequence[np.ndarray], partial: bool) -> list[bytes]:
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

    def token_bytes(self, token: int) -> bytes:
        if self.width < self.window_bits:
            return super().token_bytes(token)
        return self.decode([token], partial=True)
