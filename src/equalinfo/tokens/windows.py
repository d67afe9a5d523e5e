"""What the tokenizers share that cut text into windows of b bits while a predictor runs for every byte."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.coding.chunking import bits_to_ids, codes_to_bits, ids_to_bits
from equalinfo.coding.windows import EncodedWindows
from equalinfo.coding.workers import in_groups
from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.predict.base import Predictor
from equalinfo.tokens.base import Advance, as_bytes, checked_ids
from equalinfo.tokens.coded import CodedTokenizer
from equalinfo.tokens.spec import Spec

STREAMS_AT_ONCE = 128


class WindowTokenizer(CodedTokenizer):
    """Windows of b bits, joined and cut into tokens (which may cross windows).

    Args:
        width: bits of a token.

    Raises:
        EqualInfoError: a token is wider than a window.
    """

    def __init__(self, spec: Spec, predictor: Predictor, width: int) -> None:
        super().__init__(spec, spec["v"], predictor)
        self.width, self.window_bits = width, spec["b"]
        if self.width > self.window_bits:
            raise EqualInfoError(
                f"{spec}: a token of {self.width} bits is wider than a window; use a larger b"
            )

    @abstractmethod
    def _encode_group(self, texts: Sequence[bytes]) -> list[EncodedWindows]:
        """Cuts and codes texts side by side."""

    @abstractmethod
    def _decode_group(self, streams: Sequence[np.ndarray], partial: bool) -> list[bytes]:
        """The texts of bits (0/1, uint8), whole windows unless `partial`, decoded side by side."""

    def _encode(self, texts: list[bytes], advance: Advance | None) -> list[EncodedWindows]:
        def encoded(group: Sequence[bytes]) -> list[EncodedWindows]:
            windows = self._encode_group(group)
            if advance:
                advance(sum(map(len, group)))
            return windows

        return in_groups(encoded, texts, STREAMS_AT_ONCE)

    def _bits(self, windows: EncodedWindows) -> np.ndarray:
        return codes_to_bits(windows.codes, self.window_bits)

    def encode_batch(self, texts: Sequence[str | bytes], advance: Advance | None = None) -> list[np.ndarray]:
        results = self._encode([as_bytes(text) for text in texts], advance)
        return [bits_to_ids(self._bits(windows), self.width) for windows in results]

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        """The text of each list of ids.

        Args:
            partial: the ids may end inside a window; what its missing ids cannot change is given.

        Raises:
            UndecodableTokens: ids that are no text's; without `partial`, an incomplete window.
        """
        bits = [self._stream(ids, partial) for ids in streams]
        return in_groups(lambda group: self._decode_group(group, partial), bits, STREAMS_AT_ONCE)

    def _stream(self, ids: Any, partial: bool) -> np.ndarray:
        """The bits of ids; without `partial`, only whole windows, and what follows them must be padding."""
        bits = ids_to_bits(checked_ids(ids, self.vocab), self.width)
        if partial:
            return bits
        whole = len(bits) // self.window_bits * self.window_bits
        if len(bits) - whole >= self.width or bits[whole:].any():
            raise UndecodableTokens("the ids end in the middle of a window; are they truncated?")
        return bits[:whole]

    def encode_prompt(self, text: str | bytes) -> np.ndarray:
        """Whole tokens of the prompt's windows: with b not a multiple of the width, padding is left out."""
        bits = self._bits(self._encode([as_bytes(text)], None)[0])
        return bits_to_ids(bits[: len(bits) // self.width * self.width], self.width)

    def pieces(self, text: str | bytes) -> list[tuple[bytes, list[int]]]:
        return self.pieces_batch([text])[0]

    def pieces_batch(self, texts: Sequence[str | bytes]) -> list[list[tuple[bytes, list[int]]]]:
        datas = [as_bytes(text) for text in texts]
        encoded = self._encode(datas, None)
        return [self._pieces(data, windows) for data, windows in zip(datas, encoded, strict=True)]

    def _pieces(self, data: bytes, windows: EncodedWindows) -> list[tuple[bytes, list[int]]]:
        ids = bits_to_ids(self._bits(windows), self.width).tolist()
        pieces, position = [], 0
        for index, length in enumerate(windows.lengths):
            first = -(-index * self.window_bits // self.width)
            after = -(-(index + 1) * self.window_bits // self.width)
            pieces.append((data[position : position + length], ids[first:after]))
            position += length
        return pieces
