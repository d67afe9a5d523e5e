"""Whether a tokens directory holds what its manifest says, and decodes to its corpus (`equalinfo verify`)."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import Progress

from equalinfo.corpus.examples import ExampleCutter
from equalinfo.corpus.partitions import Partition
from equalinfo.corpus.records import BadDocuments
from equalinfo.corpus.splits import split_of
from equalinfo.errors import DamagedArtifact, UndecodableTokens
from equalinfo.shards.documents import decode_examples
from equalinfo.shards.format import COUNTS, Row, read_shard, text_fingerprint, tokens_manifest
from equalinfo.shards.tokenize_sample import tokenizer_of
from equalinfo.tokens.tokenizer import Tokenizer

AT_ONCE = 64  # examples that are decoded side by side


class ShardComparison:
    """The examples of one shard, beside those of the corpus.

    Args:
        tokenizer: the one that made it.
        decoded: told how many more examples have been decoded and compared.
        chosen: numbers of the examples to decode; None: all.
        fingerprint, first: of the text and number of the examples in shards before this one.
    """

    def __init__(
        self,
        file: Path,
        tokenizer: Tokenizer,
        chosen: set[int] | None,
        decoded: Callable[[int], None],
        fingerprint: str,
        first: int,
    ) -> None:
        self.file, self.chosen = file, chosen
        self._tokenizer, self._decoded = tokenizer, decoded
        self._fingerprint, self._number = fingerprint, first
        self._rows = read_shard(file)
        self._last = max(chosen, default=-1) if chosen is not None else None
        self._waiting: list[tuple[int, Row, bytes | None]] = []

    @property
    def satisfied(self) -> bool:
        """Whether all chosen examples have come by."""
        return self._last is not None and self._number > self._last

    def take(self, original: bytes | None = None) -> bool:
        """Takes the next example, decoded if it is chosen; False after the last.

        Args:
            original: what the corpus has for it.
        """
        row = next(self._rows, None)
        if row is None:
            if original is not None:
                raise DamagedArtifact(f"{self.file} ends before the corpus does; has the corpus changed?")
            return False
        if self.chosen is None or self._number in self.chosen:
            self._waiting.append((self._number, row, original))
            if len(self._waiting) == AT_ONCE:
                self._decode()
        self._number += 1
        return True

    def take_all(self) -> int:
        """Takes all that are left; how many there were."""
        count = 0
        while self.take():
            count += 1
        return count

    def end(self) -> str:
        """Decodes what waits; the fingerprint of the text where all was decoded, otherwise ""."""
        self._decode()
        return self._fingerprint if self.chosen is None else ""

    def _decode(self) -> None:
        waiting = self._waiting
        try:
            texts = decode_examples(self._tokenizer, [row[0] for _, row, _ in waiting])
        except UndecodableTokens as error:
            raise DamagedArtifact(f"{self.file} does not decode: {error}") from error
        for (number, (_, size, _), original), text in zip(waiting, texts, strict=True):
            if len(text) != size:
                raise DamagedArtifact(
                    f"example {number} of {self.file} decodes to {len(text)} bytes, not {size}"
                )
            if original is not None and text != original:
                raise DamagedArtifact(
                    f"example {number} of {self.file} decodes to other text than the corpus has; "
                    "has the corpus changed?"
                )
            self._fingerprint = text_fingerprint(self._fingerprint, text)
        self._decoded(len(waiting))
        waiting.clear()


PARTITIONS_OF_A_SAMPLE = 16


@dataclass(frozen=True)
class VerifyConfig:
    """What to check besides hashes and counts.

    Args:
        decode: how many examples to decode, drawn at random; None: all, 0: none.
        source: compare what is decoded with the corpus, which must still be where it was.
        seed: decides the draw.
    """

    decode: int | None = 32
    source: bool = True
    seed: int = 0


def verify_tokens(path: Path, checks: VerifyConfig, progress: Progress) -> dict[str, Any]:
    r"""Checks hashes of all files, counts of all shards, and what examples decode to.

    Returns:
        how much was checked.

    Raises:
        DamagedArtifact: something differs; the message says what and where.
        EqualInfoError: the corpus cannot be read.

    Examples:
        >>> from equalinfo.corpus.corpus import Corpus
        >>> from equalinfo.progress import progress_bar
        >>> from equalinfo.shards.tokenize_sample import TokenizeConfig, tokenize
        >>> _ = Path("notes.jsonl").write_text("".join(f'{{"text": "note {n} of many"}}\n' for n in range(200)))
        >>> tokenizer = Tokenizer.from_pretrained("english-4k-exact")
        >>> with progress_bar(quiet=True) as progress:
        ...     _ = tokenize(tokenizer, Corpus("notes.jsonl"), TokenizeConfig(), Path("tokens"), progress)
        ...     checked = verify_tokens(Path("tokens"), VerifyConfig(decode=None), progress)
        >>> checked["shards"], checked["decoded_examples"]
        (2, 2)
    """
    manifest = tokens_manifest(path)
    stray = {file.name for file in path.glob("*.arrow")} - set(manifest["files"])
    if stray:
        raise DamagedArtifact(f"{path / min(stray)} is not in the manifest; delete it")
    tokenizer = tokenizer_of(path, manifest)
    verifier = _Verifier(path, manifest, tokenizer, progress)
    verifier.count()
    source = verifier.decode(checks)
    return {
        "files": len(manifest["files"]),
        "shards": verifier.shards,
        **{name: sum(counts[name] for counts in manifest["splits"].values()) for name in COUNTS},
        "decoded_examples": verifier.decoded,
        "compared_with_source": source,
    }


class _Verifier:
    def __init__(
        self, path: Path, manifest: dict[str, Any], tokenizer: Tokenizer, progress: Progress
    ) -> None:
        self.path, self.manifest, self.tokenizer, self.progress = path, manifest, tokenizer, progress
        self.partitions: list[dict[str, Any]] = manifest.get("partitions", [])
        self.shards = self.decoded = 0

    def count(self) -> None:
        """Compares the counts of every shard and split with those of the manifest, and ids with the vocabulary."""
        known = {shard["file"]: shard for record in self.partitions for shard in record["shards"].values()}
        files = sum(name.endswith(".arrow") for name in self.manifest["files"])
        task = self.progress.add_task("count", total=files, note="")
        for split, expected in self.manifest["splits"].items():
            total = Counter[str]()
            for file in self._files(split):
                counted = Counter[str]()
                for ids, size, source_size in read_shard(file):
                    if len(ids) and int(ids.max()) >= self.tokenizer.vocab:
                        raise DamagedArtifact(f"{file} holds ids beyond the vocabulary")
                    counted.update(examples=1, tokens=len(ids), bytes=size, source_bytes=source_size)
                if known and any(counted[name] != known.get(file.name, {}).get(name) for name in COUNTS):
                    raise DamagedArtifact(f"{file} does not hold as much as its record in the manifest says")
                total += counted
                self.shards += 1
                self.progress.advance(task)
            if any(total[name] != expected[name] for name in COUNTS):
                raise DamagedArtifact(f"the {split} shards of {self.path} do not hold what the manifest says")

    def _files(self, split: str) -> list[Path]:
        return sorted(self.path.glob(f"{split}-*.arrow"))

    def decode(self, checks: VerifyConfig) -> bool:
        """Decodes examples and compares them; whether it was with the corpus."""
        if checks.decode == 0:
            return False
        total = sum(counts["examples"] for counts in self.manifest["splits"].values())
        wanted = total if checks.decode is None else min(checks.decode, total)
        self.task = self.progress.add_task("decode", total=wanted, note="")
        generator = random.Random(checks.seed)
        if not self.partitions:
            self._decode_drawn(checks.decode, generator)
            return False
        records = [record for record in self.partitions if record["shards"]]
        if checks.decode is not None:
            records = generator.sample(records, min(PARTITIONS_OF_A_SAMPLE, wanted, len(records)))
        compared = False
        for number, record in enumerate(records):
            # What one partition has too few of falls to the others.
            share = None if checks.decode is None else -(-(wanted - self.decoded) // (len(records) - number))
            counts = {split: shard["examples"] for split, shard in record["shards"].items()}
            shards = {
                split: self._shard(self.path / record["shards"][split]["file"], chosen)
                for split, chosen in _draw(counts, share, generator).items()
            }
            partition = Partition.from_json(
                {"number": record["partition"], "size": 0, "pieces": record["pieces"]}
            )
            if checks.source and partition.ranges[0].form != "stdin":
                self._compare(partition, shards)
                compared = True
            else:
                for shard in shards.values():
                    shard.take_all()
            for split, shard in shards.items():
                if shard.end() not in ("", record["shards"][split]["text"]):
                    raise DamagedArtifact(f"{shard.file} decodes to other text than it was made from")
        return compared

    def _shard(
        self, file: Path, chosen: set[int] | None, fingerprint: str = "", first: int = 0
    ) -> ShardComparison:
        return ShardComparison(file, self.tokenizer, chosen, self._advance, fingerprint, first)

    def _advance(self, count: int) -> None:
        self.decoded += count
        self.progress.advance(self.task, count)

    def _compare(self, partition: Partition, shards: dict[str, ShardComparison]) -> None:
        """Gives the shards of a partition the examples that the corpus has for them."""
        cutters = {split: ExampleCutter(self.manifest["example_bytes"]) for split in shards}
        bad = BadDocuments(self.manifest["skip_bad"])
        for document in partition.documents(self.manifest["field"], bad):
            split = split_of(document) if self.manifest.get("split", True) else "train"
            if document and split in shards:
                for example in cutters[split].add(document):
                    shards[split].take(example.data)
            if all(shard.satisfied for shard in shards.values()):
                return
        for part, shard in shards.items():
            for example in cutters[part].rest():
                shard.take(example.data)
            if shard.chosen is None and shard.take_all():
                raise DamagedArtifact(
                    f"{shard.file} holds more text than the corpus; has the corpus changed?"
                )

    def _decode_drawn(self, wanted: int | None, generator: random.Random) -> None:
        """A sample of a corpus, drawn at random, keeps no places; its text has a fingerprint of its own."""
        splits = self.manifest["splits"]
        drawn = _draw({split: counts["examples"] for split, counts in splits.items()}, wanted, generator)
        for split, chosen in drawn.items():
            fingerprint, first = "", 0
            for file in self._files(split):
                shard = self._shard(file, chosen, fingerprint, first)
                first += shard.take_all()
                fingerprint = shard.end()
            if chosen is None and fingerprint != splits[split]["text"]:
                raise DamagedArtifact(
                    f"the {split} shards of {self.path} decode to other text than they were made from"
                )


def _draw(counts: dict[str, int], wanted: int | None, generator: random.Random) -> dict[str, set[int] | None]:
    """Which examples of each split to decode: `wanted` of all, drawn with equal chances; None: all."""
    if wanted is None:
        return dict.fromkeys(counts)
    total = sum(counts.values())
    places = generator.sample(range(total), min(wanted, total))
    chosen: dict[str, set[int] | None] = {}
    first = 0
    for split, count in counts.items():
        chosen[split] = {place - first for place in places if first <= place < first + count}
        first += count
    return chosen
