"""EqualInfo windows too many to list: M1 runs for every byte, many texts side by side."""

from collections.abc import Sequence

import numpy as np

from equalinfo.coding.chunking import bits_to_codes
from equalinfo.coding.splitter import Splitter
from equalinfo.coding.windows import EncodedWindows
from equalinfo.predict.base import Predictor
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.windows import WindowTokenizer


class SplittingTokenizer(WindowTokenizer):
    """Windows of b bits by interval splitting, each cut into b / log2 v ids; any whole windows stand for a text."""

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        super().__init__(spec, predictor, (spec["v"] - 1).bit_length())
        self.splitter = Splitter(predictor, self.window_bits)

    def _encode_group(self, texts: Sequence[bytes]) -> list[EncodedWindows]:
        return [EncodedWindows(*windows) for windows in self.splitter.encode(list(texts))]

    def _decode_group(self, streams: Sequence[np.ndarray], partial: bool) -> list[bytes]:
        return self.splitter.decode([self._windows(bits) for bits in streams])

    def _windows(self, bits: np.ndarray) -> list[tuple[int, int]]:
        """The lowest and highest code that each window may have; they differ where the last is not whole."""
        windows = [(code, code) for code in bits_to_codes(bits, self.window_bits)]
        left = len(bits) % self.window_bits
        if left:
            missing = self.window_bits - left
            low = bits_to_codes(bits[len(bits) - left :], left)[0] << missing
            windows.append((low, low + (1 << missing) - 1))
        return windows
