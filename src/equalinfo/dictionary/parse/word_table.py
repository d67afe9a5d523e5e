"""Parsing word by word, where no entry of a dictionary crosses the start of one: ids of words come from a table.

A parse of the least sum of scores is then one of each word (`word_starts`), so what a word was parsed into serves the
next time. Words of a chunk of text are cut, then looked up: their keys are made and their places asked for before the
first is read. A word that is not there is parsed by a plain walk down the trie from each of its bytes, at most LONG of
them; longer ones are left to the parser that a `WordParser` stands in for.

Threads share a table without a lock. A place in it is taken by one thread (`claim`), filled, published by one store of
8 bytes, of the word with the key's length, and never written again; who sees that word sees the rest, and compares the
whole key. So what is read is right, whatever others do. A table that turns away too many words is replaced by
a new one; threads that are at work keep theirs.
"""

import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.parse.memory import (
    add_to,
    address_of,
    claim,
    copy_bytes,
    load8,
    load16,
    load64,
    load_acquire,
    prefetch,
    stack,
    store16,
    store64,
    store_release,
)
from equalinfo.dictionary.parse.parser import Bounds, ByteVector, Ids, Parser
from equalinfo.dictionary.parse.short_search import LONG, scored_states, search
from equalinfo.dictionary.parse.word_starts import classes_for, word_starts
from equalinfo.dictionary.trie.intrinsics import choose
from equalinfo.dictionary.trie.layout import VALUE_MASK, Words
from equalinfo.kernels import kernel

CHUNK = 1024
SHORT_KEY = 15  # bytes of a word that takes one place of a table
LONG_KEY = 30  # and two
IDS = 4  # of a word in a table, at most

PLACES = 1 << 19  # 32 bytes each
TURNED_AWAY_PER_PLACE = 4  # words, after which there is a new table

# A table: a header, then pairs of buckets of 64 bytes with two places each. A place: the word's bytes 0 to 7, bytes 8
# to 14 under its length, two words of ids, the second under their number. A long word takes a bucket: 0x80 is added to
# its length, and the second place has bytes 15 to 29 under 0xFF.
HEADER = 8
WORDS, STATES, CLASSES, BUCKETS, SHIFT, WIDE, TURNED_AWAY = range(7)

_STARTS_BYTES, _KEYS_BYTES, _AHEAD = 2 * CHUNK + 32, 24 * CHUNK, 96
_COPY_BYTES = CHUNK + _AHEAD
_SLACK = CHUNK + _AHEAD  # ids that a chunk may take up, used or not
_ROOM = 1 << 20  # ids at a time
_SEED_AFTER = 64  # calls, or a text of a sixty-fourth of _ROOM
_0, _1, _2, _4, _8 = (np.uint64(n) for n in (0, 1, 2, 4, 8))
_15, _16, _23, _24, _32, _40, _56, _64 = (np.uint64(n) for n in (15, 16, 23, 24, 32, 40, 56, 64))
_CHUNK, _LONG, _SHORT_KEY, _LONG_KEY = (np.uint64(n) for n in (CHUNK, LONG, SHORT_KEY, LONG_KEY))
_CHUNK_AHEAD = np.uint64(CHUNK + _AHEAD)
_IDS = np.uint64(IDS)
_ID_BITS = np.uint64(28)
_MIX1, _MIX2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
# Row n: what is left of 16 bytes of which a word has n.
_KEPT = np.array(
    [[2 ** (8 * min(n, 8)) - 1, 2 ** (8 * max(n - 8, 0)) - 1] for n in range(16)] + [[0, 0]], np.uint64
)
_LONG_TAG, _SECOND_TAG = np.uint64(0x80), np.uint64(0xFF << 56)
_SEVEN_BYTES = np.uint64(2**56 - 1)


def by_words(parser: Parser, scores: NDArray[np.int64]) -> Parser:
    """A parser that gives the same ids sooner, or `parser` itself where its dictionary does not lie within words.

    Args:
        parser: finds the least sum of scores, and of those the one whose last token is longest, and so on.
        scores: of the entries, [v], 0 to 65,535.
    """
    classes = classes_for(parser.automaton)
    return parser if classes is None else WordParser(parser, scores, classes)


class WordParser(Parser):
    """`by_words`; classes are those of `classes_for`."""

    def __init__(self, parser: Parser, scores: NDArray[np.int64], classes: NDArray[np.uint8]) -> None:
        super().__init__(parser.automaton)
        self._parser, self._classes = parser, classes
        self._states = scored_states(parser.automaton.words, scores)
        self._renewing = threading.Lock()
        self._calls, self._seeded = 0, False
        self._places = PLACES
        self.table = self._new_table()

    def _new_table(self) -> Words:
        table = np.zeros(HEADER + 4 * self._places + 15, np.uint64)
        for place, array in ((WORDS, self.automaton.words), (STATES, self._states), (CLASSES, self._classes)):
            table[place] = array.ctypes.data
        # Pairs of buckets are neighbours: the address of one is that of the other but for a bit.
        table[BUCKETS] = -(-(table.ctypes.data + 8 * HEADER) // 128) * 128
        table[SHIFT] = 64 - (self._places // 2 - 1).bit_length()
        table[WIDE] = len(self.automaton) > 1 << 16
        return table

    def _current_table(self) -> Words:
        """The table, seeded, and a new one where too many words were turned away."""
        table = self.table
        if not self._seeded:
            self._seed(table)
        elif table[TURNED_AWAY] > TURNED_AWAY_PER_PLACE * self._places:
            with self._renewing:
                if self.table is table:
                    fresh = self._new_table()
                    self._seed(fresh)
                    self.table = fresh
        return self.table

    def _seed(self, table: Words) -> None:
        """Puts the entries into a table, by parsing them: words that are entries are found from the first time on.

        It takes 20 ms, so a process that encodes a few strings goes without.
        """
        self._seeded = True
        text, bounds = self.automaton.blob, self.automaton.offsets.astype(np.int64)
        out = np.empty(text.size + _SLACK, self.id_type)
        _encode_some(table, text, bounds, np.zeros(bounds.size, np.int64), out, np.zeros(4, np.int64))
        table[TURNED_AWAY] = 0

    def _parse_short(self, text: bytes) -> Ids | None:
        self._calls += 1
        # To look at the table takes as long as a word, so not every call does.
        table = self.table if self._calls % _SEED_AFTER else self._current_table()
        out: Ids = np.empty(len(text) + _SLACK, self.id_type)
        count = _encode_short(table, text, out)
        return None if count < 0 else out[:count].copy()

    def _count(self, text: ByteVector) -> int:
        bounds = np.array([0, text.size], np.int64)
        return sum(ids.size for ids in self._rounds(text, bounds, np.zeros(2, np.int64), _ROOM))

    def _parse(self, text: ByteVector, bounds: Bounds) -> tuple[Ids, Bounds]:
        id_bounds = np.zeros(bounds.size, np.int64)
        rounds = list(self._rounds(text, bounds, id_bounds, min(text.size, _ROOM)))
        return rounds[0] if len(rounds) == 1 else np.concatenate(rounds), id_bounds

    def _rounds(self, text: ByteVector, bounds: Bounds, id_bounds: Bounds, room: int) -> Iterator[Ids]:
        """Ids of all documents, `room` of them at a time or a few more."""
        state = np.zeros(4, np.int64)
        done = 0
        while True:
            out = np.empty(room + _SLACK, self.id_type)
            small = not self._seeded and text.size <= _ROOM >> 6
            finished = _encode_some(
                self.table if small else self._current_table(), text, bounds, id_bounds, out, state
            )
            out.resize(int(state[2]) - done, refcheck=False)  # gives the rest back without a copy
            yield out
            done = int(state[2])
            if finished:
                return
            if state[3]:  # a long word
                ids = self._parser.encode(text[state[1] : state[3]])
                yield ids
                done += ids.size
                state[1:] = state[3], done, 0


@kernel(inline="always")
def _bucket(table: Words, k0: np.uint64, k1: np.uint64) -> np.uint64:
    """The address of the bucket of a key."""
    h = (k0 ^ (k1 * _MIX2)) * _MIX1
    h ^= h >> _32
    return table[BUCKETS] + ((h * _MIX1) >> table[SHIFT] << np.uint64(6))


@kernel(inline="always")
def _second_pair(ids: np.uint64) -> np.uint64:
    """Two ids of 28 bits as two of 32."""
    return ids & VALUE_MASK | (ids >> _ID_BITS & VALUE_MASK) << _32


@kernel(inline="always")
def _copied(place: np.uint64, out: np.uint64) -> np.uint64:
    """Copies the ids of a place of the table; returns their number."""
    v = load64(place + _24)
    store64(out, load64(place + _16))
    store64(out + _8, _second_pair(v))
    return v >> _56


@kernel(inline="always")
def _fill(place: np.uint64, k0: np.uint64, out: np.uint64, count: np.uint64) -> None:
    """Writes all of a place but what publishes it."""
    second = load64(out + _8)
    store64(place, k0)
    store64(place + _16, load64(out))
    store64(place + _24, count << _56 | second & VALUE_MASK | (second >> _32 & VALUE_MASK) << _ID_BITS)


@kernel
def _missing(
    table: Words,
    text: np.uint64,
    size: np.uint64,
    k0: np.uint64,
    k1: np.uint64,
    bucket: np.uint64,
    out: np.uint64,
) -> np.uint64:
    """Writes the ids of a word that its first bucket has not, and keeps them if there is room; returns their number."""
    k2 = k3 = _0
    if size <= _SHORT_KEY:
        other = bucket ^ _64
        for k in range(2):
            place = other + np.uint64(32 * k)
            if load_acquire(place + _8) == k1 and load64(place) == k0:
                return _copied(place, out)
    elif size <= _LONG_KEY:
        kept = address_of(_KEPT) + (size - _15 << _4)
        k0 = load64(text)
        k1 = load64(text + _8) & _SEVEN_BYTES | (_LONG_TAG | size) << _56
        k2 = load64(text + _15) & load64(kept)
        k3 = load64(text + _23) & load64(kept + _8) | _SECOND_TAG
        bucket = _bucket(table, k0 ^ k2 * _MIX2, k1 ^ k3)
        for k in range(2):
            place = bucket ^ np.uint64(64 * k)
            if (
                load_acquire(place + _8) == k1
                and load64(place) == k0
                and load64(place + _32) == k2
                and load64(place + _40) == k3
            ):
                return _copied(place, out)
    count = search(table[WORDS], table[STATES], text, size, table[WIDE], out)
    if count > _IDS or size > _LONG_KEY:
        return count
    for k in range(4):
        place = (bucket ^ np.uint64(64 * (k >> 1))) + np.uint64(32 * (k & 1))
        if load64(place + _8) or (k3 and (k & 1 or load64(place + _40))):
            continue
        if claim(place + _8, _1):
            if k3:
                if not claim(place + _40, _1):
                    store_release(place + _8, _0)
                    continue
                store64(place + _32, k2)
                store_release(place + _40, k3)
            _fill(place, k0, out, count)
            store_release(place + _8, k1)
            return count
    add_to(address_of(table) + np.uint64(8 * TURNED_AWAY), _1)
    return count


@kernel(inline="always")
def _readable(text: np.uint64, begin: np.uint64, limit: np.uint64, copy: np.uint64) -> np.uint64:
    """An address of what stands from `begin` on, with CHUNK bytes and _AHEAD more to be read: near `limit`, a copy."""
    here = text + begin
    if begin + _CHUNK_AHEAD > limit:
        copy_bytes(copy, here, limit - begin)
        here = copy
    return here


@kernel
def _parse_words(
    table: Words,
    text: np.uint64,
    begin: np.uint64,
    end: np.uint64,
    limit: np.uint64,
    out: np.uint64,
    last: np.uint64,
) -> tuple[np.uint64, np.uint64]:
    """Writes the ids of a document from `begin`, where a word starts, at most to its `end`.

    Args:
        text: an address; begin, end: bytes behind it. From `limit` on memory is not to be read.
        out, last: addresses; what is written ends before `last`.

    Returns:
        where it stopped: at the end, at a word of more than LONG bytes or for want of room; and where the ids end.
    """
    starts, keys, copy = stack(_STARTS_BYTES), stack(_KEYS_BYTES), stack(_COPY_BYTES)
    kept = address_of(_KEPT)
    classes = table[CLASSES]
    width = _1 + table[WIDE]  # the number of bytes of an id, as a shift
    room = _CHUNK_AHEAD << width
    while begin < end and out + room <= last:
        size = min(_CHUNK, end - begin)
        here = _readable(text, begin, limit, copy)
        count = word_starts(here, size, classes, starts)
        if begin + size == end:
            store16(starts + (count << _1), size)
        else:  # the last word goes on
            count -= _1
            if count == _0:
                return begin, out
        key = keys
        following = starts
        start = _0
        for _ in range(count):
            following += _2
            stop = load16(following)
            length = min(stop - start, _16)
            mask = kept + (length << _4)
            p = here + start
            k0 = load64(p) & load64(mask)
            k1 = load64(p + _8) & load64(mask + _8) | length << _56
            bucket = _bucket(table, k0, k1)
            prefetch(bucket)
            store64(key, k0)
            store64(key + _8, k1)
            store64(key + _16, bucket)
            key += _24
            start = stop
        key = keys
        following = starts
        for _ in range(count):
            following += _2
            k0, k1, bucket = load64(key), load64(key + _8), load64(key + _16)
            key += _24
            first = (load_acquire(bucket + _8) == k1) & (load64(bucket) == k0)
            second = (load_acquire(bucket + _40) == k1) & (load64(bucket + _32) == k0)
            if first | second:
                out += _copied(choose(first, bucket, bucket + _32), out) << width
            else:
                start = load16(following - _2)
                length = load16(following) - start
                if length > _LONG:
                    return begin + start, out
                out += _missing(table, here + start, length, k0, k1, bucket, out) << width
        begin += load16(following)
    return begin, out


@kernel
def word_end(
    text: np.uint64, begin: np.uint64, end: np.uint64, limit: np.uint64, classes: np.uint64
) -> np.uint64:
    """Where the word that starts at `begin` ends, however long it is.

    Args:
        text, begin, end, limit: as in `_parse_words`; classes: as in `word_starts`.
    """
    starts, copy = stack(_STARTS_BYTES), stack(_COPY_BYTES)
    while True:
        size = min(_CHUNK, end - begin)
        if word_starts(_readable(text, begin, limit, copy), size, classes, starts) > _1:
            return begin + load16(starts + _2)
        begin += size
        if begin == end:
            return end
        for _ in range(4):  # to the start of a character: no cut is missed between it and the one before
            begin -= _1
            if load8(text + begin) & np.uint64(0xC0) != np.uint64(0x80):
                break


@kernel
def _encode_short(table: Words, text: bytes, out: Ids) -> np.int64:
    """Writes the ids of a text, with room for _SLACK more; returns their number, -1 for a word above LONG bytes."""
    size = np.uint64(len(text))
    target = address_of(out)
    width = _1 + table[WIDE]
    last = target + (np.uint64(out.size) << width)
    stopped, end = _parse_words(table, address_of(text), _0, size, size, target, last)
    return np.int64((end - target) >> width) if stopped == size else np.int64(-1)


@kernel
def _encode_some(
    table: Words, text: ByteVector, bounds: Bounds, id_bounds: Bounds, out: Ids, state: NDArray[np.int64]
) -> bool:
    """Writes ids of documents to `out` until all are done, it is full or a word has more than LONG bytes.

    Args:
        id_bounds: receives where each document's ids end.
        state: int64 [4], where to go on: the document, the byte, how many ids there were before; and the end of
            the long word that starts there, 0 where there is none.

    Returns:
        whether all are done.
    """
    size = np.uint64(text.size)
    source, target = address_of(text), address_of(out)
    width = _1 + table[WIDE]
    last = target + (np.uint64(out.size) << width)
    at = target
    before = state[2]
    begin = np.uint64(state[1])
    for document in range(state[0], bounds.size - 1):
        end = np.uint64(bounds[document + 1])
        begin, at = _parse_words(table, source, begin, end, size, at, last)
        done = before + np.int64((at - target) >> width)
        if begin < end:
            state[0], state[1], state[2], state[3] = document, begin, done, 0
            if at + (_CHUNK_AHEAD << width) <= last:
                state[3] = word_end(source, begin, end, size, table[CLASSES])
            return False
        id_bounds[document + 1] = done
    state[2] = before + np.int64((at - target) >> width)
    return True
