"""Batches of fixed-length sequences: shuffled by seed, each sequence once per epoch, found by step number."""

import numpy as np

from equalinfo.errors import EqualInfoError


class SequenceBatches:
    """Batch `step` of an endless shuffled pass over `sequences`, the same whatever was read before.

    The position in the data is the step number, so resuming needs no other state.

    Args:
        sequences: ids, [n, length], any integer type; may be memory-mapped.
        batch_size: sequences per batch.
        seed: chooses one permutation per epoch.
    """

    def __init__(self, sequences: np.ndarray, batch_size: int, seed: int) -> None:
        if len(sequences) == 0:
            raise EqualInfoError(
                "the training data is shorter than one sequence; give more text or a shorter one"
            )
        self.sequences, self.batch_size, self.seed = sequences, batch_size, seed
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def at(self, step: int) -> np.ndarray:
        """Ids of batch `step`, [batch_size, length] int64."""
        positions = range(step * self.batch_size, (step + 1) * self.batch_size)
        return np.stack([self.sequences[self._index(position)] for position in positions]).astype(np.int64)

    def _index(self, position: int) -> int:
        epoch, offset = divmod(position, len(self.sequences))
        if epoch != self._epoch:
            generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, epoch])))
            self._epoch, self._order = epoch, generator.permutation(len(self.sequences))
        return int(self._order[offset])
