"""What every parser does with a text, a batch of documents, and the use of each entry in a corpus.

The kernels release the interpreter's lock, so threads in one process suffice and nothing is copied between
processes. Documents are laid end to end in groups, which costs a copy of each (about 8 % of the time of a greedy
parse) and saves a call per document. Results do not depend on the number of threads: groups are cut by size
alone and kept in order.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.trie.automaton import Automaton
from equalinfo.errors import EqualInfoError
from equalinfo.parallel import WorkerThreads, cores, grouped, in_order

Bytes = bytes | bytearray | memoryview | NDArray[np.uint8]
ByteVector = NDArray[np.uint8]
Ids = NDArray[np.uint32]
Bounds = NDArray[np.int64]
Result = TypeVar("Result")

GROUP_BYTES = 1 << 20


class Parser(ABC):
    """Cuts text into the entries of one dictionary; subclasses say by which rule.

    Args:
        automaton: v entries, of which the first is EOS.
    """

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton

    @abstractmethod
    def _parse(self, text: ByteVector, bounds: Bounds) -> tuple[Ids, Bounds]:
        """`encode_flat` of arguments that were checked."""

    @abstractmethod
    def _count(self, text: ByteVector) -> int:
        """Tokens of one text, without making the ids."""

    def encode(self, text: Bytes) -> Ids:
        """Token ids of one text: uint32 [tokens].

        Args:
            text: bytes, or anything with a buffer of them; a uint8 vector is used without a copy.

        Raises:
            EqualInfoError: `text` is not bytes (a str has to be encoded first).
        """
        vector = byte_vector(text)
        return self._parse(vector, np.array([0, vector.size], np.int64))[0]

    def count(self, text: Bytes) -> int:
        """``len(encode(text))``, without making the ids."""
        return self._count(byte_vector(text))

    def encode_flat(self, text: ByteVector, bounds: Bounds) -> tuple[Ids, Bounds]:
        """Token ids of documents that lie one after the other, in one call and one thread.

        Args:
            text: uint8 [bytes].
            bounds: int64 [documents + 1], increasing from 0 to ``text.size``; document d is
                ``text[bounds[d]:bounds[d + 1]]``. No token crosses a bound.

        Returns:
            ids uint32 [tokens] and, for each document, where its ids begin: int64 [documents + 1].
        """
        text = byte_vector(text)
        _check_bounds(text, bounds)
        return self._parse(text, bounds)

    def encode_batch(self, documents: Iterable[bytes], threads: int | None = None) -> list[Ids]:
        """Token ids of each document, on `threads` cores (all by default); the same as `encode` one by one."""
        result: list[Ids] = []
        for ids, bounds in _spread(lambda flat: self._parse(*flat), documents, threads):
            result.extend(ids[a:b] for a, b in pairwise(bounds.tolist()))  # ids of one group share memory
        return result

    def usage(self, documents: Iterable[bytes], threads: int | None = None) -> NDArray[np.int64]:
        """How often each id occurs in the parses of `documents`: int64 [v], the same on any number of threads."""
        size = len(self.automaton)
        total = np.zeros(size, np.int64)
        for counts in _spread(
            lambda flat: np.bincount(self._parse(*flat)[0], minlength=size), documents, threads
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


def _joined(documents: list[bytes]) -> tuple[ByteVector, Bounds]:
    """Documents end to end: uint8 [bytes] and int64 [documents + 1] bounds."""
    bounds = np.zeros(len(documents) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, documents), np.int64, len(documents)), out=bounds[1:])
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


def _spread(
    work: Callable[[tuple[ByteVector, Bounds]], Result], documents: Iterable[bytes], threads: int | None
) -> Iterator[Result]:
    """What `work` makes of groups of documents, in order; few groups are in memory at a time."""
    if threads is None:
        threads = cores()
    if threads < 1:
        raise EqualInfoError(f"{threads} threads cannot parse anything; give 1 or more")
    groups = map(_joined, grouped(documents, GROUP_BYTES))
    if threads == 1:
        yield from map(work, groups)
        return
    with WorkerThreads(threads) as workers:
        yield from in_order(workers, work, groups)
