"""The words of a corpus counted partition by partition, by an engine, so that a run that was killed goes on.

A sum does not depend on how it is cut. What a partition gives is a file in a folder beside OUT:

    OUT.counting/00012-PLAN.words    its distinct words and how often each comes
    OUT.counting/00012-PLAN.sample   its documents that were drawn

PLAN is a hash of what decides them: the corpus and how it is cut. Another corpus starts anew. There are at most
MOST_PARTITIONS of each, and none where a corpus is one partition: it is counted where it is needed.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.partitions import Partition
from equalinfo.corpus.splits import drawn, only
from equalinfo.dictionary.train.word_counts import (
    OnStage,
    WordCounts,
    add_up,
    count_words,
    read_words,
    together,
    whole,
    write_words,
)
from equalinfo.engines.base import Advance, Engine, Event, PartitionProgress, Record, Work
from equalinfo.files import PART, json_bytes, sha256_bytes
from equalinfo.parallel import grouped

STATE = ".counting"
# A kill costs at most so much of each worker, or a part in MOST_PARTITIONS of the corpus.
PARTITION_BYTES = 128 << 20
MOST_PARTITIONS = 256
VERSION = 1  # of what words are
_TOLD_BYTES = 1 << 22  # of documents, before they are told of
_FILE = re.compile(r"\d{5}-[0-9a-f]{16}\.(words|sample)|\d{5}\.attempts")


def is_state(name: str) -> bool:
    """Whether a run leaves a file of that name."""
    return bool(_FILE.fullmatch(name))


def clear(folder: Path, plan: str | None = None) -> None:
    """Removes what runs left in a folder, but for the files of `plan`; what is hidden there and no run's stays."""
    for left in folder.iterdir():
        kept = plan is not None and left.name.partition("-")[2].startswith(plan)
        if PART.match(left.name) or (is_state(left.name) and not kept):
            left.unlink()


@dataclass(frozen=True)
class CountJob:
    """What workers need to know.

    Args:
        records: the folder that files are written to.
        field: key or column that holds the text.
        name: what the files are called after their number.
        share: of the documents, which are drawn; 0: their words are counted.
    """

    records: str
    field: str
    name: str
    share: float = 0.0

    def path(self, partition: Partition) -> Path:
        """Where what a partition gives stands."""
        return Path(self.records) / f"{partition.number:05d}-{self.name}"

    def opened(self) -> Work:
        """As `Job.opened`."""
        return self._counted

    def _counted(self, partition: Partition, advance: Advance) -> Record:
        documents = only(_told(partition.documents(self.field), advance), "train")
        if self.share:
            words = whole(document for document in documents if drawn(document, self.share))
        else:
            words = count_words(documents)
        write_words(self.path(partition), words)
        return {"partition": partition.number}


def _told(documents: Iterable[bytes], advance: Advance) -> Iterator[bytes]:
    for group in grouped(documents, _TOLD_BYTES):
        yield from group
        advance(sum(map(len, group)))


class PartitionedCorpus:
    """A corpus on an engine.

    Args:
        folder: opens the folder of files; called if there are several partitions.
    """

    def __init__(self, corpus: Corpus, engine: Engine, folder: Callable[[], Path]) -> None:
        self._corpus, self._engine, self._open = corpus, engine, folder

    def __bool__(self) -> bool:
        """Whether there is more than one partition."""
        return len(self._cut[0]) > 1

    def words(self, on_progress: OnStage | None = None) -> WordCounts:
        """The words of the training documents.

        Raises:
            EqualInfoError: a partition cannot be read, or its file cannot be written.
        """
        return add_up(self._files("words", 0.0, "count words", on_progress))

    def sample(self, share: float, on_progress: OnStage | None = None) -> WordCounts:
        """The training documents that are `drawn`, `whole`; errors as in `words`."""
        return together(list(self._files("sample", share, "draw documents", on_progress)))

    @cached_property
    def _cut(self) -> tuple[list[Partition], list[str]]:
        """Partitions, and stamps that change when the corpus does."""
        partitions, stamps = self._corpus.partitions(PARTITION_BYTES)
        larger = sum(partition.size for partition in partitions) // MOST_PARTITIONS
        return self._corpus.partitions(larger) if larger > PARTITION_BYTES else (partitions, stamps)

    @cached_property
    def _folder(self) -> Path:
        """The folder, without what another plan, or a kill, left there."""
        folder = self._open()
        clear(folder, self._plan)
        return folder

    @cached_property
    def _plan(self) -> str:
        partitions, stamps = self._cut
        cut = [partition.to_json() for partition in partitions]
        return sha256_bytes(json_bytes([VERSION, self._corpus.field, stamps, cut]))[:16]

    def _files(
        self, kind: str, share: float, stage: str, on_progress: OnStage | None
    ) -> Iterator[WordCounts]:
        """What each partition gives, in their order, once the engine has done those that are not done yet."""
        job = CountJob(str(self._folder.absolute()), self._corpus.field, f"{self._plan}.{kind}", share)
        partitions, _ = self._cut
        done = [partition.number for partition in partitions if job.path(partition).is_file()]
        progress = PartitionProgress(partitions, done)

        def hear(event: Event) -> None:
            progress.hear(event)
            if on_progress:
                on_progress(stage, progress.done, progress.total)

        self._engine.run(job, [one for one in partitions if one.number not in done], hear)
        return (read_words(job.path(partition)) for partition in partitions)
