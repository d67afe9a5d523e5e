"""A shard while it is written: documents in, examples encoded in groups, counts and hashes kept."""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import IO, Any

from equalinfo.corpus.examples import EXAMPLE_BYTES, Example, ExampleCutter
from equalinfo.files import atomic_file
from equalinfo.shards.documents import encode_examples
from equalinfo.shards.format import COUNTS, Row, ShardWriter, text_fingerprint
from equalinfo.tokens.tokenizer import Tokenizer

# Text that goes to the tokenizer at a time: enough that its tables, once in a core's cache, serve a while; less where
# a predictor runs, which holds its state for all examples.
BYTES_AT_ONCE = 2 << 20
BYTES_AT_ONCE_OF_CODERS = 64 * EXAMPLE_BYTES
# More documents than that are cut one by one, which copies them once less.
SHORT_BYTES = 2 << 20
# A record batch ends after so many examples, or so many ids where examples are long.
EXAMPLES_PER_BATCH = 1024
IDS_PER_BATCH = 1 << 24


class ExampleShard:
    """The examples of one split, encoded in groups; the file appears when `stack` closes without an error."""

    def __init__(
        self,
        path: Path,
        tokenizer: Tokenizer,
        example_bytes: int,
        advance: Callable[[int], None],
        stack: ExitStack,
    ) -> None:
        self.counts: dict[str, Any] = {"file": path.name, **dict.fromkeys(COUNTS, 0), "text": ""}
        self._path, self._tokenizer, self._advance, self._stack = path, tokenizer, advance, stack
        self._cutter = ExampleCutter(example_bytes)
        at_once = BYTES_AT_ONCE_OF_CODERS if tokenizer.runs_predictor else BYTES_AT_ONCE
        self._group_size = max(1, at_once // example_bytes)
        self._group: list[Example] = []
        self._rows: list[Row] = []
        self._writer: ShardWriter | None = None

    def add(self, documents: list[bytes]) -> None:
        # Long documents are not copied once more.
        short = sum(map(len, documents)) <= SHORT_BYTES
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
        encoded = encode_examples(self._tokenizer, [example.data for example in self._group], self._advance)
        counts = self.counts
        for example, ids in zip(self._group, encoded, strict=True):
            self._rows.append((ids, len(example.data), example.source_bytes))
            counts["examples"] += 1
            counts["tokens"] += len(ids)
            counts["bytes"] += len(example.data)
            counts["source_bytes"] += example.source_bytes
            counts["text"] = text_fingerprint(counts["text"], example.data)
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
