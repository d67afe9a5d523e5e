"""Huffman codes built from integer frequencies, one for each position (Huffman 1952), compiled.

The alphabet is the 256 bytes and END, which holds one unit of 2^14 in every context, taken from the likeliest byte
(as in `arithmetic`). A code is decided by the frequencies alone:

- Lengths: those of a Huffman tree, the longest to END, then in ascending order of (frequency, byte). Where a
  length would exceed `limit`, frequencies above 1 are halved, rounding up, until none does.
- Words (canonical): longer words come before shorter ones, of equal length END before byte 0, 1, ..., 255. A
  Huffman code uses all bit strings up, so END is the longest word and nothing but zeros.

Hence zeros are END or the beginning of END, never another symbol, whatever code is in force: a text followed by
zeros reads back, however many they are. `huffman_reference` says all this in plain Python.
"""

import numpy as np

from equalinfo.kernels import kernel

END = 256
# A word of 20 bits needs frequencies that sum to the 22nd Fibonacci number at least, 17,711 > 2^14.
LONGEST_WORD = 19
SHORTEST_LIMIT = 9  # 257 words do not fit into fewer bits


@kernel
def _lengths(row: np.ndarray, limit: int, scratch: np.ndarray, lengths: np.ndarray) -> None:
    """Writes the word lengths [257] of the code of frequencies `row` [256].

    Args:
        limit: bits of the longest word allowed, from SHORTEST_LIMIT on.
        scratch: [3, 514] int64.
    """
    weights, parents, depths = scratch[0], scratch[1], scratch[2]
    best = np.argmax(row)
    # Frequency, then END, then the byte, as one number that sorts so.
    keys = np.empty(257, np.int64)
    for byte in range(256):
        keys[byte] = (row[byte] - (1 if byte == best else 0)) << 9 | (byte + 1)
    keys[END] = 1 << 9
    keys.sort()
    for i in range(257):
        weights[i] = keys[i] >> 9
    while True:
        # Leaves wait in `weights` from 0 on, joined nodes from 257 on, both in ascending order.
        leaf, joined = 0, 257
        for node in range(257, 513):
            total = 0
            for _ in range(2):
                if joined >= node or (leaf < 257 and weights[leaf] <= weights[joined]):
                    total += weights[leaf]
                    parents[leaf] = node
                    leaf += 1
                else:
                    total += weights[joined]
                    parents[joined] = node
                    joined += 1
            weights[node] = total
        depths[512] = 0
        for node in range(511, -1, -1):
            depths[node] = depths[parents[node]] + 1
        # Leaves that joined first lie deepest: depths fall from the first leaf to the last.
        if depths[0] <= limit:
            break
        for i in range(257):
            weights[i] = (weights[i] + 1) >> 1
    for i in range(257):
        symbol = (keys[i] & 511) - 1
        lengths[END if symbol < 0 else symbol] = depths[i]


@kernel
def _first_words(lengths: np.ndarray, first: np.ndarray) -> None:
    """Writes the first word of each length, and how many there are of it; `first` is [2, 22] int64."""
    first[:] = 0
    for symbol in range(257):
        first[1, lengths[symbol]] += 1
    word = 0
    for length in range(LONGEST_WORD, 0, -1):
        first[0, length] = word
        word = (word + first[1, length]) >> 1


@kernel(inline="always")
def _word(symbol: int, lengths: np.ndarray, first: np.ndarray) -> int:
    length = lengths[symbol]
    if symbol == END:
        return 0
    word = first[0, length] + (1 if lengths[END] == length else 0)
    for other in range(symbol):
        if lengths[other] == length:
            word += 1
    return int(word)


@kernel
def code_of(row: np.ndarray, limit: int = LONGEST_WORD) -> tuple[np.ndarray, np.ndarray]:
    """Lengths in bits and words of the code of frequencies `row` [256]; each [257] int64, END last.

    Examples:
        >>> row = np.full(256, 1, np.int32)
        >>> row[ord("e")] = 2**14 - 255
        >>> lengths, words = code_of(row)
        >>> int(lengths[ord("e")]), int(lengths[ord("z")])
        (1, 9)
    """
    lengths, words = np.empty(257, np.int64), np.empty(257, np.int64)
    first = np.empty((2, LONGEST_WORD + 3), np.int64)
    _lengths(row, limit, np.empty((3, 514), np.int64), lengths)
    _first_words(lengths, first)
    for symbol in range(257):
        words[symbol] = _word(symbol, lengths, first)
    return lengths, words


@kernel(inline="always")
def _same(a: np.ndarray, b: np.ndarray) -> bool:
    byte = 0
    while byte < 256 and a[byte] == b[byte]:
        byte += 1
    return byte == 256


@kernel(inline="always")
def _next_code(
    rows: np.ndarray, n: int, limit: int, scratch: np.ndarray, lengths: np.ndarray, first: np.ndarray
) -> None:
    """Writes the code of row n over that of the row before; equal rows, as of a byte unigram, have it already."""
    if n == 0 or not _same(rows[n], rows[n - 1]):
        _lengths(rows[n], limit, scratch, lengths)
        _first_words(lengths, first)


@kernel
def encode_block(rows: np.ndarray, text: np.ndarray, end: bool) -> np.ndarray:
    """Bits (0/1, uint8) of a text, each byte in the code of its position.

    Args:
        rows: [len(text) + 1 or more, 256] int32 with `end`, else [len(text), 256]: the frequencies of each byte.
        text: [len(text)] uint8.
        end: whether END follows.
    """
    symbols = np.full(len(text) + (1 if end else 0), END, np.int64)
    symbols[: len(text)] = text
    lengths, words = words_of(rows, symbols, LONGEST_WORD)
    bits = np.empty(lengths.sum(), np.uint8)
    count = 0
    for i in range(len(symbols)):
        for place in range(lengths[i]):
            bits[count + place] = (words[i] >> (lengths[i] - 1 - place)) & 1
        count += lengths[i]
    return bits


@kernel
def words_of(rows: np.ndarray, symbols: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Length and word of each of `symbols` [n] in the code of its row of `rows` [n, 256]; [n] int64 each."""
    lengths, words = np.empty(len(symbols), np.int64), np.empty(len(symbols), np.int64)
    code_lengths, first = np.empty(257, np.int64), np.empty((2, LONGEST_WORD + 3), np.int64)
    scratch = np.empty((3, 514), np.int64)
    for n in range(len(symbols)):
        _next_code(rows, n, limit, scratch, code_lengths, first)
        lengths[n], words[n] = code_lengths[symbols[n]], _word(symbols[n], code_lengths, first)
    return lengths, words


@kernel
def next_symbols(
    rows: np.ndarray, limit: int, bits: np.ndarray, positions: np.ndarray, stops: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Reads one symbol of each of n streams that lie in one array; bits from a stream's stop on are zeros.

    Args:
        rows: frequencies of each stream's next byte, [n, 256] int32.
        bits: all streams, 0/1 uint8.
        positions, stops: where each stream's next word begins and where its bits end, [n] int64.

    Returns:
        what was read and its length, which may reach over the stop; [n] int64 each.
    """
    symbols, lengths = np.empty(len(positions), np.int64), np.empty(len(positions), np.int64)
    code_lengths, first = np.empty(257, np.int64), np.empty((2, LONGEST_WORD + 3), np.int64)
    scratch = np.empty((3, 514), np.int64)
    for n in range(len(positions)):
        _next_code(rows, n, limit, scratch, code_lengths, first)
        word, length = 0, 0
        while True:
            at = positions[n] + length
            word = 2 * word + (bits[at] if at < stops[n] else 0)
            length += 1
            # Words of this length are first[0] and above; what is below begins a longer one.
            if first[1, length] and word >= first[0, length]:
                break
        place = word - first[0, length]
        if code_lengths[END] == length:
            place -= 1
        symbol = 0
        if place < 0:
            symbol = END
        else:
            while True:
                if code_lengths[symbol] == length:
                    if place == 0:
                        break
                    place -= 1
                symbol += 1
        symbols[n], lengths[n] = symbol, length
    return symbols, lengths
