import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.errors import EqualInfoError
from equalinfo.model.batches import SequenceBatches


def numbered(count: int) -> np.ndarray:
    """Sequence i holds i and the two numbers after it."""
    return (np.arange(count)[:, None] + np.arange(3)).astype(np.uint16)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 5))
def test_each_sequence_once_per_epoch(count, batch_size, seed):
    batches = SequenceBatches(numbered(count), batch_size, seed)
    epochs = 3
    steps = -(-epochs * count // batch_size)
    read = np.concatenate([batches.at(step) for step in range(steps)])
    assert read.dtype == np.int64
    assert (read[:, 1] == read[:, 0] + 1).all()
    for epoch in range(epochs):
        assert sorted(read[epoch * count : (epoch + 1) * count, 0]) == list(range(count))


def test_epochs_and_seeds_differ():
    def first_two_epochs(seed):
        batches = SequenceBatches(numbered(50), 50, seed)
        return batches.at(0)[:, 0].tolist(), batches.at(1)[:, 0].tolist()

    orders = [*first_two_epochs(0), *first_two_epochs(1)]
    assert len({tuple(order) for order in orders}) == 4
    assert orders[0] != list(range(50))


def test_a_batch_does_not_depend_on_what_was_read_before():
    forward = SequenceBatches(numbered(17), 5, 3)
    expected = [forward.at(step) for step in range(20)]
    backward = SequenceBatches(numbered(17), 5, 3)
    for step in [*reversed(range(20)), 7, 7, 19, 0]:
        np.testing.assert_array_equal(backward.at(step), expected[step])
        np.testing.assert_array_equal(SequenceBatches(numbered(17), 5, 3).at(step), expected[step])


def test_memory_mapped_sequences(tmp_path):
    np.save(tmp_path / "ids.npy", numbered(9))
    mapped = np.load(tmp_path / "ids.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        SequenceBatches(mapped, 4, 0).at(3), SequenceBatches(numbered(9), 4, 0).at(3)
    )


def test_no_sequences():
    with pytest.raises(EqualInfoError, match="shorter than one sequence"):
        SequenceBatches(np.empty((0, 8), np.uint16), 4, 0)
