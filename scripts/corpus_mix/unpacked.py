"""Files of an unpacked package, and their text."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from equalinfo.errors import EqualInfoError
from equalinfo.parallel import grouped

# Short texts of one file are joined up to this size: about the mean document of a web corpus.
JOINED_CHARACTERS = 2_500


def files(folder: Path, pattern: str, without: Iterable[str] = ()) -> list[Path]:
    """The files that fit `pattern`, by name, without links: those may lead out of the package, or give a text twice.

    Args:
        without: patterns of paths inside the package to leave out; their ``*`` fits slashes too.

    Raises:
        EqualInfoError: there is none, so the package is not laid out as expected.
    """
    inside = folder.resolve()
    found = [
        path
        for path in folder.glob(pattern)
        if path.is_file()
        and path.resolve() == inside / path.relative_to(folder)
        and not any(fnmatchcase(path.relative_to(folder).as_posix(), other) for other in without)
    ]
    if not found:
        raise changed(pattern)
    return sorted(found, key=lambda path: path.as_posix())


def changed(what: str) -> EqualInfoError:
    return EqualInfoError(f"its package holds no {what}; the layout has changed, so leave it out (--without)")


def text_of(path: Path) -> str:
    """UTF-8, or else Latin-1, in which old manuals are written."""
    data = path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def joined(texts: Iterable[str], between: str = "\n\n") -> Iterator[str]:
    """Runs of consecutive texts, each of about `JOINED_CHARACTERS` or one longer text."""
    return map(between.join, grouped(texts, JOINED_CHARACTERS))
