"""Texts out of the files of an unpacked package, by their format; files in the order of their names."""

import csv
import email
import gzip
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from equalinfo.corpus.embedded import plain_text, strings
from equalinfo.errors import EqualInfoError

# Shorter strings of games and APIs are labels rather than prose.
PROSE_CHARACTERS = 40
# Strings of one file are joined up to this size: about the mean document of a web corpus.
JOINED_CHARACTERS = 2_500
# HTML elements whose text nobody reads in line: code that makes the page, and ways to other pages.
HIDDEN = {"script", "style", "nav", "header", "footer", "head"}
BLOCKS = {"p", "div", "li", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "dd", "tr", "blockquote", "section", "ul", "ol", "pre"}  # fmt: skip
VOID = {"br", "hr"}
# What Gutenberg's transcribers put before and after a text.
GUTENBERG = re.compile(r"\*\*\* ?(START|END) OF TH[EI]S? PROJECT GUTENBERG[^\n]*\n")


def files(folder: Path, pattern: str) -> list[Path]:
    """Files by pattern, links left out. Raises EqualInfoError if there is none: the package has changed."""
    found = [path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink()]
    if not found:
        raise EqualInfoError(
            f"the package holds no {pattern}; its layout has changed, leave it out by --without"
        )
    return sorted(found, key=lambda path: path.as_posix())


def decoded(data: bytes) -> str:
    """UTF-8, or else Latin-1, which old manuals are in."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def text_files(pattern: str, folder: Path) -> Iterator[str]:
    for path in files(folder, pattern):
        text = decoded(path.read_bytes())
        parts = GUTENBERG.split(text)
        # Before the start, start, between, end, after the end.
        yield parts[2] if len(parts) == 5 else text


def letters(pattern: str, folder: Path) -> Iterator[str]:
    """E-mail without headers and without what is no text."""
    for path in files(folder, pattern):
        message = email.message_from_bytes(path.read_bytes())
        for part in message.walk():
            if part.get_content_type() == "text/plain":
                body = part.get_payload(decode=True)
                yield decoded(body if isinstance(body, bytes) else b"")


class _Page(HTMLParser):
    """The text of a page: a line for each block, empty lines between them; preformatted text as it is."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HIDDEN:
            self._hidden += 1
        self._preformatted += tag == "pre"
        if tag in BLOCKS:
            self.parts.append("\n\n")
        elif tag in VOID:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        self._preformatted = max(0, self._preformatted - (tag == "pre"))
        if tag in BLOCKS:
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data if self._preformatted else re.sub(r"\s+", " ", data))


def page_text(markup: str) -> str:
    """What one reads on a web page."""
    page = _Page()
    page.feed(markup)
    page.close()
    return "\n".join(
        line.strip(" ") if not line.startswith("  ") else line for line in "".join(page.parts).split("\n")
    )


def web_pages(pattern: str, folder: Path) -> Iterator[str]:
    for path in files(folder, pattern):
        yield page_text(decoded(path.read_bytes()))


def pods(pattern: str, folder: Path) -> Iterator[str]:
    """Perl's manuals: commands become plain lines, codes such as C<...> what they enclose."""
    for path in files(folder, pattern):
        text = decoded(path.read_bytes())
        text = re.sub(r"^=(?:begin|for|encoding|end|pod|cut|over|back)\b[^\n]*\n", "", text, flags=re.M)
        text = re.sub(r"^=(?:head\d|item)[ \t]*", "", text, flags=re.M)
        text = re.sub(r"[BCFISXZ]<<+ (.*?) >>+", r"\1", text, flags=re.S)
        before = ""
        while before != text:  # codes nest
            before = text
            text = re.sub(r"L<(?:([^<>|]*)\|)?([^<>|]*)>", lambda m: m[1] or m[2], text)
            text = re.sub(r"X<[^<>]*>|Z<>", "", text)
            text = re.sub(r"[BCFIS]<([^<>]*)>", r"\1", text)
        yield text.replace("E<lt>", "<").replace("E<gt>", ">")


def dictionary(pattern: str, folder: Path) -> Iterator[str]:
    """A dictd dictionary; entries begin at the margin, in runs of about JOINED_CHARACTERS."""
    for path in files(folder, pattern):
        text = decoded(gzip.decompress(path.read_bytes()))
        entries = re.split(r"\n(?=\S)", text)
        yield from _joined((_unwrapped(entry) for entry in entries), "\n")


def _unwrapped(entry: str) -> str:
    """Lines that only wrap are joined: those that go on in the same depth."""
    lines = entry.split("\n")
    out: list[str] = [lines[0].strip()]
    for line in lines[1:]:
        body = line.strip()
        new = (
            not out[-1]
            or not body
            or re.match(r"\(?[0-9a-z]{1,2}[.)] |Syn:|Note:|\[|\{", body)
            or len(out) == 1
        )
        if new:
            out.append(body)
        else:
            out[-1] += " " + body
    return "\n".join(line for line in out if line)


def sword_module(pattern: str, parts: tuple[str, ...], folder: Path) -> Iterator[str]:
    """Compressed modules of the SWORD library: an index of blocks (offset, size, size unpacked), zlib blocks, OSIS."""
    modules = sorted(path for path in folder.glob(pattern) if path.is_dir())
    if not modules:
        raise EqualInfoError(
            f"the package holds no {pattern}; its layout has changed, leave it out by --without"
        )
    for part in parts:
        index, data = (modules[0] / f"{part}{letter}" for letter in "sz")
        blocks, text = index.read_bytes(), data.read_bytes()
        for offset, size, _ in struct.iter_unpack("<III", blocks[: len(blocks) // 12 * 12]):
            if size:
                yield _osis(decoded(zlib.decompress(text[offset : offset + size])))


def _osis(markup: str) -> str:
    markup = re.sub(r"<note\b.*?</note>", "", markup, flags=re.S)
    markup = re.sub(r"<(?:lb|/p|p|/l|/lg|/title|title|div|/div|milestone|/verse|verse)\b[^>]*>", "\n", markup)
    return plain_text(markup.replace("\0", "\n"))


def json_strings(pattern: str, folder: Path) -> Iterator[str]:
    """Prose among the strings of JSON files."""
    for path in files(folder, pattern):
        try:
            value = json.loads(path.read_bytes())
        except ValueError:
            continue  # some are in a dialect of their own
        prose = (text for text in strings(value) if len(text) > PROSE_CHARACTERS and " " in text)
        yield from _joined(prose, "\n\n")


def api_documentation(pattern: str, folder: Path) -> Iterator[str]:
    """The documentation inside service models, of the newest version of each service."""
    newest = {path.parent.parent: path for path in files(folder, pattern)}
    for path in newest.values():
        model = json.loads(gzip.decompress(path.read_bytes()))
        texts = (plain_text(text) for text in _documentation(model))
        yield from _joined((text for text in texts if len(text) > PROSE_CHARACTERS), "\n\n")


def _documentation(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "documentation" and isinstance(part, str):
                yield part
            else:
                yield from _documentation(part)
    elif isinstance(value, list):
        for part in value:
            yield from _documentation(part)


def zipped_table(pattern: str, column: str, folder: Path) -> Iterator[str]:
    """A column of the CSV files in a ZIP file."""
    csv.field_size_limit(1 << 27)
    for path in files(folder, pattern):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                with archive.open(name) as stream:
                    for row in csv.DictReader(io.TextIOWrapper(stream, "utf-8", "replace")):
                        yield row.get(column) or ""


def recipes(pattern: str, folder: Path) -> Iterator[str]:
    """Every recipe's strings, one to a line."""
    for path in files(folder, pattern):
        value = json.loads(path.read_bytes())
        for recipe in value.values() if isinstance(value, dict) else value:
            yield "\n".join(text for text in strings(recipe) if " " in text and "://" not in text)


def _joined(texts: Iterator[str], between: str) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size >= JOINED_CHARACTERS:
            yield between.join(held)
            held, size = [], 0
    if held:
        yield between.join(held)
