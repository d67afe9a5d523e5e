"""Merges of byte pair encoding over sequences of ids that exist already: the second stage of SuperBPE."""

import heapq
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

# A word with the white space before it; Python's classes are near enough for counting words.
WORD = re.compile(r"\s*(?:[^\W\d_]+|\d+|[^\w\s]+|_+)|\s+")
_LOW = (1 << 32) - 1


def merges_across(
    ids: np.ndarray, entries: Sequence[bytes], vocab: int, most_words: int
) -> Iterator[tuple[int, int]]:
    """Pairs of ids to join, the most frequent first, until there are `vocab` ids; each joined one is the next id.

    A pair whose bytes are an entry already is joined to that one. Of equally frequent pairs the one of the lower ids
    comes first, so the order is the same everywhere.

    Args:
        ids: int64 [n], -1 where a sequence ends. It is changed.
        entries: bytes of each id.
        most_words: joined tokens hold so many words at most.

    Yields:
        left and right id; fewer where no pair stands twice.
    """
    texts = list(entries)
    known = {text: index for index, text in enumerate(texts)}
    ahead, behind = list(range(1, len(ids) + 1)), list(range(-1, len(ids) - 1))
    held: list[int] = ids.tolist()
    counts, places = _pairs(ids)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(heap)
    while heap and len(texts) < vocab:
        negative, pair = heapq.heappop(heap)
        if counts.get(pair, 0) != -negative:
            continue  # its count has changed since
        if negative > -2:
            return
        left, right = pair >> 32, pair & _LOW
        text = texts[left] + texts[right]
        if len(WORD.findall(text.decode("utf-8", "replace"))) > most_words:
            continue
        joined = known.get(text)
        if joined is None:
            joined = known[text] = len(texts)
            texts.append(text)
        changed = _join(held, ahead, behind, counts, places, pair, joined)
        for other in changed:
            if counts[other] > 1:
                heapq.heappush(heap, (-counts[other], other))
        yield left, right


def _pairs(ids: np.ndarray) -> tuple[dict[int, int], dict[int, list[int]]]:
    """How often each pair stands, and where; a pair is left << 32 | right."""
    inside = np.flatnonzero((ids[:-1] >= 0) & (ids[1:] >= 0))
    pairs = ids[inside] << 32 | ids[inside + 1]
    order = np.argsort(pairs, kind="stable")
    values, starts = np.unique(pairs[order], return_index=True)
    parts = np.split(inside[order], starts[1:]) if len(values) else []
    places = {pair: part.tolist() for pair, part in zip(values.tolist(), parts, strict=True)}
    return {pair: len(part) for pair, part in places.items()}, places


def _join(
    held: list[int],
    ahead: list[int],
    behind: list[int],
    counts: dict[int, int],
    places: dict[int, list[int]],
    pair: int,
    joined: int,
) -> set[int]:
    """Replaces a pair wherever it stands, from left to right; gives the pairs whose counts have changed."""
    left, right = pair >> 32, pair & _LOW
    changed: set[int] = set()
    new: dict[int, list[int]] = defaultdict(list)

    def less(other: int) -> None:
        counts[other] = counts.get(other, 0) - 1
        changed.add(other)

    def more(other: int, place: int) -> None:
        counts[other] = counts.get(other, 0) + 1
        new[other].append(place)
        changed.add(other)

    for place in places.pop(pair):
        after = ahead[place]
        if held[place] != left or after >= len(held) or held[after] != right:
            continue  # it has been joined with another neighbour
        before, beyond = behind[place], ahead[after]
        if before >= 0 and held[before] >= 0:
            less(held[before] << 32 | left)
            more(held[before] << 32 | joined, before)
        if beyond < len(held) and held[beyond] >= 0:
            less(right << 32 | held[beyond])
            more(joined << 32 | held[beyond], place)
        held[place], held[after] = joined, -2
        ahead[place] = beyond
        if beyond < len(held):
            behind[beyond] = place
    counts[pair] = 0
    changed.discard(pair)
    for other, added in new.items():
        places[other] = sorted({*places.get(other, ()), *added})
    return changed
