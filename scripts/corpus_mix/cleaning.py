"""Texts to documents: white space made regular, what came before taken out, long texts cut."""

import hashlib
import re
from collections.abc import Iterable, Iterator

# Shorter paragraphs stay however often they come: headings, lines of dialogue.
REPEATED_CHARACTERS = 40
# A paragraph with a longer line than this is not wrapped: its lines are paragraphs themselves.
WRAPPED_CHARACTERS = 200
# Longer texts are cut, so that a split by document has parts of every book.
LONG_CHARACTERS = 12_000
PIECE_CHARACTERS = (4_000, 8_000)
# Less is no document.
LEAST_BYTES = 100
# In a document that has fewer letters than this among what is not white space, there are tables, drawings or
# another script.
LETTERS = 0.5

SIGNS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\ue000-\uf8ff\ufeff\ufffd-\uffff\ud800-\udfff"
CONTROL = re.compile(rf"[{SIGNS}\u200b]")
CONTROL_OF_ANY_SCRIPT = re.compile(f"[{SIGNS}]")  # U+200B stands between words of Khmer
NO_LETTERS = bytes(set(range(256)) - set(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
DIGITS = re.compile(r"\d+")
BETWEEN_WORDS = re.compile(r"[\W_]+")


def documents_of(
    texts: Iterable[str], deduplicate: "Deduplicator", any_script: bool = False
) -> Iterator[bytes]:
    """Clean documents in UTF-8 of 100 bytes to some 12,000 characters.

    Args:
        any_script: letters need not be those of English.
    """
    control = CONTROL_OF_ANY_SCRIPT if any_script else CONTROL
    for text in texts:
        for piece in pieces(deduplicate(regular(text, control))):
            document = piece.encode()
            if len(document) >= LEAST_BYTES and (any_script or _has_letters(document)):
                yield document


def regular(text: str, control: re.Pattern[str] = CONTROL) -> str:
    """Lines that end in line feeds and not in spaces, one empty line between paragraphs, no control characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").replace("\xa0", " ")
    text = "\n".join(line.rstrip() for line in control.sub("", text).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def pieces(text: str) -> Iterator[str]:
    """A text of more than 12,000 characters in pieces of 4,000 to 8,000 (the last to 12,000).

    Cut at the last end of a paragraph there, or else of a line, a sentence, a word.
    """
    start = 0
    while len(text) - start > LONG_CHARACTERS:
        least, most = (start + size for size in PIECE_CHARACTERS)
        cut = most
        for mark in ("\n\n", "\n", ". ", " "):
            if (found := text.rfind(mark, least, most)) >= 0:
                cut = found + len(mark)
                break
        yield text[start:cut].strip()
        start = cut
    # Code may begin with an indented line.
    yield text[start:].strip("\n").rstrip()


def _has_letters(document: bytes) -> bool:
    seen = len(document.translate(None, b" \n\t"))
    return len(document.translate(None, NO_LETTERS)) >= LETTERS * seen


class Deduplicator:
    """Takes out of each text the paragraphs that came before, in it or in an earlier one.

    Numbers, case, punctuation and white space do not count, so that a note repeated for each release goes too. A
    paragraph is known by 8 bytes of its hash: of a million, two different ones agree by chance with a probability
    of 3 in 100 million. Memory: about 70 bytes for each paragraph.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self.dropped_bytes = 0

    def __call__(self, text: str) -> str:
        kept: list[str] = []
        dropped = self.dropped_bytes
        for paragraph in text.split("\n\n"):
            if (
                len(paragraph) > WRAPPED_CHARACTERS
                and max(map(len, paragraph.split("\n"))) > WRAPPED_CHARACTERS
            ):
                lines = "\n".join(self._new(paragraph.split("\n")))
                kept += [lines] if lines else []
            else:
                kept += self._new([paragraph])
        if self.dropped_bytes > dropped:
            short = sum(len(paragraph) for paragraph in kept if len(paragraph) < REPEATED_CHARACTERS)
            if 2 * short > sum(map(len, kept)):
                # The headings of paragraphs that are gone.
                self.dropped_bytes += sum(len(paragraph.encode()) for paragraph in kept)
                return ""
        return "\n\n".join(kept)

    def remember(self, text: str) -> None:
        """Takes note of a text that an earlier run has written."""
        dropped = self.dropped_bytes
        self(text)
        self.dropped_bytes = dropped

    def _new(self, parts: list[str]) -> Iterator[str]:
        for part in parts:
            if len(part) >= REPEATED_CHARACTERS:
                key = _key(part)
                if key in self._seen:
                    self.dropped_bytes += len(part.encode())
                    continue
                self._seen.add(key)
            yield part


def _key(part: str) -> int:
    plain = BETWEEN_WORDS.sub(" ", DIGITS.sub("0", part.lower())).strip()
    return int.from_bytes(hashlib.blake2b(plain.encode(), digest_size=8).digest(), "little")
