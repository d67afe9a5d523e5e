"""How often each word of a corpus comes, which is all that entries within words are chosen by.

A corpus is read once. Words are its stretches between places that no entry within words crosses (`parse.word_starts`),
so a parse of the corpus is one parse of each, and its use of an entry the sum over words, times how often each comes.

Each thread counts into a table of its own; a sum does not depend on its order, so nor does what is chosen. Tables that
outgrow MEMORY are written to temporary files by parts of the hash and added up part by part: nothing is left out.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from equalinfo.coding.bits import bounds_from, concatenated
from equalinfo.dictionary.parse.memory import address_of, copy_bytes, load64
from equalinfo.dictionary.parse.parser import Bounds, ByteVector, Flat, Parser, joined
from equalinfo.dictionary.parse.word_starts import AHEAD, CODE_POINTS, word_starts
from equalinfo.dictionary.parse.word_table import word_end
from equalinfo.dictionary.train.word_boundaries import character_classes
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import atomic_file, write_array
from equalinfo.kernels import kernel
from equalinfo.limits import MAX_ENTRY_BYTES
from equalinfo.parallel import cores, grouped, in_order, worker_threads
from equalinfo.tensors import read_safetensors

Counts = NDArray[np.int64]
# What is being done, how much of it is done, and of how much (0: not known yet).
OnStage = Callable[[str, int, int], None]

MEMORY = 1 << 30  # bytes of all tables together, about
GROUP_BYTES = 1 << 22  # of documents that a thread counts at a time, and of words that it parses
PARTS = 64  # of the hash; in each, as many words as fit into memory
_BLOCK = 60_000  # bytes that are looked at for starts of words at a time
_FEW = 1 << 12  # words that a table has room for at first
_BYTES_A_WORD = 48  # of memory, but for its text
_1, _8, _32 = np.uint64(1), np.uint64(8), np.uint64(32)
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_INDEX = np.int64((1 << 40) - 1)


class WordCounts:
    """Distinct words, end to end, and how often each comes.

    Args:
        text: uint8 [bytes]; bounds: int64 [words + 1], where each begins; counts: int64 [words].
    """

    def __init__(self, text: ByteVector, bounds: Bounds, counts: Counts) -> None:
        self.text, self.bounds, self.counts = text, bounds, counts

    def __len__(self) -> int:
        return len(self.counts)

    def word(self, index: int) -> bytes:
        return self.text[self.bounds[index] : self.bounds[index + 1]].tobytes()

    def chosen(self, indices: Counts) -> "WordCounts":
        """Some of the words."""
        lengths = np.diff(self.bounds)[indices]
        bounds = bounds_from(lengths)
        places = np.repeat(self.bounds[indices] - bounds[:-1], lengths) + np.arange(bounds[-1])
        return WordCounts(self.text[places], bounds, self.counts[indices])

    def divided(self, bounds: Bounds) -> "WordCounts":
        """The words cut further, at bounds that hold those of the words; what comes several times is not added up."""
        return WordCounts(
            self.text, bounds, self.counts[np.searchsorted(self.bounds, bounds[:-1], "right") - 1]
        )

    def groups(self) -> Iterator["WordCounts"]:
        """The same words, some MB at a time."""
        begin = 0
        while begin < len(self):
            end = int(np.searchsorted(self.bounds, self.bounds[begin] + GROUP_BYTES, "left"))
            end = min(max(end, begin + 1), len(self))
            first, last = self.bounds[begin], self.bounds[end]
            yield WordCounts(
                np.array(self.text[first:last]), self.bounds[begin : end + 1] - first, self.counts[begin:end]
            )
            begin = end

    def usage(
        self, parser: Parser, stage: str, threads: int | None = None, on_progress: OnStage | None = None
    ) -> Counts:
        """How often each id occurs in the parse of the corpus: int64 [v], the same on any number of threads."""
        total, done, size = np.zeros(len(parser.automaton), np.int64), 0, len(self.text)

        def used(group: "WordCounts") -> tuple[Counts, int]:
            uses = np.zeros(total.size, np.int64)
            ids, id_bounds = parser.encode_flat(group.text, group.bounds)
            _weigh(ids, id_bounds, group.counts, uses)
            return uses, len(group.text)

        with worker_threads(threads) as workers:
            for uses, length in in_order(workers, used, self.groups()):
                total += uses
                done += length
                if on_progress:
                    on_progress(stage, done, size)
        return total


def whole(documents: Iterable[bytes]) -> WordCounts:
    """Documents as if each were a word that came once, in one array."""
    text, lengths = bytearray(), []
    for document in documents:
        text += document
        lengths.append(len(document))
    return WordCounts(np.frombuffer(text, np.uint8), bounds_from(lengths), np.ones(len(lengths), np.int64))


def together(parts: list[WordCounts]) -> WordCounts:
    """Words of several tables one after the other, not added up."""
    text, bounds = concatenated([(part.text, part.bounds) for part in parts], np.empty(0, np.uint8))
    return WordCounts(text, bounds, np.concatenate([part.counts for part in parts]))


def count_words(
    documents: Iterable[bytes], threads: int | None = None, on_progress: OnStage | None = None
) -> WordCounts:
    """The words of a corpus, which is read once.

    Args:
        threads: all cores by default; decides the order of the words alone.
        on_progress: called with what is being done, how much of it is done, and of how much (0: not known).

    Raises:
        EqualInfoError: no room for temporary files.

    Examples:
        >>> words = count_words([b"of the window of the room"], threads=1)
        >>> {words.word(i): int(words.counts[i]) for i in range(len(words))}
        {b'of': 1, b' the': 2, b' window': 1, b' of': 1, b' room': 1}
    """
    classes = character_classes(CODE_POINTS)

    def filling(text: ByteVector, bounds: Bounds) -> Fill:
        padded = _padded(text, AHEAD)
        state = np.zeros(2, np.int64)
        return lambda table: _count(padded, bounds, classes, state, table)

    groups = map(joined, grouped(documents, GROUP_BYTES))
    return _counted(groups, filling, "count words", threads, on_progress)


def count_runs(
    documents: WordCounts,
    bounds_of: Callable[[ByteVector, Bounds], tuple[ByteVector, Bounds, Bounds]],
    words: tuple[int, int],
    pairs: WordCounts | None = None,
    threads: int | None = None,
    on_progress: OnStage | None = None,
) -> WordCounts:
    """Runs of so many words, of up to MAX_ENTRY_BYTES, in documents that come once each.

    Args:
        bounds_of: of documents end to end: the text, where each word begins and the last ends, and how many words
            there are up to the end of the document that each word is in.
        words: fewest and most of a run, two or more.
        pairs: only runs whose neighbours are all among these.
    """
    known = _Table()
    if pairs is not None:
        known.fill(_adding(pairs))

    def filling(text: ByteVector, bounds: Bounds) -> Fill:
        text, bounds, last = bounds_of(text, bounds)
        padded = _padded(text, 8)
        joins = np.ones(last.size, bool)
        if pairs is not None:
            _find_pairs(padded, bounds, last, known.arrays, joins)
        state = np.array([0, words[0]])
        return lambda table: _count_runs(padded, bounds, last, joins, words, state, table)

    groups = ((group.text, group.bounds) for group in documents.groups())
    stage = f"count runs of {' to '.join(map(str, sorted(set(words))))} words"
    return _counted(groups, filling, stage, threads, on_progress)


def _counted(
    groups: Iterable[Flat],
    filling: Callable[[ByteVector, Bounds], "Fill"],
    stage: str,
    threads: int | None,
    on_progress: OnStage | None,
) -> WordCounts:
    """Fills tables with what stands in groups of texts, and adds them up."""
    with _Tables(threads or cores()) as tables:

        def count(group: Flat) -> int:
            tables.fill(filling(*group))
            return len(group[0])

        done = 0
        with worker_threads(threads) as workers:
            for size in in_order(workers, count, groups):
                done += size
                if on_progress:
                    on_progress(stage, done, 0)
        if on_progress:
            on_progress(stage, done, done)
        return tables.sum()


def add_up(groups: Iterable[WordCounts]) -> WordCounts:
    """Words that may come several times, each once."""
    with _Tables(1) as tables:
        for group in groups:
            tables.fill(_adding(group))
        return tables.sum()


def write_words(path: Path, words: WordCounts) -> None:
    """A file that `read_words` reads, whole or not at all."""
    lengths = np.diff(words.bounds).astype(np.uint32)
    with atomic_file(path) as stream:
        stream.write(save({"text": words.text, "lengths": lengths, "counts": words.counts}))


def read_words(path: Path) -> WordCounts:
    """What `write_words` wrote; DamagedArtifact if it is something else."""
    expected = {"text": ((None,), np.uint8), "lengths": ((None,), np.uint32), "counts": ((None,), np.int64)}
    text, lengths, counts = read_safetensors(path, expected).values()
    bounds = bounds_from(lengths)
    if len(lengths) != len(counts) or bounds[-1] != len(text):
        raise DamagedArtifact(f"{path} does not hold as many bytes as its words; delete it")
    return WordCounts(text, bounds, counts)


def hashes_of(words: WordCounts) -> NDArray[np.uint64]:
    """A hash of each word, the same whatever its place."""
    return _hashes(_padded(words.text, 8), words.bounds)


class _Arrays(NamedTuple):
    """What kernels know of a table.

    Args:
        slots: int64, 24 bits of the hash and, from 1 on, a word; 0: none.
        hashes, counts: of each word; bounds: where each begins in text.
        used: int64 [2], how many words and bytes there are.
    """

    slots: Counts
    hashes: NDArray[np.uint64]
    bounds: Bounds
    counts: Counts
    text: ByteVector
    used: Counts


# A kernel that adds words: 0, or more than the length of one that it has no room for.
Fill = Callable[[_Arrays], int]


def _adding(words: WordCounts) -> Fill:
    """What adds counted words."""
    state = np.zeros(1, np.int64)
    text = _padded(words.text, 8)
    return lambda table: _add_all(text, words.bounds, words.counts, state, table)


def _padded(text: ByteVector, more: int) -> ByteVector:
    """Bytes with some zeros after them, which kernels may read."""
    return np.concatenate([text, np.zeros(more, np.uint8)])


class _Table:
    """Words by their hash: open addressing. Kernels fill its arrays and say so where there is no room."""

    def __init__(self) -> None:
        self.empty()

    def empty(self) -> None:
        """Forgets all words."""
        self.arrays = _Arrays(
            np.zeros(4 * _FEW, np.int64),
            np.zeros(_FEW, np.uint64),
            np.zeros(_FEW + 1, np.int64),
            np.zeros(_FEW, np.int64),
            np.zeros(16 * _FEW + 8, np.uint8),
            np.zeros(2, np.int64),
        )

    def fill(self, work: Fill) -> None:
        """Calls a kernel until it is done."""
        while missing := work(self.arrays):
            self.grow(missing)

    def grow(self, most: int) -> None:
        """Makes room for twice as many words, or as many bytes, whichever is short; and for a word of `most` bytes."""
        slots, hashes, bounds, counts, text, used = self.arrays
        words, size = used.tolist()
        if words >= counts.size:
            room = 2 * counts.size
            hashes, bounds, counts = _longer(hashes, room), _longer(bounds, room + 1), _longer(counts, room)
            slots = np.zeros(4 * room, np.int64)
            _place(hashes[:words], slots)
        if size + most + 8 > text.size:
            text = _longer(text, 2 * text.size + most)
        self.arrays = _Arrays(slots, hashes, bounds, counts, text, used)

    @property
    def memory(self) -> int:
        return _BYTES_A_WORD * self.arrays.counts.size + self.arrays.text.size

    def words(self) -> WordCounts:
        _, _, bounds, counts, text, used = self.arrays
        words, size = used.tolist()
        return WordCounts(text[:size], bounds[: words + 1], counts[:words])


def _longer(array: np.ndarray, size: int) -> np.ndarray:
    longer = np.zeros(size, array.dtype)
    longer[: array.size] = array
    return longer


class _Tables:
    """A table for each thread, and what they have written to files."""

    def __init__(self, threads: int) -> None:
        self._memory = MEMORY // threads
        self._own = threading.local()
        self._all: list[_Table] = []
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "_Tables":
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder:
            self._folder.cleanup()

    def fill(self, work: Fill) -> None:
        """Fills this thread's table; what it has goes to files where there is too much of it."""
        table: _Table | None = getattr(self._own, "table", None)
        if table is None:
            table = self._own.table = _Table()
            with self._lock:
                self._all.append(table)
        while missing := work(table.arrays):
            if not self._written(table):
                table.grow(missing)

    def _written(self, table: _Table) -> bool:
        """Writes and empties a table that would outgrow its memory; whether it did."""
        if table.memory * 2 <= self._memory or not table.arrays.used[0]:
            return False
        self._write(table)
        table.empty()
        return True

    def _write(self, table: _Table) -> None:
        """Appends a table's words to the file of the part that their hash is in."""
        words = table.words()
        parts = (table.arrays.hashes[: len(words)] >> np.uint64(64 - PARTS.bit_length() + 1)).astype(np.int64)
        with self._lock, _room_for_files():
            if not self._folder:
                self._folder = tempfile.TemporaryDirectory(prefix="equalinfo-words-")
            for part in range(PARTS):
                chosen = words.chosen(np.flatnonzero(parts == part))
                with open(Path(self._folder.name, str(part)), "ab") as file:
                    for array in (np.diff(chosen.bounds), chosen.counts, chosen.text):
                        write_array(file, array)

    def sum(self) -> WordCounts:
        """All words, each once."""
        if not self._folder:
            first, *others = self._all or [_Table()]
            for other in others:
                first.fill(_adding(other.words()))
            return first.words()
        for table in self._all:
            self._write(table)
        with _room_for_files():
            return self._sum_of_files(Path(self._folder.name))

    def _sum_of_files(self, folder: Path) -> WordCounts:
        """Adds up a part at a time, into files that are gone when nobody holds what is returned."""
        with (
            tempfile.TemporaryFile() as text,
            tempfile.TemporaryFile() as bounds,
            tempfile.TemporaryFile() as counts,
        ):
            size = 0
            bounds.write(np.zeros(1, np.int64).tobytes())
            for part in range(PARTS):
                table = _Table()
                for run in _runs(folder / str(part)):
                    table.fill(_adding(run))
                words = table.words()
                os.unlink(folder / str(part))
                text.write(words.text.tobytes())
                bounds.write((words.bounds[1:] + size).tobytes())
                counts.write(words.counts.tobytes())
                size += len(words.text)
            for file in (text, bounds, counts):
                file.flush()
            kinds = ((text, np.uint8), (bounds, np.int64), (counts, np.int64))
            return WordCounts(*(np.memmap(file, kind, "r") for file, kind in kinds))


def _runs(path: Path) -> Iterator[WordCounts]:
    """What tables wrote into a file, one after the other."""
    with open(path, "rb") as file:
        while file.peek(1):
            lengths, counts, text = (np.load(file) for _ in range(3))
            yield WordCounts(text, bounds_from(lengths), counts)


@contextmanager
def _room_for_files() -> Iterator[None]:
    """Says in one line that there is no room where temporary files go."""
    try:
        yield
    except OSError as error:
        raise EqualInfoError(
            f"cannot write temporary files to {tempfile.gettempdir()} ({error.strerror or error}); "
            "set TMPDIR to a folder with more room"
        ) from error


@kernel
def _hash(place: np.uint64, length: np.uint64) -> np.uint64:
    """Of `length` bytes at an address; seven more may be read."""
    h = length * _SECOND
    i = np.uint64(0)
    while i < length:
        word = load64(place + i)
        left = length - i
        if left < _8:
            word &= (_1 << (_8 * left)) - _1
        h = (h ^ word) * _FIRST
        h ^= h >> _32
        i += _8
    h *= _SECOND
    return h ^ (h >> np.uint64(29))


@kernel
def _hashes(source: ByteVector, places: Bounds) -> NDArray[np.uint64]:
    """The same of words that lie end to end, with eight bytes more."""
    hashes = np.empty(places.size - 1, np.uint64)
    start = address_of(source)
    for i in range(hashes.size):
        hashes[i] = _hash(start + np.uint64(places[i]), np.uint64(places[i + 1] - places[i]))
    return hashes


@kernel
def _same(a: np.uint64, b: np.uint64, length: np.uint64) -> bool:
    """Whether `length` bytes at two addresses are the same; seven more may be read."""
    i = np.uint64(0)
    while i < length:
        differ = load64(a + i) ^ load64(b + i)
        left = length - i
        if left < _8:
            differ &= (_1 << (_8 * left)) - _1
        if differ:
            return False
        i += _8
    return True


@kernel
def _find(place: np.uint64, length: np.uint64, h: np.uint64, table: _Arrays) -> int:
    """The word at an address, whose hash is `h`, or -1 minus the slot for it."""
    slots, _, bounds, _, text, _ = table
    mask = slots.size - 1
    tag = np.int64(h >> np.uint64(41)) << np.int64(40)
    at = np.int64(h & np.uint64(mask))
    while slots[at]:
        if slots[at] & ~_INDEX == tag:
            word = (slots[at] & _INDEX) - 1
            if bounds[word + 1] - bounds[word] == np.int64(length) and _same(
                place, address_of(text) + np.uint64(bounds[word]), length
            ):
                return word
        at = (at + 1) & mask
    return int(-1 - at)


@kernel
def _add(place: np.uint64, length: np.uint64, weight: int, table: _Arrays) -> bool:
    """Adds `weight` to the count of the word at an address; False if it is new and there is no room."""
    slots, hashes, bounds, counts, text, used = table
    h = _hash(place, length)
    slot = _find(place, length, h, table)
    if slot >= 0:
        counts[slot] += weight
        return True
    word, end = used[0], used[1] + np.int64(length)
    if word == counts.size or end + 8 > text.size:
        return False
    copy_bytes(address_of(text) + np.uint64(used[1]), place, length)
    slots[-1 - slot] = np.int64(h >> np.uint64(41)) << np.int64(40) | (word + 1)
    hashes[word], counts[word] = h, weight
    bounds[word + 1] = end
    used[0], used[1] = word + 1, end
    return True


@kernel
def _place(hashes: NDArray[np.uint64], slots: Counts) -> None:
    """Puts words into empty slots."""
    mask = slots.size - 1
    for word in range(hashes.size):
        h = hashes[word]
        at = np.int64(h & np.uint64(mask))
        while slots[at]:
            at = (at + 1) & mask
        slots[at] = np.int64(h >> np.uint64(41)) << np.int64(40) | (word + 1)


@kernel
def _add_all(source: ByteVector, places: Bounds, weights: Counts, state: Counts, table: _Arrays) -> int:
    """Adds words from ``state[0]`` on.

    Args:
        source: the words, end to end, and eight bytes more; places: where each begins.

    Returns:
        0, or the length of the word that there is no room for.
    """
    start = address_of(source)
    for i in range(state[0], weights.size):
        length = places[i + 1] - places[i]
        if not _add(start + np.uint64(places[i]), np.uint64(length), weights[i], table):
            state[0] = i
            return int(length) + 1
    return 0


@kernel
def _count(source: ByteVector, documents: Bounds, classes: ByteVector, state: Counts, table: _Arrays) -> int:
    """Counts the words of documents, from ``state[1]`` in document ``state[0]`` on.

    Args:
        source: the documents, end to end, and AHEAD bytes more; documents: where each begins.
        classes: `character_classes` of those below CODE_POINTS.

    Returns:
        0, or the length of the word that there is no room for.
    """
    starts = np.empty(_BLOCK + 16, np.uint16)
    place, into, kinds = address_of(source), address_of(starts), address_of(classes)
    while state[0] < documents.size - 1:
        end = documents[state[0] + 1]
        begin = max(state[1], documents[state[0]])
        while begin < end:
            size = min(end - begin, _BLOCK)
            words = np.int64(word_starts(place + np.uint64(begin), np.uint64(size), kinds, into))
            if begin + size < end:
                if words == 1:  # a long word
                    stop = np.int64(
                        word_end(place, np.uint64(begin), np.uint64(end), np.uint64(source.size), kinds)
                    )
                    if not _add(place + np.uint64(begin), np.uint64(stop - begin), 1, table):
                        state[1] = begin
                        return int(stop - begin) + 1
                    begin = stop
                    continue
                words -= 1  # the last goes on
            else:
                starts[words] = size
            first = np.int64(0)
            for i in range(1, words + 1):
                following = np.int64(starts[i])
                if not _add(place + np.uint64(begin + first), np.uint64(following - first), 1, table):
                    state[1] = begin + first
                    return int(following - first) + 1
                first = following
            begin += first
        state[0] += 1
        state[1] = end
    return 0


@kernel
def _find_pairs(
    source: ByteVector, words: Bounds, last: Bounds, known: _Arrays, joins: NDArray[np.bool_]
) -> None:
    """For each word, whether a table knows it with the next."""
    place = address_of(source)
    for word in range(words.size - 1):
        joins[word] = False
        if word + 2 <= last[word]:
            begin = place + np.uint64(words[word])
            length = np.uint64(words[word + 2] - words[word])
            joins[word] = _find(begin, length, _hash(begin, length), known) >= 0


@kernel
def _count_runs(
    source: ByteVector,
    words: Bounds,
    last: Bounds,
    joins: NDArray[np.bool_],
    limits: tuple[int, int],
    state: Counts,
    table: _Arrays,
) -> int:
    """Counts runs of words, from that of ``state[1]`` words at word ``state[0]`` on; all else as in `_count`."""
    fewest, most = limits
    place = address_of(source)
    for word in range(state[0], words.size - 1):
        begin = words[word]
        for many in range(2, min(most, last[word] - word) + 1):
            length = words[word + many] - begin
            if length > MAX_ENTRY_BYTES or not joins[word + many - 2]:
                break
            if many < state[1]:
                continue
            if not _add(place + np.uint64(begin), np.uint64(length), 1, table):
                state[0], state[1] = word, many
                return int(length) + 1
        state[1] = fewest
    return 0


@kernel
def _weigh(ids: NDArray[np.unsignedinteger], id_bounds: Bounds, weights: Counts, use: Counts) -> None:
    """Adds to the use of each id how often the words come whose parse has it."""
    for word in range(weights.size):
        for i in range(id_bounds[word], id_bounds[word + 1]):
            use[ids[i]] += weights[word]
