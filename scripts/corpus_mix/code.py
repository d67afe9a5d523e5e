"""Source code, as it stands in packages."""

from collections.abc import Iterator
from pathlib import Path

from scripts.corpus_mix.unpacked import files, text_of

# Longer files are data or other programs' output, and so are those whose lines are longer than people write.
MOST_BYTES = 400_000
LINE_CHARACTERS = 120


def source_files(
    patterns: tuple[str, ...], folder: Path, without: tuple[str, ...] = (), most_bytes: int = MOST_BYTES
) -> Iterator[str]:
    """Files that people wrote, each one text."""
    for pattern in patterns:
        for path in files(folder, pattern, without):
            text = text_of(path)
            if 0 < len(text) <= most_bytes and len(text) <= LINE_CHARACTERS * (text.count("\n") + 1):
                yield text
