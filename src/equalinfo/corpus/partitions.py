"""A corpus cut into partitions, which are read and tokenized independently.

Partitions follow from the source and a size alone, never from how many workers there are, so whatever is made from each
of them is the same on any machine. In order they hold the documents of `read_documents`, each once.
"""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import pairwise
from typing import Any

from equalinfo.corpus.embedded import PACKAGES, embedded_documents
from equalinfo.corpus.file_ranges import FileRange, is_compressed, range_documents
from equalinfo.corpus.hub import hub_shards
from equalinfo.corpus.locations import HUB, absolute, files_of, open_file, reading, shown, stamp_of
from equalinfo.corpus.readers import file_range
from equalinfo.corpus.records import STRICT, BadDocuments
from equalinfo.errors import EqualInfoError

REQUESTS_AT_ONCE = 32


@dataclass(frozen=True)
class Partition:
    """Consecutive ranges of a corpus.

    Args:
        number: from 0.
        ranges: in order.
        size: about how many bytes there are to read: of text where the source says so, of files otherwise.
    """

    number: int
    ranges: tuple[FileRange, ...]
    size: int

    def documents(self, field: str, bad: BadDocuments = STRICT) -> Iterator[bytes]:
        """The documents in order, empty ones too; errors as in `range_documents`, and for those with a zero byte."""
        for span in self.ranges:
            yield from bad.unless_cut(range_documents(span, field, bad), shown(span.source))

    @property
    def shown(self) -> str:
        """What it covers, for messages."""
        first, last = self.ranges[0], self.ranges[-1]
        names = shown(first.source) if first.source == last.source else f"{shown(first.source)} and following"
        part = f" from {first.start} to {last.stop}" if last.stop is not None else ""
        return names + part

    def to_json(self) -> dict[str, Any]:
        return {"number": self.number, "pieces": [asdict(span) for span in self.ranges], "size": self.size}

    @staticmethod
    def from_json(fields: dict[str, Any]) -> "Partition":
        ranges = tuple(FileRange(**span) for span in fields["pieces"])
        return Partition(fields["number"], ranges, fields["size"])


def partitions_of(source: str, field: str, partition_bytes: int) -> tuple[list[Partition], list[str]]:
    r"""The partitions of a corpus, and stamps that change when the corpus does.

    Args:
        source: what `read_documents` takes.
        field: key or column that holds the text.
        partition_bytes: about how large a partition is; a Parquet row group and a file that is compressed or plain
            text are never cut, however large.

    Raises:
        EqualInfoError: the source is missing, cannot be read, or has no file.

    Examples:
        >>> from pathlib import Path
        >>> _ = Path("notes.jsonl").write_text("".join(f'{{"text": "note {n} of many"}}\n' for n in range(200)))
        >>> partitions, _ = partitions_of("notes.jsonl", "text", partition_bytes=2000)
        >>> [len(list(partition.documents("text"))) for partition in partitions]
        [72, 70, 58]
    """
    if partition_bytes < 1:
        raise EqualInfoError(f"a partition must have at least 1 byte, not {partition_bytes}")
    if source == "-":
        # What comes through a pipe cannot be read again, so it is never the same corpus.
        return [Partition(0, (FileRange("-", "stdin"),), 0)], [secrets.token_hex(8)]
    if source == "embedded":
        embedded_documents()  # tells which package is missing
        stamps = [f"{name} {version(name)}" for name in PACKAGES]
        return [Partition(0, (FileRange("embedded", "embedded"),), 0)], stamps
    if source.startswith(HUB):
        # Each is a file, mostly; how large is not known.
        shards, stamp = hub_shards(source)
        cut = (FileRange(source, "hf", index, index + 1) for index in range(shards))
        return [Partition(number, (span,), 0) for number, span in enumerate(cut)], [stamp]
    names, folder = files_of(source)

    def looked_at(name: str) -> tuple[list[tuple[FileRange, int]], str]:
        size, stamp = stamp_of(name)
        return _ranges_of(file_range(name, folder), size, field, partition_bytes), stamp

    # Sizes and footers of files on a network take a request or two each.
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        looks = list(pool.map(looked_at, map(absolute, names)))
    ranges = [span for spans, _ in looks for span in spans]
    stamps = [stamp for _, stamp in looks]
    if not ranges:
        raise EqualInfoError(f"{shown(source)} holds no document; name a source that has text")
    return _grouped(ranges, partition_bytes), stamps


def _ranges_of(whole: FileRange, size: int, field: str, target: int) -> list[tuple[FileRange, int]]:
    """A file cut into ranges of about `target` bytes, each with its size."""
    if whole.form == "parquet":
        bounds, sizes = _row_groups(whole.source, field, target)
    elif whole.form == "lines" and not is_compressed(whole.source) and size > target:
        bounds = [*range(0, size, target), size]
        sizes = [stop - start for start, stop in pairwise(bounds)]
    else:
        return [(whole, size)]
    cut = (FileRange(whole.source, whole.form, start, stop) for start, stop in pairwise(bounds))
    return list(zip(cut, sizes, strict=True))


def _row_groups(name: str, field: str, target: int) -> tuple[list[int], list[int]]:
    """Bounds between runs of row groups with about `target` bytes of text, and the bytes of each run."""
    if is_compressed(name):
        raise EqualInfoError(f"{shown(name)} is compressed twice; decompress it to .parquet first")
    from equalinfo.corpus.parquet import damage_as_os_error, open_parquet

    with reading(name), open_file(name) as file, damage_as_os_error():
        metadata = open_parquet(file, shown(name), field).metadata
        leaves = [metadata.schema.column(number).path for number in range(metadata.num_columns)]
        column = leaves.index(field)
        sizes = [
            metadata.row_group(number).column(column).total_uncompressed_size
            for number in range(metadata.num_row_groups)
        ]
    bounds, totals = [0], [0]
    for number, size in enumerate(sizes):
        if totals[-1] and totals[-1] + size > target:
            bounds.append(number)
            totals.append(0)
        totals[-1] += size
    return [*bounds, len(sizes)], totals


def _grouped(ranges: list[tuple[FileRange, int]], target: int) -> list[Partition]:
    """Small ranges that follow each other, as of a folder of short texts, share a partition."""
    groups: list[list[FileRange]] = [[]]
    sizes = [0]
    for span, size in ranges:
        if groups[-1] and sizes[-1] + size > target:
            groups.append([])
            sizes.append(0)
        groups[-1].append(span)
        sizes[-1] += size
    return [
        Partition(number, tuple(group), size)
        for number, (group, size) in enumerate(zip(groups, sizes, strict=True))
    ]
