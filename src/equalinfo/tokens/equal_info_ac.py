"""EqualInfoAC: the paper's windows of equal information (Lester et al. 2024, section 3.3), lossless."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.coding.chunking import bits_to_codes, token_bits
from equalinfo.coding.windows import EncodedWindows, WindowRule, decode_windows, encode_windows
from equalinfo.errors import EqualInfoError
from equalinfo.predict.base import Predictor
from equalinfo.tokens.base import Advance
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.windows import WindowTokenizer


class EqualInfoACTokenizer(WindowTokenizer):
    """Windows of b bits, joined and cut into tokens of log2 v bits (which may cross windows)."""

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        width = token_bits(spec["v"])
        if spec["reset"] > 2:
            raise EqualInfoError(f"{spec}: reset takes 1 (every window), 2 (every other) or never")
        self.rule = WindowRule(spec["b"], "delay" in spec, spec["reset"])
        super().__init__(spec, predictor, width)
        self._gpu_encoder: Any = None

    def _encode_group(self, texts: Sequence[bytes]) -> list[EncodedWindows]:
        return encode_windows(self.predictor, texts, self.rule)

    def _windows_of(self, texts: list[bytes], advance: Advance | None) -> list[EncodedWindows]:
        if self._on_gpu():
            results = self._gpu_encoder.encode(texts)
            if advance:
                advance(sum(map(len, texts)))
        else:
            results = super()._windows_of(texts, advance)
        changed, total = self.windows_changed
        self.windows_changed = (
            changed + sum(result.changed for result in results),
            total + sum(len(result.codes) for result in results),
        )
        return results

    def _on_gpu(self) -> bool:
        """Whether kernels on a GPU make the windows: where M1 computes on one and they know model and rule."""
        predictor: Any = self.predictor
        if self._gpu_encoder is None and getattr(predictor, "on_gpu", False):
            try:
                from equalinfo.coding.windows_triton import WindowEncoder, possible
            except ImportError:  # torch for a GPU without Triton
                return False
            if possible(predictor, self.rule):
                self._gpu_encoder = WindowEncoder(predictor, self.rule)
        return self._gpu_encoder is not None

    def _decode_group(self, streams: Sequence[np.ndarray], partial: bool) -> list[bytes]:
        codes = [bits_to_codes(bits, self.window_bits) for bits in streams]
        return decode_windows(self.predictor, codes, self.rule)
