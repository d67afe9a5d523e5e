"""Texts that need little or no reading: text files, e-mail, a table."""

import csv
import email
import io
import re
import zipfile
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

from scripts.corpus_mix.unpacked import files, text_of

# What Gutenberg's transcribers put before and after a text.
GUTENBERG = re.compile(r"^.*\*\*\* ?(?:START|END) OF TH[EI]S? PROJECT GUTENBERG.*\n", re.M)


def text_files(pattern: str, folder: Path, without: tuple[str, ...] = ()) -> Iterator[str]:
    """Files as they are, such as reStructuredText; of Project Gutenberg's, what stands between its notices."""
    for path in files(folder, pattern, without):
        text = text_of(path)
        parts = GUTENBERG.split(text)
        yield parts[1] if len(parts) == 3 else text


def letters(pattern: str, folder: Path) -> Iterator[str]:
    """The text of e-mails: no headers, no attachments, no HTML."""
    for path in files(folder, pattern):
        for part in email.message_from_bytes(path.read_bytes().lstrip()).walk():
            if part.get_content_type() == "text/plain":
                yield _body(part)


def _body(part: Message) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    try:
        return data.decode(part.get_content_charset("utf-8"))
    except (LookupError, UnicodeDecodeError):
        return data.decode("latin-1")


def zipped_table(pattern: str, column: str, folder: Path) -> Iterator[str]:
    """A column of the CSV files in ZIP files."""
    csv.field_size_limit(1 << 27)
    for path in files(folder, pattern):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                with archive.open(name) as stream:
                    for row in csv.DictReader(io.TextIOWrapper(stream, "utf-8", "replace")):
                        yield row.get(column) or ""
