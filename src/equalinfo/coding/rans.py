"""rANS (Duda 2013) by the constriction library, fed exactly our integer frequencies.

The library takes floats and makes of them, for n symbols, bounds out of 2^24: the symbol's number plus the whole part
of (cumulative float) x (2^24 - n) / (sum of floats). Given w = 2^10 f - 1 for frequencies f out of 2^14 the sum is
2^24 - n, so the factor is 1, every sum is a whole number below 2^24, and the bounds are exactly 2^10 times ours:
nothing is ever rounded, in float32 or float64. `reference_words` says in plain integers what must come out; that the
library agrees is checked when it is first used.

A block's coder starts from the state 2^32 instead of the library's 0. Then its state never falls below 2^32 between
symbols, so reading a block takes exactly its own words, whatever words follow, for 32 bits a block. It must end in 2^32
again, which finds most damage (less where one distribution serves for all bytes: then words are much like digits).

END is last in the alphabet and holds one unit, taken from the likeliest byte, as in `arithmetic`.
"""

from functools import cache
from typing import Any

import numpy as np

from equalinfo.errors import EqualInfoError
from equalinfo.extras import needed
from equalinfo.predict.base import FREQUENCY_TOTAL

END = 256
START = 1 << 32  # state of a coder that holds nothing
WORD_BITS = 32


@cache
def _library() -> tuple[Any, Any]:
    """The library's coder class and its model; EqualInfoError if it is missing or codes otherwise."""
    with needed():
        import constriction
    coder = constriction.stream.stack.AnsCoder
    model = constriction.stream.model.Categorical(perfect=False)
    row = np.array([[97, *range(1, 172), *[1] * 83, FREQUENCY_TOTAL - 14886]], np.int32)
    text = bytes([0, 255, 254, 7, 171, 100])
    rows = np.repeat(row, len(text), axis=0)
    expected = reference_words(_with_end(rows).tolist(), list(text))
    if _encoded(coder, model, rows, np.frombuffer(text, np.uint8)).tolist() != expected:
        raise EqualInfoError(
            "the installed constriction codes otherwise than expected; install constriction==0.5.0"
        )
    return coder, model


def reference_words(frequencies: list[list[int]], symbols: list[int]) -> list[int]:
    """Words in the order they are read, of symbols under one row of frequencies (out of 2^14) each.

    State of 64 bits, words of 32, frequencies out of 2^24 (2^10 times ours).
    """
    state, words = START, []
    for row, symbol in zip(reversed(frequencies), reversed(symbols), strict=True):
        below, share = sum(row[:symbol]) << 10, row[symbol] << 10
        if state >= share << 40:
            words.append(state & 0xFFFFFFFF)
            state >>= 32
        state = (state // share << 24) + below + state % share
    return [state >> 32, state & 0xFFFFFFFF, *reversed(words)]


def _with_end(rows: np.ndarray) -> np.ndarray:
    """Frequencies [n, 257] int64 once END has its unit."""
    out = np.ones((len(rows), 257), np.int64)
    out[:, :256] = rows
    out[np.arange(len(rows)), rows.argmax(axis=1)] -= 1
    return out


def _weights(rows: np.ndarray) -> np.ndarray:
    """What the library is given for frequencies [n, 256]; [n, 257] float64, whole numbers that sum to 2^24 - 257."""
    return (1024 * _with_end(rows) - 1).astype(np.float64)


def _encoded(coder: Any, model: Any, rows: np.ndarray, symbols: np.ndarray) -> np.ndarray:
    stack = coder(np.array([START & 0xFFFFFFFF, START >> WORD_BITS], np.uint32))
    stack.encode_reverse(symbols.astype(np.int32), model, _weights(rows))
    words: np.ndarray = stack.get_compressed()[::-1]
    return words


def encode_block(rows: np.ndarray, text: np.ndarray, end: bool) -> np.ndarray:
    """Words of a block in the order they are read, [w] uint32.

    Args:
        rows: [len(text) + 1, 256] int32 with `end`, else [len(text), 256]: the frequencies of each byte.
        text: [len(text)] uint8.
        end: whether END follows.

    Raises:
        EqualInfoError: the library is not installed.
    """
    symbols = np.append(text.astype(np.int32), np.int32(END)) if end else text
    return _encoded(*_library(), rows, symbols)


class BlockReader:
    """Reads a block's symbols one by one.

    Args:
        words: the block's words and any that follow, in the order they are read, uint32.
    """

    def __init__(self, words: np.ndarray) -> None:
        coder, self._model = _library()
        self._given = len(words)
        # The state's upper word is never 0, and the library refuses one that is; a coder of nothing has the state 0.
        proper = len(words) >= 2 and words[0] != 0
        self._stack = coder(np.ascontiguousarray(words[::-1], np.uint32)) if proper else coder()

    @property
    def determined(self) -> bool:
        """Whether the words decide the next symbol: not where they end too early."""
        return self._stack.pos()[1] >= START

    @property
    def finished(self) -> bool:
        """Whether the state is the one that encoding began with."""
        return self._stack.pos()[1] == START

    @property
    def words_read(self) -> int:
        return self._given - self._stack.pos()[0]

    def symbol(self, row: np.ndarray) -> int:
        """The next byte or END, given the frequencies [256] of the byte."""
        return int(self._stack.decode(self._model, _weights(row[None]))[0])
