"""Strings that a corpus itself repeats: candidates for a dictionary besides those that M1 finds probable."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.parse.parser import joined
from equalinfo.dictionary.train.word_boundaries import cuts, words_of
from equalinfo.dictionary.train.word_counts import OnStage, WordCounts, add_up, count_runs, hashes_of
from equalinfo.limits import MAX_ENTRY_BYTES

LONGEST = 24  # bytes of a string within a word; the longest entry that was chosen from 64 had 18
MOST_WORDS = 1 << 18  # distinct words whose parts are counted, the most frequent
CLAUSE_BYTES = 1 << 23  # of other words whose parts are counted, in scripts without spaces
# Code points of Thai and Lao, Myanmar, Khmer, Tai and their kin, Javanese, Kana, and Han: the first and what follows.
WITHOUT_SPACES = (
    (0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0x1950, 0x1A00), (0x1A20, 0x1B80), (0x2E80, 0x3000),
    (0x3005, 0x3008), (0x3021, 0x3130), (0x31A0, 0x4DC0), (0x4E00, 0xA000), (0xA980, 0xAAE0), (0xF900, 0xFB00),
    (0xFF66, 0xFFA0), (0x20000, 0x40000),
)  # fmt: skip
COUNTED_AT_ONCE, MOST_COUNTED = 1 << 18, 1 << 26  # bytes that `repeated_strings` reads


def frequent_strings(corpus: WordCounts, count: int, on_progress: OnStage | None = None) -> list[bytes]:
    """The strings within words that cover most of a corpus: up to `count`, two bytes or more, whole characters.

    A string covers its bytes times its occurrences, those that overlap counted each; of equals the one first in byte
    order comes first. A word that came once does not count, nor what is not UTF-8.

    In scripts without spaces a word is a clause that hardly comes again. There all words count, and strings that stand
    in them twice; of more than CLAUSE_BYTES, the words of the least hashes, as if each came 2, 4, 8, ... times as
    often. Characters of these scripts are thousands, and one without an entry is three tokens: those that are not among
    the `count` strings come after them.

    Args:
        corpus: its words; they are cut further, into what `words_of` calls words.
        on_progress: called with what is being done, how much of it is done, and of how much.
    """
    words = add_up(part for group in _reported(corpus, on_progress) for part in _cut(group))
    frequent = _most_frequent(words)
    clauses, times = _clauses(words, frequent)
    kept = sorted(
        (words.word(i), int(words.counts[i]), as_many)
        for chosen, as_many in ((frequent, 1), (clauses, times))
        for i in chosen.tolist()
    )
    text = np.frombuffer(b"".join(word for word, _, _ in kept), np.uint8)
    lengths, counts, times_of = (
        np.array([(len(word), *numbers) for word, *numbers in kept], np.int64).reshape(-1, 3).T
    )
    weights = counts * times_of
    by_length = [_strings_of(length, text, lengths, counts, weights) for length in range(2, LONGEST + 1)]
    least = _least_of(count, np.concatenate([covered for covered, _ in by_length]))
    best: list[tuple[int, bytes]] = []
    characters: list[tuple[int, bytes]] = []
    for covered, strings in by_length:
        best += _listed(covered, strings, covered >= least)
        if strings.shape[1] in (3, 4):
            characters += _listed(covered, strings, _are_characters(strings))
    return list(dict.fromkeys(string for _, string in sorted(best)[:count] + sorted(characters)))


def _listed(
    covered: NDArray[np.int64], strings: NDArray[np.uint8], which: NDArray[np.bool_]
) -> Iterator[tuple[int, bytes]]:
    """Some of the strings, each behind minus the bytes that it covers: sorted, those that cover most come first."""
    return ((-int(covered[i]), strings[i].tobytes()) for i in np.flatnonzero(which).tolist())


def _least_of(count: int, values: NDArray[np.int64]) -> int:
    """The least of the `count` largest values; 0 where there are no more than that."""
    return int(np.partition(values, -count)[-count]) if len(values) > count else 0


def _reported(corpus: WordCounts, on_progress: OnStage | None) -> Iterator[WordCounts]:
    done = 0
    for group in corpus.groups():
        yield group
        done += len(group.text)
        if on_progress:
            on_progress("count strings", done, len(corpus.text))


def _cut(group: WordCounts) -> Iterator[WordCounts]:
    """Words of `words_of`, some of them several times, with how often the stretch came that each stands in."""
    damaged = [i for i in np.flatnonzero(_not_ascii(group)).tolist() if not _is_text(group.word(i))]
    if damaged:
        yield from (_cut_one(group, i) for i in damaged)
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
    least = _least_of(MOST_WORDS, counts)
    above, equal = repeated[counts > least], repeated[counts == least]
    first = sorted(equal.tolist(), key=words.word)[: MOST_WORDS - len(above)]
    return np.concatenate([above, np.array(first, np.int64)])


def _clauses(words: WordCounts, frequent: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Which other words have characters of scripts without spaces, and for how many each of them stands.

    They are all, or of about CLAUSE_BYTES those of the least hashes, whatever the order of the words.
    """
    others = np.ones(len(words), bool)
    others[frequent] = False
    chosen, sizes, hashes = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint64)
    begin, halved = 0, 0
    for group in words.groups():
        numbers = np.flatnonzero(_without_spaces(group) & others[begin : begin + len(group)])
        chosen = np.concatenate([chosen, numbers + begin])
        hashes = np.concatenate([hashes, hashes_of(group.chosen(numbers))])
        sizes = np.concatenate([sizes, np.diff(group.bounds)[numbers]])
        while True:
            least = hashes <= np.uint64((1 << 64 - halved) - 1)
            chosen, hashes, sizes = chosen[least], hashes[least], sizes[least]
            if sizes.sum() <= CLAUSE_BYTES:
                break
            halved += 1
        begin += len(group)
    return chosen, 1 << halved


def _without_spaces(words: WordCounts) -> NDArray[np.bool_]:
    """Whether each word has a character of a script without spaces."""
    begins = np.cumsum(_begins_character(words.text)[:-1])[words.bounds[:-1]] - 1  # of words, in characters
    return np.logical_or.reduceat(_spaceless(_points(words.text)), begins)


def _are_characters(strings: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which strings, all of three bytes or all of four, are one character of a script without spaces."""
    fits = strings[:, 0] >= (0xE0 if strings.shape[1] == 3 else 0xF0)
    fits[fits] = _spaceless(_points(strings[fits].ravel()))
    return fits


def _spaceless(points: NDArray[np.uint32]) -> NDArray[np.bool_]:
    return np.searchsorted(np.ravel(WITHOUT_SPACES), points, "right") % 2 == 1


def _points(text: NDArray[np.uint8]) -> NDArray[np.uint32]:
    return np.frombuffer(text.tobytes().decode().encode("utf-32-le"), np.uint32)


def frequent_phrases(
    documents: WordCounts, count: int, threads: int | None = None, on_progress: OnStage | None = None
) -> list[bytes]:
    """The runs of two to four whole words that cover most of some documents, up to `count`; all else as above."""
    pairs = count_runs(documents, _words_in, (2, 2), None, threads, on_progress)
    phrases, least = _covering(pairs, count)
    # No run comes more often than a pair in it, so with others a longer one is not among those that cover most.
    often = pairs.chosen(np.flatnonzero(pairs.counts >= max(2, -(-least // MAX_ENTRY_BYTES))))
    longer = count_runs(documents, _words_in, (3, 4), often, threads, on_progress)
    return [text for _, text in sorted(phrases + _covering(longer, count)[0])[:count]]


def _covering(runs: WordCounts, count: int) -> tuple[list[tuple[int, bytes]], int]:
    """The runs that cover most, at least `count` where there are as many, and how much the last of these does.

    Each is minus the bytes that it covers, and itself.
    """
    repeated = np.flatnonzero(runs.counts > 1)
    covered = runs.counts[repeated] * (runs.bounds[repeated + 1] - runs.bounds[repeated])
    least = _least_of(count, covered)
    best = np.flatnonzero(covered >= least).tolist()
    return [(-int(covered[i]), runs.word(repeated[i])) for i in best], least


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
    points = _points(text)
    begins = np.flatnonzero(_begins_character(text))  # of characters, and the end
    between = np.zeros(len(points) + 1, bool)
    between[np.searchsorted(begins, ends)] = True
    return begins[np.flatnonzero(cuts(points, between))]


def _strings_of(
    length: int,
    text: NDArray[np.uint8],
    lengths: NDArray[np.int64],
    counts: NDArray[np.int64],
    weights: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """The strings of so many bytes that come twice: how many bytes each covers, [strings]; they, [strings, length].

    Args:
        text: uint8 [bytes], the words that they stand in, one after the other.
        lengths, counts, weights: int64 [words], bytes of each, how often it came, and how often it counts.
    """
    parts = np.maximum(lengths - length + 1, 0)
    begins = np.cumsum(lengths) - lengths
    first = np.repeat(begins - (np.cumsum(parts) - parts), parts)
    starts = first + np.arange(first.size)
    words = np.repeat(np.arange(len(lengths)), parts)
    whole = _begins_character(text)
    fits = whole[starts] & whole[starts + length]
    starts, words = starts[fits], words[fits]
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
    times, weight = (np.add.reduceat(values[words[order]], groups) for values in (counts, weights))
    often = times > 1
    return weight[often] * length, padded[order[groups[often]], :length]


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
