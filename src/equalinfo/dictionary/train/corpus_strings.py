"""Strings that a corpus itself repeats: candidates for a dictionary besides those that M1 finds probable."""

from collections.abc import Iterable, Iterator
from itertools import pairwise, repeat

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.parse.parser import joined
from equalinfo.dictionary.train.word_boundaries import cuts, words_of
from equalinfo.dictionary.train.word_counts import Report, WordCounts, add_up, count_runs
from equalinfo.limits import MAX_ENTRY_BYTES

LONGEST = 24  # bytes of a string within a word; the longest entry that was chosen from 64 had 18
MOST_WORDS = 1 << 18  # distinct words whose parts are counted, the most frequent
COUNTED_AT_ONCE, MOST_COUNTED = 1 << 18, 1 << 26  # bytes that `repeated_strings` reads


def frequent_strings(corpus: WordCounts, count: int, report: Report | None = None) -> list[bytes]:
    """The strings within words that cover most of a corpus: up to `count`, two bytes or more, whole characters.

    A string covers its bytes times its occurrences, those that overlap counted each; of equals the one first in byte
    order comes first. A word that came once does not count, nor what is not UTF-8.

    Args:
        corpus: its words; they are cut further, into what `words_of` calls words.
        report: called with what is being done, how much of it is done, and of how much.
    """
    words = add_up(part for group in _reported(corpus, report) for part in _cut(group))
    chosen = _most_frequent(words)
    kept = sorted((words.word(i), int(words.counts[i])) for i in chosen.tolist())
    text = np.frombuffer(b"".join(word for word, _ in kept), np.uint8)
    lengths = np.fromiter((len(word) for word, _ in kept), np.int64, len(kept))
    weights = np.fromiter((number for _, number in kept), np.int64, len(kept))
    by_length = [_strings_of(length, text, lengths, weights) for length in range(2, LONGEST + 1)]
    totals = np.concatenate([own for own, _ in by_length])
    least = np.partition(totals, len(totals) - count)[len(totals) - count] if len(totals) > count else 0
    best = [
        (-int(own[i]), strings[i].tobytes())
        for own, strings in by_length
        for i in np.flatnonzero(own >= least).tolist()
    ]
    return [string for _, string in sorted(best)[:count]]


def _reported(corpus: WordCounts, report: Report | None) -> Iterator[WordCounts]:
    done = 0
    for group in corpus.groups():
        yield group
        done += len(group.text)
        if report:
            report("count strings", done, len(corpus.text))


def _cut(group: WordCounts) -> Iterator[WordCounts]:
    """Words of `words_of`, some of them several times, with how often the stretch came that each stands in."""
    damaged = [i for i in np.flatnonzero(_not_ascii(group)).tolist() if not _is_text(group.word(i))]
    if damaged:
        yield from map(_cut_one, repeat(group), damaged)
        group = group.chosen(np.delete(np.arange(len(group)), damaged))
    yield group.divided(_word_bounds(group.text, group.bounds))


def _not_ascii(group: WordCounts) -> NDArray[np.bool_]:
    return np.maximum.reduceat(group.text, group.bounds[:-1]) > 0x7F


def _is_text(word: bytes) -> bool:
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cut_one(group: WordCounts, index: int) -> WordCounts:
    """The same of one stretch that is not UTF-8: what is not is left out."""
    words = [word.encode() for word in words_of(group.word(index).decode(errors="ignore"))]
    return WordCounts(*joined(words), np.repeat(group.counts[index], len(words)))


def _most_frequent(words: WordCounts) -> NDArray[np.int64]:
    """Which of the words that came more than once are the MOST_WORDS most frequent, of equals the first in order."""
    repeated = np.flatnonzero(words.counts > 1)
    counts = words.counts[repeated]
    if len(repeated) <= MOST_WORDS:
        return repeated
    least = np.partition(counts, len(counts) - MOST_WORDS)[len(counts) - MOST_WORDS]
    above, equal = repeated[counts > least], repeated[counts == least]
    first = sorted(equal.tolist(), key=words.word)[: MOST_WORDS - len(above)]
    return np.concatenate([above, np.array(first, np.int64)])


def frequent_phrases(
    documents: WordCounts, count: int, threads: int | None = None, report: Report | None = None
) -> list[bytes]:
    """The runs of two to four whole words that cover most of some documents, up to `count`; all else as above."""
    runs = count_runs(documents, _words_in, MAX_ENTRY_BYTES, threads, report)
    repeated = np.flatnonzero(runs.counts > 1)
    covered = runs.counts[repeated] * (runs.bounds[repeated + 1] - runs.bounds[repeated])
    least = np.partition(covered, len(covered) - count)[len(covered) - count] if len(covered) > count else 0
    best = np.flatnonzero(covered >= least).tolist()
    return [text for _, text in sorted((-int(covered[i]), runs.word(repeated[i])) for i in best)[:count]]


def _words_in(
    text: NDArray[np.uint8], ends: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """What `count_runs` asks for; of the documents only what is UTF-8."""
    documents = [text[a:b].tobytes() for a, b in pairwise(ends.tolist())]
    if not all(map(_is_text, documents)):
        text, ends = joined([document.decode(errors="ignore").encode() for document in documents])
    bounds = _word_bounds(text, ends)
    return text, bounds, np.searchsorted(bounds, ends[np.searchsorted(ends, bounds[:-1], "right")])


def _word_bounds(text: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the words of `words_of` begin and the last ends, in texts that lie end to end; all in bytes."""
    points = np.frombuffer(text.tobytes().decode().encode("utf-32-le"), np.uint32)
    begins = np.flatnonzero(_begins_character(text))  # of characters, and the end
    between = np.zeros(len(points) + 1, bool)
    between[np.searchsorted(begins, ends)] = True
    return begins[np.flatnonzero(cuts(points, between))]


def _strings_of(
    length: int, text: NDArray[np.uint8], lengths: NDArray[np.int64], weights: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Bytes covered by every string of so many bytes in the words, [strings]; the strings, [strings, length].

    Args:
        text: the words, one after the other.
        lengths, weights: [words] bytes of each word and how often it came.
    """
    parts = np.maximum(lengths - length + 1, 0)
    begins = np.cumsum(lengths) - lengths
    first = np.repeat(begins - (np.cumsum(parts) - parts), parts)
    starts = first + np.arange(first.size)
    weight = np.repeat(weights, parts)
    whole = _begins_character(text)
    fits = whole[starts] & whole[starts + length]
    starts, weight = starts[fits], weight[fits]
    if not starts.size:
        return np.empty(0, np.int64), np.empty((0, length), np.uint8)
    # Big-endian words of eight bytes each, zeros after the string: their order is that of the strings.
    width = -(-length // 8)
    padded = np.zeros((starts.size, 8 * width), np.uint8)
    padded[:, :length] = text[starts[:, None] + np.arange(length)]
    keys = padded.view(">u8").astype(np.uint64)
    order = np.lexsort(keys.T[::-1])
    keys = keys[order]
    new = np.ones(starts.size, bool)
    new[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    groups = np.flatnonzero(new)
    totals = np.add.reduceat(weight[order], groups) * length
    return totals, padded[order[groups], :length]


def _begins_character(text: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """For each byte, and the end, whether a character begins there: [bytes + 1]."""
    return np.append((text & 0xC0) != 0x80, True)


def repeated_strings(documents: Iterable[bytes], enough: int) -> int:
    """How many different strings of 2 to 8 bytes a corpus repeats, or `enough` where there are more.

    A string counts if it stands twice in a quarter of a megabyte; the first MOST_COUNTED bytes are read.
    """
    repeated = [np.empty(0, np.uint64)] * 7
    for number, part in enumerate(_parts(documents)):
        repeated = [np.union1d(known, more) for known, more in zip(repeated, _repeated(part), strict=True)]
        if sum(map(len, repeated)) >= enough or (number + 1) * COUNTED_AT_ONCE >= MOST_COUNTED:
            break
    return min(sum(map(len, repeated)), enough)


def _parts(documents: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Documents, cut where they are long, in groups of COUNTED_AT_ONCE bytes."""
    held: list[bytes] = []
    room = COUNTED_AT_ONCE
    for document in documents:
        while document:
            held.append(document[:room])
            document, room = document[room:], room - len(held[-1])
            if not room:
                yield held
                held, room = [], COUNTED_AT_ONCE
    yield held


def _repeated(documents: list[bytes]) -> Iterator[NDArray[np.uint64]]:
    """The strings of 2 bytes, of 3, and so on to 8, that stand in documents twice or more, as numbers."""
    text = np.frombuffer(b"".join(documents), np.uint8).astype(np.uint64)
    ends = np.cumsum([len(document) for document in documents], dtype=np.int64)
    left = np.repeat(ends, np.diff(ends, prepend=0)) - np.arange(
        text.size
    )  # bytes from each on, of its document
    strings = text
    for length in range(2, 9):
        strings = strings[:-1] << np.uint64(8) | text[length - 1 :]
        different, counts = np.unique(strings[left[: strings.size] >= length], return_counts=True)
        yield different[counts > 1]
