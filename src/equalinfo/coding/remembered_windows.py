"""Windows of more than 20 bits: too many to list, but text comes back to the same beginnings of windows.

Where M1 starts afresh with every window, its frequencies after a beginning of a window are always the same. So
beginnings are remembered: the code that closes a window there, and which bytes still fit. M1 runs only where a window
leaves what is remembered, for the one text that is new, and its keys and values are kept for a while so that it does
not read a beginning again. What was remembered over a corpus is saved with the tokenizer; what comes while it
is used is added in memory, up to a bound (500 MB at most). Nothing of this can change a code: they are those of
`encode_windows`.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from threading import Lock

import numpy as np
from safetensors.numpy import save

from equalinfo.coding import remembered_kernels as kernels
from equalinfo.coding.bits import bounds_from
from equalinfo.coding.equal_info_windows import GUARD, WindowRule
from equalinfo.coding.many_places import EncodedWindows
from equalinfo.coding.window_kernels import INHERITED, close_arithmetic, parents
from equalinfo.errors import DamagedArtifact
from equalinfo.parallel import WorkerThreads, grouped, keep_freed_memory, worker_threads
from equalinfo.predict.base import PRECISION, OnProgress, cumulative
from equalinfo.predict.exact import START, ExactModel
from equalinfo.tensors import Expected, read_safetensors

# Wider windows of a good M1 seldom begin alike: at 40 a fifth of the speed is lost, or more. Up to here intervals are
# computed in 64 bits.
MOST_BITS = 32
MOST_TEXTS = 1 << 21  # remembered, about 120 bytes each
SAVED_TEXTS = 1 << 20  # of those that a corpus came to, the most frequent
CACHE_BYTES = 1 << 28  # for keys, values and frequencies
LONGEST_PER_BIT = 45  # bytes: the likeliest byte has at most 2^14 - 255 of 2^14, 0.0226 bits
AT_ONCE = 1024  # texts that M1 reads side by side
DOCUMENTS_AT_ONCE = 2048
# Texts are begun at so many places at once, so far from each other at least. Windows of 24 to 32 bits that begin at any
# byte come upon the text's own after 40 bytes, mostly.
PLACES_AT_ONCE, STRETCH = 256, 256
REMEMBERED_BYTES = 50_000_000  # of a corpus
LISTED_FITS = 32  # bytes that fit after a text; of texts with more of them it is not saved which
UNKNOWN = 255
FILE = "beginnings.safetensors"
FORMAT = 1


class _Memory:
    """Texts that begin windows, by number; 0 is the empty one. Arrays have room for MOST_TEXTS and grow into it."""

    def __init__(self, bits: int, saved: dict[str, np.ndarray] | None = None) -> None:
        self.bits, self.count = bits, 1
        size = 1 << 12
        self.parents, self.symbols = np.zeros(size, np.int32), np.zeros(size, np.uint8)
        self.depths, self.backs = np.zeros(size, np.uint16), np.zeros(size, np.uint16)
        self.mended, self.visits = np.zeros(size, np.uint8), np.zeros(size, np.uint32)
        self.codes = np.zeros(size, np.uint64)
        self.fits = np.zeros((size, 4), np.uint64)  # a bit for every byte
        self.fits_known = np.zeros(size, np.uint8)
        self.bounds = np.zeros((size, 2), np.uint16)  # of its last byte
        self.cached = np.full(size, -1, np.int32)  # its place in the cache
        self.keys, self.values = np.zeros(4 * size, np.uint64), np.zeros(4 * size, np.int32)
        if saved is not None:
            _restore(self, saved)
        self.cached[0] = 0
        self.fits[0], self.fits_known[0] = ~np.uint64(0), 1

    def room(self, more: int) -> None:
        """Makes room for that many texts."""
        size = len(self.parents)
        while size < self.count + more:
            size *= 2
        if size == len(self.parents):
            return
        for name, array in list(vars(self).items()):
            if isinstance(array, np.ndarray) and name not in ("keys", "values"):
                grown = np.zeros((size, *array.shape[1:]), array.dtype)
                grown[: len(array)] = array
                setattr(self, name, grown)
        self.cached[self.count :] = -1
        self.keys, self.values = np.zeros(4 * size, np.uint64), np.zeros(4 * size, np.int32)
        kernels.insert(self.keys, self.values, self.parents, self.symbols, 1, self.count)


class RememberedWindows:
    """The windows of `EqualInfoAC` with `reset=1`, as `encode_windows` makes them.

    Args:
        model: M1.
        rule: of at most MOST_BITS, with `reset` 1.
        saved: what `remember` gave.
    """

    def __init__(
        self, model: ExactModel, rule: WindowRule, saved: dict[str, np.ndarray] | None = None
    ) -> None:
        assert rule.bits <= MOST_BITS
        keep_freed_memory()
        self.model, self.rule = model, rule
        self._lock = Lock()
        self._memory = _Memory(rule.bits, saved)
        # Frequencies, keys and values of some of the texts; place 0 is the empty one's, always.
        caches = model.new_caches(1, 1)
        row = model.step(caches, np.zeros(1, np.int64), np.zeros(1, np.int64), np.array([START]))
        per_text = 2 * 257 + sum(cache.nbytes for cache in caches)
        self._most_cached = max(2 * LONGEST_PER_BIT * rule.bits, CACHE_BYTES // per_text)
        self._rows = np.zeros((self._most_cached, 257), np.uint16)  # what is not used yet takes no memory
        self._rows[0] = cumulative(row)[0]
        self._caches = [
            np.zeros((self._most_cached, cache.shape[1], cache.shape[3]), np.int16) for cache in caches
        ]
        for kept, cache in zip(self._caches, caches, strict=True):
            kept[0] = cache[0, :, 0]
        self._used = 1
        self.asked = self.read = 0  # texts that M1 was run for, and bytes encoded

    def encode(
        self, documents: Sequence[bytes], advance: Callable[[int], None] | None = None
    ) -> list[EncodedWindows]:
        """Each document's windows; `advance` is told numbers of bytes as they are done."""
        result: list[EncodedWindows] = []
        with self._lock, worker_threads() as workers:
            for start in range(0, len(documents), DOCUMENTS_AT_ONCE):
                group = documents[start : start + DOCUMENTS_AT_ONCE]
                result += self._encode(group, workers)
                if advance:
                    advance(sum(map(len, group)))
        return result

    def _encode(self, documents: Sequence[bytes], workers: WorkerThreads) -> list[EncodedWindows]:
        """Windows of documents, of which long ones are begun at many places, that M1 reads side by side.

        What a window holds does not depend on what is before it. So windows that are begun anywhere are right from
        the first on that begins where one of the text's own does, and a place that comes upon one is done.
        """
        bounds = bounds_from([len(one) for one in documents])
        text = np.frombuffer(b"".join([*documents, b"\0"]), np.uint8)
        stretch = max(STRETCH, len(text) // PLACES_AT_ONCE)
        places = [np.arange(start, end, stretch) for start, end in pairwise(bounds.tolist())]
        at, ends = np.concatenate(places), np.repeat(bounds[1:], [len(some) for some in places])
        nodes = np.zeros(len(at), np.int32)
        codes, lengths = np.zeros(len(text), np.uint64), np.zeros(len(text), np.uint16)
        mended = np.zeros(len(text), np.uint8)
        self.read += int(bounds[-1])
        while True:
            memory = self._memory
            kernels.advance(
                (memory.keys, memory.values, memory.fits, memory.visits),
                (memory.depths, memory.backs, memory.mended, memory.codes),
                text,
                ends,
                (at, nodes),
                (codes, lengths, mended),
            )
            waiting = np.flatnonzero(at < ends)
            if not len(waiting):
                break
            if memory.count + AT_ONCE > MOST_TEXTS:
                self._forget_rare()
                at -= memory.depths[nodes]  # windows begin again: what has a number now is something else
                nodes[:] = 0
                continue
            self._learn(nodes[waiting], text[at[waiting]], workers)
        result = []
        stops = kernels.followed(bounds[:-1], bounds[1:], (codes, lengths, mended))
        for start, stop in zip(bounds[:-1].tolist(), stops.tolist(), strict=True):
            windows = slice(start, stop)
            result.append(
                EncodedWindows(codes[windows].tolist(), lengths[windows].tolist(), int(mended[windows].sum()))
            )
        return result

    def _learn(self, nodes: np.ndarray, following: np.ndarray, workers: WorkerThreads) -> None:
        """Reads what texts and the bytes after them need next: those themselves, or beginnings that M1 must read again.

        As many as can be cached together; the others wait.
        """
        memory = self._memory
        pairs = np.unique(nodes.astype(np.int64) << 8 | following)[:AT_ONCE]
        depths = np.cumsum(memory.depths[pairs >> 8].astype(np.int64) + 2)
        pairs = pairs[: max(1, int(np.searchsorted(depths, self._most_cached // 2)))]
        if self._used + len(pairs) > self._most_cached:
            self._empty_cache()
        parents_, symbols, targets = kernels.next_reads(memory.parents, memory.symbols, memory.cached, pairs)
        new = targets < 0
        memory.room(int(new.sum()))
        targets = np.where(new, memory.count + np.cumsum(new) - 1, targets)
        bounds = self._read(parents_, symbols, targets, workers)
        rows = self._rows[memory.cached[parents_]].astype(np.int64)
        chosen = np.flatnonzero(new)
        texts = targets[chosen]
        memory.parents[texts], memory.symbols[texts] = parents_[chosen], symbols[chosen]
        memory.depths[texts] = memory.depths[parents_[chosen]] + 1
        memory.bounds[texts, 0] = rows[chosen, symbols[chosen]]
        memory.bounds[texts, 1] = rows[chosen, symbols[chosen] + 1]
        before = memory.count
        memory.count += len(chosen)
        kernels.insert(memory.keys, memory.values, memory.parents, memory.symbols, before, memory.count)
        closing = memory.fits_known[targets] == 0  # those that are new, and saved ones of which it was not
        if closing.any():
            self._close(targets[closing], bounds[closing])

    def _empty_cache(self) -> None:
        """Leaves the half of the cache whose texts come most often, and with them those that they begin with."""
        memory = self._memory
        texts = np.flatnonzero(memory.cached[: memory.count] > 0)
        visits = memory.visits[texts]
        most = self._most_cached // 2 - 1
        kept = texts[visits > np.partition(visits, -most)[-most]] if len(texts) > most else texts[:0]
        places = np.concatenate([[0], memory.cached[kept]])
        memory.cached[1:] = -1
        memory.cached[kept] = np.arange(1, len(places))
        self._used = len(places)
        self._rows[: self._used] = self._rows[places]
        for cache in self._caches:
            cache[: self._used] = cache[places]

    def _read(
        self, parents_: np.ndarray, symbols: np.ndarray, targets: np.ndarray, workers: WorkerThreads
    ) -> np.ndarray:
        """Runs M1 for texts given by the ones before them, and caches what it says; bounds [n, 257] int64."""
        memory = self._memory
        self.asked += len(targets)
        depths = memory.depths[parents_].astype(np.int64) + 1
        paths = kernels.paths(memory.parents, memory.cached, parents_, depths)

        def run(part: slice) -> tuple[np.ndarray, list[np.ndarray]]:
            count = len(depths[part])
            longest = int(depths[part].max())
            caches = self.model.new_caches(count, longest + 1)
            for cache, kept in zip(caches, self._caches, strict=True):
                kernels.fill(cache, kept, paths[part], depths[part])
            slots = np.arange(count)
            frequencies = self.model.step(caches, slots, depths[part], symbols[part].astype(np.int64))
            return frequencies, [cache[slots, :, depths[part]] for cache in caches]

        size = max(32, -(-len(targets) // workers.threads))
        parts = [slice(start, start + size) for start in range(0, len(targets), size)]
        results = list(workers.map(run, parts))
        bounds = cumulative(np.concatenate([one[0] for one in results]), np.int64)
        places = slice(self._used, self._used + len(targets))
        self._rows[places] = bounds
        for layer, kept in enumerate(self._caches):
            kept[places] = np.concatenate([one[1][layer] for one in results])
        memory.cached[targets] = np.arange(places.start, places.stop)
        self._used = places.stop
        return bounds

    def _close(self, texts: np.ndarray, bounds: np.ndarray) -> None:
        """Remembers what closes windows with these texts and which bytes fit after them."""
        memory, delay = self._memory, self.rule.delay
        intervals = kernels.intervals(memory.parents, memory.bounds, texts, memory.bits)
        low, width, first, last, reserved = intervals.T
        starts = low[:, None] + (width[:, None] * bounds >> PRECISION)
        fits = np.maximum(-(-starts[:, :-1] >> GUARD), reserved[:, None]) < starts[:, 1:] >> GUARD
        memory.fits[texts] = np.packbits(fits, axis=1, bitorder="little").view("<u8")
        memory.fits_known[texts] = 1
        codes, mended = close_arithmetic(low, width, first, last, bounds, delay)
        backs = np.zeros(len(texts), np.uint16)
        if delay:
            backs = kernels.backs_to_first(memory.parents, memory.codes, texts, codes)
        shorter = memory.parents[texts]
        none = codes == INHERITED
        memory.codes[texts] = np.where(none, memory.codes[shorter], codes.astype(np.uint64))
        memory.backs[texts] = np.where(none, memory.backs[shorter] + 1, backs)
        memory.mended[texts] = none | mended

    def remember(
        self, documents: Iterable[bytes], on_progress: OnProgress | None = None
    ) -> dict[str, np.ndarray]:
        """Encodes documents of a corpus, REMEMBERED_BYTES at most, and keeps what they have in common.

        Args:
            on_progress: called now and then with the bytes done and 0: of how many is not known.

        Returns:
            what `saved` takes.
        """
        done = 0
        for group in grouped(documents, 1 << 20):
            self.encode(group)
            done += sum(map(len, group))
            if on_progress:
                on_progress(done, 0)
            if done >= REMEMBERED_BYTES:
                break
        saved = _saved(self._memory, self._frequent())
        self._memory, self._used = _Memory(self.rule.bits, saved), 1  # as when it is opened
        return saved

    def _frequent(self) -> np.ndarray:
        """The texts that came most often, in the order of their bytes; a text that begins others comes before them."""
        memory = self._memory
        often = np.argsort(-memory.visits[1 : memory.count].astype(np.int64), kind="stable") + 1
        return _in_order(memory, np.sort(often[:SAVED_TEXTS]))

    def _forget_rare(self) -> None:
        order = self._frequent()
        visits = self._memory.visits[order] // 2
        self._memory, self._used = _Memory(self.rule.bits, _saved(self._memory, order)), 1
        self._memory.visits[: len(order)] = visits


def save_beginnings(saved: dict[str, np.ndarray], directory: Path) -> None:
    """Writes what `remember` gave into a tokenizer directory."""
    (directory / FILE).write_bytes(save(saved))


def load_beginnings(directory: Path, bits: int) -> dict[str, np.ndarray] | None:
    """What `save_beginnings` wrote, None where there is none.

    Raises:
        DamagedArtifact: it is not as that writes it.
    """
    path = directory / FILE
    if not path.exists():
        return None
    arrays = read_safetensors(path, _expected(bits))
    if arrays["format"][0] != FORMAT:
        raise DamagedArtifact(f"{path} is of another format; compile the tokenizer again")
    if not _sound(arrays):
        raise DamagedArtifact(f"{path} is damaged; compile the tokenizer again")
    return arrays


def _expected(bits: int) -> Expected:
    return {
        "format": ((1,), np.uint8),
        "depths": ((None,), np.uint16),
        "symbols": ((None,), np.uint8),
        "bounds": ((None, 2), np.uint16),
        "codes": ((None, -(-bits // 8)), np.uint8),
        "backs": ((None,), np.uint16),
        "mended": ((None,), np.uint8),
        "fit_counts": ((None,), np.uint8),
        "fits": ((None,), np.uint8),
    }


def _in_order(memory: _Memory, texts: np.ndarray) -> np.ndarray:
    """Some texts, with those that they begin with and the empty one, in the order of their bytes."""
    strings: dict[int, bytes] = {0: b""}
    for text in texts.tolist():  # a text has a larger number than those that it begins with
        strings[text] = strings[int(memory.parents[text])] + bytes([memory.symbols[text]])
    return np.array(sorted(strings, key=strings.__getitem__), np.int64)


def _saved(memory: _Memory, order: np.ndarray) -> dict[str, np.ndarray]:
    """Arrays to save of texts from `_in_order`."""
    bits = np.unpackbits(memory.fits[order].astype("<u8").view(np.uint8), axis=1, bitorder="little")
    counts = bits.sum(axis=1, dtype=np.int64)
    listed = (counts <= LISTED_FITS) & (memory.fits_known[order] == 1)
    codes = memory.codes[order].astype(">u8").view(np.uint8).reshape(-1, 8)
    return {
        "format": np.array([FORMAT], np.uint8),
        "depths": memory.depths[order],
        "symbols": memory.symbols[order],
        "bounds": memory.bounds[order],
        "codes": np.ascontiguousarray(codes[:, 8 - -(-memory.bits // 8) :]),
        "backs": memory.backs[order],
        "mended": memory.mended[order],
        "fit_counts": np.where(listed, counts, UNKNOWN).astype(np.uint8),
        "fits": np.nonzero(bits[listed])[1].astype(np.uint8),
    }


def _sound(arrays: dict[str, np.ndarray]) -> bool:
    """Whether arrays can be restored without reading beyond any, and windows with them go forward."""
    depths, bounds, counts = arrays["depths"], arrays["bounds"], arrays["fit_counts"]
    sizes = {len(array) for name, array in arrays.items() if name not in ("format", "fits")}
    if sizes != {len(depths)} or not 0 < len(depths) <= MOST_TEXTS // 2 + 1:
        return False
    if not len(parents(depths, arrays["symbols"])):
        return False
    if (arrays["backs"][1:] >= depths[1:]).any() or (bounds[1:, 0] >= bounds[1:, 1]).any():
        return False
    return bool(counts[counts != UNKNOWN].sum(dtype=np.int64) == len(arrays["fits"]))


def _restore(memory: _Memory, arrays: dict[str, np.ndarray]) -> None:
    count = len(arrays["depths"])
    memory.room(count)
    memory.count = count
    memory.depths[:count], memory.symbols[:count] = arrays["depths"], arrays["symbols"]
    memory.parents[:count] = parents(arrays["depths"], arrays["symbols"])
    memory.bounds[:count], memory.backs[:count] = arrays["bounds"], arrays["backs"]
    memory.mended[:count] = arrays["mended"]
    codes = np.zeros((count, 8), np.uint8)
    codes[:, 8 - arrays["codes"].shape[1] :] = arrays["codes"]
    memory.codes[:count] = codes.view(">u8")[:, 0]
    counts = arrays["fit_counts"].astype(np.int64)
    known = counts != UNKNOWN
    bits = np.zeros((count, 256), np.bool_)
    bits[np.repeat(np.arange(count), np.where(known, counts, 0)), arrays["fits"]] = True
    bits[~known] = True
    memory.fits[:count] = np.packbits(bits, axis=1, bitorder="little").view("<u8")
    memory.fits_known[:count] = known
    kernels.insert(memory.keys, memory.values, memory.parents, memory.symbols, 1, count)
