"""The local engine: worker processes on this machine.

Each worker has its own process and share of the cores, and takes a partition whenever it is free. A worker
that dies (SIGKILL, out of memory) costs its partition and no other: a new worker does it again, a few times at most.
"""

import os
import selectors
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

from equalinfo.corpus.partitions import Partition
from equalinfo.engines.base import ATTEMPTS, Event, Job, OnEvent, in_several_tries
from equalinfo.errors import EqualInfoError
from equalinfo.parallel import VARIABLE, cores
from equalinfo.processes import WorkerProcess


class LocalEngine:
    """Processes on this machine; with one worker, or one partition, this process.

    Args:
        workers: how many; 0: one per core.
    """

    def __init__(self, workers: int = 0) -> None:
        self.workers = workers or cores()

    def run(self, job: Job, partitions: Sequence[Partition], on_event: OnEvent) -> None:
        """As `Engine.run`."""
        workers = min(self.workers, len(partitions))
        # A pipe that this process reads cannot be read by another.
        if workers > 1 and partitions[0].ranges[0].form != "stdin":
            _Workers(workers, job, partitions, on_event).run()
        elif partitions:
            _alone(job, partitions, self.workers, on_event)


def _alone(job: Job, partitions: Sequence[Partition], threads: int, on_event: OnEvent) -> None:
    with _threads(threads):
        work = job.opened()
        for partition in partitions:
            number = partition.number
            record = in_several_tries(work, partition, partial(_done, on_event, number))
            on_event(Event(number, record=record))


def _done(on_event: OnEvent, number: int, count: int) -> None:
    on_event(Event(number, count))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(count)
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


class _Worker(WorkerProcess):
    """A worker process and the partition it has."""

    def __init__(self, job: Any, threads: int, first: bool) -> None:
        super().__init__("equalinfo.engines.worker", threads, first)
        self.partition: Partition | None = None
        kind = type(job)
        self.send({"module": kind.__module__, "class": kind.__name__, "fields": asdict(job)})

    def give(self, partition: Partition) -> None:
        self.partition = partition
        self.send(partition.to_json())


class _Workers:
    """All workers, and the partitions that are still to be done."""

    def __init__(self, count: int, job: Job, partitions: Sequence[Partition], on_event: OnEvent) -> None:
        self._count, self._job, self._on_event = count, job, on_event
        self._threads = max(1, cores() // count)
        self._waiting = deque(partitions)
        self._deaths: Counter[int] = Counter()
        self._selector = selectors.DefaultSelector()
        self._running: set[_Worker] = set()

    def run(self) -> None:
        try:
            for _ in range(self._count):
                self._start()
            while self._running:
                for key, _ in self._selector.select():
                    self._hear(key.data)
        finally:
            for worker in list(self._running):
                self._forget(worker)
            self._selector.close()

    def _start(self) -> None:
        """Starts a worker and gives it the next partition."""
        worker = _Worker(self._job, self._threads, first=not self._running)
        self._running.add(worker)
        self._selector.register(worker.stream, selectors.EVENT_READ, worker)
        worker.give(self._waiting.popleft())

    def _forget(self, worker: _Worker) -> str:
        self._selector.unregister(worker.stream)
        self._running.remove(worker)
        return worker.end()

    def _hear(self, worker: _Worker) -> None:
        partition = worker.partition
        assert partition
        messages = worker.messages(partition.shown)
        if messages is None:
            self._died(partition, self._forget(worker))
            return
        for message in messages:
            if "done" in message:
                self._on_event(Event(partition.number, message["done"]))
                continue
            if self._waiting:
                worker.give(self._waiting.popleft())
            else:
                self._forget(worker)
            self._on_event(Event(partition.number, record=message["record"]))

    def _died(self, partition: Partition, how: str) -> None:
        """Puts a partition back whose worker is dead, unless it was so too often."""
        self._deaths[partition.number] += 1
        if self._deaths[partition.number] >= ATTEMPTS:
            raise EqualInfoError(
                f"{ATTEMPTS} workers ended {how} on partition {partition.number} ({partition.shown}); if memory "
                "was short, take fewer --workers; the same command resumes here"
            )
        self._waiting.appendleft(partition)
        self._on_event(Event(partition.number, restarted=True))
        self._start()
