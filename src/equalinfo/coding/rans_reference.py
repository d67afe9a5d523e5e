"""rANS in Python's integers: what the library that `rans` uses is checked against.

State of 64 bits, words of 32, frequencies out of 2^24 (2^10 times ours).
"""


def encode(frequencies: list[list[int]], symbols: list[int]) -> list[int]:
    """Words in the order they are read, of symbols under one row of frequencies (out of 2^14) each."""
    state, words = 1 << 32, []
    for row, symbol in zip(reversed(frequencies), reversed(symbols), strict=True):
        below, share = sum(row[:symbol]) << 10, row[symbol] << 10
        if state >= share << 40:
            words.append(state & 0xFFFFFFFF)
            state >>= 32
        state = (state // share << 24) + below + state % share
    return [state >> 32, state & 0xFFFFFFFF, *reversed(words)]


def decode(frequencies: list[list[int]], words: list[int]) -> list[int]:
    """One symbol for each row of frequencies."""
    state, rest, symbols = words[0] << 32 | words[1], iter(words[2:]), []
    for row in frequencies:
        place, symbol, below = state & ((1 << 24) - 1), 0, 0
        while place >= below + (row[symbol] << 10):
            below += row[symbol] << 10
            symbol += 1
        state = (state >> 24) * (row[symbol] << 10) + place - below
        if state < 1 << 32:
            state = state << 32 | next(rest)
        symbols.append(symbol)
    return symbols
