"""Windows of b bits over tokens: interval splitting (docs/windows.md) with a model of tokens in M1's place.

A string of tokens owns an interval of the 2^b codes. It keeps the first for itself and divides the rest among the
tokens that may come next; a window closes before a token that would own none. The decoder does the same, so every
sequence of tokens comes back.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

SHARE_BITS = 20
TOTAL = 1 << SHARE_BITS


class Window(NamedTuple):
    """Args:
    code: of b bits.
    first, stop: the tokens that it stands for, by their places.
    """

    code: int
    first: int
    stop: int


def cumulative_shares(probabilities_TV: np.ndarray) -> np.ndarray:
    """Where the share of each token begins, [T, V + 1] int64 from 0 to 2^20; each is at least 1.

    Examples:
        >>> cumulative_shares(np.array([[0.5, 0.5, 0.0]])).tolist()
        [[0, 524287, 1048575, 1048576]]
    """
    length, vocab = probabilities_TV.shape
    sums_TV = np.cumsum(probabilities_TV, axis=1, dtype=np.float64)
    sums_TV /= sums_TV[:, -1:]
    begins = np.zeros((length, vocab + 1), np.int64)
    begins[:, 1:] = np.floor(sums_TV * (TOTAL - vocab)).astype(np.int64) + np.arange(1, vocab + 1)
    return begins


def child(low: int, count: int, first: bool, token: int, begin: int, end: int, vocab: int) -> tuple[int, int]:
    """The interval that a token owns inside that of the string before it: its lowest code, and how many.

    Args:
        first: the string is empty: every token gets one code before the rest is divided.
        begin, end: the token's share of 2^20.
    """
    before = int(first)
    room = count - 1 - before * vocab
    left, right = room * begin >> SHARE_BITS, room * end >> SHARE_BITS
    return low + 1 + before * token + left, before + right - left


def windows_of(tokens: Iterable[tuple[int, int, int]], bits: int, vocab: int) -> list[Window]:
    """The windows of a text.

    Args:
        tokens: each with where its share begins and ends.
        bits: of a code; 2^bits > vocab, so that any token can begin a window.

    Examples:
        >>> windows_of([(1, 0, TOTAL >> 1), (1, 0, TOTAL >> 1), (0, 0, 2)], bits=4, vocab=2)
        [Window(code=3, first=0, stop=2), Window(code=1, first=2, stop=3)]
    """
    windows: list[Window] = []
    low, count, first = 0, 1 << bits, 0
    place = -1
    for place, (token, begin, end) in enumerate(tokens):
        low_after, count_after = child(low, count, first == place, token, begin, end, vocab)
        if not count_after:
            windows.append(Window(low, first, place))
            first = place
            low_after, count_after = child(0, 1 << bits, True, token, begin, end, vocab)
        low, count = low_after, count_after
    if place >= 0:
        windows.append(Window(low, first, place + 1))
    return windows


def digits_of(codes: np.ndarray, bits: int) -> np.ndarray:
    """Each code's bytes, the highest first: [N, bits / 8] uint8."""
    shifts = np.arange(bits - 8, -1, -8)
    return (codes[:, None] >> shifts & 0xFF).astype(np.uint8)
