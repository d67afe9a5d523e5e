"""The Ray engine: Ray Data on whatever cluster `ray.init` finds, or on this machine if it finds none.

A pool of actors, each of which opens the job once. Ray starts an actor again that dies, and gives its partition
to another. All machines need equalinfo, and see the corpus and OUT under the same names.
"""

import json
import logging
import os
from collections.abc import Sequence
from typing import Any

from equalinfo.corpus.partitions import Partition
from equalinfo.engines.base import ATTEMPTS, Event, Job, OnEvent, Work, in_several_tries, record_path
from equalinfo.errors import EqualInfoError
from equalinfo.extras import needed
from equalinfo.parallel import VARIABLE


class RayEngine:
    """Actors on a Ray cluster.

    Args:
        workers: how many at most; 0: one per CPU of the cluster, or one per GPU.
        cpus, gpus: that each of them takes.

    Raises:
        EqualInfoError: Ray is not installed.
    """

    def __init__(self, workers: int = 0, cpus: int = 1, gpus: int = 0) -> None:
        with needed():
            import ray.data  # noqa: F401
        self.workers, self.cpus, self.gpus = workers, cpus, gpus

    def run(self, job: Job, partitions: Sequence[Partition], on_event: OnEvent) -> None:
        """As `Engine.run`; news come when a partition is finished."""
        if not partitions:
            return
        if partitions[0].ranges[0].form == "stdin":
            raise EqualInfoError("workers of a cluster cannot read standard input; write it to a file first")
        import ray

        connected = ray.is_initialized()
        if not connected:
            try:
                ray.init(log_to_driver=False, logging_level=logging.ERROR)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise EqualInfoError(
                    f"cannot connect to Ray ({' '.join(str(error).split())[:200]}); look at RAY_ADDRESS"
                ) from error
        try:
            self._map(job, partitions, on_event)
        except ray.exceptions.RayError as error:
            raise EqualInfoError(
                f"Ray gave up ({' '.join(str(error).split())[:300]}); the same command resumes here"
            ) from error
        finally:
            if not connected:
                ray.shutdown()

    def _room(self, resources: dict[str, float]) -> int:
        """How many workers a cluster has room for; one at least.

        Raises:
            EqualInfoError: they need GPUs, and it has none.
        """
        room = int(resources.get("CPU", 1)) // self.cpus
        if self.gpus:
            room = min(room, int(resources.get("GPU", 0)) // self.gpus)
            if not room:
                raise EqualInfoError("the Ray cluster has no GPU for M1; leave --device out to use its CPUs")
        return max(1, room)

    def _map(self, job: Job, partitions: Sequence[Partition], on_event: OnEvent) -> None:
        import ray

        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False  # there is one already
        # Asked in any case: without GPUs actors would wait for ever.
        room = self._room(ray.cluster_resources())
        workers = self.workers or room
        described = [{"partition": json.dumps(partition.to_json())} for partition in partitions]
        # A block is what a task takes, so that each partition is a task.
        rows = ray.data.from_items(described, override_num_blocks=len(described)).map(
            PartitionWorker,
            fn_constructor_args=(job, self.cpus),
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(workers, len(described))),
            num_cpus=self.cpus,
            num_gpus=self.gpus,
        )
        for row in rows.iter_rows():
            answer = json.loads(row["answer"])
            if "error" in answer:
                raise EqualInfoError(answer["error"])
            record = answer["record"]
            on_event(Event(answer["partition"], answer["done"], record))


class PartitionWorker:
    """The actor."""

    def __init__(self, job: Job, threads: int) -> None:
        os.environ[VARIABLE] = str(threads)
        self._job = job
        self._work: Work | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Does one partition; an error that the user can put right is an answer too."""
        told: list[int] = []
        try:
            self._work = self._work or self._job.opened()
            partition = Partition.from_json(json.loads(row["partition"]))
            self._count_attempt(partition)
            record = in_several_tries(self._work, partition, told.append)
            answer: dict[str, Any] = {"partition": partition.number, "done": sum(told), "record": record}
        except EqualInfoError as error:
            answer = {"error": str(error)}
        except MemoryError:
            answer = {"error": "not enough memory; take fewer --workers"}
        return {"answer": json.dumps(answer)}

    def _count_attempt(self, partition: Partition) -> None:
        """Ray gives a partition out again however often its actor dies; this ends it."""
        attempts = record_path(self._job.records, partition.number).with_suffix(".attempts")
        with open(attempts, "ab") as stream:
            stream.write(b".")
            count = stream.tell()
        if count > ATTEMPTS:
            raise EqualInfoError(
                f"{ATTEMPTS} workers ended on partition {partition.number} ({partition.shown}); if memory was short, "
                "take fewer --workers; the same command resumes here"
            )
