"""What the kernels compute, written to be read. The tests compare the two; nothing else uses this."""

from collections.abc import Sequence


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
