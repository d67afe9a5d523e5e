"""The context model once more, in plain Python: slow, short, and what `context` is tested against."""

from collections import Counter

from equalinfo.predict.base import FREQUENCY_TOTAL


def counted(documents: list[bytes], order: int) -> dict[bytes, Counter[int]]:
    """How often each byte follows each context of 1 to `order` bytes."""
    found: dict[bytes, Counter[int]] = {}
    for document in documents:
        for i, byte in enumerate(document):
            for k in range(1, min(order, i) + 1):
                found.setdefault(document[i - k : i], Counter())[byte] += 1
    return found


def frequencies(
    found: dict[bytes, Counter[int]], unigram: list[int], order: int, context: bytes
) -> list[int]:
    """The 256 frequencies of the byte after `context`, by the rule of `context`."""
    left, mass = 1 << 30, [0] * 256
    for k in range(min(order, len(context)), 0, -1):
        followers = found.get(context[len(context) - k :])
        if followers:
            share = left // (followers.total() + len(followers))
            for byte, count in followers.items():
                mass[byte] += share * count
            left -= share * followers.total()
    bounds = [0]
    for byte in range(256):
        bounds.append(bounds[-1] + mass[byte] + (left * unigram[byte] >> 14))
    given = [bound * (FREQUENCY_TOTAL - 256) >> 30 for bound in bounds[:-1]] + [FREQUENCY_TOTAL - 256]
    return [1 + given[byte + 1] - given[byte] for byte in range(256)]
