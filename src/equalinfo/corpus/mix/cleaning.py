"""Texts to documents: white space made regular, what stands twice taken out, books cut into pieces."""

import hashlib
import re
from collections.abc import Iterable, Iterator

# Paragraphs that stand twice in the mix stay once if they have at least so many characters.
REPEATED_CHARACTERS = 40
# Longer texts are cut between paragraphs, so that a split by document has parts of every book.
LONG_BYTES = 32 << 10
PIECE_BYTES = 8 << 10
# What is left of a text must be at least this long.
LEAST_BYTES = 100

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
DIGITS = re.compile(r"\d+")
WHITE = re.compile(r"\s+")


def regular(text: str) -> str:
    """Lines end in line feeds and not in spaces; one empty line between paragraphs; no control characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    text = CONTROL.sub("", text)
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n")


class Deduplicator:
    """Drops paragraphs that came before, in whatever text; numbers, case and white space do not count.

    Holds 8 bytes for each paragraph (and what a Python set needs besides).
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self.dropped_bytes = 0

    def __call__(self, text: str) -> str:
        kept = []
        for paragraph in text.split("\n\n"):
            if len(paragraph) >= REPEATED_CHARACTERS:
                if (key := _key(paragraph)) in self._seen:
                    self.dropped_bytes += len(paragraph.encode()) + 2
                    continue
                self._seen.add(key)
            kept.append(paragraph)
        return "\n\n".join(kept)

    def remember(self, text: str) -> None:
        """Takes note of a text that has been through here in an earlier run."""
        for paragraph in text.split("\n\n"):
            if len(paragraph) >= REPEATED_CHARACTERS:
                self._seen.add(_key(paragraph))


def _key(paragraph: str) -> int:
    plain = WHITE.sub(" ", DIGITS.sub("0", paragraph.lower())).strip()
    return int.from_bytes(hashlib.blake2b(plain.encode(), digest_size=8).digest(), "little")


def documents_of(texts: Iterable[str], deduplicate: Deduplicator) -> Iterator[bytes]:
    """Clean documents, UTF-8."""
    for text in texts:
        for piece in _pieces(deduplicate(regular(text)).strip("\n")):
            if len(piece) >= LEAST_BYTES:
                yield piece


def _pieces(text: str) -> Iterator[bytes]:
    data = text.encode()
    if len(data) <= LONG_BYTES:
        yield data
        return
    held: list[bytes] = []
    size = 0
    for paragraph in data.split(b"\n\n"):
        held.append(paragraph)
        size += len(paragraph) + 2
        if size >= PIECE_BYTES:
            yield b"\n\n".join(held)
            held, size = [], 0
    if held:
        yield b"\n\n".join(held)
