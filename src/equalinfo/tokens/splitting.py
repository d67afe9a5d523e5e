"""EqualInfo windows too many to list: M1 runs for every byte, many texts side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.coding.chunking import bits_to_codes, bits_to_ids, codes_to_bits, ids_to_bits
from equalinfo.coding.splitter import Splitter
from equalinfo.errors import UndecodableTokens
from equalinfo.predict.base import Predictor
from equalinfo.tokens.base import Advance, as_bytes, checked_ids
from equalinfo.tokens.coded import CodedTokenizer
from equalinfo.tokens.spec import Spec

STREAMS_AT_ONCE = 128


class SplittingTokenizer(CodedTokenizer):
    """Windows of b bits by interval splitting, each cut into b / log2 v ids."""

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        super().__init__(spec, spec["v"], predictor)
        self.width = (self.vocab - 1).bit_length()
        self.bits = spec["b"]
        self.splitter = Splitter(predictor, self.bits)

    def _encode(self, texts: list[bytes], advance: Advance | None) -> list[tuple[list[int], list[int]]]:
        groups = [texts[start : start + STREAMS_AT_ONCE] for start in range(0, len(texts), STREAMS_AT_ONCE)]

        def encoded(group: list[bytes]) -> list[tuple[list[int], list[int]]]:
            windows = self.splitter.encode(group)
            if advance:
                advance(sum(map(len, group)))
            return windows

        with self.side_by_side() as workers:
            return [windows for group in workers.map(encoded, groups) for windows in group]

    def encode_batch(self, texts: Sequence[str | bytes], advance: Advance | None = None) -> list[np.ndarray]:
        results = self._encode([as_bytes(text) for text in texts], advance)
        return [self._ids(codes) for codes, _ in results]

    def _ids(self, codes: list[int]) -> np.ndarray:
        return bits_to_ids(codes_to_bits(codes, self.bits), self.width)

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        """The text of each list of ids; whatever whole windows they make stand for one.

        Args:
            partial: the ids may end inside a window; what its missing ids cannot change is given.
        """
        windows = [self._windows(ids, partial) for ids in streams]
        groups = [windows[i : i + STREAMS_AT_ONCE] for i in range(0, len(windows), STREAMS_AT_ONCE)]
        with self.side_by_side() as workers:
            return [text for group in workers.map(self.splitter.decode, groups) for text in group]

    def _windows(self, ids: Any, partial: bool) -> list[tuple[int, int]]:
        """The lowest and highest code that each window may have."""
        bits = ids_to_bits(checked_ids(ids, self.vocab), self.width)
        windows = [(code, code) for code in bits_to_codes(bits, self.bits)]
        left = len(bits) % self.bits
        if left and not partial:
            raise UndecodableTokens("the ids end in the middle of a window; are they truncated?")
        if left:
            missing = self.bits - left
            low = bits_to_codes(bits[len(bits) - left :], left)[0] << missing
            windows.append((low, low + (1 << missing) - 1))
        return windows

    def pieces(self, text: str | bytes) -> list[tuple[bytes, list[int]]]:
        data = as_bytes(text)
        codes, lengths = self._encode([data], None)[0]
        ids = self._ids(codes).reshape(len(codes), -1).tolist() if codes else []
        ends = np.cumsum(lengths).tolist()
        return [(data[end - length : end], own) for end, length, own in zip(ends, lengths, ids, strict=True)]
