"""Batches of fixed-length sequences: shuffled by seed, each sequence once per epoch, found by number."""

from collections.abc import Iterator
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from equalinfo.errors import EqualInfoError
from equalinfo.seeded import permutation


class Sequences(Protocol):
    """Ids of equal length by number: an array [n, length], or shards mapped into memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> np.ndarray: ...


class SequenceBatches:
    """An endless shuffled pass over `sequences`, cut into batches; batch n is the same whatever was read before.

    The position in the data is the batch's number, so resuming needs no other state, and however many processes
    or workers read, the order is the same.

    Args:
        sequences: ids, any integer type.
        batch_size: sequences per batch.
        seed: chooses one permutation per epoch.
        name: of the data, for the error.

    Raises:
        EqualInfoError: there are no sequences.
    """

    def __init__(self, sequences: Sequences, batch_size: int, seed: int, name: str = "training") -> None:
        if len(sequences) == 0:
            raise EqualInfoError(
                f"the {name} data is shorter than one sequence; give more text or a shorter one"
            )
        self.sequences, self.batch_size, self.seed = sequences, batch_size, seed
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def numbers(self, batch: int) -> list[int]:
        """Which sequences are in a batch."""
        numbers = []
        for position in range(batch * self.batch_size, (batch + 1) * self.batch_size):
            epoch, offset = divmod(position, len(self.sequences))
            if epoch != self._epoch:
                self._epoch, self._order = epoch, permutation(len(self.sequences), self.seed, epoch)
            numbers.append(int(self._order[offset]))
        return numbers

    def read(self, batches: range, rank: int = 0, world_size: int = 1, workers: int = 0) -> Iterator[Tensor]:
        """Ids of the batches, [batch_size / world_size, length] int64 each: of every batch the part of process `rank`.

        Args:
            workers: processes that read ahead; 0 reads when asked.

        Raises:
            EqualInfoError: `batch_size` cannot be divided by `world_size`.
        """
        if self.batch_size % world_size:
            raise EqualInfoError(
                f"a batch of {self.batch_size} sequences cannot be divided among {world_size} processes; "
                f"give a multiple of {world_size}"
            )
        share = slice(rank * self.batch_size // world_size, (rank + 1) * self.batch_size // world_size)
        numbers = (self.numbers(batch)[share] for batch in batches)
        # torch asks of a dataset what `Sequences` says, and not that it is a `Dataset`.
        rows = cast(Dataset[np.ndarray], self.sequences)
        return iter(DataLoader(rows, batch_sampler=numbers, num_workers=workers, collate_fn=_stacked))


def _stacked(rows: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(rows).astype(np.int64))
