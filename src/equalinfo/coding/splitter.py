"""Encodes and decodes windows by interval splitting (`interval_splitting`) with a predictor at hand.

Dividing `rest` codes by frequencies f out of 2^14, with rest = 2^14 R + r: byte c gets R f_c and a share of
r codes, so only the small r has to be divided (`small_shares`) and b may be as large as one likes.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from equalinfo.coding.interval_splitting import ROOT_LEAST, check_bits, root_keeps
from equalinfo.coding.many_places import EncodedWindows, Window, encode_at_many_places
from equalinfo.coding.side_by_side import Run, side_by_side
from equalinfo.errors import UndecodableTokens
from equalinfo.kernels import kernel
from equalinfo.predict.base import FREQUENCY_TOTAL, PRECISION, Predictor, cumulative


@kernel
def small_shares(frequencies: np.ndarray, rests: np.ndarray) -> np.ndarray:
    """`shares` of fewer than 2^14 codes without a limit, row by row.

    Args:
        frequencies: [n, 256] int32.
        rests: codes to divide, below 2^14, [n] int64.

    Returns:
        [n, 256] int64.
    """
    rows = frequencies.shape[0]
    out = np.empty((rows, 256), np.int64)
    keys = np.empty(256, np.int64)
    for n in range(rows):
        left = rests[n]
        for c in range(256):
            product = rests[n] * np.int64(frequencies[n, c])
            out[n, c] = product >> PRECISION
            left -= out[n, c]
            # Larger remainder first, then the smaller byte: one number that sorts so.
            keys[c] = ((product & (FREQUENCY_TOTAL - 1)) << 8) | (255 - c)
        if left:
            threshold = np.sort(keys)[256 - left]
            for c in range(256):
                if keys[c] >= threshold:
                    out[n, c] += 1
    return out


@dataclass
class CodeInterval:
    """A string inside a window: codes `low` to `low` + `size` - 1, and how they are divided once `divide` settled it.

    Byte c's codes begin at low + keeps + whole x before[c] + small[c].
    """

    low: int
    size: int
    keeps: int = 1
    whole: int = 0
    before: list[int] = field(default_factory=list)  # cumulative frequencies, 257
    small: list[int] = field(default_factory=list)  # cumulative small shares, 257

    def start(self, c: int) -> int:
        """The first code of byte c; of 256: the end of all."""
        return self.low + self.keeps + self.whole * self.before[c] + self.small[c]

    def child(self, c: int) -> "CodeInterval":
        start = self.start(c)
        return CodeInterval(start, self.start(c + 1) - start)

    def owner(self, code: int) -> int:
        """The byte that `code` belongs to, or -1 if it is the code that ends the window here."""
        if code < self.low + self.keeps:
            return -1
        return bisect_right(range(257), code, key=self.start) - 1


class Splitter:
    """Encodes and decodes windows with a predictor at hand, many texts side by side.

    Args:
        predictor: whose frequencies divide the codes; every window starts from the empty context.
        bits: b, above LISTED_BITS or with no limit on a window's length.

    Raises:
        EqualInfoError: b is outside 8 to 128.
    """

    def __init__(self, predictor: Predictor, bits: int) -> None:
        check_bits(bits)
        self.predictor, self.bits = predictor, bits
        self.root = CodeInterval(0, 1 << bits, root_keeps(bits))
        divide([self.root], np.asarray(predictor.initial)[None], ROOT_LEAST)

    def encode(self, texts: Sequence[bytes]) -> list[EncodedWindows]:
        """The windows of each text."""
        return encode_at_many_places(self.predictor, texts, self._encoding, divide, self.bits)

    def _encoding(self, text: memoryview, met: Callable[[int], bool]) -> Run[list[Window]]:
        windows: list[Window] = []
        node, length, position = self.root, 0, 0
        while position < len(text):
            child = node.child(text[position]) if node.size > node.keeps else None
            if child is not None and child.size:
                node, length, position = child, length + 1, position + 1
                if position < len(text):
                    if node.size > 1:  # others end without asking the predictor
                        yield length - 1, text[position - 1], node
                    continue
            windows.append((node.low, length, False))
            if met(position):
                break
            node, length = self.root, 0
        return windows

    def decode(self, ranges: Sequence[Sequence[tuple[int, int]]]) -> list[bytes]:
        """The texts of lists of windows, each given by the lowest and highest code that it may be.

        The two are equal for a whole window. Where they differ (its last tokens are missing), the text is what
        all codes from one to the other begin with.

        Raises:
            UndecodableTokens: a code is not below 2^b.
        """
        for windows in ranges:
            if any(not 0 <= low <= high < 1 << self.bits for low, high in windows):
                raise UndecodableTokens(f"a window code is outside 0 to 2^{self.bits} - 1")
        return side_by_side(self.predictor, [self._decoding(windows) for windows in ranges], divide)

    def _decoding(self, windows: Sequence[tuple[int, int]]) -> Run[bytes]:
        text = bytearray()
        for low, high in windows:
            node, length = self.root, 0
            while node.size > node.keeps:
                byte = node.owner(low)
                if byte < 0 or (high != low and node.owner(high) != byte):
                    break
                node = node.child(byte)
                text.append(byte)
                if node.size > 1:
                    yield length, byte, node
                length += 1
        return bytes(text)


def divide(nodes: Sequence[CodeInterval], frequencies: np.ndarray, least: int = 0) -> Sequence[CodeInterval]:
    """Settles how the codes of `nodes` are divided, given their rows of frequencies [n, 256], and returns them.

    Args:
        least: codes that every byte gets before the rest are shared out.
    """
    spare = [node.size - node.keeps - 256 * least for node in nodes]
    rows = np.ascontiguousarray(frequencies, np.int32)
    shares = small_shares(rows, np.array([rest & (FREQUENCY_TOTAL - 1) for rest in spare], np.int64)) + least
    before, small = (cumulative(counts, np.int64).tolist() for counts in (rows, shares))
    for node, rest, b, s in zip(nodes, spare, before, small, strict=True):
        node.whole, node.before, node.small = rest >> PRECISION, b, s
    return nodes
