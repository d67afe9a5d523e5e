import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.predict.base import FREQUENCY_TOTAL
from equalinfo.predict.unigram import Unigram, count_bytes, quantise_counts
from tests.support import tiny

counts = st.lists(
    st.one_of(st.just(0), st.integers(0, 5), st.integers(0, 10**6), st.integers(0, 10**16)),
    min_size=256,
    max_size=256,
)


@settings(max_examples=150, deadline=None)
@given(counts.filter(any))
def test_counts_are_shared_by_largest_remainder(values):
    row = quantise_counts(np.array(values, np.int64))
    assert row.dtype == np.int32
    assert row.sum() == FREQUENCY_TOTAL
    assert row.min() >= 1
    total, shared = sum(values), FREQUENCY_TOTAL - 256
    rounded_up = []
    for byte, (count, frequency) in enumerate(zip(values, row.tolist(), strict=True)):
        whole, rest = divmod(count * shared, total)
        assert frequency - 1 in (whole, whole + 1)
        rounded_up.append((frequency - 1 > whole, rest, -byte))
    # No byte rounded down has a larger remainder than one rounded up, ties going to the smaller byte.
    up = [key[1:] for key in rounded_up if key[0]]
    down = [key[1:] for key in rounded_up if not key[0]]
    assert not up or not down or min(up) > max(down)
    # More of a byte never means less frequency.
    order = np.argsort(np.array(values), kind="stable")
    assert (np.diff(row[order]) >= -1).all()


def test_every_count_equal():
    assert (quantise_counts(np.full(256, 3, np.int64)) == 64).all()


def test_no_bytes():
    with pytest.raises(EqualInfoError, match="no bytes"):
        quantise_counts(np.zeros(256, np.int64))


def test_counting():
    assert count_bytes([]).sum() == 0
    expected = np.zeros(256, np.int64)
    expected[[0, 97, 255]] = 1, 3, 2
    np.testing.assert_array_equal(count_bytes([b"a\xff", b"", b"aa\x00\xff"]), expected)


def test_the_same_distribution_everywhere():
    row = tiny.skewed_frequencies()
    predictor = Unigram(row)
    np.testing.assert_array_equal(predictor.initial, row)
    np.testing.assert_array_equal(predictor.frequencies(b"abc"), [row] * 3)
    assert predictor.frequencies(b"").shape == (0, 256)
    steps = predictor.new_contexts(2).step(np.array([1, 0]), np.array([0, 0]), np.array([7, 8]))
    np.testing.assert_array_equal(steps, [row] * 2)
    assert predictor.fingerprint == Unigram(row.astype(np.int64)).fingerprint
    assert predictor.fingerprint != Unigram(np.roll(row, 1)).fingerprint


@pytest.mark.parametrize(
    "row",
    [
        np.full(255, 64),
        np.full((1, 256), 64),
        np.full(256, 65),
        np.array([0, 128] + [64] * 254),
        np.array([-1, 129] + [64] * 254),
    ],
)
def test_improper_frequencies(row):
    with pytest.raises(DamagedArtifact):
        Unigram(row)
