"""Prose inside JSON: game data, service models, recipes."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from equalinfo.corpus.embedded import plain_text, strings
from scripts.corpus_mix.unpacked import files, joined, text_of

# Shorter strings of games and APIs are labels.
PROSE_CHARACTERS = 40
# Keys of game data whose strings are maps and pictures; those that begin with // are remarks to its authors.
DRAWN = {"rows", "picture", "mapgen", "map"}
COLOUR = re.compile(r"</?color[^<>]*>")
WORD = re.compile(r"[A-Za-z]{2,}")


def game_texts(pattern: str, folder: Path) -> Iterator[str]:
    """Descriptions and dialogue of game data; files in a dialect of JSON are passed over."""
    for path in files(folder, pattern):
        try:
            value = json.loads(path.read_bytes())
        except ValueError:
            continue
        yield from joined(COLOUR.sub("", text) for text in _told(value) if _is_prose(text))


def _told(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _told(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            if key not in DRAWN and not key.startswith("//"):
                yield from _told(part)


def _is_prose(text: str) -> bool:
    return len(text) > PROSE_CHARACTERS and sum(map(len, WORD.findall(text))) > 0.6 * len(text)


def api_documentation(pattern: str, folder: Path) -> Iterator[str]:
    """The documentation inside service models, of the newest version of each service."""
    newest = {path.parent.parent: path for path in files(folder, pattern)}
    for path in newest.values():
        model = json.loads(gzip.decompress(path.read_bytes()))
        texts = (plain_text(text) for text in _documentation(model))
        yield from joined(text for text in texts if len(text) > PROSE_CHARACTERS)


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


def recipes(pattern: str, folder: Path) -> Iterator[str]:
    """The strings of each recipe, one to a line."""
    for path in files(folder, pattern):
        value = json.loads(text_of(path))
        for recipe in value.values() if isinstance(value, dict) else value:
            lines = (plain_text(text) for text in strings(recipe) if " " in text and "://" not in text)
            yield "\n".join(lines)
