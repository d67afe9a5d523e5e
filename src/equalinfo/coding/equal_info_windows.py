"""The paper's windows of equal information, made lossless (Lester et al. 2024, section 3.3; EqualInfoAC).

A window is a text coded arithmetically on its own, closed when one more byte would need more than b bits;
its code is the shortest bit string inside the text's interval, padded with zeros to b bits. The paper reads
a code back as the longest text that gives it, which for many windows is not the text that
was written. Here a code means one text:

    A code of b bits is a codeword, [code, code + 1) / 2^b. It stands for the longest text whose interval
    contains the whole codeword. Where a text's interval holds STOP_CODEWORDS whole codewords or more, the first of them
    stands for the text itself, whatever longer text contains it too.

The encoder takes the paper's bits where they read back. Elsewhere it takes another codeword of the text's
interval that lies in no longer text's, or else the text's own codeword, or else closes the window a byte
earlier. One byte can always be closed: it has at least 4 codewords, and with fewer than STOP_CODEWORDS its 256
continuations cannot all end on codeword boundaries. So every input, its end included, has an encoding.

`delay` closes a window before trailing bytes that leave its code unchanged (paper, appendix A.5); a code
then stands for the shortest text that gives it, which needs no correction.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from equalinfo.coding.many_places import EncodedWindows, Window, alone, as_encoded
from equalinfo.coding.side_by_side import Run, side_by_side
from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.predict.base import PRECISION, Predictor, cumulative

GUARD = 16  # interval positions are multiples of 2^-GUARD of a codeword
STOP_CODEWORDS = 256


@dataclass(frozen=True)
class WindowRule:
    """How windows are closed.

    Args:
        bits: b, information per window.
        delay: leave bytes that would add only zero bits to the next window.
        reset: M1's context is emptied at every window (1), every other (2), or never (0).

    Raises:
        EqualInfoError: some byte would not fit into a window at this precision.
    """

    bits: int
    delay: bool = False
    reset: int = 1

    def __post_init__(self) -> None:
        if self.bits < PRECISION:
            raise EqualInfoError(
                f"b={self.bits} is too small: at {PRECISION} bits of precision a rare byte needs "
                f"{PRECISION} bits, so use b={PRECISION + 2} or more (or EqualInfo, which has no such limit)"
            )
        if self.bits > 1024:
            raise EqualInfoError(f"b={self.bits} is too large; use at most 1024, or AC for no windows at all")

    def resets_before(self, window: int) -> bool:
        """Whether M1 starts afresh before window number `window`."""
        return window == 0 or (self.reset > 0 and window % self.reset == 0)


class TextInterval:
    """A text inside a window: its interval, and the codewords it may use.

    Positions are integers in units of 2^-(b + GUARD). Codewords `first` to `last` - 1 lie wholly inside and
    are not kept by a shorter text.
    """

    __slots__ = ("first", "last", "low", "reserved_until", "width")

    def __init__(self, low: int, width: int, reserved_until: int) -> None:
        self.low, self.width = low, width
        self.first = max(-(-low >> GUARD), reserved_until)
        self.last = (low + width) >> GUARD
        # Codewords below `reserved_until` are kept by this text or a shorter one.
        self.reserved_until = self.first + 1 if self.reserves_codeword else reserved_until

    @property
    def reserves_codeword(self) -> bool:
        return self.last - self.first >= STOP_CODEWORDS

    def child(self, below: int, above: int) -> "TextInterval":
        """The text extended by a byte with these cumulative bounds out of FREQUENCY_TOTAL."""
        start = self.width * below >> PRECISION
        return TextInterval(self.low + start, (self.width * above >> PRECISION) - start, self.reserved_until)

    def owner(self, codeword: int, bounds: list[int]) -> int:
        """The byte whose interval contains the whole of `codeword`, or -1; `bounds` are its 257 cumulative bounds."""
        position = (codeword << GUARD) - self.low
        byte = bisect_right(bounds, (((position + 1) << PRECISION) - 1) // self.width) - 1
        inside = byte < 256 and position + (1 << GUARD) <= self.width * bounds[byte + 1] >> PRECISION
        return byte if inside else -1


def empty_text(bits: int) -> TextInterval:
    """The empty text: it keeps no codeword, because a window holds at least one byte."""
    node = TextInterval(0, 1 << (bits + GUARD), 0)
    node.reserved_until = 0
    return node


def paper_code(node: TextInterval) -> int:
    """The paper's bits: the shortest dyadic interval inside the node's, padded with zeros to b bits."""
    size = 1 << (node.width.bit_length() - 1)
    start = -(-node.low // size) * size
    if start + size > node.low + node.width:
        size >>= 1  # half the size fits: it loses less than a half to alignment
        start = -(-node.low // size) * size
    return start >> GUARD


def closing_code(node: TextInterval, bounds: list[int]) -> tuple[int | None, bool]:
    """A code that stands for exactly this text, None if there is none, and whether it is the paper's.

    Args:
        bounds: cumulative frequencies [257] of the byte that would follow.
    """
    code = paper_code(node)
    if node.reserves_codeword and code == node.first:
        return code, True
    if code >= node.first and node.owner(code, bounds) < 0:
        return code, True
    if node.reserves_codeword:
        return node.first, False
    for codeword in range(node.first, node.last):
        if node.owner(codeword, bounds) < 0:
            return codeword, False
    return None, False


def encode_windows(predictor: Predictor, texts: Sequence[bytes], rule: WindowRule) -> list[EncodedWindows]:
    """Cuts and codes texts side by side, one step of the predictor per byte.

    Examples:
        >>> from equalinfo.predict.unigram import Unigram
        >>> even = Unigram(np.full(256, 64))
        >>> (windows,) = encode_windows(even, [b"text"], WindowRule(bits=16))
        >>> windows.codes, windows.lengths
        ([29797, 30836], [2, 2])
        >>> decode_windows(even, [windows.codes], WindowRule(bits=16))
        [b'text']
    """
    root = cumulative(predictor.initial[None])[0]
    runs = [windows_of(text, alone, rule, root) for text in texts]
    return [as_encoded(windows) for windows in side_by_side(predictor, runs, cumulated)]


def cumulated(_: Sequence[None], rows: np.ndarray) -> np.ndarray:
    """What `windows_of` and the reader are sent."""
    return cumulative(rows)


def windows_of(
    text: bytes | memoryview, met: Callable[[int], bool], rule: WindowRule, root: np.ndarray
) -> Run[list[Window]]:
    """A text's windows.

    Args:
        met: asked after every window, with the bytes passed, whether to end there.
        root: cumulative bounds of the first byte.
    """
    windows: list[Window] = []
    position = 0
    context = 0  # bytes M1 has of the text before the open window
    # The open window: its nodes from the empty text on, and the cumulative bounds after each.
    nodes, bounds = [empty_text(rule.bits)], [root]
    while position < len(text):
        byte, after = text[position], bounds[-1]
        node = nodes[-1].child(int(after[byte]), int(after[byte + 1]))
        if node.first < node.last:
            nodes.append(node)
            position += 1
            # A copy: a view would keep every text's row alive.
            bounds.append((yield context + len(nodes) - 2, byte, None).copy())
            if position < len(text):
                continue
        kept, code, changed = _closed(nodes, bounds, rule.delay)
        windows.append((code, kept, changed))
        position -= len(nodes) - 1 - kept
        if met(position):
            break
        afresh = rule.resets_before(len(windows))
        context = 0 if afresh else context + kept
        nodes, bounds = [empty_text(rule.bits)], [root if afresh else bounds[kept]]
    return windows


def _closed(nodes: list[TextInterval], bounds: list[np.ndarray], delay: bool) -> tuple[int, int, bool]:
    """The bytes that a window keeps, its code, and whether it is another than the paper's would be."""
    kept = length = len(nodes) - 1
    if delay:
        code = paper_code(nodes[length])
        return next(k for k in range(1, length + 1) if paper_code(nodes[k]) == code), code, False
    while True:
        closing, paper = closing_code(nodes[kept], bounds[kept].tolist())
        if closing is not None:
            return kept, closing, not (paper and kept == length)
        kept -= 1


def decode_windows(predictor: Predictor, streams: list[list[int]], rule: WindowRule) -> list[bytes]:
    """The texts of lists of window codes.

    Raises:
        UndecodableTokens: a code is not below 2^b.
    """
    for codes in streams:
        if any(not 0 <= code < 1 << rule.bits for code in codes):
            raise UndecodableTokens(f"a window code is outside 0 to 2^{rule.bits} - 1")
    root = cumulative(predictor.initial[None])[0]
    return side_by_side(predictor, [_decoding(codes, rule, root) for codes in streams], cumulated)


def _decoding(codes: list[int], rule: WindowRule, root: np.ndarray) -> Run[bytes]:
    text, context, bounds = bytearray(), 0, root
    for window, code in enumerate(codes):
        if rule.resets_before(window):
            context, bounds = 0, root
        node, length = empty_text(rule.bits), 0
        while not length or not _ends(node, code, rule.delay):
            byte = node.owner(code, bounds.tolist())
            if byte < 0:
                break
            text.append(byte)
            node = node.child(int(bounds[byte]), int(bounds[byte + 1]))
            bounds = yield context + length, byte, None
            length += 1
        context += length
    return bytes(text)


def _ends(node: TextInterval, code: int, delay: bool) -> bool:
    """Whether a code stands for this text, whatever longer one has it too."""
    return paper_code(node) == code if delay else node.reserves_codeword and code == node.first


def settled_lengths(predictor: Predictor, text: bytes, ids: list[int], width: int) -> list[int]:
    """How many bytes of a window are certain after each of its tokens.

    The first k tokens leave an interval of codes; certain is the longest beginning of the text whose own interval holds
    all of it. After the last token that is the whole text.

    Args:
        predictor: M1, which starts afresh with the window.
        text: the window's.
        ids: its tokens of `width` bits each, the whole window.
    """
    bits = width * len(ids)
    node = empty_text(bits)
    ends = [(node.low, node.low + node.width)]
    for byte, bounds in zip(text, cumulative(predictor.frequencies(text)), strict=True):
        node = node.child(int(bounds[byte]), int(bounds[byte + 1]))
        ends.append((node.low, node.low + node.width))
    lengths, code = [], 0
    for k, token in enumerate(ids[:-1], start=1):
        code = (code << width) | token
        left = bits - k * width + GUARD
        low, high = code << left, (code + 1) << left
        lengths.append(max(j for j, (start, end) in enumerate(ends) if start <= low and high <= end))
    return [*lengths, len(text)]
