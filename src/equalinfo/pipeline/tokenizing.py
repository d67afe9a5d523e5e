"""A corpus to token shards (`equalinfo tokenize`): Parquet that `datasets` and others read as it is.

One row is one example of 10,240 bytes of joined documents (paper, section 3.1): `ids`, the example's
`bytes`, and its `source_bytes`, which leave out end-of-document markers and are what bits/byte divides by.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import Progress

from equalinfo.corpus.examples import EXAMPLE_BYTES, Example, ShuffledExamples, cut_examples
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import (
    atomic_directory,
    read_manifest,
    refuse_foreign_directory,
    sha256_bytes,
    write_manifest,
)
from equalinfo.pipeline.corpora import Corpus
from equalinfo.tokens.base import Tokenizer
from equalinfo.tokens.directory import save_tokenizer

KIND = "tokens"
EXAMPLES_AT_ONCE = 64
EXAMPLES_PER_SHARD = 2048


@dataclass(frozen=True)
class TokenizePlan:
    """What decides the shards, besides corpus and tokenizer.

    Args:
        example_bytes: bytes that are compressed together.
        seed: order of the training examples.
        max_tokens: stop after the training example that reaches it; 0 takes the whole corpus.
        sequence_length: count only whole sequences of that many tokens towards `max_tokens`.
        validation_examples: how many validation examples to take; 0 takes all.
    """

    example_bytes: int = EXAMPLE_BYTES
    seed: int = 0
    max_tokens: int = 0
    sequence_length: int = 1
    validation_examples: int = 0


def tokenize(
    tokenizer: Tokenizer, corpus: Corpus, plan: TokenizePlan, out: Path, progress: Progress
) -> dict[str, Any]:
    """Writes a tokens directory: train-*.parquet, validation-*.parquet and the tokenizer; returns its manifest."""
    refuse_foreign_directory(out)
    with atomic_directory(out) as directory:
        save_tokenizer(tokenizer, directory / "tokenizer")
        training = ShuffledExamples(cut_examples(corpus.documents("train"), plan.example_bytes))
        order = islice(training.iterate(plan.seed), len(training))
        splits = {"train": _write(tokenizer, order, len(training), "train", plan, directory, progress)}
        held_out = list(
            islice(
                cut_examples(corpus.documents("validation"), plan.example_bytes),
                plan.validation_examples or None,
            )
        )
        splits["validation"] = _write(
            tokenizer, held_out, len(held_out), "validation", TokenizePlan(), directory, progress
        )
        changed, windows = tokenizer.windows_changed
        return write_manifest(
            directory,
            KIND,
            spec=str(tokenizer.spec),
            vocab=tokenizer.vocab,
            tokenizer=tokenizer.identity,
            m1_parameters=tokenizer.m1_parameters,
            corpus=corpus.source,
            example_bytes=plan.example_bytes,
            windows_changed=changed / windows if windows else None,
            splits=splits,
        )


def _write(
    tokenizer: Tokenizer,
    examples: Iterable[Example],
    total: int,
    split: str,
    plan: TokenizePlan,
    directory: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Encodes examples into the shards of one split; returns its counts."""
    task = progress.add_task(f"tokenize {split}: {tokenizer.spec}", total=plan.max_tokens or total, note="")
    examples = iter(examples)
    counts = {"examples": 0, "tokens": 0, "bytes": 0, "source_bytes": 0}
    usable = 0  # tokens in whole sequences
    # An identity of the text: results are comparable only where it is equal.
    digest, shard = "", 0
    rows: list[tuple[np.ndarray, int, int]] = []
    while not (plan.max_tokens and usable >= plan.max_tokens) and (
        group := list(islice(examples, EXAMPLES_AT_ONCE))
    ):
        for example, ids in zip(group, tokenizer.encode_batch([e.data for e in group]), strict=True):
            if plan.max_tokens and usable >= plan.max_tokens:
                break
            rows.append((ids, len(example.data), example.source_bytes))
            usable += len(ids) // plan.sequence_length * plan.sequence_length
            counts["examples"] += 1
            counts["tokens"] += len(ids)
            counts["bytes"] += len(example.data)
            counts["source_bytes"] += example.source_bytes
            digest = sha256_bytes(digest.encode() + example.data)
        progress.update(
            task, completed=min(usable, plan.max_tokens) if plan.max_tokens else counts["examples"]
        )
        if len(rows) >= EXAMPLES_PER_SHARD:
            _write_shard(directory / f"{split}-{shard:05d}.parquet", rows, tokenizer.vocab)
            rows, shard = [], shard + 1
    if rows or not shard:
        _write_shard(directory / f"{split}-{shard:05d}.parquet", rows, tokenizer.vocab)
    progress.update(task, completed=plan.max_tokens or total)
    return {**counts, "text": digest}


def _write_shard(path: Path, rows: list[tuple[np.ndarray, int, int]], vocab: int) -> None:
    id_type = pa.uint16() if vocab <= 1 << 16 else pa.uint32()
    table = pa.table(
        {
            "ids": pa.array([ids for ids, _, _ in rows], pa.list_(id_type)),
            "bytes": pa.array([size for _, size, _ in rows], pa.int64()),
            "source_bytes": pa.array([source for _, _, source in rows], pa.int64()),
        }
    )
    pq.write_table(table, path, compression="zstd")


@dataclass(frozen=True)
class TokenizedSplit:
    """Examples of one split: ids of each, and the source bytes of all together."""

    ids: list[np.ndarray]
    source_bytes: int

    @property
    def tokens(self) -> int:
        return sum(map(len, self.ids))

    def counts(self, vocab: int) -> np.ndarray:
        """How often each id occurs, [vocab]."""
        return sum((np.bincount(ids, minlength=vocab) for ids in self.ids), np.zeros(vocab, np.int64))


def tokens_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a tokens directory, every shard checked against its hash."""
    return read_manifest(path, KIND)


def read_split(path: Path, split: str) -> TokenizedSplit:
    """One split of a tokens directory; EqualInfoError if it has no such split or no examples."""
    shards = sorted(path.glob(f"{split}-*.parquet"))
    if not shards:
        raise EqualInfoError(f"{path} has no {split} shards; tokenize the corpus again")
    ids: list[np.ndarray] = []
    source_bytes = 0
    for table in _tables(shards):
        column = table.column("ids").combine_chunks()
        values, offsets = column.values.to_numpy(), column.offsets.to_numpy()
        ids += [values[start:stop] for start, stop in pairwise(offsets)]
        source_bytes += int(np.sum(table.column("source_bytes").to_numpy()))
    return TokenizedSplit(ids, source_bytes)


def _tables(shards: list[Path]) -> Iterator[pa.Table]:
    for shard in shards:
        try:
            yield pq.read_table(shard)
        except (pa.ArrowException, OSError) as error:
            raise DamagedArtifact(f"{shard} cannot be read as Parquet; tokenize the corpus again") from error
