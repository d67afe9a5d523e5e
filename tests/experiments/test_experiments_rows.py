"""Estimates, differences and verdicts from made-up rows."""

import math

import pytest

from equalinfo.experiments.rows import Estimate, normal_p
from equalinfo.experiments.verdicts import less, near, positive, rising
from tests.support.rows_of import measurement, rows


def seeded(method: str, values: list[float]):  # type: ignore[no-untyped-def]
    return [measurement(method, "bits_per_byte", value, seed=seed) for seed, value in enumerate(values)]


def test_a_mean_has_the_error_of_its_seeds_or_its_own() -> None:
    several = rows(seeded("a", [1.0, 2.0, 3.0]))
    assert several.estimate("bits_per_byte", "a").mean == 2
    assert several.estimate("bits_per_byte", "a").error == pytest.approx(1 / math.sqrt(3))
    one = rows(measurement("a", "bits_per_byte", 2.0, standard_error=0.1))
    assert one.estimate("bits_per_byte", "a").error == 0.1
    with pytest.raises(KeyError):
        one.estimate("bits_per_byte", "b")


def test_differences_over_seeds_examples_and_errors() -> None:
    by_seed = rows(seeded("a", [1.0, 1.1, 0.9]), seeded("b", [2.0, 2.1, 1.9])).difference(
        "bits_per_byte", "b", "a"
    )
    assert by_seed.mean == pytest.approx(1)
    assert by_seed.p is not None
    assert by_seed.p < 0.001
    examples = [
        measurement(m, "example_bits_per_byte", base + i, at={"example": i}, seed=0)
        for m, base in (("a", 0.0), ("b", 0.1))
        for i in range(6)
    ]
    # Examples differ far more from each other than methods do: only pairs can tell.
    noisy = [
        measurement(m, "bits_per_byte", v, standard_error=1.0, seed=0) for m, v in (("a", 2.5), ("b", 2.6))
    ]
    pairs = rows(noisy, examples).difference("bits_per_byte", "b", "a")
    assert pairs.mean == pytest.approx(0.1)
    assert pairs.p == pytest.approx(0, abs=1e-6)
    assert "paired over 6" in pairs.source
    alone = rows(noisy).difference("bits_per_byte", "b", "a")
    assert alone.p is not None
    assert alone.p > 0.9


def test_a_seed_that_only_one_has_does_not_count() -> None:
    both = rows(seeded("a", [1.0, 3.0]), measurement("b", "bits_per_byte", 1.2, standard_error=0.01, seed=0))
    assert both.difference("bits_per_byte", "b", "a").mean == pytest.approx(0.2)
    assert less(both, "bits_per_byte", "a", "b").ours == "1.000 against 1.200"


@pytest.mark.parametrize(
    ("one", "other", "found"), [(1.0, 2.0, "yes"), (2.0, 1.0, "no"), (1.0, 1.1, "unclear")]
)
def test_less_can_be_found_and_not_found(one: float, other: float, found: str) -> None:
    made = rows(*(measurement(m, "q", v, standard_error=0.1) for m, v in (("a", one), ("b", other))))
    assert less(made, "q", "a", "b").found == found


def test_near_positive_and_order() -> None:
    assert near(Estimate(1.0, 0.001), 1.0, 0.01).found == "yes"
    assert near(Estimate(1.1, 0.001), 1.0, 0.01).found == "no"
    assert near(Estimate(1.01, 0.01), 1.0, 0.01).found == "unclear"
    assert positive(Estimate(0.5, 0.1)).found == "yes"
    assert positive(Estimate(-0.5, 0.1)).found == "no"
    assert positive(Estimate(0.1, 0.1)).found == "unclear"
    assert positive(Estimate(0.1), least=0.2).found == "no"
    up = [("a", Estimate(1, 0.1)), ("b", Estimate(2, 0.1)), ("c", Estimate(3, 0.1))]
    assert rising(up).found == "yes"
    assert rising(up[::-1]).found == "no"
    assert rising([*up, ("d", Estimate(3.05, 0.1))]).found == "unclear"


def test_the_normal_tail() -> None:
    assert normal_p(1.959964, 1) == pytest.approx(0.05, rel=1e-4)
    assert normal_p(0, 0) == 1
    assert normal_p(0.1, 0) == 0
