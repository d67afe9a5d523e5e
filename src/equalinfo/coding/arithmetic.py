"""Arithmetic coding of blocks of bytes, in 32-bit integers (Witten, Neal and Cleary 1987).

A block ends after a given number of bytes, or earlier by an END symbol that holds one unit of the 2^14 in
every context (taken from the likeliest byte; 0.0001 bits per byte). The paper leaves the end of the input
open; with END, every text reads back. A finished block is the shortest bit string whose dyadic interval
lies inside the block's interval, so what follows it cannot change how it is read.
"""

import numpy as np

from equalinfo.kernels import kernel
from equalinfo.predict.base import FREQUENCY_TOTAL, PRECISION

END = 256
TOP, HALF, QUARTER = (1 << 32) - 1, 1 << 31, 1 << 30

# Decoder registers, one row per stream.
REGISTERS = 7
LOW, HIGH, VALUE, READ, SHIFTS, STOP, PENDING = range(REGISTERS)


@kernel
def spans(rows: np.ndarray, text: np.ndarray, end: bool) -> np.ndarray:
    """Cumulative bounds of each byte of a text, out of FREQUENCY_TOTAL.

    Args:
        rows: [len(text), 256] int32, the frequencies of each byte.
        text: [len(text)] uint8.
        end: whether the bounds leave a unit for END.

    Returns:
        [len(text), 2] int32: where the byte's share begins and where it ends.
    """
    bounds = np.empty((len(text), 2), np.int32)
    for index in range(len(text)):
        row, symbol = rows[index], text[index]
        best, below = np.argmax(row), row[:symbol].sum()
        above = below + row[symbol]
        if end and best < symbol:
            below -= 1
        if end and best <= symbol:
            above -= 1
        bounds[index, 0], bounds[index, 1] = below, above
    return bounds


@kernel
def encode_block(rows: np.ndarray, text: np.ndarray, end: bool) -> np.ndarray:
    """Bits (0/1, uint8) of a block that may end by END.

    Args:
        rows: [len(text), 256] int32, the frequencies of each byte.
        text: [len(text)] uint8.
        end: whether END follows, because the block is shorter than the decoder would assume.

    Examples:
        >>> from equalinfo.predict.unigram import Unigram
        >>> text = b"text"
        >>> rows = Unigram(np.full(256, 64)).frequencies(text)
        >>> len(encode_block(rows, np.frombuffer(text, np.uint8), False))
        33
    """
    bounds = np.empty((len(text) + (1 if end else 0), 2), np.int32)
    bounds[: len(text)] = spans(rows, text, True)
    if end:
        bounds[len(text), 0], bounds[len(text), 1] = FREQUENCY_TOTAL - 1, FREQUENCY_TOTAL
    return encode_spans(bounds)


@kernel
def encode_spans(bounds: np.ndarray) -> np.ndarray:
    """Bits (0/1, uint8) of symbols given by their cumulative bounds.

    Args:
        bounds: [symbols, 2] int32, each pair within 0..FREQUENCY_TOTAL and not empty.
    """
    bits, count, pending, low, high = _narrowed(bounds)
    closing = _closing_bits(low, high, pending > 0)
    bit = 0 if low <= (0 if closing == 1 else QUARTER) else 1
    if closing:
        bits[count] = bit
        bits[count + 1 : count + 1 + pending] = 1 - bit
        count += 1 + pending
    if closing == 2:
        bits[count] = 1 - bit
        count += 1
    return bits[:count].copy()


@kernel
def open_block(rows: np.ndarray, text: np.ndarray) -> np.ndarray:
    """Between which bits those of every block lie that begins with `text`, as numbers in binary do.

    Args:
        rows, text: as in `encode_block`.

    Returns:
        [2, n] uint8: the lowest and the highest. Zeros follow the one, ones the other, without end.
    """
    bits, count, pending, low, high = _narrowed(spans(rows, text, True))
    ends = np.empty((2, count + 32 + pending), np.uint8)
    for index in range(2):
        value = high if index else low
        ends[index, :count] = bits[:count]
        ends[index, count] = value >> 31
        ends[index, count + 1 : count + 1 + pending] = 1 - (value >> 31)
        for place in range(31):
            ends[index, count + 1 + pending + place] = (value >> (30 - place)) & 1
    return ends


@kernel
def _narrowed(bounds: np.ndarray) -> tuple[np.ndarray, int, int, int, int]:
    """The interval of symbols: settled bits, in an array with room for more; how many; pending; low and high."""
    # A symbol narrows the interval by at most PRECISION bits and a rounding, so this is enough.
    bits = np.empty((len(bounds) + 1) * (PRECISION + 2) + 64, np.uint8)
    count, pending = 0, 0
    low, high = 0, TOP
    for index in range(len(bounds)):
        below, above = int(bounds[index, 0]), int(bounds[index, 1])
        span = high - low + 1
        high = low + (span * above >> PRECISION) - 1
        low = low + (span * below >> PRECISION)
        while True:
            if high < HALF or low >= HALF:
                bit = 1 if low >= HALF else 0
                bits[count] = bit
                bits[count + 1 : count + 1 + pending] = 1 - bit
                count += 1 + pending
                pending = 0
                low -= HALF * bit
                high -= HALF * bit
            elif low >= QUARTER and high < HALF + QUARTER:
                pending += 1
                low -= QUARTER
                high -= QUARTER
            else:
                break
            low = 2 * low
            high = 2 * high + 1
    return bits, count, pending, low, high


@kernel(inline="always")
def _closing_bits(low: int, high: int, pending: bool) -> int:
    """How many bits more name an interval inside [low, high]: none, a half or a quarter."""
    if low == 0 and high == TOP and not pending:
        return 0
    return 1 if low == 0 or high == TOP else 2


def new_streams(count: int) -> np.ndarray:
    """Decoder registers of `count` streams, [count, 7] int64; call `start_block` before decoding."""
    return np.zeros((count, REGISTERS), np.int64)


@kernel
def start_block(register: np.ndarray, bits: np.ndarray, position: int, stop: int) -> None:
    """Points one stream's registers at a block that starts at bit `position` of `bits` and ends before `stop`.

    Bits at and after `stop` read as zero.
    """
    value = 0
    for index in range(position, position + 32):
        value = 2 * value + (bits[index] if index < stop else 0)
    register[LOW], register[HIGH], register[VALUE] = 0, TOP, value
    register[READ], register[SHIFTS], register[STOP], register[PENDING] = position + 32, 0, stop, 0


@kernel
def decode_symbol(register: np.ndarray, bits: np.ndarray, row: np.ndarray, end: bool = True) -> int:
    """The next byte of a stream, or END where `end` allows it; `row` [256] holds the byte's frequencies."""
    low, high, value = register[LOW], register[HIGH], register[VALUE]
    span = high - low + 1
    # The largest cumulative bound whose quantised position is not above the value.
    target = ((value - low + 1) * FREQUENCY_TOTAL - 1) // span
    best = np.argmax(row) if end else -1
    symbol, below, above = END, FREQUENCY_TOTAL - 1, FREQUENCY_TOTAL
    if not end or target < FREQUENCY_TOTAL - 1:
        above = 0
        for byte in range(256):
            below = above
            above += row[byte] - (1 if byte == best else 0)
            if target < above:
                symbol = byte
                break
    high = low + (span * above >> PRECISION) - 1
    low = low + (span * below >> PRECISION)
    while True:
        if high < HALF:
            offset = 0
            register[PENDING] = 0
        elif low >= HALF:
            offset = HALF
            register[PENDING] = 0
        elif low >= QUARTER and high < HALF + QUARTER:
            offset = QUARTER
            register[PENDING] = 1
        else:
            break
        low = 2 * (low - offset)
        high = 2 * (high - offset) + 1
        value = 2 * (value - offset)
        if register[READ] < register[STOP]:
            value += bits[register[READ]]
        register[READ] += 1
        register[SHIFTS] += 1
    register[LOW], register[HIGH], register[VALUE] = low, high, value
    return symbol


@kernel
def is_settled(register: np.ndarray, row: np.ndarray) -> bool:
    """Whether the next byte, or END, is the same whatever bits follow those that a stream has."""
    missing = register[READ] - register[STOP]
    if missing <= 0:
        return True
    if missing >= 32:
        return False
    # They were read as zeros. A symbol is an interval of values, so what zeros and ones agree on, all between do.
    lowest, highest = register.copy(), register.copy()
    highest[VALUE] += (1 << missing) - 1
    nothing = np.empty(0, np.uint8)
    return decode_symbol(lowest, nothing, row) == decode_symbol(highest, nothing, row)


@kernel
def settled_lengths(rows: np.ndarray, bits: np.ndarray, width: int) -> np.ndarray:
    """How many bytes of a block are certain after each of its tokens of `width` bits, [tokens] int64.

    Args:
        rows: [bytes, 256] int32, the frequencies of each byte.
        bits: the block's, padded to whole tokens.
    """
    lengths = np.empty(len(bits) // width, np.int64)
    register, byte = np.zeros(REGISTERS, np.int64), 0
    start_block(register, bits, 0, 0)
    for token in range(len(lengths)):
        before, stop = register[STOP], (token + 1) * width
        for place in range(before, min(stop, register[READ])):  # they were read as zeros
            register[VALUE] += bits[place] << (register[READ] - 1 - place)
        register[STOP] = stop
        while byte < len(rows) and is_settled(register, rows[byte]):
            decode_symbol(register, bits, rows[byte])
            byte += 1
        lengths[token] = byte
    return lengths


@kernel
def block_bits(register: np.ndarray) -> int:
    """Length in bits of the block that a stream's registers have just finished decoding."""
    return register[SHIFTS] + _closing_bits(register[LOW], register[HIGH], register[PENDING] > 0)


@kernel
def read_symbols(
    registers: np.ndarray, bits: np.ndarray, slots: np.ndarray, rows: np.ndarray, partial: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The next symbol of each of `slots`, and the bits that its block has if it is over now; [n] int64 each.

    With `partial` a symbol is -1 where other bits might follow and make it another.
    """
    symbols, used = np.empty(len(slots), np.int64), np.zeros(len(slots), np.int64)
    for n in range(len(slots)):
        register = registers[slots[n]]
        if partial and not is_settled(register, rows[n]):
            symbols[n] = -1
            continue
        symbols[n] = decode_symbol(register, bits, rows[n])
        used[n] = block_bits(register)
    return symbols, used


@kernel
def closed_as_encoded(register: np.ndarray) -> bool:
    """Whether a finished block ends in the bits that `encode_block` would have written."""
    low = register[LOW]
    closing = _closing_bits(low, register[HIGH], register[PENDING] > 0)
    # One bit names a half, two the second or third quarter.
    if closing == 0:
        expected = 0
    elif closing == 1:
        expected = 1 if low != 0 else 0
    else:
        expected = 1 if low <= QUARTER else 2
    return register[VALUE] >> (32 - closing) == expected


@kernel
def decode_bytes(registers: np.ndarray, bits: np.ndarray, owners: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """One byte for each row of frequencies, in order; there is no END among them.

    Args:
        registers: [streams, 7] int64.
        bits: the bits of all streams.
        owners: [n] int64, the stream that each byte is read from.
        rows: [n, 256] int32.

    Returns:
        [n] int64.
    """
    symbols = np.empty(len(owners), np.int64)
    for index in range(len(owners)):
        symbols[index] = decode_symbol(registers[owners[index]], bits, rows[index], False)
    return symbols
