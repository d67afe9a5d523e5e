"""Messages of programs in many languages: gettext catalogues and JSON files, one or more to a language."""

import json
import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from equalinfo.corpus.embedded import plain_text, strings
from scripts.corpus_mix.languages import LANGUAGES, language_of
from scripts.corpus_mix.unpacked import changed, files, joined

ENGLISH = "en"
MARKUP = re.compile(r"[<&]")
# Variables, and the names of a message's variants.
PLACEHOLDER = re.compile(r"\{[^{}]*\}|^\s*\*?\[\w+\]|%(?:\d\$)?[Sd]")
# Marks, which stand between letters in many scripts, are none to this module.
TWO_LETTERS = re.compile(r"[^\W\d_].*?[^\W\d_]", re.S)


def translations(
    pattern: str, tag: str, folder: Path, without: tuple[str, ...] = (), key: str = ""
) -> Iterator[tuple[str, str]]:
    """Each language's messages, as (code, text): a line for each message, once each, English first.

    What other languages have in English, because nobody has translated it, is left out.

    Args:
        pattern: the files, .mo or .json.
        tag: a regular expression whose one group finds the language tag in a path.
        key: take only strings of this key of JSON objects.

    Raises:
        EqualInfoError: no file fits.
    """
    found: dict[str, list[Path]] = {}
    for path in files(folder, pattern, without):
        named = re.search(tag, path.relative_to(folder).as_posix())
        if named and (language := language_of(named[1])):
            found.setdefault(language, []).append(path)
    if not found:
        raise changed(pattern)
    messages: dict[str, dict[str, None]] = {language: {} for language in LANGUAGES}
    for language, paths in found.items():
        for path in paths:
            if path.suffix == ".mo":
                for english, translated in catalogue(path.read_bytes()):
                    messages[ENGLISH].update(dict.fromkeys(_clean([english])))
                    messages[language].update(dict.fromkeys(_clean([translated])))
            else:
                value = json.loads(path.read_bytes())
                texts = strings(list(_under(key, value)) if key else value)
                messages[language].update(dict.fromkeys(_clean(texts)))
    for language, own in messages.items():
        if language != ENGLISH:
            own = {message: None for message in own if message not in messages[ENGLISH]}
        for text in joined(own, "\n"):
            yield language, text


def language_pack(pattern: str, language: str, folder: Path) -> Iterator[tuple[str, str]]:
    """The messages of a browser's language pack (.xpi) of a language in another script than the Latin one."""
    messages: dict[str, None] = {}
    for path in files(folder, pattern):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith((".ftl", ".properties")):
                    for line in archive.read(name).decode("utf-8", "replace").split("\n"):
                        text = PLACEHOLDER.sub("", "" if line.startswith("#") else line.split("=", 1)[-1])
                        # What is in Latin letters nobody has translated.
                        messages.update(dict.fromkeys(one for one in _clean([text]) if not one.isascii()))
    for text in joined(messages, "\n"):
        yield language, text


def catalogue(data: bytes) -> Iterator[tuple[str, str]]:
    """The messages of a gettext catalogue (.mo) and their translations, each plural form by itself."""
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    count, *tables = struct.unpack_from(f"{order}3I", data, 8)

    def string(table: int, index: int) -> str:
        length, start = struct.unpack_from(f"{order}2I", data, table + 8 * index)
        return data[start : start + length].decode()

    for index in range(count):
        # The message of the empty name is the catalogue's header; a context stands before \4.
        if message := string(tables[0], index).split("\4")[-1].split("\0")[0]:
            for form in filter(None, string(tables[1], index).split("\0")):
                yield message, form


def _under(key: str, value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name == key:
                yield part
            else:
                yield from _under(key, part)
    elif isinstance(value, list):
        for part in value:
            yield from _under(key, part)


def _clean(texts: Any) -> Iterator[str]:
    for text in texts:
        text = plain_text(text) if MARKUP.search(text) else text.strip()
        if TWO_LETTERS.search(text) and "://" not in text:
            yield text
