"""Trainings side by side, in processes of their own, while there are cores for another.

A small model gains little from a second thread, and nothing of what it becomes depends on what runs beside it.
"""

import selectors
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rich.progress import Progress, TaskID

from equalinfo.corpus.corpus import Corpus
from equalinfo.errors import EqualInfoError
from equalinfo.model.distributed import device_of
from equalinfo.parallel import cores
from equalinfo.processes import Driver, WorkerProcess, serve
from equalinfo.train.config import M1Config, M2Config
from equalinfo.train.m1 import train_m1
from equalinfo.train.m2 import train_m2

SECONDS_BETWEEN_REPORTS = 0.2
ADVICE = "give each training more threads, so that fewer run side by side"


@dataclass(frozen=True, eq=False)
class Training:
    """An M1 or an M2 to be trained: of a corpus, or of a tokens directory.

    Args:
        prepare: makes the source where it is missing; called here, before the training begins.
    """

    config: M1Config | M2Config
    source: Corpus | Path
    out: Path
    prepare: Callable[[], object] = lambda: None

    def run(self, progress: Progress) -> None:
        """Trains it in this process."""
        self.prepare()
        if isinstance(self.source, Corpus):
            train_m1(self.source, cast(M1Config, self.config), self.out, progress)
        else:
            train_m2(self.source, cast(M2Config, self.config), self.out, progress)

    @property
    def in_another_process(self) -> bool:
        """Whether it can be: a pipe that this process has read cannot be read by another."""
        return not (isinstance(self.source, Corpus) and self.source.source == "-")

    def message(self) -> dict[str, Any]:
        """For a worker."""
        about = {"config": self.config.model_dump(mode="json"), "out": str(self.out)}
        if isinstance(self.source, Corpus):
            return about | {"corpus": self.source.source, "field": self.source.field}
        return about | {"tokens": str(self.source)}

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> "Training":
        """In the worker."""
        out = Path(message["out"])
        if "corpus" in message:
            return cls(M1Config(**message["config"]), Corpus(message["corpus"], message["field"]), out)
        return cls(M2Config(**message["config"]), Path(message["tokens"]), out)


def train_all(trainings: Sequence[Training], progress: Progress) -> Iterator[Training]:
    """Trains all, as many at a time as there are cores for their threads; yields each when it is done.

    Where no two fit, or on a GPU, they are trained in this process, one after the other.

    Raises:
        EqualInfoError: of the first that fails; the others are ended, and the same run resumes them.
    """
    fewest = sorted(training.config.threads for training in trainings)[:2]
    alone = len(fewest) < 2 or sum(fewest) > cores() or device_of("auto").type != "cpu"
    if alone or not all(one.in_another_process for one in trainings):
        for training in trainings:
            training.run(progress)
            yield training
    else:
        yield from _Trainings(trainings, progress).run()


class _Worker(WorkerProcess):
    """Trains one after the other: to start a process takes seconds."""

    def __init__(self, threads: int, first: bool) -> None:
        super().__init__("equalinfo.runs.side_by_side", threads, first)
        self.threads = threads

    def begin(self, training: Training) -> None:
        self.training, self.bars = training, dict[int, TaskID]()
        self.send(training.message())


class _Trainings:
    """Those that wait, and the workers at the others."""

    def __init__(self, trainings: Sequence[Training], progress: Progress) -> None:
        self._waiting, self._progress = deque(trainings), progress
        self._selector = selectors.DefaultSelector()
        self._running: list[_Worker] = []
        self._idle: list[_Worker] = []

    def run(self) -> Iterator[Training]:
        try:
            while self._waiting or self._running:
                self._start()
                for key, _ in self._selector.select():
                    if self._hear(key.data):
                        yield key.data.training
        finally:
            for worker in list(self._running):
                self._leave(worker)
            for worker in self._idle:
                worker.end()
            self._selector.close()

    def _start(self) -> None:
        """Starts the next ones while there are cores for them, and one at least."""
        while self._waiting:
            taken = sum(worker.threads for worker in self._running)
            if self._running and taken + self._waiting[0].config.threads > cores():
                return
            training = self._waiting.popleft()
            training.prepare()  # on the free core, while the others train
            worker = self._worker(training.config.threads)
            worker.begin(training)
            self._running.append(worker)
            self._selector.register(worker.stream, selectors.EVENT_READ, worker)

    def _worker(self, threads: int) -> _Worker:
        """One that is idle and has so many threads, or a new one."""
        while self._idle:
            worker = self._idle.pop()
            if worker.threads == threads:
                return worker
            worker.end()
        return _Worker(threads, first=not self._running)

    def _leave(self, worker: _Worker) -> None:
        """Its training is over; the process stays where another waits."""
        self._selector.unregister(worker.stream)
        self._running.remove(worker)
        if self._waiting:
            self._idle.append(worker)
        else:
            worker.end()
        for bar in worker.bars.values():
            self._progress.remove_task(bar)

    def _hear(self, worker: _Worker) -> bool:
        """Shows what a worker says; whether its training is done."""
        out = worker.training.out
        messages = worker.messages(str(out))
        for message in messages or ():
            if "done" in message:
                self._leave(worker)
                return True
            bar = message.pop("bar")
            if bar not in worker.bars:
                worker.bars[bar] = self._progress.add_task(message["description"], total=None, note="")
            self._progress.update(worker.bars[bar], **message)
        if messages is None:
            self._leave(worker)
            raise EqualInfoError(
                f"a process that trained {out} ended {worker.end()}; if memory was short, {ADVICE}; "
                "the same command resumes here"
            )
        return False


class _Told(Progress):
    """Bars that the driver draws."""

    def __init__(self, driver: Driver, name: str) -> None:
        super().__init__(disable=True)
        self._driver, self._name, self._last = driver, name, dict[TaskID, float]()

    def update(self, task_id: TaskID, **changes: Any) -> None:
        super().update(task_id, **changes)
        task, now = self.tasks[self.task_ids.index(task_id)], time.monotonic()
        if task.finished or now - self._last.get(task_id, 0.0) > SECONDS_BETWEEN_REPORTS:
            self._last[task_id] = now
            state = {"completed": task.completed, "total": task.total, "note": task.fields.get("note", "")}
            self._driver.mention(
                {"bar": int(task_id), "description": f"{task.description}: {self._name}", **state}
            )


def _train(driver: Driver) -> None:
    while True:
        training = Training.from_message(driver.receive())
        training.run(_Told(driver, training.out.name.rsplit("-", 1)[0]))
        driver.send({"done": True})


if __name__ == "__main__":
    serve(_train, ADVICE)
