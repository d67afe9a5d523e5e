"""One partition of a corpus to token shards: what a worker of any engine does.

    DIRECTORY/train-00012.arrow   DIRECTORY/validation-00012.arrow   RECORDS/00012.json

The record is written last, and each file appears whole, so a partition with a record is finished and one without is
done again, to the same bytes. A split without an example in the partition has no shard.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from equalinfo.corpus.bad import BadDocuments
from equalinfo.corpus.examples import Example, ExampleCutter
from equalinfo.corpus.partitions import Partition
from equalinfo.corpus.splits import SPLITS, splits_of
from equalinfo.files import atomic_file, write_json
from equalinfo.pipeline.token_shards import Row, ShardWriter, text_identity
from equalinfo.tokens.base import Tokenizer

# Text that goes to the tokenizer at a time: about what fits a core's cache.
BYTES_AT_ONCE = 64 * 10_240
GROUP_BYTES = 1 << 20  # documents that are split and cut at a time
# A record batch ends after so many examples, or so many ids where examples are long.
EXAMPLES_PER_BATCH = 1024
IDS_PER_BATCH = 1 << 24
LARGE_DOCUMENT_BYTES = 64 << 20

Record = dict[str, Any]
Advance = Callable[[int], None]


@dataclass(frozen=True)
class Work:
    """What workers need to know, besides the partitions.

    Args:
        tokenizer: tokenizer directory.
        shards, records: where they are written; the same folders for all workers.
        field: key or column that holds the text.
        example_bytes: bytes that are compressed together.
        skip_bad: leave out rows without text and count them; otherwise they are errors.
    """

    tokenizer: str
    shards: str
    records: str
    field: str
    example_bytes: int
    skip_bad: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def record_path(work: Work, number: int) -> Path:
    return Path(work.records) / f"{number:05d}.json"


def tokenize_partition(
    tokenizer: Tokenizer, partition: Partition, work: Work, advance: Advance | None = None
) -> Record:
    """Writes the shards of a partition, then its record, which it returns.

    Args:
        tokenizer: the one in `work.tokenizer`.
        advance: told how many bytes of training and validation text have been encoded since the last call.

    Raises:
        EqualInfoError: the partition cannot be read or the shards cannot be written.
    """
    bad = BadDocuments(work.skip_bad)
    splits = dict.fromkeys(SPLITS, 0)
    sizes = dict(splits)
    counts = {"empty": 0, "not_utf8": 0, "large": 0}
    changed, windows = tokenizer.windows_changed
    with ExitStack() as stack:
        shards = {
            split: _Shard(
                Path(work.shards) / f"{split}-{partition.number:05d}.arrow",
                tokenizer,
                work.example_bytes,
                advance,
                stack,
            )
            for split in ("train", "validation")
        }
        for documents in _groups(partition.documents(work.field, bad)):
            found = [document for document in documents if document]
            counts["empty"] += len(documents) - len(found)
            counts["large"] += sum(len(document) > LARGE_DOCUMENT_BYTES for document in found)
            counts["not_utf8"] += _not_utf8(found)
            places = splits_of(found)
            for split in splits:
                own = [document for document, place in zip(found, places, strict=True) if place == split]
                splits[split] += len(own)
                sizes[split] += sum(map(len, own))
                if split in shards:
                    shards[split].add(own)
        for shard in shards.values():
            shard.finish()
    now_changed, now_windows = tokenizer.windows_changed
    record = {
        "partition": partition.number,
        "pieces": partition.to_json()["pieces"],
        "tokenizer": tokenizer.identity,
        "documents": splits,
        "document_bytes": sizes,
        **counts,
        **bad.counts,
        "windows": [now_changed - changed, now_windows - windows],
        "shards": {split: shard.counts for split, shard in shards.items() if shard.counts["examples"]},
    }
    write_json(record_path(work, partition.number), record)
    return record


def _groups(documents: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Documents with about GROUP_BYTES together: what is done for many at a time costs less for each."""
    group: list[bytes] = []
    size = 0
    for document in documents:
        group.append(document)
        size += len(document)
        if size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    yield group


def _not_utf8(documents: list[bytes]) -> int:
    """How many documents are not UTF-8."""
    # A zero byte ends whatever character was begun, so joined documents are UTF-8 if each is.
    if len(documents) > 1 and _is_utf8(b"\0".join(documents)):
        return 0
    return sum(not _is_utf8(document) for document in documents)


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Shard:
    """The examples of one split, encoded in groups; the file appears when `stack` closes without an error."""

    def __init__(
        self,
        path: Path,
        tokenizer: Tokenizer,
        example_bytes: int,
        advance: Advance | None,
        stack: ExitStack,
    ) -> None:
        self.counts: dict[str, Any] = {
            "file": path.name,
            "examples": 0,
            "tokens": 0,
            "bytes": 0,
            "source_bytes": 0,
            "text": "",
        }
        self._path, self._tokenizer, self._advance, self._stack = path, tokenizer, advance, stack
        self._cutter = ExampleCutter(example_bytes)
        self._group_size = max(1, BYTES_AT_ONCE // example_bytes)
        self._group: list[Example] = []
        self._rows: list[Row] = []
        self._writer: ShardWriter | None = None

    def add(self, documents: list[bytes]) -> None:
        # Long documents are not copied once more.
        short = sum(map(len, documents)) <= 2 * GROUP_BYTES
        cut = self._cutter
        for example in cut.add_all(documents) if short else chain.from_iterable(map(cut.add, documents)):
            self._group.append(example)
            if len(self._group) == self._group_size:
                self._encode()

    def finish(self) -> None:
        """Encodes and writes what is left and ends the shard."""
        self._group += self._cutter.rest()
        self._encode()
        self._write()
        if self._writer is not None:
            self._writer.close()
            self.counts |= {"sha256": self._file.digest.hexdigest(), "file_bytes": self._file.size}

    def _encode(self) -> None:
        encoded = self._tokenizer.encode_batch([example.data for example in self._group], self._advance)
        counts = self.counts
        for example, ids in zip(self._group, encoded, strict=True):
            self._rows.append((ids, len(example.data), example.source_bytes))
            counts["examples"] += 1
            counts["tokens"] += len(ids)
            counts["bytes"] += len(example.data)
            counts["source_bytes"] += example.source_bytes
            counts["text"] = text_identity(counts["text"], example.data)
        self._group.clear()
        if len(self._rows) >= EXAMPLES_PER_BATCH or sum(len(row[0]) for row in self._rows) >= IDS_PER_BATCH:
            self._write()

    def _write(self) -> None:
        if not self._rows:
            return
        if self._writer is None:
            self._file = _Hashed(self._stack.enter_context(atomic_file(self._path)))
            self._writer = ShardWriter(self._file, self._tokenizer.vocab)
        self._writer.write(self._rows)
        self._rows.clear()


class _Hashed:
    """A stream that hashes what is written to it."""

    closed = False  # pyarrow asks

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()
