"""Where the files of a corpus are: on this machine, or anywhere that fsspec reaches.

A name with ``://`` in it is a URL (``https://``, ``s3://``, ``gs://``, ``memory://``); everything else is a path.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from equalinfo.errors import EqualInfoError, Unreachable
from equalinfo.extras import needed

REMOTE_BUFFER_BYTES = 1 << 20
HUB = "hf:"  # begins the names of datasets (`corpus.hub`)


def is_url(source: str | os.PathLike[str]) -> bool:
    """Whether `source` is read through fsspec."""
    return isinstance(source, str) and "://" in source


def files_of(source: str | os.PathLike[str]) -> tuple[list[str], bool]:
    """The files of a source in order, and whether it is a folder (or a pattern) of them.

    Args:
        source: a path or URL; a URL may hold ``*``.

    Raises:
        EqualInfoError: it is missing or cannot be listed.
    """
    if is_url(source):
        return _remote_files(str(source))
    path = Path(source)
    with reading(source):
        # An empty name would mean the working directory.
        if not os.fspath(source) or not path.exists():
            raise EqualInfoError(f"{shown(source) or '(no name)'}: no such file or folder; check the path")
        if not path.is_dir():
            return [os.fspath(source)], False
        return _files_below(path), True


def _files_below(folder: Path) -> list[str]:
    def refuse(error: OSError) -> None:
        raise unreadable(error.filename, error) from error

    paths = []
    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(parent, name) for name in names if not name.startswith(".")]
    # Pipes and devices might never end. A link to nowhere stays, so that opening it is an error.
    files = [path for path in paths if path.is_file() or not path.exists()]
    return [os.fspath(path) for path in sorted(files, key=lambda path: path.relative_to(folder).as_posix())]


def _remote_files(url: str) -> tuple[list[str], bool]:
    with reading(url):
        system, path = _file_system(url)
        if "*" in path:
            entries = system.glob(path, detail=True)
            names = [name for name, facts in entries.items() if facts.get("type") != "directory"]
            files = sorted(name for name in names if not _hidden(PurePosixPath(name).name))
        # A web server does not tell files from folders, but its folders end so.
        elif not path.endswith("/") and system.isfile(path):
            return [url], False
        else:
            below = path.rstrip("/") + "/"
            files = sorted(name for name in system.find(path) if not _hidden(name.removeprefix(below)))
        if not files:
            system.info(path)  # says why, where it is not that there is none
            raise FileNotFoundError
        return [system.unstrip_protocol(name) for name in files], True


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def open_file(name: str) -> IO[bytes]:
    """Opens a file for reading, at its beginning and seekable. Raises what opening it raises."""
    if is_url(name):
        system, path = _file_system(name)
        # Its own objects read no lines of limited length.
        return io.BufferedReader(system.open(path, "rb"), REMOTE_BUFFER_BYTES)
    return open(name, "rb")


def absolute(name: str) -> str:
    """A name that means the same file in any working directory."""
    return name if is_url(name) else os.path.abspath(name)


def stamp_of(name: str) -> tuple[int, str]:
    """The size of a file in bytes, and a text that changes when the file does.

    Raises:
        EqualInfoError: the file is missing.
    """
    with reading(name):
        if not is_url(name):
            status = os.stat(name)
            return status.st_size, f"{status.st_size} {status.st_mtime_ns}"
        system, path = _file_system(name)
        facts = system.info(path)
        size = int(facts.get("size") or 0)
        marks = [facts.get(key) for key in ("ETag", "etag", "mtime", "LastModified", "updated", "created")]
        return size, " ".join(str(mark) for mark in [size, *marks] if mark is not None)


def _file_system(url: str) -> tuple[Any, str]:
    with needed(shown(url)):
        from fsspec.core import url_to_fs
    try:
        system, path = url_to_fs(url)
    except (ImportError, ValueError) as error:  # the protocol needs a package of its own, or there is none
        raise unreadable(url, error) from error
    return system, path


@contextmanager
def reading(source: str | os.PathLike[str]) -> Iterator[None]:
    """Turns what goes wrong into an error that names the source. Remote systems raise errors of many libraries."""
    try:
        yield
    except EqualInfoError:
        raise
    except Exception as error:
        if not _is_remote(source) and not isinstance(error, OSError):
            raise
        raise unreadable(source, error) from error


def _is_remote(source: str | os.PathLike[str]) -> bool:
    return is_url(source) or os.fspath(source).startswith(HUB)


def unreadable(path: str | os.PathLike[str], error: BaseException) -> EqualInfoError:
    """The error that a file cannot be read, in one line; `Unreachable` where trying again may help."""
    # fsspec calls a file missing whatever kept it from the web server; the cause is what happened.
    while isinstance(error, FileNotFoundError) and (cause := error.__cause__):
        if getattr(cause, "status", None) in (404, 410):
            break
        error = cause
    if isinstance(error, FileNotFoundError) and is_url(path):
        return EqualInfoError(f"{shown(path)}: no such file or folder; check the URL")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    reason = " ".join(reason.split())[:200]
    if _is_remote(path) and not isinstance(error, FileNotFoundError):
        verb = "reached" if isinstance(error, OSError) else "read"
        return Unreachable(
            f"{shown(path)} cannot be {verb} ({reason}); check the network, the name and your access"
        )
    return EqualInfoError(f"{shown(path)} cannot be read ({reason}); check it or fetch it again")


def shown(path: str | os.PathLike[str]) -> str:
    """`path` for a message of one line: a name with line ends or undecodable bytes is escaped."""
    name = os.fspath(path)
    return name if name.isprintable() else ascii(name)
