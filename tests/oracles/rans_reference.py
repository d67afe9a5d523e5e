"""rANS in Python's integers, read: the inverse of `coding.rans.reference_words`."""


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
