"""Many documents on all cores: groups of them, laid end to end, go to threads.

The kernels release the interpreter's lock, so threads in one process suffice and nothing is copied between
processes. Laying documents end to end costs a copy of each (about 8 % of the time of a greedy parse) and
saves a call per document. Results do not depend on the number of threads: groups are cut by size
alone and kept in order.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.trie.automaton import Automaton
from equalinfo.errors import EqualInfoError
from equalinfo.parallel import cores, grouped

Bytes = bytes | bytearray | memoryview | NDArray[np.uint8]
Documents = Iterable[bytes]
Flat = tuple[NDArray[np.uint8], NDArray[np.int64]]
Result = TypeVar("Result")

GROUP_BYTES = 1 << 20


def byte_vector(text: Bytes) -> NDArray[np.uint8]:
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


def groups(documents: Documents) -> Iterator[Flat]:
    """Documents end to end in groups of about GROUP_BYTES: uint8 [bytes] and int64 [documents + 1] bounds."""
    return map(_flat, grouped(documents, GROUP_BYTES))


def _flat(documents: list[bytes]) -> Flat:
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


def check_bounds(text: NDArray[np.uint8], bounds: NDArray[np.int64]) -> None:
    """Raises EqualInfoError unless `bounds` cuts `text` into documents that lie end to end."""
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


def split_encode(
    encode: Callable[
        [Automaton, NDArray[np.uint8], NDArray[np.int64]], tuple[NDArray[Any], NDArray[np.int64]]
    ],
    automaton: Automaton,
    documents: Documents,
    threads: int | None,
) -> list[NDArray[Any]]:
    """One array of ids per document; ids of one group share memory."""
    result: list[NDArray[Any]] = []
    for ids, bounds in _spread(lambda flat: encode(automaton, *flat), documents, threads):
        ends = bounds.tolist()
        result.extend(ids[a:b] for a, b in pairwise(ends))
    return result


def split_usage(
    usage: Callable[[Automaton, NDArray[np.uint8], NDArray[np.int64]], NDArray[np.int64]],
    automaton: Automaton,
    documents: Documents,
    threads: int | None,
) -> NDArray[np.int64]:
    """Sums the counts of all groups: int64 [v]."""
    total = np.zeros(len(automaton), np.int64)
    for counts in _spread(lambda flat: usage(automaton, *flat), documents, threads):
        total += counts
    return total


def _spread(work: Callable[[Flat], Result], documents: Documents, threads: int | None) -> Iterator[Result]:
    """Results in order, with only a few groups in memory at a time however many documents come."""
    if threads is None:
        threads = cores()
    if threads < 1:
        raise EqualInfoError(f"{threads} threads cannot parse anything; give 1 or more")
    if threads == 1:
        yield from map(work, groups(documents))
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Result]] = deque()
        for flat in groups(documents):
            waiting.append(pool.submit(work, flat))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
