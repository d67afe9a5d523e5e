"""A byte context model of order n, counted on a corpus and then frozen (`order=n` in a spec).

What follows the last n bytes in the corpus, mixed with what follows the last n - 1, and so on down to the byte
unigram. A context seen N times before T different bytes keeps N / (N + T) of the probability that reaches it and
passes T / (N + T) on (method C of Witten and Bell 1991, as in PPM-C of Moffat 1990, but interpolated instead of
with exclusion). Integers throughout; `context_reference` says the same in plain Python.

At most ENTRIES_PER_ORDER (context, byte) pairs are kept per order, the most frequent ones: 3 bytes each and 16 for
each context, so a model of order 5 has at most some tens of MB.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import atomic_file, sha256_bytes
from equalinfo.parallel import grouped
from equalinfo.predict import context_kernels as kernels
from equalinfo.predict.base import FREQUENCY_TOTAL, Caches, OnProgress, Predictor, read_only
from equalinfo.predict.unigram import Unigram, count_bytes, quantise_counts
from equalinfo.tensors import read_safetensors

LONGEST_ORDER = 5
ENTRIES_PER_ORDER = 1 << 20
CHUNK_BYTES = 1 << 22  # of the corpus counted at a time
FILE = "contexts.safetensors"
LARGEST_COUNT = (1 << 16) - 1
DTYPES = {
    "order": "int64",
    "unigram": "int32",
    "contexts": "int64",
    "starts": "int64",
    "symbols": "uint8",
    "counts": "uint16",
}


class ContextModel(Predictor):
    """Frequencies from counted contexts (`Predictor` of base.py).

    Args:
        tensors: `order` [1]; `unigram` [256], frequencies out of FREQUENCY_TOTAL; `contexts` [c], each its length times
            2^40 and its bytes as a number, ascending; `starts` [c + 1], where each context's entries begin;
            `symbols` [e], the bytes that follow it, ascending; `counts` [e], how often, from 1 on.

    Raises:
        DamagedArtifact: they are not such a model.

    Examples:
        >>> model = count_contexts(2, lambda: [b"banana bandana"])
        >>> rows = model.frequencies(b"ban")
        >>> rows.shape, bytes([int(rows[2].argmax())])
        ((3, 256), b'n')
    """

    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        if not _is_model(tensors):
            raise DamagedArtifact("the context model is damaged; compile the tokenizer again")
        self.tensors = {name: np.ascontiguousarray(tensors[name]) for name in DTYPES}
        self.order = int(tensors["order"][0])
        self.fingerprint = sha256_bytes(
            b"".join(
                f"{name} {len(array)} ".encode() + array.astype(array.dtype.newbyteorder("<")).tobytes()
                for name, array in self.tensors.items()
            )
        )
        starts, counts = self.tensors["starts"], self.tensors["counts"]
        sums = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self._tables = (
            self.tensors["contexts"],
            starts,
            sums[starts[1:]] - sums[starts[:-1]],
            self.tensors["symbols"],
            counts,
            kernels.index_of(self.tensors["contexts"]),
            self.tensors["unigram"].astype(np.int64),
        )
        self.initial = self.after(np.empty((1, 0), np.uint8))[0]

    def __reduce__(self) -> tuple[Any, ...]:
        return ContextModel, ({name: read_only(tensor) for name, tensor in self.tensors.items()},)

    def new_contexts(self, slots: int) -> "GrowingContexts":
        return GrowingContexts(self, slots)

    def frequencies(self, text: bytes) -> np.ndarray:
        """Frequencies of each byte of `text` given all those before it; [len(text), 256] int32."""
        rows = np.empty((len(text), 256), np.int32)
        kernels.rows_along(np.frombuffer(text, np.uint8), self.order, self._tables, rows)
        return rows

    def after(self, texts: np.ndarray) -> np.ndarray:
        """Frequencies of the byte after each of `texts` [n, length] uint8, all of one length; [n, 256] int32."""
        count, length = texts.shape
        rows = np.empty((count, 256), np.int32)
        places = np.arange(count), np.full(count, length)
        kernels.rows_after(np.ascontiguousarray(texts), *places, self.order, self._tables, rows)
        return rows

    def extended(self, texts: np.ndarray, parents: Caches) -> tuple[np.ndarray, list[np.ndarray]]:
        return self.after(texts), []

    @classmethod
    def load(cls, directory: Path) -> "ContextModel":
        expected = {name: ((None,), dtype) for name, dtype in DTYPES.items()}
        return cls(read_safetensors(directory / FILE, expected))

    def save(self, directory: Path) -> None:
        """Writes contexts.safetensors into `directory`."""
        with atomic_file(directory / FILE) as stream:
            stream.write(save(self.tensors))


class GrowingContexts:
    """The bytes of many contexts (`Contexts` of base.py); only the last few of each count."""

    def __init__(self, model: ContextModel, slots: int) -> None:
        self.model = model
        self._texts = np.zeros((slots, 32), np.uint8)

    def step(self, slots: np.ndarray, keep: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        rows = np.empty((len(slots), 256), np.int32)
        if not len(slots):
            return rows
        longest = int(keep.max()) + 1
        if longest > self._texts.shape[1]:
            grown = np.zeros((len(self._texts), 2 * longest), np.uint8)
            grown[:, : self._texts.shape[1]] = self._texts
            self._texts = grown
        self._texts[slots, keep] = symbols
        kernels.rows_after(self._texts, slots, keep + 1, self.model.order, self.model._tables, rows)
        return rows


def count_contexts(
    order: int, documents: Callable[[], Iterable[bytes]], on_progress: OnProgress | None = None
) -> ContextModel | Unigram:
    """The context model of a corpus, read once for each of its two parts; order 0 is the byte unigram.

    Memory is bounded whatever the corpus: a count that fell short of room is forgotten, so on a corpus too large
    for ENTRIES_PER_ORDER the rarest contexts depend on the order of the documents.

    Args:
        documents: opens the corpus; contexts do not reach over a document's beginning.
        on_progress: called with bytes counted so far, and 0.

    Raises:
        EqualInfoError: an order above LONGEST_ORDER, or a corpus without bytes.
    """
    check_order(order)
    unigram = quantise_counts(count_bytes(documents()))
    if order == 0:
        return Unigram(unigram)
    counted = [(np.empty(0, np.int64), np.empty(0, np.int64)) for _ in range(order)]
    done = 0
    for chunk in grouped(_segments(documents()), CHUNK_BYTES, lambda segment: len(segment[0])):
        text, ages = map(np.concatenate, zip(*chunk, strict=True))
        for k in range(1, order + 1):
            more = np.unique(kernels.grams_of(text, ages, k), return_counts=True)
            counted[k - 1] = _most_frequent(*_merged(counted[k - 1], more), 2)
        done += len(text)
        if on_progress:
            on_progress(done, 0)
    tables = [_tables(k, *_most_frequent(*counted[k - 1], 1)) for k in range(1, order + 1)]
    contexts, lengths, symbols, counts = map(np.concatenate, zip(*tables, strict=True))
    return ContextModel(
        {
            "order": np.array([order], np.int64),
            "unigram": unigram.astype(np.int32),
            "contexts": contexts,
            "starts": np.concatenate([[0], np.cumsum(lengths)]),
            "symbols": symbols,
            "counts": counts,
        }
    )


def check_order(order: int) -> None:
    """EqualInfoError, one line, for an order that no context model has."""
    if not 0 <= order <= LONGEST_ORDER:
        raise EqualInfoError(f"order={order} is outside 0 to {LONGEST_ORDER}; choose an order within, or M1")


def _segments(documents: Iterable[bytes]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Documents, and for each byte how many of its document stand before it (up to 9)."""
    for document in documents:
        # A long document is cut; the bytes that its next part needs as context are counted as such only.
        for start in range(0, len(document), CHUNK_BYTES):
            lead = min(start, LONGEST_ORDER)
            text = np.frombuffer(document[start - lead : start + CHUNK_BYTES], np.uint8)
            ages = np.minimum(np.arange(len(text)), 9).astype(np.int8)
            ages[:lead] = -1
            yield text, ages


def _merged(*tallies: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Tallies of ascending strings as one."""
    grams, counts = map(np.concatenate, zip(*tallies, strict=True))
    order = np.argsort(grams, kind="stable")  # runs in order are merged, not sorted anew
    first = np.flatnonzero(np.diff(grams[order], prepend=-1))
    return grams[order[first]], np.add.reduceat(counts[order], first) if len(first) else counts


def _most_frequent(grams: np.ndarray, counts: np.ndarray, room: int) -> tuple[np.ndarray, np.ndarray]:
    """All of them if `room` x ENTRIES_PER_ORDER suffice; else those above the least count that makes them fit."""
    least = 1
    if len(grams) > room * ENTRIES_PER_ORDER:
        # No more than ENTRIES_PER_ORDER can stay, so that counting can go on for a while.
        least = int(np.partition(counts, len(counts) - ENTRIES_PER_ORDER - 1)[-ENTRIES_PER_ORDER - 1]) + 1
    kept = counts >= least
    return grams[kept], counts[kept]


def _tables(
    k: int, grams: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Contexts, entries of each, symbols and counts of the (k + 1)-byte strings `grams`, ascending."""
    contexts, first, lengths = np.unique(grams >> 8, return_index=True, return_counts=True)
    if len(contexts):
        # Halved until they fit two bytes, for a whole context alike; what was seen stays seen.
        largest = np.maximum.reduceat(counts, first)
        halvings = np.zeros(len(contexts), np.int64)
        while (too_large := largest >> halvings > LARGEST_COUNT).any():
            halvings += too_large
        counts = np.maximum(counts >> np.repeat(halvings, lengths), 1)
    return (
        contexts | np.int64(k) << kernels.LENGTH_SHIFT,
        lengths,
        (grams & 255).astype(np.uint8),
        counts.astype(np.uint16),
    )


def _is_model(tensors: dict[str, np.ndarray]) -> bool:
    """Whether the arrays make a model (see `ContextModel`)."""
    if not DTYPES.keys() <= tensors.keys():
        return False
    if any(tensors[name].ndim != 1 or tensors[name].dtype != dtype for name, dtype in DTYPES.items()):
        return False
    order, unigram, contexts, starts, symbols, counts = (tensors[name] for name in DTYPES)
    if order.shape != (1,) or not 1 <= order[0] <= LONGEST_ORDER:
        return False
    if unigram.shape != (256,) or unigram.min() < 1 or unigram.astype(np.int64).sum() != FREQUENCY_TOTAL:
        return False
    lengths = contexts >> kernels.LENGTH_SHIFT
    values = contexts & ((1 << kernels.LENGTH_SHIFT) - 1)
    proper = (lengths >= 1) & (lengths <= order[0]) & (values < np.int64(1) << 8 * lengths)
    if not proper.all() or (np.diff(contexts) <= 0).any():
        return False
    if len(starts) != len(contexts) + 1 or starts[0] != 0 or starts[-1] != len(symbols):
        return False
    if starts.min() < 0 or starts.max() > len(symbols):  # or differences of them could wrap around
        return False
    if len(symbols) != len(counts) or (np.diff(starts) < 1).any() or (counts < 1).any():
        return False
    rising = np.diff(symbols.astype(np.int64)) > 0
    rising[starts[1:-1] - 1] = True  # where the next context begins
    return bool(rising.all())
