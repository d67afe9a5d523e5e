"""Windows of b bits without waste: interval splitting (definition and proofs: docs/windows.md).

A window is an integer interval of codes, at first all 2^b. The interval's first code means "the window ends
here"; the others are divided among the 256 next bytes in proportion to M1's frequencies, by largest remainder
(`shares`). A byte without a code closes the window. Every code so stands for exactly one byte string, and every
byte string has exactly one sequence of codes that the encoder writes.

The empty window's code, 0, is never written by the encoder: it is free to be EOS. All but b = 8: there 256
codes are needed for 256 bytes, so the empty window has none, each byte has one, and code = byte.

This file holds the rule; `splitter` follows it with M1 at hand, `interval_table` lists all windows of few bits.
"""

from collections.abc import Sequence

from equalinfo.errors import EqualInfoError

SMALLEST, LARGEST = 8, 128
# Windows of at most this many bits can be listed; then they are at most MAX_ENTRY_BYTES long, as the automaton that
# parses with the list needs.
LISTED_BITS = 20


def check_bits(bits: int) -> None:
    """Raises EqualInfoError unless windows can have `bits` bits."""
    if not SMALLEST <= bits <= LARGEST:
        raise EqualInfoError(f"b={bits} is outside {SMALLEST} to {LARGEST}; choose a b within")


def root_keeps(bits: int) -> int:
    """How many codes the empty window keeps for itself; ROOT_LEAST more go to every first byte."""
    return 0 if bits == SMALLEST else 1


ROOT_LEAST = 1


def shares(frequencies: Sequence[int], rest: int, most: int | None = None) -> list[int]:
    """How many of `rest` codes each byte gets: the rule, written to be read.

    Byte c's exact share is rest x f_c / 2^14. It gets the whole part; codes left over go one each to the bytes
    with the largest fractional parts, of equals to the smaller byte. No byte gets more than `most`: bytes that
    would are given `most`, and what remains is divided among the others by the same rule.

    Args:
        frequencies: of the 256 next bytes, summing to 2^14.
        rest: codes to divide.
        most: codes that a byte can use at all; None: any number.

    Examples:
        >>> frequencies = [1] * 255 + [2**14 - 255]
        >>> counts = shares(frequencies, rest=100)
        >>> sum(counts), counts[255]
        (100, 99)
    """
    result = [0] * 256
    open_bytes = list(range(256))
    while rest:
        total = sum(frequencies[c] for c in open_bytes)
        exact = {c: divmod(rest * frequencies[c], total) for c in open_bytes}
        left = rest - sum(whole for whole, _ in exact.values())
        extra = set(sorted(open_bytes, key=lambda c: (-exact[c][1], c))[:left])
        proposed = {c: exact[c][0] + (c in extra) for c in open_bytes}
        full = [c for c in open_bytes if most is not None and proposed[c] >= most]
        if most is None or not any(proposed[c] > most for c in full):
            for c in open_bytes:
                result[c] = proposed[c]
            return result
        for c in full:
            result[c] = most
            rest -= most
        open_bytes = [c for c in open_bytes if c not in set(full)]
    return result


def capacity(length: int) -> int:
    """How many codes a string can use of which at most `length` bytes can follow: itself and every continuation."""
    return (256 ** (length + 1) - 1) // 255
