"""The bootstrap of a ratio, edit distances, ranks: against references."""

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from equalinfo.experiments.catalog.stability_and_learning import rank_correlation, ranks
from equalinfo.experiments.catalog.tokenizer_stability import common_words
from equalinfo.experiments.statistics import mean_error, ratio_error


def test_the_bootstrap_of_a_ratio_is_that_of_a_mean_where_sizes_are_equal() -> None:
    values = np.random.default_rng(0).normal(3, 1, 400)
    found = ratio_error(values.tolist(), [1.0] * 400)
    assert found == pytest.approx(1 / 20, rel=0.1)
    assert found == ratio_error(values.tolist(), [1.0] * 400)
    assert mean_error(values.tolist()) == pytest.approx(found, rel=0.1)
    assert ratio_error([1.0, 2.0], [1.0, 1.0]) is None
    assert mean_error([1.0]) is None
    with pytest.raises(ValueError, match="above"):
        ratio_error([1.0], [1.0, 2.0])


def reference_distance(first: list[int], second: list[int]) -> int:
    table = np.zeros((len(first) + 1, len(second) + 1), np.int64)
    table[:, 0], table[0] = np.arange(len(first) + 1), np.arange(len(second) + 1)
    for i, one in enumerate(first, start=1):
        for j, other in enumerate(second, start=1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (one != other))
    return int(table[-1, -1])


def test_edit_distances_are_those_of_the_table() -> None:
    assert Levenshtein.distance([1, 2, 3], [1, 3]) == 1
    assert Levenshtein.distance([], [70_000, 2]) == 2
    chance = np.random.default_rng(2)
    for _ in range(50):
        one, other = (chance.integers(0, 4, chance.integers(0, 12)).tolist() for _ in range(2))
        assert Levenshtein.distance(one, other) == reference_distance(one, other)


def test_common_words() -> None:
    assert common_words(b"to be, or not to be: that", 3, 2) == [b"be", b"to", b"not"]


def test_rank_correlation() -> None:
    assert ranks([3.0, 1.0, 3.0]) == [2.5, 1.0, 2.5]
    assert rank_correlation([1, 2, 3, 4, 5], [1, 4, 9, 16, 25])[0] == pytest.approx(1)
    assert rank_correlation([1, 2, 3, 4, 5], [5, 4, 3, 2, 1]) == (pytest.approx(-1), 0.0)
    with pytest.raises(ValueError, match="four pairs"):
        rank_correlation([1, 2], [1, 2])
    stats = pytest.importorskip("scipy.stats", reason="pip install scipy")
    x, y = np.random.default_rng(3).integers(0, 9, (2, 30)).astype(float).tolist()
    theirs = stats.spearmanr(x, y)
    rho, p = rank_correlation(x, y)
    assert rho == pytest.approx(theirs.statistic)
    assert p == pytest.approx(theirs.pvalue)
