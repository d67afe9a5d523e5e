"""A whole corpus to token shards, partition by partition, by any engine (`equalinfo tokenize`).

While it runs, everything stands beside OUT, so that OUT appears whole or not at all:

    OUT.tokenizing/plan.json   what is being done; a run with another plan does not go on from here
    OUT.tokenizing/records/    a record for each finished partition, written last
    OUT.tokenizing/tokens/     tokenizer and shards; becomes OUT when all records are there
"""

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.progress import Progress

from equalinfo.corpus.examples import EXAMPLE_BYTES
from equalinfo.corpus.partitions import Partition, partitions_of
from equalinfo.corpus.readers import local_inputs
from equalinfo.corpus.splits import SPLITS
from equalinfo.engines.base import Engine, Event, PartitionProgress, Record, record_path
from equalinfo.errors import EqualInfoError
from equalinfo.files import json_bytes, read_json, read_manifest, sha256_bytes, write_json, write_manifest
from equalinfo.outputs import Reserved, reserved_directory
from equalinfo.shards.documents import VERSION
from equalinfo.shards.format import COUNTS, KIND
from equalinfo.shards.job import TokenizeJob
from equalinfo.tokens.tokenizer import Tokenizer

PARTITION_BYTES = 64 << 20
# Where a predictor runs for every byte, that much is an hour's work.
PARTITION_BYTES_OF_CODERS = 4 << 20
STATE = ".tokenizing"
FILES = {"plan.json", "records", "tokens", "lock", "old"}  # the last two are from earlier versions
COUNTED = ("empty", "null", "invalid", "not_utf8", "large")


@dataclass(frozen=True)
class CorpusConfig:
    """What decides the shards, besides corpus and tokenizer.

    Args:
        field: key or column that holds the text.
        example_bytes: bytes that are compressed together.
        partition_bytes: about how much text shares a shard; 0: 64 MiB, or 4 MiB for methods that run a predictor.
        skip_bad: leave out rows without text and count them; otherwise they are errors.
        split: keep a tenth of the documents back, for validation and test.
    """

    field: str = "text"
    example_bytes: int = EXAMPLE_BYTES
    partition_bytes: int = 0
    skip_bad: bool = False
    split: bool = True


def tokenize_corpus(
    tokenizer: Tokenizer,
    source: str,
    config: CorpusConfig,
    out: Path,
    engine: Engine,
    progress: Progress,
    inputs: Sequence[Path] = (),
    device: str = "cpu",
) -> dict[str, Any]:
    r"""Writes a tokens directory of a whole corpus; the same whatever the engine.

    Interrupted? Run the same command again: it resumes.

    Args:
        inputs: what was read besides the corpus; OUT may not replace it.
        device: what M1 computes on in each worker, "cpu" or "cuda"; the shards are the same.

    Returns:
        its manifest.

    Raises:
        EqualInfoError: the corpus cannot be read, has a bad row that stops it, or no document in a split; OUT holds
            something else than tokens.

    Examples:
        >>> from equalinfo.progress import progress_bar
        >>> from equalinfo.engines.local import LocalEngine
        >>> from equalinfo.shards.export import export_tokens
        >>> from equalinfo.shards.format import read_split
        >>> _ = Path("notes.jsonl").write_text("".join(f'{{"text": "note {n} of many"}}\n' for n in range(200)))
        >>> tokenizer, tokens = Tokenizer.from_pretrained("english-4k-exact"), Path("tokens")
        >>> with progress_bar(quiet=True) as progress:
        ...     made = tokenize_corpus(tokenizer, "notes.jsonl", CorpusConfig(), tokens, LocalEngine(1), progress)
        ...     counts = export_tokens(tokens, "megatron", Path("megatron"), progress)
        >>> made["documents"]["train"], counts["train_tokens"]
        (186, 1332)
        >>> tokenizer.decode(next(read_split(tokens, "train").ids))[:14]
        b'note 1 of many'
    """
    with (
        reserved_directory(out, KIND, [*local_inputs(source), *inputs]) as output,
        output.state(STATE, FILES.__contains__) as folder,
    ):
        default = PARTITION_BYTES_OF_CODERS if tokenizer.runs_predictor else PARTITION_BYTES
        config = replace(config, partition_bytes=config.partition_bytes or default)
        partitions, stamps = partitions_of(source, config.field, config.partition_bytes)
        made_from = {
            "tokenizer": tokenizer.fingerprint,
            "version": VERSION,
            "corpus": source,
            **asdict(config),
            "stamps": stamps,
            "partitions": [partition.to_json() for partition in partitions],
        }
        run = _Run(tokenizer, config, made_from, folder, output, device)
        return run.finished() or run.complete(partitions, engine, progress)


class _Run:
    """One run in its folder."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        config: CorpusConfig,
        made_from: dict[str, Any],
        folder: Path,
        output: Reserved,
        device: str,
    ) -> None:
        self.tokenizer, self.made_from, self.folder, self.output = tokenizer, made_from, folder, output
        self.fingerprint = sha256_bytes(json_bytes(made_from))
        self.tokens = folder / "tokens"
        self.work = TokenizeJob(
            str((self.tokens / "tokenizer").absolute()),
            str(self.tokens.absolute()),
            str((folder / "records").absolute()),
            config.field,
            config.example_bytes,
            config.skip_bad,
            config.split,
            device,
        )

    def finished(self) -> dict[str, Any] | None:
        """The manifest of OUT if it was made from the same; a kill may have left the folder behind."""
        manifest = self._made_out(self.fingerprint)
        if manifest is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        return manifest

    def complete(self, partitions: list[Partition], engine: Engine, progress: Progress) -> dict[str, Any]:
        """Does what is still to be done and writes OUT."""
        try:
            records = self._begin(partitions)
            bar = PartitionBar(progress, f"tokenize {self.tokenizer.spec}", partitions, records)
            todo = [partition for partition in partitions if partition.number not in records]
            engine.run(self.work, todo, bar.hear)
            manifest = self._manifest([records[partition.number] for partition in partitions])
        except BaseException:
            if any(Path(self.work.records).glob("*.json")):
                self._clear()
            else:
                shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.output.put(self.tokens)
        shutil.rmtree(self.folder, ignore_errors=True)
        return manifest

    def _begin(self, partitions: list[Partition]) -> dict[int, Record]:
        """Prepares the folder; the records that a run before this one finished, by partition."""
        plan, records = self.folder / "plan.json", Path(self.work.records)
        before = read_json(plan) if plan.is_file() else None
        if before != self.made_from:
            # Without a plan, a kill fell into the beginning, or into the clearing up after OUT was there.
            if before is not None and any(records.glob("*.json")) and not self._may_discard(before):
                raise EqualInfoError(
                    f"{self.folder} holds unfinished work on another corpus or with other options; "
                    "finish it, delete it, or choose another --out"
                )
            shutil.rmtree(records, ignore_errors=True)
            shutil.rmtree(self.tokens, ignore_errors=True)
            write_json(plan, self.made_from)
        records.mkdir(exist_ok=True)
        self.tokens.mkdir(exist_ok=True)
        self._clear()
        for counted in records.glob("*.attempts"):
            counted.unlink()
        if not (self.tokens / "tokenizer").is_dir():
            self.tokenizer.save_pretrained(self.tokens / "tokenizer")
        by_number = {partition.number: self._record(partition.number) for partition in partitions}
        return {number: record for number, record in by_number.items() if record is not None}

    def _clear(self) -> None:
        """Removes files and folders that a worker left unfinished; their names begin with a dot."""
        for left in (*self.tokens.glob(".*"), *Path(self.work.records).glob(".*")):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)

    def _may_discard(self, before: dict[str, Any]) -> bool:
        """Whether work on another plan is worth nothing: it cannot be resumed, or OUT has what it made."""
        return before.get("corpus") == "-" or self._made_out(sha256_bytes(json_bytes(before))) is not None

    def _made_out(self, fingerprint: str) -> dict[str, Any] | None:
        """The manifest of OUT if it was made by the plan with this fingerprint."""
        with suppress(EqualInfoError):
            manifest = read_manifest(self.output.place, KIND, verify=False)
            if manifest.get("made_from") == fingerprint:
                return manifest
        return None

    def _record(self, number: int) -> Record | None:
        path = record_path(self.work.records, number)
        if not path.is_file():
            return None
        record: Record = read_json(path)
        for shard in record["shards"].values():
            file = self.tokens / shard["file"]
            if not file.is_file() or file.stat().st_size != shard["file_bytes"]:
                return None
        return record

    def _manifest(self, records: list[Record]) -> dict[str, Any]:
        """Writes the manifest of all partitions into the folder that becomes OUT."""
        splits = {split: _split_counts(split, records) for split in ("train", "validation")}
        for split, counts in splits.items():
            if not counts["examples"] and (split == "train" or self.made_from["split"]):
                shutil.rmtree(self.work.records)  # going on would find the same
                raise EqualInfoError(
                    f"{self.made_from['corpus']} has no document in the {split} split; give more text "
                    "(documents are split 90/5/5 by their hash) or keep none back (--no-split)"
                )
        self._clear()
        changed, windows = (sum(record["windows"][place] for record in records) for place in (0, 1))
        return write_manifest(
            self.tokens,
            KIND,
            {shard["file"]: shard["sha256"] for record in records for shard in record["shards"].values()},
            spec=str(self.tokenizer.spec),
            vocab=self.tokenizer.vocab,
            tokenizer=self.tokenizer.fingerprint,
            m1_parameters=self.tokenizer.m1_parameters,
            eos=self.tokenizer.eos,
            corpus=self.made_from["corpus"],
            field=self.made_from["field"],
            skip_bad=self.made_from["skip_bad"],
            split=self.made_from["split"],
            example_bytes=self.made_from["example_bytes"],
            made_from=self.fingerprint,
            windows_changed=changed / windows if windows else None,
            splits=splits,
            documents={
                **{split: sum(record["documents"][split] for record in records) for split in SPLITS},
                **{name: sum(record[name] for record in records) for name in COUNTED},
            },
            partitions=records,
        )


def _split_counts(split: str, records: list[Record]) -> dict[str, Any]:
    shards = [record["shards"][split] for record in records if split in record["shards"]]
    counts: dict[str, Any] = {name: sum(shard[name] for shard in shards) for name in COUNTS}
    counts["text"] = sha256_bytes("".join(shard["text"] for shard in shards).encode())
    return counts


class PartitionBar:
    """The progress of all partitions, and the records as they come."""

    def __init__(
        self, progress: Progress, title: str, partitions: list[Partition], records: dict[int, Record]
    ) -> None:
        self._progress, self._records = progress, records
        self._partitions = PartitionProgress(partitions, [*records])
        self._encoded, self._started = 0, time.monotonic()
        total = self._partitions.total or None
        self._task = progress.add_task(title, total=total, completed=self._partitions.done, note="")

    def hear(self, event: Event) -> None:
        self._partitions.hear(event)
        self._encoded += event.done_bytes
        if event.record is not None:
            self._records[event.partition] = event.record
        elapsed = time.monotonic() - self._started
        note = f"{self._encoded / elapsed / 1e6:.1f} MB/s" if elapsed > 1 else ""
        self._progress.update(self._task, completed=self._partitions.done, note=note)
