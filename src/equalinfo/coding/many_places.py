"""Windows that depend on nothing before them, of texts that are begun at many places side by side.

Windows that are begun anywhere are the text's own from the first on that begins where one of the text's own does. So a
place is left where it comes upon a window that another has begun, and one after the other makes the whole.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from equalinfo.coding.side_by_side import Run, side_by_side
from equalinfo.predict.base import Predictor

PLACES_AT_ONCE = 128
STRETCH_PER_BIT = 8  # bytes between places, for each bit of a window: a few windows


@dataclass(frozen=True)
class EncodedWindows:
    """Codes of a text's windows, the bytes in each, and in how many the paper's bits would not read back."""

    codes: list[int]
    lengths: list[int]
    changed: int = 0


# The code of a window, its bytes, and whether the paper's bits would not read back.
Window = tuple[int, int, bool]
# A coder's windows of a text; it ends where it is told that the window that begins there is another's.
Coder = Callable[[memoryview, Callable[[int], bool]], Run[list[Window]]]


def encode_at_many_places(
    predictor: Predictor,
    texts: Sequence[bytes],
    coder: Coder,
    reply: Callable[[Sequence[Any], np.ndarray], Iterable[Any]],
    bits: int,
) -> list[EncodedWindows]:
    """Windows of `bits` of each text, as a coder makes them that begins at its first byte.

    Args:
        reply: as in `side_by_side`.
    """
    stretch = max(STRETCH_PER_BIT * bits, sum(map(len, texts)) // PLACES_AT_ONCE)
    begins = [(text, place) for text, data in enumerate(texts) for place in range(0, len(data), stretch)]
    first = {begin: number for number, begin in enumerate(begins)}  # who began a window there
    followed: dict[int, int] = {}

    def met(number: int, passed: int) -> bool:
        text, place = begins[number]
        other = first.setdefault((text, place + passed), number)
        if other != number:
            followed[number] = other
        return other != number

    runs = [
        coder(memoryview(texts[text])[place:], partial(met, number))
        for number, (text, place) in enumerate(begins)
    ]
    parts = side_by_side(predictor, runs, reply)

    def whole(text: int) -> EncodedWindows:
        windows: list[Window] = []
        number, at = first.get((text, 0)), 0
        while number is not None:
            part, place = parts[number], begins[number][1]
            ends = list(accumulate((length for _, length, _ in part), initial=place))
            windows += part[ends.index(at) :]
            at, number = ends[-1], followed.get(number)
        return as_encoded(windows)

    return [whole(text) for text in range(len(texts))]


def as_encoded(windows: Sequence[Window]) -> EncodedWindows:
    """A text's windows."""
    return EncodedWindows(
        [code for code, _, _ in windows],
        [length for _, length, _ in windows],
        sum(changed for _, _, changed in windows),
    )


def alone(passed: int) -> bool:
    """What a coder is told where its text is begun at one place."""
    return False
