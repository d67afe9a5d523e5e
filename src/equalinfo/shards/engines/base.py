"""What an engine is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from equalinfo.corpus.partitions import Partition
from equalinfo.shards.job import Record, TokenizeJob

ATTEMPTS = 4  # a partition is given up when so many workers died on it


@dataclass(frozen=True)
class Event:
    """News from a worker: bytes of a partition encoded since the last news, or its record when it is finished."""

    partition: int
    encoded_bytes: int = 0
    record: Record | None = None
    restarted: bool = False  # its worker died; what was encoded of it is lost


Report = Callable[[Event], None]


class Engine(Protocol):
    """Shares partitions out among workers."""

    def run(self, work: TokenizeJob, partitions: Sequence[Partition], report: Report) -> None:
        """Has every partition tokenized once, in any order; returns when all have their records.

        However it ends, all workers have ended then, and finished partitions keep their records.

        Raises:
            EqualInfoError: a partition cannot be tokenized.
        """
        ...
