"""Greedy longest-match parsing: at each point the longest entry that the text continues with.

One step per byte, whatever the text: where the path read so far is no entry and cannot be continued, a
table says which tokens it amounts to (`Automaton.fallbacks`), so no byte is read twice. A step is bound by
the delay of its load, so four documents, or four places of a long one, are walked at once in one thread.
"""

import threading

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.parse import parser
from equalinfo.dictionary.parse.greedy_kernels import EVERY, LANES, LONG, finish, parse_long, walk1, walk4
from equalinfo.dictionary.parse.parser import Bytes, Documents
from equalinfo.dictionary.trie.automaton import Automaton
from equalinfo.kernels import kernel


def encode(automaton: Automaton, text: Bytes) -> NDArray[np.uint32]:
    """Token ids of one text: uint32 [tokens].

    Args:
        text: bytes, or anything with a buffer of them; a uint8 vector is used without a copy.

    Raises:
        EqualInfoError: `text` is not bytes (a str has to be encoded first).
    """
    vector = parser.byte_vector(text)
    return _encode(automaton, vector, np.array([0, vector.size], np.int64))[0]


def count(automaton: Automaton, text: Bytes) -> int:
    """``len(encode(automaton, text))``, without making the ids: 1 MB of working memory for any text."""
    vector = parser.byte_vector(text)
    out = np.empty(1, np.uint32)
    bounds = np.array([0, vector.size], np.int64)
    table, tokens = automaton.fallbacks
    counts = _parse(automaton.words, table, tokens, automaton.lengths, vector, bounds, out, np.uint64(0))
    return int(counts[0])


def encode_flat(
    automaton: Automaton, text: NDArray[np.uint8], bounds: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Token ids of documents that lie one after the other, in one call and one thread.

    Args:
        text: uint8 [bytes].
        bounds: int64 [documents + 1], increasing from 0 to ``text.size``; document d is
            ``text[bounds[d]:bounds[d + 1]]``. No token crosses a bound.

    Returns:
        ids uint32 [tokens] and, for each document, where its ids begin: int64 [documents + 1].
    """
    text = parser.byte_vector(text)
    parser.check_bounds(text, bounds)
    return _encode(automaton, text, bounds)


def _encode(
    automaton: Automaton, text: NDArray[np.uint8], bounds: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    # Room for a token per byte. A single text takes up only what it fills; documents each begin where
    # their bytes do, so all of it, and new memory for every group would cost a fifth of the time.
    single = bounds.size == 2
    out = np.empty(text.size, np.uint32) if single else _scratch(text.size)
    table, tokens = automaton.fallbacks
    counts = _parse(automaton.words, table, tokens, automaton.lengths, text, bounds, out, EVERY)
    id_bounds = np.zeros(bounds.size, np.int64)
    np.cumsum(counts, out=id_bounds[1:])
    if single:
        out.resize(int(id_bounds[-1]), refcheck=False)  # gives the rest back without a copy
        return out, id_bounds
    ids = np.empty(int(id_bounds[-1]), np.uint32)
    _gather(out, bounds, id_bounds, ids)
    return ids, id_bounds


def _scratch(size: int) -> NDArray[np.uint32]:
    """At least `size` elements, the same in every call from one thread."""
    if size > 4 * parser.GROUP_BYTES:
        return np.empty(size, np.uint32)
    held: NDArray[np.uint32] | None = getattr(_thread, "scratch", None)
    if held is None or held.size < size:
        held = _thread.scratch = np.empty(size, np.uint32)
    return held


_thread = threading.local()


def encode_batch(
    automaton: Automaton, documents: Documents, threads: int | None = None
) -> list[NDArray[np.uint32]]:
    """Token ids of each document, on `threads` cores (all by default); the same as `encode` one by one."""
    return parser.split_encode(_encode, automaton, documents, threads)


def usage(automaton: Automaton, documents: Documents, threads: int | None = None) -> NDArray[np.int64]:
    """How often each id occurs in the parses of `documents`: int64 [v], the same on any number of threads."""
    return parser.split_usage(_usage, automaton, documents, threads)


def _usage(automaton: Automaton, text: NDArray[np.uint8], bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(_encode(automaton, text, bounds)[0], minlength=len(automaton))


@kernel
def _parse(words, table, tokens, lengths, text, bounds, out, keep):  # type: ignore[no-untyped-def]
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
                    parse_long(words, table, tokens, lengths, text, start, stop, out, keep, np.uint64(start))
                ) - np.int64(start)
            elif stop > start:
                at[live], end[live], n[live] = start, stop, start
                word[live] = words[0]
                who[live] = document
                live += 1
            document += 1
        if live < LANES:
            break
        steps = end[0] - at[0]
        for lane in range(1, LANES):
            steps = min(steps, end[lane] - at[lane])
        walk4(words, table, tokens, text, steps, at, word, out, keep, n)
        lane = 0
        while lane < live:
            if at[lane] < end[lane]:
                lane += 1
                continue
            last = finish(words, table, tokens, word[lane], out, keep, n[lane])
            counts[who[lane]] = np.int64(last) - bounds[who[lane]]
            live -= 1
            at[lane], end[lane], n[lane] = at[live], end[live], n[live]
            word[lane], who[lane] = word[live], who[live]
    for lane in range(live):
        state, last = walk1(words, table, tokens, text, at[lane], end[lane], word[lane], out, keep, n[lane])
        last = finish(words, table, tokens, state, out, keep, last)
        counts[who[lane]] = np.int64(last) - bounds[who[lane]]
    return counts


@kernel
def _gather(out, bounds, id_bounds, ids):  # type: ignore[no-untyped-def]
    """Copies each document's ids from where its bytes begin to behind the ids of the one before."""
    for document in range(bounds.size - 1):
        to = id_bounds[document]
        count = id_bounds[document + 1] - to
        start = bounds[document]
        for i in range(count):
            ids[to + i] = out[start + i]
