"""The byte unigram of a corpus, the predictor of StaticAC."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import json_bytes, read_json, sha256_bytes
from equalinfo.predict.base import FREQUENCY_TOTAL, Predictor, read_only

FILE = "unigram.json"


def quantise_counts(counts: np.ndarray) -> np.ndarray:
    """Frequencies out of FREQUENCY_TOTAL, at least 1 each, in proportion to non-negative integer counts [256].

    One unit goes to every byte, the rest by largest remainder (ties to the smaller byte). Integers
    throughout.
    """
    total = int(counts.sum())
    if total == 0:
        raise EqualInfoError("the corpus holds no bytes; give a corpus with text")
    shared = FREQUENCY_TOTAL - 256
    products = [int(count) * shared for count in counts]
    frequencies = np.array([1 + product // total for product in products], np.int32)
    remainders = [product % total for product in products]
    order = sorted(range(256), key=lambda byte: (-remainders[byte], byte))
    frequencies[order[: FREQUENCY_TOTAL - int(frequencies.sum())]] += 1
    return frequencies


def count_bytes(documents: Iterable[bytes]) -> np.ndarray:
    """How often each byte occurs; [256] int64."""
    counts = np.zeros(256, np.int64)
    for document in documents:
        counts += np.bincount(np.frombuffer(document, np.uint8), minlength=256)
    return counts


class Unigram(Predictor):
    """The same distribution in every context (Lester et al. 2024, StaticAC).

    Examples:
        >>> unigram = Unigram(quantise_counts(count_bytes([b"aaab"])))
        >>> unigram.frequencies(b"ab").shape, int(unigram.initial[ord("a")]), int(unigram.initial.sum())
        ((2, 256), 12097, 16384)
    """

    def __init__(self, frequencies: np.ndarray) -> None:
        frequencies = np.asarray(frequencies)
        # Each is compared with FREQUENCY_TOTAL, because a sum of larger ones may wrap around to it.
        proper = (
            frequencies.shape == (256,) and frequencies.min() >= 1 and frequencies.max() <= FREQUENCY_TOTAL
        )
        if not proper or frequencies.sum() != FREQUENCY_TOTAL:
            raise DamagedArtifact("the byte unigram is damaged; compile the tokenizer again")
        self.initial = frequencies.astype(np.int32)
        self.fingerprint = sha256_bytes(self.initial.astype("<i4").tobytes())

    def __reduce__(self) -> tuple[Any, ...]:
        return Unigram, (read_only(self.initial),)

    @classmethod
    def load(cls, directory: Path) -> "Unigram":
        path = directory / FILE
        try:
            return cls(np.array(read_json(path), np.int64))
        except (TypeError, ValueError, OverflowError) as error:
            raise DamagedArtifact(f"{path} is damaged; compile the tokenizer again") from error

    def save(self, directory: Path) -> None:
        (directory / FILE).write_bytes(json_bytes(self.initial.tolist()))

    def new_contexts(self, slots: int) -> "Unigram":
        return self

    def step(self, slots: np.ndarray, keep: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.initial, (len(slots), 256))

    def frequencies(self, text: bytes) -> np.ndarray:
        return np.broadcast_to(self.initial, (len(text), 256))
