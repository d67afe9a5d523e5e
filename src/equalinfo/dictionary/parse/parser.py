"""What every parser does with a text, a batch of documents, and the use of each entry in a corpus.

The kernels release the interpreter's lock, so threads in one process suffice and nothing is copied between
processes. Documents are laid end to end in groups, which costs a copy of each (about 8 % of the time of a greedy
parse) and saves a call per document. Results do not depend on the number of threads: groups are cut by size
alone and kept in order.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from equalinfo.coding.bits import bounds_from, concatenated, id_dtype
from equalinfo.dictionary.trie.automaton import Automaton
from equalinfo.errors import EqualInfoError
from equalinfo.parallel import WorkerThreads, cores, grouped, in_order

Bytes = bytes | bytearray | memoryview | NDArray[np.uint8]
ByteVector = NDArray[np.uint8]
Ids = NDArray[np.unsignedinteger]  # of the smallest of uint16 and uint32 that holds the dictionary's
Bounds = NDArray[np.int64]
Flat = tuple[ByteVector, Bounds]
Result = TypeVar("Result")

GROUP_BYTES = 1 << 20
ONE_CALL = 1 << 15  # bytes of a text for which a call counts


class Parser(ABC):
    """Cuts text into the entries of one dictionary; subclasses say by which rule.

    Args:
        automaton: v entries, of which the first is EOS.
    """

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton
        self.id_type = id_dtype(len(automaton))
        # Says to kernels of what type ids are; a parse that only counts its tokens writes them there.
        self._like = np.empty(1, self.id_type)

    @abstractmethod
    def _parse(self, text: ByteVector, bounds: Bounds) -> tuple[Ids, Bounds]:
        """`encode_flat` of arguments that were checked."""

    @abstractmethod
    def _count(self, text: ByteVector) -> int:
        """Tokens of one text, without making the ids."""

    def _parse_short(self, text: bytes) -> Ids | None:
        """Ids of a text of at most ONE_CALL bytes by one call of a kernel; None where there is no such kernel."""
        return None

    def encode(self, text: Bytes) -> Ids:
        """Token ids of one text, [tokens].

        Args:
            text: bytes, or anything with a buffer of them; a uint8 vector is used without a copy.

        Raises:
            EqualInfoError: `text` is not bytes (a str has to be encoded first).
        """
        if type(text) is bytes and len(text) <= ONE_CALL:
            ids = self._parse_short(text)
            if ids is not None:
                return ids
        vector = byte_vector(text)
        return self._parse(vector, np.array([0, vector.size], np.int64))[0]

    def count(self, text: Bytes) -> int:
        """``len(encode(text))``, without making the ids."""
        return self._count(byte_vector(text))

    def encode_flat(self, text: ByteVector, bounds: Bounds, threads: int | None = 1) -> tuple[Ids, Bounds]:
        """Token ids of documents that lie one after the other.

        Args:
            text: uint8 [bytes].
            bounds: int64 [documents + 1], increasing from 0 to ``text.size``; document d is
                ``text[bounds[d]:bounds[d + 1]]``. No token crosses a bound.
            threads: as in `encode_batch`.

        Returns:
            ids [tokens] and, for each document, where its ids begin: int64 [documents + 1].
        """
        text = byte_vector(text)
        _check_bounds(text, bounds)
        parsed = list(_spread(lambda flat: self._parse(*flat), _divided(text, bounds), threads))
        return concatenated(parsed, np.empty(0, self.id_type))

    def encode_batch(self, documents: Iterable[bytes], threads: int | None = None) -> list[Ids]:
        """Token ids of each document, on `threads` cores (all by default); the same as `encode` one by one."""
        result: list[Ids] = []
        for ids, bounds in _spread(lambda flat: self._parse(*flat), _together(documents), threads):
            result.extend(ids[a:b] for a, b in pairwise(bounds.tolist()))  # ids of one group share memory
        return result

    def usage(self, documents: Iterable[bytes], threads: int | None = None) -> NDArray[np.int64]:
        """How often each id occurs in the parses of `documents`: int64 [v], the same on any number of threads."""
        size = len(self.automaton)
        total = np.zeros(size, np.int64)
        for counts in _spread(
            lambda flat: np.bincount(self._parse(*flat)[0], minlength=size), _together(documents), threads
        ):
            total += counts
        return total


def byte_vector(text: Bytes) -> ByteVector:
    """`text` as a read-only uint8 vector, not copied unless it is in pieces. Raises EqualInfoError."""
    if isinstance(text, np.ndarray):
        if text.dtype != np.uint8 or text.ndim != 1:
            raise EqualInfoError(f"text is a {text.ndim}-dimensional {text.dtype} array; give a uint8 vector")
        vector = np.ascontiguousarray(text)[:]
    else:
        try:
            vector = np.frombuffer(text, np.uint8)
        except (TypeError, ValueError, BufferError) as error:
            raise EqualInfoError(f"text is {type(text).__name__}; give bytes") from error
    vector.flags.writeable = False  # kernels see one type and compile once
    return vector


def _together(documents: Iterable[bytes]) -> Iterator[Flat]:
    """Documents end to end, in groups."""
    return map(joined, grouped(documents, GROUP_BYTES))


def _divided(text: ByteVector, bounds: Bounds) -> Iterator[Flat]:
    """The same of documents that lie end to end."""
    documents = bounds.size - 1
    ends = np.searchsorted(bounds, np.arange(GROUP_BYTES, text.size, GROUP_BYTES)).clip(1, documents)
    for a, b in pairwise(np.unique([0, *ends.tolist(), documents]).tolist()):
        yield text[bounds[a] : bounds[b]], bounds[a : b + 1] - bounds[a]


def joined(documents: list[bytes]) -> Flat:
    """Documents end to end: uint8 [bytes] and int64 [documents + 1] bounds. Raises EqualInfoError."""
    bounds = bounds_from(np.fromiter(map(len, documents), np.int64, len(documents)))
    try:
        text = documents[0] if len(documents) == 1 else b"".join(documents)
    except TypeError as error:
        raise EqualInfoError(f"a document is not bytes ({error}); encode str first") from error
    vector = byte_vector(text)
    if vector.size != bounds[-1]:
        raise EqualInfoError("a document is not bytes but an array of larger elements; give bytes")
    return vector, bounds


def _check_bounds(text: ByteVector, bounds: Bounds) -> None:
    if (
        not isinstance(bounds, np.ndarray)
        or bounds.dtype != np.int64
        or bounds.ndim != 1
        or not bounds.size
        or bounds[0] != 0
        or bounds[-1] != text.size
        or (bounds[1:] < bounds[:-1]).any()
    ):
        raise EqualInfoError(
            "the documents' bounds do not increase, as int64, from 0 to the size of the text"
        )


def _spread(work: Callable[[Flat], Result], groups: Iterator[Flat], threads: int | None) -> Iterator[Result]:
    """What `work` makes of groups of documents, in order; few groups are in memory at a time."""
    if threads is None:
        threads = cores()
    if threads < 1:
        raise EqualInfoError(f"{threads} threads cannot parse anything; give 1 or more")
    first = list(islice(groups, 2))
    groups = chain(first, groups)
    if threads == 1 or len(first) < 2:
        yield from map(work, groups)
        return
    with WorkerThreads(threads) as workers:
        yield from in_order(workers, work, groups)
