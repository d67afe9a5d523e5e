"""Text in small letters: a mark before a word says that it began with a capital, or was all capitals.

Words are runs of ASCII letters and of bytes from 0x80 on; only ASCII letters change. A mark stands before the space
that leads its word, if there is one, so that " The" and " the" share an entry. Marks are bytes that UTF-8 never has,
and a text that holds one has it twice. So every text is read back, whatever its bytes.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from equalinfo.coding.bits import bounds_from
from equalinfo.kernels import kernel

# Before a word that begins with its only capital, or has two or more and nothing else.
CAPITAL, CAPITALS = 0xFE, 0xFF

Bytes = NDArray[np.uint8]
Bounds = NDArray[np.int64]


def mark(text: Bytes, bounds: Bounds) -> tuple[Bytes, Bounds]:
    """Texts that lie end to end, each written with marks, and where those of each begin and the last ends."""
    marked, marked_bounds = np.empty(2 * len(text), np.uint8), np.zeros_like(bounds)
    _mark(text, bounds, marked, marked_bounds)
    return marked[: marked_bounds[-1]], marked_bounds


def marked(texts: list[bytes]) -> list[bytes]:
    """Each text written with marks.

    Examples:
        >>> marked([b"The NASA iPhone"])
        [b'\\xfethe\\xff nasa iPhone']
    """
    flat = np.frombuffer(b"".join(texts), np.uint8)
    written, bounds = mark(flat, bounds_from([len(text) for text in texts]))
    return [written[begin:end].tobytes() for begin, end in pairwise(bounds.tolist())]


def unmarked(marked: bytes) -> bytes:
    """The text that was written so; of the beginning of one, what that settles. Marks before no word are nothing."""
    text = np.empty(len(marked), np.uint8)
    return text[: _unmark(np.frombuffer(marked, np.uint8), text, np.empty(0, np.int64))].tobytes()


def lengths_before(marked: bytes) -> Bounds:
    """For each byte of a marked text and its end, how many bytes of the text come before: int64 [bytes + 1]."""
    before = np.zeros(len(marked) + 1, np.int64)
    _unmark(np.frombuffer(marked, np.uint8), np.empty(len(marked), np.uint8), before)
    return before


@kernel
def _is_capital(byte: np.uint8) -> bool:
    return bool(65 <= byte <= 90)


@kernel
def _is_small(byte: np.uint8) -> bool:
    return bool(97 <= byte <= 122)


@kernel
def _mark(text: Bytes, bounds: Bounds, marked: Bytes, marked_bounds: Bounds) -> None:
    size = 0
    for number in range(len(bounds) - 1):
        place, end = bounds[number], bounds[number + 1]
        begin = place
        while place < end:
            # A word, or nothing before another byte.
            stop, capitals = place, 0
            while stop < end and (_is_capital(text[stop]) or _is_small(text[stop]) or text[stop] >= 128):
                capitals += _is_capital(text[stop])
                stop += 1
            kind = 0
            if _is_capital(text[place]):
                if capitals == 1:
                    kind = CAPITAL
                elif capitals == stop - place:
                    kind = CAPITALS
            if kind:
                if place > begin and text[place - 1] == 32:
                    marked[size - 1], marked[size] = kind, 32
                else:
                    marked[size] = kind
                size += 1
            for at in range(place, stop):
                byte = text[at]
                marked[size] = byte | 32 if kind and _is_capital(byte) else byte
                size += 1
                if byte >= CAPITAL:
                    marked[size] = byte
                    size += 1
            if stop < end:
                marked[size] = text[stop]
                size += 1
            place = stop + 1
        marked_bounds[number + 1] = size


@kernel
def _unmark(marked: Bytes, text: Bytes, before: Bounds) -> int:
    """The text's size; `before` as `lengths_before` has it, or empty."""
    size, kind, fresh = 0, 0, False
    for at in range(len(marked)):
        byte = marked[at]
        if byte >= CAPITAL and not (fresh and byte == kind):
            kind, fresh = int(byte), True  # whatever was marked before ends
        else:
            small = _is_small(byte)
            text[size] = byte ^ 32 if kind and small else byte
            size += 1
            # A capital is one letter, capitals end where letters do, and a space may stand between a mark and its word.
            if not (kind == CAPITALS and small) and not (fresh and byte == 32):
                kind = 0
            fresh = False
        if len(before):
            before[at + 1] = size
    return size
