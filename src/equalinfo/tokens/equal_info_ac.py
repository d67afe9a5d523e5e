"""EqualInfoAC: the paper's windows of equal information (Lester et al. 2024, section 3.3), lossless."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.coding.chunking import bits_to_codes, bits_to_ids, codes_to_bits, ids_to_bits, token_bits
from equalinfo.coding.windows import EncodedWindows, WindowRule, decode_windows, encode_windows
from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.predict.base import Predictor
from equalinfo.tokens.base import Advance, as_bytes, checked_ids
from equalinfo.tokens.coded import CodedTokenizer
from equalinfo.tokens.spec import Spec

STREAMS_AT_ONCE = 128


class EqualInfoACTokenizer(CodedTokenizer):
    """Windows of b bits, joined and cut into tokens of log2 v bits (which may cross windows)."""

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        super().__init__(spec, spec["v"], predictor)
        self.width = token_bits(self.vocab)
        if spec["reset"] > 2:
            raise EqualInfoError(f"{spec}: reset takes 1 (every window), 2 (every other) or never")
        self.rule = WindowRule(spec["b"], "delay" in spec, spec["reset"])
        if self.width > self.rule.bits:
            raise EqualInfoError(
                f"{spec}: a token of {self.width} bits is wider than a window; use a larger b"
            )

    def _encode(self, texts: list[bytes], advance: Advance | None) -> list[EncodedWindows]:
        groups = [texts[start : start + STREAMS_AT_ONCE] for start in range(0, len(texts), STREAMS_AT_ONCE)]

        def encoded(group: list[bytes]) -> list[EncodedWindows]:
            windows = encode_windows(self.predictor, group, self.rule)
            if advance:
                advance(sum(map(len, group)))
            return windows

        with self.side_by_side() as workers:
            results = [windows for group in workers.map(encoded, groups) for windows in group]
        changed, total = self.windows_changed
        self.windows_changed = (
            changed + sum(result.changed for result in results),
            total + sum(len(result.codes) for result in results),
        )
        return results

    def encode_batch(self, texts: Sequence[str | bytes], advance: Advance | None = None) -> list[np.ndarray]:
        results = self._encode([as_bytes(text) for text in texts], advance)
        return [bits_to_ids(codes_to_bits(result.codes, self.rule.bits), self.width) for result in results]

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        codes = []
        for ids in streams:
            bits = ids_to_bits(checked_ids(ids, self.vocab), self.width)
            left = len(bits) % self.rule.bits
            if not partial and (left >= self.width or bits[len(bits) - left :].any()):
                raise UndecodableTokens("the ids end in the middle of a window; are they truncated?")
            codes.append(bits_to_codes(bits, self.rule.bits))
        groups = [codes[start : start + STREAMS_AT_ONCE] for start in range(0, len(codes), STREAMS_AT_ONCE)]
        with self.side_by_side() as workers:
            decoded = workers.map(lambda group: decode_windows(self.predictor, group, self.rule), groups)
            return [text for group in decoded for text in group]

    def encode_prompt(self, text: str | bytes) -> np.ndarray:
        """Whole tokens of the prompt's windows: with b not a multiple of the width, padding is left out."""
        result = self._encode([as_bytes(text)], None)[0]
        bits = codes_to_bits(result.codes, self.rule.bits)
        return bits_to_ids(bits[: len(bits) // self.width * self.width], self.width)

    def pieces(self, text: str | bytes) -> list[tuple[bytes, list[int]]]:
        data = as_bytes(text)
        result = self._encode([data], None)[0]
        ids = bits_to_ids(codes_to_bits(result.codes, self.rule.bits), self.width).tolist()
        pieces, position = [], 0
        for index, length in enumerate(result.lengths):
            first = -(-index * self.rule.bits // self.width)
            after = -(-(index + 1) * self.rule.bits // self.width)
            pieces.append((data[position : position + length], ids[first:after]))
            position += length
        return pieces
