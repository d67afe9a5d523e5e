"""Arithmetic coding in exact rational numbers: slow, short, and what the fast coders are tested against."""

from collections.abc import Callable
from fractions import Fraction

from equalinfo.predict.base import FREQUENCY_TOTAL


def interval(frequencies: list[list[int]], text: bytes) -> tuple[Fraction, Fraction]:
    """Low end and width of the interval of `text`, given one row of 256 frequencies per byte."""
    low, width = Fraction(0), Fraction(1)
    for row, byte in zip(frequencies, text, strict=True):
        low += width * Fraction(sum(row[:byte]), FREQUENCY_TOTAL)
        width *= Fraction(row[byte], FREQUENCY_TOTAL)
    return low, width


def shortest_bits(low: Fraction, width: Fraction) -> str:
    """The shortest bit string whose dyadic interval lies inside [low, low + width); the first of equals.

    Lester et al. 2024, section 3.2.
    """
    length = 0
    while True:
        start = -((-low.numerator << length) // low.denominator)  # low * 2^length rounded up
        if Fraction(start + 1, 1 << length) <= low + width:
            return format(start, f"0{length}b") if length else ""
        length += 1


def decode_bits(frequencies_after: Callable[[bytes], list[int]], bits: str, length: int) -> bytes:
    """The first `length` bytes of the text whose interval holds the dyadic interval of `bits`.

    `frequencies_after(text)` gives the 256 frequencies that follow `text`.
    """
    point = Fraction(int(bits, 2), 1 << len(bits)) if bits else Fraction(0)
    text, low, width = b"", Fraction(0), Fraction(1)
    for _ in range(length):
        row, below = frequencies_after(text), 0
        for byte in range(256):
            if point < low + width * Fraction(below + row[byte], FREQUENCY_TOTAL):
                low += width * Fraction(below, FREQUENCY_TOTAL)
                width *= Fraction(row[byte], FREQUENCY_TOTAL)
                text += bytes([byte])
                break
            below += row[byte]
    return text
