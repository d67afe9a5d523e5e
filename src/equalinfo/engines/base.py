"""What an engine is, and what it has workers do."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from equalinfo.corpus.partitions import Partition
from equalinfo.errors import Unreachable

ATTEMPTS = 4  # a partition is given up when so many workers died on it
PAUSES = (2.0, 20.0, 120.0)  # seconds before a partition that could not be reached is tried again

Record = dict[str, Any]
Advance = Callable[[int], None]
Work = Callable[[Partition, Advance], Record]


class Job(Protocol):
    """What is to be done with each partition: a frozen dataclass of strings and numbers, so that it travels as JSON."""

    @property
    def records(self) -> str:
        """The folder of what is finished; the same for all workers."""
        ...

    def opened(self) -> Work:
        """What a worker calls for one partition after the other.

        It leaves files that appear whole, and gives a record of them. While it works it tells how many bytes are done
        since it last did.
        """
        ...


@dataclass(frozen=True)
class Event:
    """News from a worker: bytes of a partition done since the last news, or its record when it is finished."""

    partition: int
    done_bytes: int = 0
    record: Record | None = None
    restarted: bool = False  # its worker died; what was done of it is lost


OnEvent = Callable[[Event], None]


class Engine(Protocol):
    """Shares partitions out among workers."""

    def run(self, job: Job, partitions: Sequence[Partition], on_event: OnEvent) -> None:
        """Has a job done once for every partition, in any order; returns when all have their records.

        However it ends, all workers have ended then, and finished partitions keep their files.

        Raises:
            EqualInfoError: a partition cannot be read, or its files cannot be written.
        """
        ...


def record_path(records: str | Path, number: int) -> Path:
    return Path(records) / f"{number:05d}.json"


def in_several_tries(work: Work, partition: Partition, advance: Advance = lambda count: None) -> Record:
    """The record of a partition, which is tried again, after a pause, where a network failed.

    Raises:
        EqualInfoError: as `work`; Unreachable after the last try.
    """
    for pause in PAUSES:
        told: list[int] = []

        def tell(count: int, told: list[int] = told) -> None:
            told.append(count)
            advance(count)

        try:
            return work(partition, tell)
        except Unreachable:
            advance(-sum(told))
            time.sleep(pause)
    return work(partition, advance)


class PartitionProgress:
    """How far a corpus is, from the news of its partitions; each counts as its size says."""

    def __init__(self, partitions: Sequence[Partition], finished: Sequence[int]) -> None:
        self._sizes = {partition.number: partition.size for partition in partitions}
        self._running: dict[int, int] = {}
        self._finished = sum(self._sizes[number] for number in finished)
        self.total = sum(self._sizes.values())

    def hear(self, event: Event) -> None:
        number = event.partition
        if event.restarted:
            self._running.pop(number, None)
        self._running[number] = self._running.get(number, 0) + event.done_bytes
        if event.record is not None:
            self._running.pop(number)
            self._finished += self._sizes[number]

    @property
    def done(self) -> int:
        return self._finished + sum(min(count, self._sizes[n]) for n, count in self._running.items())
