"""KL from uniform, its estimators and its control, against obvious references."""

import math
from collections import Counter

import numpy as np
import pytest

from equalinfo.experiments.catalog.token_uniformity import (
    disjoint,
    kl_from_uniform,
    overlapping,
    random_bits,
)
from equalinfo.score.metrics import entropy_bits


def test_entropy_of_known_distributions() -> None:
    assert entropy_bits(np.array([5, 5, 5, 5])) == pytest.approx(2)
    assert entropy_bits(np.array([7, 0, 0])) == 0
    assert entropy_bits(np.array([1, 3])) == pytest.approx(-(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75)))
    with pytest.raises(ValueError, match="samples"):
        entropy_bits(np.zeros(4, np.int64))


def test_miller_and_madow_add_the_bias() -> None:
    counts = np.array([3, 2, 0, 1])
    plain, corrected = entropy_bits(counts), entropy_bits(counts, True)
    assert corrected - plain == pytest.approx((3 - 1) / (2 * 6 * math.log(2)))
    # On average over samples of a known source it is nearer to the truth.
    chance = np.random.default_rng(0)
    samples = [np.bincount(chance.integers(0, 16, 200), minlength=16) for _ in range(300)]
    errors = [abs(np.mean([entropy_bits(s, own) for s in samples]) - 4) for own in (False, True)]
    assert errors[1] < errors[0] / 10


def test_counts_are_those_of_slices() -> None:
    bits = np.random.default_rng(1).integers(0, 2, 101).astype(np.uint8)
    text = "".join(map(str, bits))
    for n in (1, 3, 8):
        grams = Counter(int(text[i : i + n], 2) for i in range(len(text) - n + 1))
        tokens = Counter(int(text[i : i + n], 2) for i in range(0, len(text) - n + 1, n))
        assert {i: c for i, c in enumerate(overlapping(bits, n)) if c} == grams
        assert {i: c for i, c in enumerate(disjoint(bits, n)) if c} == tokens
    assert overlapping(bits[:2], 8).sum() == 0


def test_the_control_is_uniform_and_the_same_again() -> None:
    bits = random_bits(80_001)
    assert len(bits) == 80_001
    assert (bits == random_bits(80_001)).all()
    assert kl_from_uniform(disjoint(bits, 4), 4) < 0.002
    assert abs(kl_from_uniform(disjoint(bits, 8), 8, True)) < 0.01
    skewed = np.repeat(np.array([0, 0, 0, 1], np.uint8), 1000)
    assert kl_from_uniform(disjoint(skewed, 1), 1) == pytest.approx(1 - entropy_bits(np.array([3, 1])))
