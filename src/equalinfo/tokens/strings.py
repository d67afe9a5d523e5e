"""The bytes that ids stand for, by themselves or a few together, looked up from either side.

A string here is what the fewest ids that always give the same bytes stand for: one id of a dictionary or of
SentencePiece, all ids of a window of up to 16 bits. There are none where a code runs through the whole text (AC, GZip,
Huffman, ANS), or windows depend on each other (`reset`) or are too many to list.
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from equalinfo.tokens.tokenizer import Tokenizer

LISTED_BITS = 16


class TokenStrings:
    """All strings of a tokenizer.

    Args:
        texts: bytes of each string; string number n is n written in `length` digits, which are its ids.
        vocab: number of ids.
        length: ids that make a string.
        from_left: whether a parse never takes back what it has cut once more bytes are known than the longest string
            has (longest match), so that only the last string can depend on what follows.
    """

    def __init__(self, texts: Sequence[bytes], vocab: int, length: int, from_left: bool) -> None:
        self.texts, self.vocab, self.length, self.from_left = texts, vocab, length, from_left
        self.longest = max(map(len, texts))
        self._order = sorted(range(len(texts)), key=lambda number: texts[number])
        self._sorted = [texts[number] for number in self._order]
        # Ids that stand for no bytes would let a text go on for ever without growing.
        self.never = [number for number in range(len(texts)) if not texts[number]] if length == 1 else []

    def ids(self, number: int) -> list[int]:
        """The ids of a string, in the order in which they stand in a text."""
        digits = []
        for _ in range(self.length):
            number, digit = divmod(number, self.vocab)
            digits.append(digit)
        return digits[::-1]

    def _number(self, ids: Sequence[int]) -> int:
        number = 0
        for digit in ids:
            number = number * self.vocab + int(digit)
        return number

    def text(self, ids: Sequence[int]) -> bytes:
        """The bytes of whole strings; ids of an unfinished one at the end are left out."""
        whole = len(ids) // self.length * self.length
        starts = range(0, whole, self.length)
        return b"".join(self.texts[self._number(ids[start : start + self.length])] for start in starts)

    def beginning_with(self, text: bytes) -> list[int]:
        """Numbers of the strings whose bytes begin with `text`, itself included."""
        low = bisect_left(self._sorted, text)
        above = text.rstrip(b"\xff")  # the first string after all that begin with `text`
        if not above:
            return self._order[low:]
        return self._order[low : bisect_left(self._sorted, above[:-1] + bytes([above[-1] + 1]))]

    def inside(self, text: bytes) -> list[int]:
        """Numbers of the strings that `text` begins with, shorter than it and not empty."""
        entries = []
        for length in range(1, min(len(text), self.longest + 1)):
            start = text[:length]
            at = bisect_left(self._sorted, start)
            while at < len(self._sorted) and self._sorted[at] == start:
                entries.append(self._order[at])
                at += 1
        return entries

    def could_go_on(self, text: bytes) -> bool:
        """Whether some string begins with `text` and is longer."""
        return any(len(other) > len(text) for other in self.texts_of(self.beginning_with(text)))

    def texts_of(self, numbers: Sequence[int]) -> list[bytes]:
        """The bytes of strings."""
        return [self.texts[number] for number in numbers]


class CodedWindows(TokenStrings):
    """Windows that only a coder can list, one neighbourhood of codes at a time.

    The codes of all windows that begin with a text are neighbours of that text's own code, because coders keep the
    order of texts. Inside a text, only the window that the encoder cuts from it is looked for: these windows take as
    many bytes as fit, so none ends where another byte of the same text would have fitted.
    """

    def __init__(self, tokenizer: Tokenizer, length: int) -> None:
        self.vocab, self.length, self.from_left, self.never = tokenizer.vocab, length, True, []
        if length == 1 and tokenizer.eos is not None:
            self.never = [tokenizer.eos]
        self._tokenizer, self._count = tokenizer, tokenizer.vocab**length
        self._known: dict[int, bytes] = {}
        self._found: dict[bytes, list[int]] = {}

    def text(self, ids: Sequence[int]) -> bytes:
        whole = len(ids) // self.length * self.length
        return self._tokenizer.decode(list(ids[:whole]), partial=True)

    def beginning_with(self, text: bytes) -> list[int]:
        if text not in self._found:
            self._found[text] = self._neighbours(text)
        return self._found[text]

    def _neighbours(self, text: bytes) -> list[int]:
        ids = self._tokenizer.encode(text).tolist()
        if len(ids) != self.length:
            return []  # it does not fit into one window
        at = self._number(ids)
        numbers_near = [at]
        for direction in (1, -1):
            edge, reach = at, 16
            while reach:
                last = min(max(edge + direction * reach, 0), self._count - 1)
                numbers = list(range(edge + direction, last + direction, direction))
                texts = self.texts_of(numbers)
                fitting = next((i for i, other in enumerate(texts) if not other.startswith(text)), len(texts))
                numbers_near += numbers[:fitting]
                edge, reach = last, 4 * reach if numbers and fitting == len(numbers) else 0
        return numbers_near

    def texts_of(self, numbers: Sequence[int]) -> list[bytes]:
        unknown = [number for number in numbers if number not in self._known]
        texts = self._tokenizer.decode_batch([self.ids(number) for number in unknown], partial=True)
        self._known.update(zip(unknown, texts, strict=True))
        return [self._known[number] for number in numbers]

    def inside(self, text: bytes) -> list[int]:
        ids = self._tokenizer.encode(text).tolist()
        return [self._number(ids[: self.length])] if len(ids) > self.length else []


def token_strings_of(tokenizer: Tokenizer) -> TokenStrings | None:
    """The strings that texts are cut into, as `Tokenizer.written` has them; None where they cannot be listed.

    Examples:
        >>> strings = token_strings_of(Tokenizer.from_pretrained("english-4k-exact"))
        >>> strings.length, strings.text([1000, 2000])
        (1, b'Tahat h')
    """
    vocab = tokenizer.vocab
    entries = tokenizer.cut_entries()
    if entries is not None:
        return TokenStrings(entries, vocab, 1, tokenizer.longest_match)
    length = tokenizer.ids_per_window
    if not length or tokenizer.window_bits > LISTED_BITS:
        return None
    if tokenizer.runs_predictor:
        return CodedWindows(tokenizer, length)
    digits = np.arange(vocab**length)[:, None] // vocab ** np.arange(length - 1, -1, -1) % vocab
    return TokenStrings(tokenizer.decode_batch(list(digits), partial=True), vocab, length, True)
