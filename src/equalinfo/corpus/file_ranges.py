"""A file of a corpus or a range of one, and how documents are read from it."""

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, cast

from equalinfo.corpus import embedded
from equalinfo.corpus.hub import hub_documents
from equalinfo.corpus.locations import open_file, reading, shown
from equalinfo.corpus.records import MAX_LINE_BYTES, STRICT, BadDocuments, is_object, json_documents
from equalinfo.corpus.text import text_documents
from equalinfo.errors import EqualInfoError
from equalinfo.extras import needed

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
# C4 names its JSON Lines files ".json.gz", hence ".json" too.
JSON_LINES = {".jsonl", ".ndjson", ".json"}


@dataclass(frozen=True)
class FileRange:
    """A part of a corpus that is read on its own.

    Args:
        source: a path or URL; the source itself where it is no file (``-``, ``embedded``, ``hf:...``).
        form: how it is read: "lines" (JSON Lines), "parquet", "text", "whole" (one document), or the
            source's own name: "stdin", "embedded", "hf".
        start, stop: which part: bytes of JSON Lines (the lines that begin there), row groups of Parquet, shards
            of an hf source; `stop` None: to the end.
    """

    source: str
    form: str
    start: int = 0
    stop: int | None = None


def form_of(name: str) -> str:
    """The form that a file's name tells."""
    extension, _ = _extension(name)
    return "parquet" if extension == ".parquet" else "lines" if extension in JSON_LINES else "text"


def is_compressed(name: str) -> bool:
    """Whether a file is decompressed while it is read, and so has no parts that can be read alone."""
    return _extension(name)[1] is not None


def _extension(name: str) -> tuple[str, str | None]:
    """The extension of a file in lower case, and how it is compressed."""
    path = PurePosixPath(name.lower())
    compression = COMPRESSIONS.get(path.suffix)
    return PurePosixPath(path.stem).suffix if compression else path.suffix, compression


def range_documents(span: FileRange, field: str, bad: BadDocuments = STRICT) -> Iterator[bytes]:
    """The documents of a range in order, empty ones too.

    Raises:
        EqualInfoError: it cannot be read, or holds a bad row that `bad` does not leave out.
    """
    if span.form == "embedded":
        yield from embedded.embedded_documents()
    elif span.form == "stdin":
        yield from _piped_documents(sys.stdin.buffer, field, bad)
    elif span.form == "hf":
        yield from hub_documents(span.source, field, bad, span.start, span.stop)
    else:
        yield from _file_documents(span, field, bad)


def _piped_documents(stream: IO[bytes], field: str, bad: BadDocuments) -> Iterator[bytes]:
    """A pipe has no name that tells its form: JSON Lines where the first line is an object, otherwise text."""
    first = stream.readline(MAX_LINE_BYTES)
    again = cast(IO[bytes], _FirstLineAgain(first, stream))
    if is_object(first):
        yield from json_documents(again, "standard input", field, bad)
    else:
        yield from text_documents(again)


class _FirstLineAgain:
    """A stream whose first line was read already."""

    def __init__(self, first: bytes, stream: IO[bytes]) -> None:
        self._first, self._stream = first, stream

    def readline(self, limit: int) -> bytes:
        if not self._first:
            return self._stream.readline(limit)
        part, self._first = self._first[:limit], self._first[limit:]
        return part


def _file_documents(span: FileRange, field: str, bad: BadDocuments) -> Iterator[bytes]:
    name = shown(span.source)
    _, compression = _extension(span.source)
    if span.form == "parquet" and compression:
        raise EqualInfoError(f"{name} is compressed twice; decompress it to .parquet first")
    # Python opens the file, because pyarrow cannot open names that are not UTF-8.
    with reading(span.source), open_file(span.source) as file:
        stream = _decompressed(file, compression) if compression else file
        if span.form == "whole":
            yield stream.read()
        elif span.form == "parquet":
            from equalinfo.corpus.parquet import parquet_documents

            yield from parquet_documents(stream, name, field, bad, span.start, span.stop)
        elif span.form == "lines":
            yield from json_documents(stream, name, field, bad, span.start, span.stop)
        else:
            yield from text_documents(stream)


def _decompressed(file: IO[bytes], compression: str) -> IO[bytes]:
    with needed():
        import pyarrow as pa
    return io.BufferedReader(pa.CompressedInputStream(file, compression), 1 << 18)
