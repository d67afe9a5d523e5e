"""Greedy longest-match parsing: at each point the longest entry that the text continues with.

One step per byte, whatever the text: where the path read so far is no entry and cannot be continued, a
table says which tokens it amounts to (`Automaton.fallbacks`). A step is bound by the delay of its load, so four
documents, or four places of one (of which periodic text is read twice), are walked at once in one thread.
"""

import threading
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from equalinfo.coding.bits import bounds_from
from equalinfo.dictionary.parse.greedy_kernels import (
    EVERY,
    LANES,
    LONG,
    SHORT,
    Tables,
    finish,
    parse_apart,
    parse_short,
    walk1,
    walk4,
)
from equalinfo.dictionary.parse.parser import GROUP_BYTES, Bounds, ByteVector, Ids, Parser
from equalinfo.kernels import kernel


class GreedyParser(Parser):
    """The longest entry at each point.

    Examples:
        >>> from equalinfo.dictionary.trie.automaton import build
        >>> entries = [b"", *(bytes([byte]) for byte in range(256)), b"ab", b"bcd"]
        >>> parser = GreedyParser(build(entries))
        >>> [entries[token] for token in parser.encode(b"abcd")]
        [b'ab', b'c', b'd']
    """

    @cached_property
    def _tables(self) -> Tables:
        return Tables(self.automaton.words, *self.automaton.fallbacks, self.automaton.lengths)

    def _count(self, text: ByteVector) -> int:
        bounds = np.array([0, text.size], np.int64)
        return int(_parse(self._tables, text, bounds, self._like, np.uint64(0))[0])

    def _parse_short(self, text: bytes) -> Ids:
        # Two kernels: the second takes seconds to compile, which a process that encodes a string does not wait for.
        encode = _encode_short if len(text) < SHORT else _encode_apart
        return encode(self._tables, text, self._like)

    def _parse(self, text: ByteVector, bounds: Bounds) -> tuple[Ids, Bounds]:
        # Room for a token per byte. A single text takes up only what it fills; documents each begin where
        # their bytes do, so all of it, and new memory for every group would cost a fifth of the time.
        single = bounds.size == 2
        out = np.empty(text.size, self.id_type) if single else _scratch(text.size, self.id_type)
        counts = _parse(self._tables, text, bounds, out, EVERY)
        id_bounds = bounds_from(counts)
        if single:
            out.resize(int(id_bounds[-1]), refcheck=False)  # gives the rest back without a copy
            return out, id_bounds
        ids = np.empty(int(id_bounds[-1]), self.id_type)
        _gather(out, bounds, id_bounds, ids)
        return ids, id_bounds


def _scratch(size: int, id_type: type[np.unsignedinteger]) -> Ids:
    """At least `size` ids, the same in every call from one thread."""
    if size > 4 * GROUP_BYTES:
        return np.empty(size, id_type)
    held: NDArray[np.uint32] | None = getattr(_thread, "scratch", None)
    if held is None or held.size < size:
        held = _thread.scratch = np.empty(size, np.uint32)
    return held.view(id_type)


_thread = threading.local()


@kernel
def _encode_short(tables: Tables, text: bytes, like: Ids) -> Ids:
    """Ids of a text, of the type of `like`, in one place."""
    out = np.empty(len(text) + 1, like.dtype)
    n = parse_short(tables, text, np.int64(0), np.int64(len(text)), out, EVERY, np.uint64(0))
    return out[: np.int64(n)].copy()


@kernel
def _encode_apart(tables: Tables, text: bytes, like: Ids) -> Ids:
    """The same in four places."""
    out = np.empty(len(text) + 1, like.dtype)
    n = parse_apart(tables, text, np.int64(0), np.int64(len(text)), out, EVERY, np.uint64(0))
    return out[: np.int64(n)].copy()


@kernel
def _parse(tables: Tables, text: ByteVector, bounds: Bounds, out: Ids, keep: np.uint64) -> Bounds:
    """Parses every document; document d's ids go to ``out[bounds[d]:]``. Returns their numbers, int64 [d]."""
    documents = bounds.size - 1
    counts = np.zeros(documents, np.int64)
    at = np.zeros(LANES, np.uint64)
    end = np.zeros(LANES, np.uint64)
    word = np.zeros(LANES, np.uint64)
    n = np.zeros(LANES, np.uint64)
    who = np.zeros(LANES, np.int64)
    live = 0
    document = 0
    while True:
        while live < LANES and document < documents:
            start, stop = bounds[document], bounds[document + 1]
            if stop - start >= LONG:
                counts[document] = np.int64(
                    parse_apart(tables, text, start, stop, out, keep, np.uint64(start))
                ) - np.int64(start)
            elif stop > start:
                at[live], end[live], n[live] = start, stop, start
                word[live] = tables.words[0]
                who[live] = document
                live += 1
            document += 1
        if live < LANES:
            break
        steps = end[0] - at[0]
        for lane in range(1, LANES):
            steps = min(steps, end[lane] - at[lane])
        walk4(tables, text, steps, at, word, out, keep, n)
        lane = 0
        while lane < live:
            if at[lane] < end[lane]:
                lane += 1
                continue
            last = finish(tables, word[lane], out, keep, n[lane])
            counts[who[lane]] = np.int64(last) - bounds[who[lane]]
            live -= 1
            at[lane], end[lane], n[lane] = at[live], end[live], n[live]
            word[lane], who[lane] = word[live], who[live]
    for lane in range(live):
        state, last = walk1(tables, text, at[lane], end[lane], word[lane], out, keep, n[lane])
        last = finish(tables, state, out, keep, last)
        counts[who[lane]] = np.int64(last) - bounds[who[lane]]
    return counts


@kernel
def _gather(out: Ids, bounds: Bounds, id_bounds: Bounds, ids: Ids) -> None:
    """Copies each document's ids from where its bytes begin to behind the ids of the one before."""
    for document in range(bounds.size - 1):
        to = id_bounds[document]
        count = id_bounds[document + 1] - to
        start = bounds[document]
        for i in range(count):
            ids[to + i] = out[start + i]
