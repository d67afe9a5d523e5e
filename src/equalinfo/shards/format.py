"""Token shards on disk: Arrow streams, the files that `datasets` maps into memory as they are.

One row is one example: `ids`, the example's `bytes`, and its `source_bytes`, which leave out end-of-document markers
and are what bits/byte divides by. Nothing is compressed, so that reading is mapping: a corpus of any size takes
memory for two integers per training sequence.
"""

import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from pydantic import ConfigDict, Field

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.fields import Fields, check_fields
from equalinfo.files import MANIFEST, read_manifest, require_file, sha256_bytes
from equalinfo.tokens.hugging_face import FILES

KIND = "tokens"


Row = tuple[np.ndarray, int, int]  # ids, bytes, source bytes of an example


def id_type(vocab: int) -> pa.DataType:
    """The narrowest type that holds `vocab` ids."""
    return pa.uint8() if vocab <= 1 << 8 else pa.uint16() if vocab <= 1 << 16 else pa.uint32()


def _schema(vocab: int) -> pa.Schema:
    return pa.schema({"ids": pa.list_(id_type(vocab)), "bytes": pa.int64(), "source_bytes": pa.int64()})


def text_fingerprint(previous: str, data: bytes) -> str:
    """Identity of a text of examples, from that of all but the last ("" for none) and the last one's bytes.

    Results are comparable only where it is equal.
    """
    return sha256_bytes(previous.encode() + data)


class Writable(Protocol):
    """What a shard is written to."""

    def write(self, data: bytes, /) -> int: ...


class ShardWriter:
    """Writes a shard to an open binary stream, a record batch at a time.

    Args:
        stream: where to write; left open.
        vocab: decides the type of ids.
    """

    def __init__(self, stream: Writable, vocab: int) -> None:
        self._ids = id_type(vocab)
        self._schema = _schema(vocab)
        self._file = pa.PythonFile(stream, "w")
        self._stream = pa.ipc.new_stream(self._file, self._schema)

    def write(self, rows: Sequence[Row]) -> None:
        """Adds examples as one record batch."""
        ids, sizes, source_sizes = zip(*rows, strict=True) if rows else ((), (), ())
        bounds = np.zeros(len(ids) + 1, np.int32)
        np.cumsum(np.fromiter(map(len, ids), np.int64, len(ids)), out=bounds[1:])
        dtype = self._ids.to_pandas_dtype()
        joined = np.concatenate(ids, dtype=dtype, casting="unsafe") if ids else np.empty(0, dtype)
        columns = [
            pa.ListArray.from_arrays(pa.array(bounds), pa.array(joined)),
            pa.array(sizes, pa.int64()),
            pa.array(source_sizes, pa.int64()),
        ]
        self._stream.write_batch(pa.record_batch(columns, schema=self._schema))

    def close(self) -> None:
        """Ends the shard, so that readers see that it is whole."""
        self._stream.close()


def write_shard(path: Path, rows: Iterable[Row], vocab: int) -> None:
    """Writes examples as one record batch."""
    with open(path, "wb") as file:
        writer = ShardWriter(file, vocab)
        writer.write(list(rows))
        writer.close()


def read_shard(path: Path) -> Iterator[Row]:
    """The examples of a shard, mapped into memory.

    Raises:
        DamagedArtifact: it cannot be read.
    """
    for values, bounds, sizes, source_sizes in _batches(path):
        for (start, stop), size, source in zip(
            pairwise(bounds.tolist()), sizes.tolist(), source_sizes.tolist(), strict=True
        ):
            yield values[start:stop], size, source


def _batches(path: Path) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """The record batches of a shard: all ids, where each example begins and the last ends, bytes, source bytes."""
    require_file(path)
    try:
        with pa.memory_map(str(path)) as file:
            messages = pa.ipc.MessageReader.open_stream(file)
            schema = pa.ipc.read_schema(messages.read_next_message())
            if schema not in map(_schema, (1 << 8, 1 << 16, 1 << 32)):
                raise pa.ArrowInvalid("other columns")
            for message in messages:
                if _is_compressed(message.metadata.to_pybytes()):
                    raise pa.ArrowInvalid("compressed")
                batch = pa.ipc.read_record_batch(message, schema)
                # Offsets that point elsewhere would have other memory read.
                batch.validate(full=True)
                ids, sizes, source_sizes = batch.columns
                if any(array.null_count for array in (ids, ids.values, sizes, source_sizes)):
                    raise pa.ArrowInvalid("something is missing")
                yield ids.values.to_numpy(), ids.offsets.to_numpy(), sizes.to_numpy(), source_sizes.to_numpy()
    except (pa.ArrowException, OSError, StopIteration) as error:
        raise DamagedArtifact(f"{path} cannot be read as Arrow; tokenize the corpus again") from error


def _is_compressed(metadata: bytes) -> bool:
    """Whether the buffers of a record batch are compressed, and so may take any amount of memory; ours never are.

    Arrow reads both and does not tell. In its flatbuffers, the header is field 2 of a message, the compression field 3
    of a record batch.
    """

    def field(table: int, number: int) -> int:
        """Where a field of the table stands that begins at `table`; 0: it is left out."""
        offsets = table - struct.unpack_from("<i", metadata, table)[0]
        (size,) = struct.unpack_from("<H", metadata, offsets)
        place = 4 + 2 * number
        offset = struct.unpack_from("<H", metadata, offsets + place)[0] if place < size else 0
        return table + offset if offset else 0

    header = field(struct.unpack_from("<I", metadata)[0], 2)
    return field(header + struct.unpack_from("<I", metadata, header)[0], 3) != 0


@dataclass(frozen=True)
class TokensInMemory:
    """Examples that were encoded just now: ids of each, and the source bytes of all together."""

    ids: list[np.ndarray]
    source_bytes: int

    @property
    def tokens(self) -> int:
        return sum(map(len, self.ids))

    def counts(self, vocab: int) -> np.ndarray:
        """How often each id occurs, [vocab]."""
        return sum((np.bincount(ids, minlength=vocab) for ids in self.ids), np.zeros(vocab, np.int64))


class TokenShards:
    """The examples of one split, mapped into memory.

    Args:
        paths: shards in order.
        most: only the first so many examples; 0: all.

    Attributes:
        batches: all ids of a record batch, and where each example begins in them, and the last one ends.

    Raises:
        EqualInfoError: no shards.
        DamagedArtifact: one that cannot be read.

    Examples:
        >>> with open("train-00000.arrow", "wb") as file:
        ...     writer = ShardWriter(file, vocab=4096)
        ...     writer.write([(np.array([7, 8, 9], np.uint16), 5, 5)])
        ...     writer.close()
        >>> shards = TokenShards([Path("train-00000.arrow")])
        >>> shards.tokens, shards.source_bytes, shards.sequences(2)[0].tolist()
        (3, 5, [7, 8])
    """

    def __init__(self, paths: list[Path], most: int = 0) -> None:
        if not paths:
            raise EqualInfoError("there are no token shards; tokenize the corpus again")
        self._paths, self._most = paths, most
        self._open()

    def _open(self) -> None:
        self.batches: list[tuple[np.ndarray, np.ndarray]] = []
        self.source_bytes = 0
        left = self._most or sys.maxsize
        for values, bounds, _, source_sizes in chain.from_iterable(map(_batches, self._paths)):
            self.batches.append((values, bounds[: left + 1]))
            self.source_bytes += int(np.sum(source_sizes[:left]))
            left -= len(source_sizes)
            if left <= 0:
                break

    def __getstate__(self) -> dict[str, Any]:
        # A worker process maps the files itself; maps would travel as copies of all they hold.
        return {"_paths": self._paths, "_most": self._most}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._paths, self._most = state["_paths"], state["_most"]
        self._open()

    @property
    def tokens(self) -> int:
        return sum(int(offsets[-1] - offsets[0]) for _, offsets in self.batches)

    @property
    def ids(self) -> Iterator[np.ndarray]:
        """Ids of each example."""
        for values, offsets in self.batches:
            for start, stop in pairwise(offsets.tolist()):
                yield values[start:stop]

    def check(self, vocab: int) -> None:
        """Raises DamagedArtifact if an id is outside the vocabulary; reads all of them."""
        if any(int(values.max(initial=0)) >= vocab for values, _ in self.batches):
            raise DamagedArtifact(f"{self._paths[0].parent} holds ids beyond the vocabulary; tokenize again")

    def counts(self, vocab: int) -> np.ndarray:
        """How often each id occurs, [vocab]."""
        total = np.zeros(vocab, np.int64)
        for values, offsets in self.batches:
            total += np.bincount(values[offsets[0] : offsets[-1]], minlength=vocab)
        return total

    def sequences(self, length: int, first_only: bool = False) -> "TokenSequences":
        """Whole sequences of `length` ids, cut from each example; the rest of an example is left out.

        Args:
            first_only: only the first of each example, as in the paper.
        """
        return TokenSequences(self, length, first_only)


class TokenSequences:
    """Sequences of equal length by number, in the order of the examples they are cut from."""

    def __init__(self, shards: TokenShards, length: int, first_only: bool) -> None:
        self._shards, self.length = shards, length
        numbers, starts = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
        for number, (_, offsets) in enumerate(shards.batches):
            whole = np.diff(offsets).astype(np.int64) // length
            whole = np.minimum(whole, 1) if first_only else whole
            # Each example's start, once for each of its sequences, and which of them it is.
            nth = np.arange(whole.sum()) - np.repeat(np.cumsum(whole) - whole, whole)
            starts.append(np.repeat(offsets[:-1], whole) + nth * length)
            numbers.append(np.full(len(nth), number, np.int32))
        self._batch, self._start = np.concatenate(numbers), np.concatenate(starts)

    def __len__(self) -> int:
        return len(self._start)

    def __getitem__(self, number: int) -> np.ndarray:
        """Ids of a sequence, [length]; a view of the map."""
        start = self._start[number]
        return self._shards.batches[self._batch[number]][0][start : start + self.length]


COUNTS = ("examples", "tokens", "bytes", "source_bytes")


class Counts(Fields):
    """What some shards hold."""

    examples: int = Field(ge=0)
    tokens: int = Field(ge=0)
    bytes: int = Field(ge=0)
    source_bytes: int = Field(ge=0)
    text: str


class ShardFields(Counts):
    """Of one shard."""

    file: str


class SplitFields(Fields):
    """Of the splits, which shards are named after."""

    model_config = ConfigDict(extra="forbid")

    train: Counts
    validation: Counts


class PieceFields(Fields):
    """A `corpus.file_ranges.FileRange`."""

    model_config = ConfigDict(extra="forbid")

    source: str
    form: str
    start: int = 0
    stop: int | None = None


class PartitionFields(Fields):
    """Of one partition of the corpus."""

    partition: int
    pieces: list[PieceFields] = Field(min_length=1)
    shards: dict[Literal["train", "validation"], ShardFields]


class TokensManifest(Fields):
    """What is read of a tokens directory's manifest again; places in a corpus only where there are partitions."""

    spec: str
    vocab: int = Field(gt=0)
    tokenizer: str
    windows_changed: float | None
    eos: int | None = None  # of the ends of documents; None where they are zero bytes
    splits: SplitFields
    partitions: list[PartitionFields] = Field(default=[])
    field: str = "text"
    example_bytes: int = Field(gt=0)
    skip_bad: bool = False
    split: bool = True


def tokens_manifest(path: Path, verify: bool = True) -> dict[str, Any]:
    """The manifest of a tokens directory.

    Args:
        verify: check every shard against its hash.

    Raises:
        EqualInfoError: there is none.
        DamagedArtifact: its files are not what was written.
    """
    manifest = check_fields(read_manifest(path, KIND, verify, shared=FILES), TokensManifest, path / MANIFEST)
    for record in manifest.get("partitions", []):
        for shard in record["shards"].values():
            if shard["file"] not in manifest["files"]:
                raise DamagedArtifact(f"{path / MANIFEST} names a shard that is not one of its files")
    return manifest


def shard_paths(path: Path, split: str) -> list[Path]:
    """The shards of one split in order; EqualInfoError if there are none."""
    shards = sorted(path.glob(f"{split}-*.arrow"))
    if not shards:
        raise EqualInfoError(f"{path} has no {split} shards; tokenize the corpus again, without --no-split")
    return shards


def read_split(path: Path, split: str, most: int = 0) -> TokenShards:
    """One split of a tokens directory, mapped into memory; EqualInfoError if it has no such split.

    Args:
        most: only the first so many examples; 0: all.
    """
    return TokenShards(shard_paths(path, split), most)
