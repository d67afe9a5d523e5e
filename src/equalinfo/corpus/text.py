"""Cuts a stream of text into documents without losing a byte."""

from collections.abc import Iterator
from typing import IO

# Paragraphs are joined up to this size, so that a corpus of short paragraphs or of dialogue gives
# documents long enough to be worth an end-of-document marker.
MIN_DOCUMENT_BYTES = 1_000
MAX_DOCUMENT_BYTES = 1 << 20


def text_documents(
    stream: IO[bytes], minimum: int = MIN_DOCUMENT_BYTES, maximum: int = MAX_DOCUMENT_BYTES
) -> Iterator[bytes]:
    """Documents of a text: consecutive paragraphs, together at least `minimum` bytes but for the last.

    Paragraphs end at blank lines, which hold nothing but ASCII white space and stay with the document
    before them, so the documents joined are exactly the stream's bytes. A document that would exceed
    `maximum` bytes is cut at its last line end or, in a longer line, anywhere (even inside a character).
    Lines end in ``\\n``; the text need not be UTF-8. Holds at most one document in memory.
    """
    lines: list[bytes] = []
    size = 0
    after_blank_line = False
    at_line_start = True
    # A limit on each read keeps a file without line ends out of memory.
    while line := stream.readline(maximum):
        # The rest of a line that was cut above is never a blank line, whatever it holds.
        blank = at_line_start and not line.strip()
        ready = after_blank_line and not blank and size >= minimum
        if lines and (ready or size + len(line) > maximum):
            yield b"".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
        after_blank_line = blank
        at_line_start = line.endswith(b"\n")
    if lines:
        yield b"".join(lines)
