"""Welch's test against printed tables, and against SciPy where it is installed."""

import random

import pytest

from equalinfo.score.significance import two_sided_tail, welch

# Two-sided 5 % and 1 % points of Student's t, from the usual printed table.
TABLE = {
    1: (12.706, 63.657),
    2: (4.303, 9.925),
    5: (2.571, 4.032),
    10: (2.228, 3.169),
    30: (2.042, 2.750),
    120: (1.980, 2.617),
}


@pytest.mark.parametrize("freedom", TABLE)
def test_the_tail_is_that_of_the_table(freedom: int) -> None:
    for t, p in zip(TABLE[freedom], (0.05, 0.01), strict=True):
        assert two_sided_tail(t, freedom) == pytest.approx(p, rel=2e-3)
        assert two_sided_tail(-t, freedom) == two_sided_tail(t, freedom)
    assert two_sided_tail(0, freedom) == pytest.approx(1)


def test_equal_means_and_far_ones() -> None:
    assert welch([1.0, 2.0, 3.0], [0.0, 2.0, 4.0]).p == pytest.approx(1)
    far = welch([1.0, 1.001, 0.999], [2.0, 2.001, 1.999])
    assert far.p < 1e-8
    assert far.degrees_of_freedom == pytest.approx(4)


@pytest.mark.parametrize("groups", [([1.0], [1.0, 2.0]), ([1.0, 1.0], [2.0, 2.0])])
def test_groups_that_cannot_be_tested(groups: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match="group"):
        welch(*groups)


def test_as_scipy_has_it() -> None:
    stats = pytest.importorskip("scipy.stats", reason="pip install scipy")
    chance = random.Random(1)
    for _ in range(300):
        scales = [10 ** chance.uniform(-3, 1) for _ in range(2)]
        shift = 10 ** chance.uniform(-4, 1)
        first, second = (
            [chance.gauss(mean, scale) for _ in range(chance.randint(2, 9))]
            for mean, scale in zip((0.0, shift), scales, strict=True)
        )
        ours, theirs = welch(first, second), stats.ttest_ind(first, second, equal_var=False)
        assert ours.t == pytest.approx(theirs.statistic)
        assert ours.degrees_of_freedom == pytest.approx(theirs.df)
        assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)
