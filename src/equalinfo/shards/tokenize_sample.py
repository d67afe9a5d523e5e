"""A corpus to token shards (`equalinfo tokenize`); one row is one example of joined documents (paper, section 3.1)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.examples import EXAMPLE_BYTES, Example, ShuffledExamples, cut_examples
from equalinfo.errors import DamagedArtifact
from equalinfo.files import write_manifest
from equalinfo.outputs import output_directory
from equalinfo.shards.documents import encode_examples
from equalinfo.shards.format import COUNTS, KIND, Row, text_fingerprint, write_shard
from equalinfo.tokens.tokenizer import Tokenizer

EXAMPLES_AT_ONCE = 64
EXAMPLES_PER_SHARD = 2048


@dataclass(frozen=True)
class TokenizeConfig:
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
    tokenizer: Tokenizer,
    corpus: Corpus,
    config: TokenizeConfig,
    out: Path,
    progress: Progress,
    inputs: Sequence[Path] = (),
) -> dict[str, Any]:
    r"""Writes a tokens directory: train-*.arrow, validation-*.arrow and the tokenizer; returns its manifest.

    Args:
        inputs: what was read besides the corpus; OUT may not replace it.

    Examples:
        >>> from equalinfo.progress import progress_bar
        >>> _ = Path("notes.jsonl").write_text("".join(f'{{"text": "note {n} of many"}}\n' for n in range(200)))
        >>> tokenizer = Tokenizer.from_pretrained("english-4k-exact")
        >>> with progress_bar(quiet=True) as progress:
        ...     made = tokenize(tokenizer, Corpus("notes.jsonl"), TokenizeConfig(), Path("tokens"), progress)
        >>> made["spec"], made["splits"]["train"]["examples"]
        ('EqualInfo[b=12,v=4k]', 1)
    """
    with output_directory(out, KIND, [*corpus.inputs, *inputs]) as directory:
        tokenizer.save_pretrained(directory / "tokenizer")
        training = ShuffledExamples(cut_examples(corpus.documents("train"), config.example_bytes))
        order = islice(training.iterate(config.seed), len(training))
        splits = {"train": _write(tokenizer, order, len(training), "train", config, directory, progress)}
        validation = cut_examples(corpus.documents("validation"), config.example_bytes)
        held_out = list(islice(validation, config.validation_examples or None))
        splits["validation"] = _write(
            tokenizer, held_out, len(held_out), "validation", TokenizeConfig(), directory, progress
        )
        changed, windows = tokenizer.windows_changed
        return write_manifest(
            directory,
            KIND,
            spec=str(tokenizer.spec),
            vocab=tokenizer.vocab,
            tokenizer=tokenizer.fingerprint,
            m1_parameters=tokenizer.m1_parameters,
            eos=tokenizer.eos,
            corpus=corpus.source,
            example_bytes=config.example_bytes,
            windows_changed=changed / windows if windows else None,
            splits=splits,
        )


def _write(
    tokenizer: Tokenizer,
    examples: Iterable[Example],
    total: int,
    split: str,
    config: TokenizeConfig,
    directory: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Encodes examples into the shards of one split; returns its counts."""
    most = config.max_tokens
    task = progress.add_task(f"tokenize {split}: {tokenizer.spec}", total=most or total, note="")
    counts = Counter(dict.fromkeys(COUNTS, 0))
    usable = 0  # tokens in whole sequences
    digest, shard = "", 0
    rows: list[Row] = []
    for example, ids in _encoded(tokenizer, examples):
        rows.append((ids, len(example.data), example.source_bytes))
        usable += len(ids) // config.sequence_length * config.sequence_length
        counts.update(examples=1, tokens=len(ids), bytes=len(example.data), source_bytes=example.source_bytes)
        digest = text_fingerprint(digest, example.data)
        progress.update(task, completed=min(usable, most) if most else counts["examples"])
        if len(rows) == EXAMPLES_PER_SHARD:
            write_shard(directory / f"{split}-{shard:05d}.arrow", rows, tokenizer.vocab)
            rows, shard = [], shard + 1
        if most and usable >= most:
            break
    if rows or not shard:
        write_shard(directory / f"{split}-{shard:05d}.arrow", rows, tokenizer.vocab)
    progress.update(task, completed=most or total)
    return {**counts, "text": digest}


def _encoded(tokenizer: Tokenizer, examples: Iterable[Example]) -> Iterator[tuple[Example, np.ndarray]]:
    """Examples with their ids, encoded in groups as they are asked for."""
    examples = iter(examples)
    while group := list(islice(examples, EXAMPLES_AT_ONCE)):
        yield from zip(group, encode_examples(tokenizer, [one.data for one in group]), strict=True)


def tokenizer_of(path: Path, manifest: dict[str, Any]) -> Tokenizer:
    """The tokenizer in a tokens directory; DamagedArtifact if another one made the shards."""
    tokenizer = Tokenizer.from_pretrained(path / "tokenizer")
    if (tokenizer.fingerprint, tokenizer.vocab) != (manifest["tokenizer"], manifest["vocab"]):
        raise DamagedArtifact(f"{path / 'tokenizer'} is not the tokenizer that made the shards")
    return tokenizer
