"""The progress of a corpus whose partitions are worked on side by side."""

import time

from rich.progress import Progress

from equalinfo.corpus.partitions import Partition
from equalinfo.pipeline.engines.base import Event
from equalinfo.pipeline.partition_work import Record


class PartitionBar:
    """The progress of all partitions, and the records as they come."""

    def __init__(
        self, progress: Progress, title: str, partitions: list[Partition], records: dict[int, Record]
    ) -> None:
        self._progress, self._records = progress, records
        self._sizes = {partition.number: partition.size for partition in partitions}
        self._encoded: dict[int, int] = {}
        self._done = sum(self._sizes[number] for number in records)
        self._total, self._started = 0, time.monotonic()
        size = sum(self._sizes.values())
        self._task = progress.add_task(title, total=size or None, completed=self._done, note="")

    def hear(self, event: Event) -> None:
        number = event.partition
        if event.restarted:
            self._encoded.pop(number, None)
        self._encoded[number] = self._encoded.get(number, 0) + event.encoded_bytes
        self._total += event.encoded_bytes
        if event.record is not None:
            self._records[number] = event.record
            self._encoded.pop(number)
            self._done += self._sizes[number]
        running = sum(min(count, self._sizes[number]) for number, count in self._encoded.items())
        elapsed = time.monotonic() - self._started
        note = f"{self._total / elapsed / 1e6:.1f} MB/s" if elapsed > 1 else ""
        self._progress.update(self._task, completed=self._done + running, note=note)
