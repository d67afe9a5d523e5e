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
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.predict.base import PRECISION, Predictor

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


class EmptyText(TextInterval):
    """The empty text: it keeps no codeword, because a window holds at least one byte."""

    def __init__(self, bits: int) -> None:
        super().__init__(0, 1 << (bits + GUARD), 0)
        self.reserved_until = 0


def paper_code(node: TextInterval) -> int:
    """The paper's bits: the shortest dyadic interval inside the node's, padded with zeros to b bits."""
    size = 1 << (node.width.bit_length() - 1)
    start = -(-node.low // size) * size
    if (
        start + size > node.low + node.width
    ):  # then half the size fits: it loses less than a half to alignment
        size >>= 1
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


@dataclass
class _Writer:
    """One text on its way through the encoder."""

    text: bytes
    position: int = 0
    codes: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    changed: int = 0
    # The open window: its nodes from the empty text on, and the cumulative bounds after each.
    nodes: list[TextInterval] = field(default_factory=list)
    bounds: list[np.ndarray] = field(default_factory=list)
    context: int = 0  # bytes M1 has of the text before the open window

    def open(self, rule: WindowRule, first_bounds: np.ndarray) -> None:
        self.nodes, self.bounds = [EmptyText(rule.bits)], [first_bounds]

    def extend(self) -> bool:
        """Adds the next byte to the window if it fits."""
        byte, bounds = self.text[self.position], self.bounds[-1]
        node = self.nodes[-1].child(int(bounds[byte]), int(bounds[byte + 1]))
        if node.first >= node.last:
            return False
        self.nodes.append(node)
        self.position += 1
        return True

    def close(self, rule: WindowRule, root_bounds: np.ndarray) -> None:
        """Ends the window at the current byte or, where it would not read back, before it."""
        length = len(self.nodes) - 1
        if rule.delay:
            code = paper_code(self.nodes[length])
            kept = next(k for k in range(1, length + 1) if paper_code(self.nodes[k]) == code)
        else:
            kept, paper = length, False
            while True:
                closing, paper = closing_code(self.nodes[kept], self.bounds[kept].tolist())
                if closing is not None:
                    code = closing
                    break
                kept -= 1
            self.changed += not (paper and kept == length)
        self.codes.append(code)
        self.lengths.append(kept)
        self.position -= length - kept
        if rule.resets_before(len(self.codes)):
            self.context = 0
            self.open(rule, root_bounds)
        else:
            self.context += kept
            self.open(rule, self.bounds[kept])


@dataclass(frozen=True)
class EncodedWindows:
    """Codes of a text's windows, the bytes in each, and in how many the paper's bits would not read back."""

    codes: list[int]
    lengths: list[int]
    changed: int = 0


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
    contexts = predictor.new_contexts(len(texts))
    root_bounds = cumulative(predictor.initial[None])[0]
    writers = [_Writer(text) for text in texts]
    for writer in writers:
        writer.open(rule, root_bounds)
    active = [slot for slot, text in enumerate(texts) if text]
    while active:
        keep, symbols = [], []
        for slot in active:
            writer = writers[slot]
            while not writer.extend():
                writer.close(rule, root_bounds)
            keep.append(writer.context + len(writer.nodes) - 2)
            symbols.append(writer.text[writer.position - 1])
        rows = contexts.step(np.array(active), np.array(keep), np.array(symbols))
        unfinished = []
        for slot, bounds in zip(active, cumulative(rows), strict=True):
            writer = writers[slot]
            writer.bounds.append(bounds.copy())  # a copy: a view would keep every text's row alive
            if writer.position == len(writer.text):
                writer.close(rule, root_bounds)
            if writer.position < len(writer.text):
                unfinished.append(slot)
        active = unfinished
    return [EncodedWindows(w.codes, w.lengths, w.changed) for w in writers]


@dataclass
class _Reader:
    """One list of codes on its way through the decoder."""

    codes: list[int]
    node: TextInterval
    bounds: np.ndarray
    window: int = 0
    length: int = 0  # bytes read in the open window
    context: int = 0
    text: bytearray = field(default_factory=bytearray)

    def next_byte(self, rule: WindowRule) -> int:
        """The open window's next byte, or -1 where it ends."""
        code = self.codes[self.window]
        if self.length:
            if rule.delay:
                if paper_code(self.node) == code:
                    return -1
            elif self.node.reserves_codeword and code == self.node.first:
                return -1
        return self.node.owner(code, self.bounds.tolist())


def decode_windows(predictor: Predictor, streams: list[list[int]], rule: WindowRule) -> list[bytes]:
    """The texts of lists of window codes.

    Raises:
        UndecodableTokens: a code is not below 2^b.
    """
    contexts = predictor.new_contexts(len(streams))
    root_bounds = cumulative(predictor.initial[None])[0]
    for codes in streams:
        if any(not 0 <= code < 1 << rule.bits for code in codes):
            raise UndecodableTokens(f"a window code is outside 0 to 2^{rule.bits} - 1")
    readers = [_Reader(codes, EmptyText(rule.bits), root_bounds) for codes in streams]
    active = [slot for slot, codes in enumerate(streams) if codes]
    while active:
        slots, keep, symbols = [], [], []
        for slot in active:
            reader = readers[slot]
            while True:
                byte = reader.next_byte(rule)
                if byte >= 0:
                    break
                reader.window += 1
                if reader.window == len(reader.codes):
                    break
                if rule.resets_before(reader.window):
                    reader.context, reader.bounds = 0, root_bounds
                else:
                    reader.context += reader.length
                reader.length, reader.node = 0, EmptyText(rule.bits)
            if byte < 0:
                continue
            bounds = reader.bounds
            reader.node = reader.node.child(int(bounds[byte]), int(bounds[byte + 1]))
            reader.text.append(byte)
            slots.append(slot)
            keep.append(reader.context + reader.length)
            symbols.append(byte)
            reader.length += 1
        rows = contexts.step(np.array(slots, np.int64), np.array(keep, np.int64), np.array(symbols, np.int64))
        for slot, bounds in zip(slots, cumulative(rows), strict=True):
            readers[slot].bounds = bounds
        active = slots
    return [bytes(reader.text) for reader in readers]


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
    node: TextInterval = EmptyText(bits)
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


def cumulative(rows: np.ndarray) -> np.ndarray:
    """Cumulative bounds [n, 257] uint16, from 0 to FREQUENCY_TOTAL, of frequencies [n, 256]."""
    bounds = np.zeros((len(rows), 257), np.uint16)
    np.cumsum(rows.astype(np.uint16), axis=1, out=bounds[:, 1:])
    return bounds
