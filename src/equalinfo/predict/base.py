"""The one interface between probabilities and coders."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

PRECISION = 14  # bits of the quantised distribution (Lester et al. 2024, section 3.2)
FREQUENCY_TOTAL = 1 << PRECISION


# Told how much of some work is done, and of how much (0: not known).
OnProgress = Callable[[int, int], None]
# Arrays by layer, and which of their rows to take, [n] int64.
Caches = Sequence[tuple[list[np.ndarray], np.ndarray]]


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


class Predictor(ABC):
    """Next-byte distributions as integers out of FREQUENCY_TOTAL, the same for every batch size and split.

    Examples:
        >>> from equalinfo.predict.unigram import Unigram
        >>> even: Predictor = Unigram(np.full(256, 64))
        >>> even.frequencies(b"text").shape, int(even.initial.sum()) == FREQUENCY_TOTAL
        ((4, 256), True)

    Attributes:
        fingerprint: hash of everything the frequencies depend on.
        initial: frequencies of the first byte, from the empty context; [256] int32.
        flops_parameters: parameters of a model that runs for every byte, embeddings excluded; 0 without one.
        on_gpu: whether a GPU computes them.
        slow: whether it is an exact M1 that one thread steps, which is worth sparing.
    """

    fingerprint: str
    initial: np.ndarray
    flops_parameters: int = 0
    on_gpu: bool = False
    slow: bool = False

    @classmethod
    def build(cls, documents: Callable[[], Iterable[bytes]]) -> "Predictor":
        """The predictor of a corpus: what a spec asks for by the name of another package's.

        Args:
            documents: opens the corpus; may be called several times.
        """
        raise NotImplementedError

    @classmethod
    @abstractmethod
    def load(cls, directory: Path) -> "Predictor":
        """What `save` wrote; DamagedArtifact if it is not that."""

    @abstractmethod
    def save(self, directory: Path) -> None:
        """Writes files of names of its own into a tokenizer directory."""

    @abstractmethod
    def new_contexts(self, slots: int) -> Contexts:
        """`slots` empty contexts."""

    @abstractmethod
    def frequencies(self, text: bytes) -> np.ndarray:
        """Frequencies of each byte of `text` given those before it; [len(text), 256] int32.

        Equal to what `Contexts.step` gives byte by byte; one pass over the whole text is faster.
        """

    def extended(self, texts: np.ndarray, parents: Caches) -> tuple[np.ndarray, list[np.ndarray]]:
        """Frequencies of the byte after each of `texts`, all of one length, and what their continuations take.

        Args:
            texts: [n, length] uint8.
            parents: what this returned for the texts one byte shorter: rows of each, for parts of `texts` in turn.

        Returns:
            [n, 256] int32; arrays with a row for each text, none where nothing is kept.
        """
        rows = [self.frequencies(text.tobytes() + b"\0")[-1] for text in texts]
        return np.array(rows, np.int32), []


def read_only(array: np.ndarray) -> np.ndarray:
    """A plain view that cannot be written to, of an array mapped from a file or not; equal ones pickle alike."""
    view = np.asarray(array)[:]
    view.flags.writeable = False
    return view


def cumulative(rows: np.ndarray, dtype: type[np.integer] = np.uint16) -> np.ndarray:
    """Where the share of each byte begins, and where the last one ends: [n, 257] of frequencies [n, 256].

    Examples:
        >>> cumulative(np.full((1, 256), 64))[0, [0, 1, 2, 256]].tolist()
        [0, 64, 128, 16384]
    """
    bounds = np.zeros((len(rows), 257), dtype)
    np.cumsum(rows, axis=1, dtype=dtype, out=bounds[:, 1:])
    return bounds


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
