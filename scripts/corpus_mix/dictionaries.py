"""Texts of dictionaries in the format of dictd: compressed lines, an entry from each line at the margin on."""

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from scripts.corpus_mix.unpacked import changed, files, joined

# A line that the first word of the next would have made longer than this was wrapped there.
WRAPPED_CHARACTERS = 64
# Which edition a sense is from: up to a tenth of the file, and no text.
EDITION = re.compile(r"\[[^\]\n]*(?:Webster|PJC|WordNet|Century Dict)[^\]\n]*\]")
PRONUNCIATION = re.compile(r"[ \t]*\\[^\\\n]{1,80}\\")
REFERENCE = re.compile(r"\{([^{}]{1,200})\}")


def dictionary(pattern: str, folder: Path) -> Iterator[str]:
    """Entries in runs of about `JOINED_CHARACTERS`, unwrapped, without marks of editions, sounds and references."""
    for path in files(folder, pattern):
        try:
            text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        except (OSError, EOFError, zlib.error):
            raise changed("readable dictionary") from None
        entries = re.split(r"\n(?=[^\s\[{,])", text)
        yield from joined(entry_text(entry) for entry in entries if not entry.startswith("00"))


def entry_text(entry: str) -> str:
    """One entry as its paragraphs, each on one line; lines that do not only wrap stay apart."""
    lines: list[str] = []
    # How far the line before went; a line that follows none begins a paragraph.
    reached = 0
    for line in EDITION.sub("", entry).split("\n"):
        body = " ".join(line.split())
        if not body:
            reached = 0
            continue
        if body.startswith(",") and lines:
            lines[-1] += body  # a head of several words
        elif reached and reached + 1 + len(body.split(" ", 1)[0]) > WRAPPED_CHARACTERS:
            lines[-1] += f" {body}"
        else:
            lines.append(body)
        reached = len(line.rstrip())
    lines[:1] = [PRONUNCIATION.sub("", line) for line in lines[:1]]
    return REFERENCE.sub(r"\1", "\n".join(lines))
