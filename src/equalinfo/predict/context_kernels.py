"""Compiled parts of `context`: counting strings of bytes, and rows of frequencies from what was counted."""

import numpy as np

from equalinfo.kernels import kernel
from equalinfo.predict.base import FREQUENCY_TOTAL, PRECISION

LENGTH_SHIFT = 40  # a context's key is its length x 2^40 + its bytes as a number
MASS_BITS = 30  # the probability 1 while contexts are mixed
# contexts, starts, totals, symbols, counts, hash table of contexts, unigram: as `ContextModel` makes them.
Tables = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
MIXER = -7046029254386353131  # odd, bits without a pattern; products wrap around


@kernel
def grams_of(text: np.ndarray, ages: np.ndarray, k: int) -> np.ndarray:
    """Every k + 1 bytes of `text` [n] uint8 in one document, as a number; [m] int64.

    Args:
        ages: how many bytes of its document stand before each byte; below 0: a context only. [n] int8.
    """
    out = np.empty(len(text), np.int64)
    count, value = 0, 0
    mask = (1 << 8 * (k + 1)) - 1
    for i in range(len(text)):
        value = (value << 8 | text[i]) & mask
        if ages[i] >= k:
            out[count] = value
            count += 1
    return out[:count].copy()


@kernel(inline="always")
def _home(key: int, mask: int) -> int:
    mixed = key * MIXER
    return (mixed >> 31) & mask


@kernel
def index_of(contexts: np.ndarray) -> np.ndarray:
    """A hash table from key to position in `contexts` (-1: free), of twice their number or more; int32."""
    size = 16
    while size < 2 * len(contexts):
        size *= 2
    table = np.full(size, -1, np.int32)
    for i in range(len(contexts)):
        place = _home(contexts[i], size - 1)
        while table[place] >= 0:
            place = (place + 1) & (size - 1)
        table[place] = i
    return table


@kernel
def _row(history: int, known: int, tables: Tables, mass: np.ndarray, row: np.ndarray) -> None:
    """Writes the frequencies after the last `known` bytes, which are the low bytes of `history`.

    Args:
        mass: [256] int64 of scratch.
    """
    contexts, starts, totals, symbols, counts, table, unigram = tables
    mass[:] = 0
    left = 1 << MASS_BITS
    mask = len(table) - 1
    for k in range(known, 0, -1):
        key = (history & ((1 << 8 * k) - 1)) | (k << LENGTH_SHIFT)
        place = _home(key, mask)
        while table[place] >= 0 and contexts[table[place]] != key:
            place = (place + 1) & mask
        if table[place] < 0:
            continue
        context = table[place]
        start, stop = starts[context], starts[context + 1]
        share = left // (totals[context] + (stop - start))
        for e in range(start, stop):
            mass[symbols[e]] += share * counts[e]
        left -= share * totals[context]
    # One unit for every byte; the others by the bounds of the cumulative mass, rounded down.
    below, before = 0, 0
    for byte in range(255):
        below += mass[byte] + ((left * unigram[byte]) >> PRECISION)
        upto = (below * (FREQUENCY_TOTAL - 256)) >> MASS_BITS
        row[byte] = 1 + upto - before
        before = upto
    row[255] = 1 + (FREQUENCY_TOTAL - 256) - before


@kernel
def rows_along(text: np.ndarray, order: int, tables: Tables, rows: np.ndarray) -> None:
    """Writes into `rows` [n, 256] int32 the frequencies of each byte of `text` [n] given those before it."""
    mass = np.empty(256, np.int64)
    history = 0
    for i in range(len(text)):
        _row(history, min(i, order), tables, mass, rows[i])
        history = (history << 8 | text[i]) & ((1 << LENGTH_SHIFT) - 1)


@kernel
def rows_after(
    texts: np.ndarray, which: np.ndarray, lengths: np.ndarray, order: int, tables: Tables, rows: np.ndarray
) -> None:
    """Writes into `rows` [n, 256] int32 the frequencies after the first `lengths` [n] bytes of `texts[which]` [n]."""
    mass = np.empty(256, np.int64)
    for n in range(len(which)):
        length = lengths[n]
        history = 0
        for i in range(max(0, length - order), length):
            history = history << 8 | texts[which[n], i]
        _row(history, min(length, order), tables, mass, rows[n])
