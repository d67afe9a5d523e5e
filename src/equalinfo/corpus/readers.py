"""Documents from text, JSON Lines, Parquet, folders and standard input, one at a time.

Memory does not grow with the corpus: readers hold one document of text, one line of JSON Lines or one
batch of Parquet rows.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from equalinfo.corpus import embedded
from equalinfo.corpus.file_ranges import FileRange, form_of, range_documents
from equalinfo.corpus.hub import hub_shards
from equalinfo.corpus.locations import HUB, files_of, is_url, shown, stamp_of
from equalinfo.corpus.text import MAX_DOCUMENT_BYTES
from equalinfo.errors import EqualInfoError


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
            - a URL of any of these, or of files by a pattern with ``*`` (docs/corpora.md);
            - ``hf:NAME[:CONFIG[:SPLIT]]``: a dataset, streamed through `datasets`;
            - the string ``-``: standard input, JSON Lines if its first line is a JSON object, otherwise text;
            - the string ``embedded``: the default corpus (docs/corpora.md).
        field: the JSON key or Parquet column that holds the text, encoded as UTF-8.

    Raises:
        EqualInfoError: the source is missing, damaged, not in its format, or has no document. What can be
            seen without reading it is raised by this call, the rest while iterating.

    Examples:
        >>> _ = Path("notes.txt").write_text("one document")
        >>> list(read_documents("notes.txt"))
        [b'one document']
    """
    if isinstance(source, str):
        if source == "embedded":
            return embedded.embedded_documents()
        if source == "-":
            return _not_empty(range_documents(FileRange("-", "stdin"), field), "standard input")
        if source.startswith(HUB):
            hub_shards(source)
            return _not_empty(range_documents(FileRange(source, "hf"), field), shown(source))
    names, folder = files_of(source)
    documents = (document for name in names for document in range_documents(file_range(name, folder), field))
    return _not_empty(documents, shown(source if is_url(source) else os.path.normpath(source)))


def local_inputs(source: str | os.PathLike[str]) -> list[Path]:
    """The file or folder on this machine that a corpus is, "-" for standard input; nothing for other sources."""
    elsewhere = isinstance(source, str) and (source == "embedded" or source.startswith(HUB))
    return [] if elsewhere or is_url(source) else [Path(source)]


def file_range(name: str, in_folder: bool) -> FileRange:
    """A whole file as one piece.

    Args:
        in_folder: then a small ``.txt`` is one document.
    """
    form = form_of(name)
    small = in_folder and name.lower().endswith(".txt") and stamp_of(name)[0] <= MAX_DOCUMENT_BYTES
    return FileRange(name, "whole" if small else form)


def _not_empty(documents: Iterable[bytes], name: str) -> Iterator[bytes]:
    any_document = False
    for document in documents:
        if document:
            any_document = True
            yield document
    if not any_document:
        raise EqualInfoError(f"{name} holds no document; name a source that has text")
