import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.errors import EqualInfoError
from equalinfo.model.batches import SequenceBatches


def numbered(count: int) -> np.ndarray:
    """Sequence i holds i and the two numbers after it."""
    return (np.arange(count)[:, None] + np.arange(3)).astype(np.uint16)


def at(batches: SequenceBatches, batch: int) -> np.ndarray:
    return next(batches.read(range(batch, batch + 1))).numpy()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 5))
def test_each_sequence_once_per_epoch(count, batch_size, seed):
    batches = SequenceBatches(numbered(count), batch_size, seed)
    epochs = 3
    steps = -(-epochs * count // batch_size)
    read = np.concatenate([ids.numpy() for ids in batches.read(range(steps))])
    assert read.dtype == np.int64
    assert (read[:, 1] == read[:, 0] + 1).all()
    for epoch in range(epochs):
        assert sorted(read[epoch * count : (epoch + 1) * count, 0]) == list(range(count))


def test_epochs_and_seeds_differ():
    def first_two_epochs(seed):
        batches = SequenceBatches(numbered(50), 50, seed)
        return at(batches, 0)[:, 0].tolist(), at(batches, 1)[:, 0].tolist()

    orders = [*first_two_epochs(0), *first_two_epochs(1)]
    assert len({tuple(order) for order in orders}) == 4
    assert orders[0] != list(range(50))


def test_a_batch_does_not_depend_on_what_was_read_before():
    forward = SequenceBatches(numbered(17), 5, 3)
    expected = [at(forward, step) for step in range(20)]
    backward = SequenceBatches(numbered(17), 5, 3)
    for step in [*reversed(range(20)), 7, 7, 19, 0]:
        np.testing.assert_array_equal(at(backward, step), expected[step])
        np.testing.assert_array_equal(at(SequenceBatches(numbered(17), 5, 3), step), expected[step])


def test_memory_mapped_sequences(tmp_path):
    np.save(tmp_path / "ids.npy", numbered(9))
    mapped = np.load(tmp_path / "ids.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        at(SequenceBatches(mapped, 4, 0), 3), at(SequenceBatches(numbered(9), 4, 0), 3)
    )


def test_no_sequences():
    with pytest.raises(EqualInfoError, match="shorter than one sequence"):
        SequenceBatches(np.empty((0, 8), np.uint16), 4, 0)


@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_processes_and_workers_share_one_order(world_size, workers):
    """Rank after rank, whatever reads ahead, a batch is the batch of one process alone."""
    batches = SequenceBatches(numbered(17), 6, 3)
    expected = [at(batches, batch) for batch in range(4, 9)]
    parts = [list(batches.read(range(4, 9), rank, world_size, workers)) for rank in range(world_size)]
    for number, whole in enumerate(expected):
        np.testing.assert_array_equal(np.concatenate([own[number] for own in parts]), whole)


def test_a_batch_that_processes_cannot_share():
    with pytest.raises(EqualInfoError, match="multiple of 4"):
        SequenceBatches(numbered(17), 6, 3).read(range(2), 0, 4)
