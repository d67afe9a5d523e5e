"""The one interface between probabilities and coders."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

PRECISION = 14  # bits of the quantised distribution (Lester et al. 2024, section 3.2)
FREQUENCY_TOTAL = 1 << PRECISION


class Contexts(Protocol):
    """Many byte contexts side by side, each growing and shrinking at its end."""

    def step(self, slots: np.ndarray, keep: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Next-byte frequencies after the context of each slot became its first `keep` bytes and `symbol`.

        Args:
            slots: which contexts, distinct, [n] int64.
            keep: how many of the bytes given to that slot before still count, [n] int64.
            symbols: the byte that follows them, [n] int64.

        Returns:
            [n, 256] int32; each row sums to FREQUENCY_TOTAL and has no zero.
        """
        ...


class Predictor(Protocol):
    """Next-byte distributions as integers out of FREQUENCY_TOTAL, the same for every batch size and split.

    Examples:
        >>> from equalinfo.predict.unigram import Unigram
        >>> even: Predictor = Unigram(np.full(256, 64))
        >>> even.frequencies(b"text").shape, int(even.initial.sum()) == FREQUENCY_TOTAL
        ((4, 256), True)
    """

    @property
    def fingerprint(self) -> str:
        """Hash of everything the frequencies depend on."""
        ...

    @property
    def initial(self) -> np.ndarray:
        """Frequencies of the first byte, from the empty context; [256] int32."""
        ...

    def new_contexts(self, slots: int) -> Contexts:
        """`slots` empty contexts."""
        ...

    def frequencies(self, text: bytes) -> np.ndarray:
        """Frequencies of each byte of `text` given those before it; [len(text), 256] int32.

        Equal to what `Contexts.step` gives byte by byte; one pass over the whole text is faster.
        """
        ...


def read_only(array: np.ndarray) -> np.ndarray:
    """A plain view that cannot be written to, of an array mapped from a file or not; equal ones pickle alike."""
    view = np.asarray(array)[:]
    view.flags.writeable = False
    return view


def distribution_bits(frequencies: np.ndarray, text: bytes | Sequence[int]) -> float:
    """Ideal code length in bits of `text` under its rows of `frequencies` [len(text), 256].

    Examples:
        >>> from equalinfo.predict.unigram import Unigram
        >>> even = Unigram(np.full(256, 64))
        >>> distribution_bits(even.frequencies(b"text"), b"text")
        32.0
    """
    chosen = frequencies[np.arange(len(text)), np.frombuffer(bytes(text), np.uint8)]
    return float(-np.log2(chosen / FREQUENCY_TOTAL).sum())
