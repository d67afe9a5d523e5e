"""Documents from text, JSON Lines, Parquet, folders and standard input, one at a time.

Memory does not grow with the corpus: readers hold one document of text, one line of JSON Lines or one
batch of Parquet rows.
"""

import io
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa

from equalinfo.corpus import embedded
from equalinfo.corpus.records import json_documents, parquet_documents
from equalinfo.corpus.text import MAX_DOCUMENT_BYTES, text_documents
from equalinfo.errors import EqualInfoError

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
# C4 names its JSON Lines files ".json.gz", hence ".json" too.
JSON_LINES = {".jsonl", ".ndjson", ".json"}


def read_documents(source: str | os.PathLike[str], field: str = "text") -> Iterator[bytes]:
    """Streams the documents of a corpus as bytes, in a fixed order; empty documents are skipped.

    Args:
        source: one of
            - a text file (any name not listed below, also with ``.gz`` or ``.zst`` after it): raw bytes,
              not necessarily UTF-8, cut at blank lines (`text_documents`);
            - ``.jsonl``, ``.ndjson`` or ``.json``, also with ``.gz`` or ``.zst``: JSON Lines, one object
              per line;
            - ``.parquet``;
            - a folder: all files below it by relative path, without hidden ones and without following
              links to folders. There, a ``.txt`` file of at most 1 MiB is one document whole;
            - the string ``-``: text on standard input;
            - the string ``embedded``: the default corpus (docs/corpora.md).
        field: the JSON key or Parquet column that holds the text, encoded as UTF-8.

    Raises:
        EqualInfoError: the source is missing, damaged, not in its format, or has no document. What can be
            seen without reading it is raised by this call, the rest while iterating.
    """
    if isinstance(source, str):
        if source == "embedded":
            return embedded.embedded_documents()
        if source == "-":
            return _not_empty(text_documents(sys.stdin.buffer), "standard input")
        if source.startswith("hf:"):
            raise EqualInfoError(
                f"{shown(source)} is not supported yet: export the dataset to JSONL or Parquet"
            )
    path = Path(source)
    try:
        # An empty name would mean the working directory.
        if not os.fspath(source) or not path.exists():
            raise EqualInfoError(f"{shown(source) or '(no name)'}: no such file or folder; check the path")
        folder = path.is_dir()
    except OSError as error:
        raise _unreadable(path, error) from error
    documents = _folder_documents(path, field) if folder else _file_documents(path, field)
    return _not_empty(documents, shown(path))


def _not_empty(documents: Iterable[bytes], name: str) -> Iterator[bytes]:
    found = False
    for document in documents:
        if document:
            found = True
            yield document
    if not found:
        raise EqualInfoError(f"{name} holds no document; name a source that has text")


def _folder_documents(folder: Path, field: str) -> Iterator[bytes]:
    for path in _files_below(folder):
        whole = _small_text(path)
        if whole is None:
            yield from _file_documents(path, field)
        else:
            yield whole


def _files_below(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise _unreadable(Path(error.filename), error) from error

    found = []
    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if not name.startswith(".")]
    # Pipes and devices might never end. A link to nowhere stays, so that opening it is an error.
    files = [path for path in found if path.is_file() or not path.exists()]
    return sorted(files, key=lambda path: path.relative_to(folder).as_posix())


def _small_text(path: Path) -> bytes | None:
    """The content of a ``.txt`` file of at most 1 MiB, None for any other file."""
    try:
        if path.suffix.lower() == ".txt" and path.stat().st_size <= MAX_DOCUMENT_BYTES:
            return path.read_bytes()
        return None
    except OSError as error:
        raise _unreadable(path, error) from error


def _file_documents(path: Path, field: str) -> Iterator[bytes]:
    name = path.name.lower()
    compression = COMPRESSIONS.get(Path(name).suffix)
    extension = Path(Path(name).stem).suffix if compression else Path(name).suffix
    if extension == ".parquet" and compression:
        raise EqualInfoError(f"{shown(path)} is compressed twice; decompress it to .parquet first")
    try:
        # Python opens the file, because pyarrow cannot open names that are not UTF-8.
        with open(path, "rb") as file:
            if extension == ".parquet":
                yield from parquet_documents(file, shown(path), field)
                return
            stream = _decompressed(file, compression) if compression else file
            if extension in JSON_LINES:
                yield from json_documents(stream, shown(path), field)
            else:
                yield from text_documents(stream)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _decompressed(file: IO[bytes], compression: str) -> IO[bytes]:
    return io.BufferedReader(pa.CompressedInputStream(file, compression), 1 << 18)


def _unreadable(path: Path, error: Exception) -> EqualInfoError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    reason = " ".join(reason.split())[:200]
    return EqualInfoError(f"{shown(path)} cannot be read ({reason}); check it or fetch it again")


def shown(path: str | os.PathLike[str]) -> str:
    """`path` for a message of one line: a name with line ends or undecodable bytes is escaped."""
    name = os.fspath(path)
    return name if name.isprintable() else ascii(name)
