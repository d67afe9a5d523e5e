"""What the kernels compute, written to be read. The tests compare the two; nothing else uses this."""

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from equalinfo.dictionary.train.word_boundaries import WHITE_SPACE

SPACES = set(map(chr, WHITE_SPACE))


def greedy(entries: Sequence[bytes], text: bytes) -> list[int]:
    """Ids of the longest-match parse."""
    ids = {entry: token for token, entry in enumerate(entries) if entry}
    longest = max(map(len, ids))
    parse = []
    start = 0
    while start < len(text):
        end = min(start + longest, len(text))
        while text[start:end] not in ids:
            end -= 1
        parse.append(ids[text[start:end]])
        start = end
    return parse


def fewest(entries: Sequence[bytes], text: bytes) -> list[int]:
    """Ids of the parse into the fewest tokens whose last token is longest, then the one before, and so on."""
    return likeliest(entries, [1] * len(entries), text)


def likeliest(entries: Sequence[bytes], costs: Sequence[int], text: bytes) -> list[int]:
    """Ids of the parse with the least cost whose last token is longest, then the one before, and so on."""
    ids = {entry: token for token, entry in enumerate(entries) if entry}
    longest = max(map(len, ids))
    best = [0] * (len(text) + 1)  # the cost of text[:end]
    came = [0] * (len(text) + 1)  # where the last token begins
    for end in range(1, len(text) + 1):
        starts = [i for i in range(max(0, end - longest), end) if text[i:end] in ids]
        came[end] = min(starts, key=lambda start: (best[start] + costs[ids[text[start:end]]], start))
        best[end] = best[came[end]] + costs[ids[text[came[end] : end]]]
    parse = []
    end = len(text)
    while end:
        parse.append(ids[text[came[end] : end]])
        end = came[end]
    return parse[::-1]


def segmentations(entries: Sequence[bytes], text: bytes) -> list[list[int]]:
    """Ids of every parse."""
    if not text:
        return [[]]
    return [
        [token, *rest]
        for token, entry in enumerate(entries)
        if entry and text.startswith(entry)
        for rest in segmentations(entries, text[len(entry) :])
    ]


def stretches(text: str) -> list[str]:
    """A text cut where no entry within words goes on: between characters of two kinds, unless white space is before."""

    def kind(character: str) -> str:
        if character in SPACES:
            return "space" if character == " " else "white"
        return {"L": "letter", "M": "letter", "N": "digit"}.get(unicodedata.category(character)[0], "sign")

    found = [text[:1]]
    for before, character in pairwise(text):
        first, second = kind(before), kind(character)
        starts = second not in ("space", "white") if first == "white" else first not in ("space", second)
        if starts and ord(before) < 0x20000 and ord(character) < 0x20000:
            found.append(character)
        else:
            found[-1] += character
    return found if text else []
