"""Texts of modules of the SWORD library: a file of zlib blocks, an index of their places, text marked up as OSIS."""

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from equalinfo.corpus.embedded import plain_text
from scripts.corpus_mix.unpacked import changed, files

NOTES = re.compile(r"<note\b.*?</note>", re.S)
LINES = re.compile(r"<(?:lb|/?p|/l|/lg|/?title|div|/div|milestone|/verse|/item)\b[^>]*>")


def sword_module(pattern: str, folder: Path) -> Iterator[str]:
    """The blocks of a module in order: books or chapters, a line for each paragraph or verse.

    Args:
        pattern: the index files, ``*s``; the blocks are in the ``*z`` beside each.

    Raises:
        EqualInfoError: there is none, or a block is not where the index says.
    """
    for index in sorted(files(folder, pattern), key=_testament):
        places, data = index.read_bytes(), index.with_suffix(index.suffix[:-1] + "z").read_bytes()
        for offset, size, _ in struct.iter_unpack("<III", places[: len(places) // 12 * 12]):
            if not size:
                continue
            try:
                block = zlib.decompress(data[offset : offset + size])
            except zlib.error:
                raise changed("readable module") from None
            yield osis_text(block.decode("utf-8", "replace"))


def _testament(index: Path) -> bool:
    return index.name.startswith("nt")


def osis_text(markup: str) -> str:
    """OSIS without footnotes and marks, one line for each paragraph or verse."""
    return plain_text(LINES.sub("\n", NOTES.sub("", markup)).replace("\0", "\n"))
