"""The formulas against the paper's own tables, to the last digit that its rounding leaves."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equalinfo.score import metrics
from equalinfo.score.paper import paper_tables

PAPER = paper_tables()
VOCABULARIES = {"Bytes": 256, "v=256": 256, "v=32k": 32_000, "v=65k": 65_536}


def vocab_of(method: str) -> int:
    return next(vocab for name, vocab in VOCABULARIES.items() if name in method)


def agrees(formula: Callable[[float], float], ratio: float, printed: float, digits: int) -> bool:
    """Whether some bytes/token that rounds to the paper's two digits gives what rounds to `printed`.

    `formula` must be monotonic; `digits` are those of `printed`.
    """
    slack = 0.5 * 10**-digits + 1e-9
    ends = [formula(ratio - 0.005), formula(ratio + 0.005)]
    return min(ends) <= printed + slack and max(ends) >= printed - slack


# Table 1 counts 15 bits per SentencePiece token (whole bits for a vocabulary of 32,000), while table 3
# divides by log2(32,000) = 14.97. The formula here is table 3's, so that bit ratio and uniform agree.
TABLE_1_DEVIATIONS = {"SentencePiece[v=32k]": 15}


@pytest.mark.parametrize("method", PAPER["table1_token_and_bit_ratio"])
def test_table_1_bit_ratio_from_token_ratio(method: str) -> None:
    token_ratio, bit_ratio = PAPER["table1_token_and_bit_ratio"][method]
    if method in TABLE_1_DEVIATIONS:
        bits = TABLE_1_DEVIATIONS[method]
        assert metrics.bit_ratio(round(token_ratio * 100_000), 100_000, 2**bits) == pytest.approx(
            bit_ratio, abs=0.005
        )
        assert (
            round(metrics.bit_ratio(round(token_ratio * 100_000), 100_000, vocab_of(method)), 2) != bit_ratio
        )
        return

    def formula(ratio: float) -> float:
        return metrics.bit_ratio(round(ratio * 100_000), 100_000, vocab_of(method))

    assert agrees(formula, token_ratio, bit_ratio, 2)


@pytest.mark.parametrize("method", PAPER["table3_uniform_unigram_bits_per_byte"])
def test_table_3_uniform(method: str) -> None:
    uniform, unigram = PAPER["table3_uniform_unigram_bits_per_byte"][method]
    ratio = PAPER["table12_bytes_per_token"][method]
    # The paper computed these from the two printed digits of the ratio: they agree to the last digit.
    assert round(metrics.uniform_bits_per_byte(vocab_of(method), ratio), 3) == uniform
    assert agrees(lambda r: metrics.uniform_bits_per_byte(vocab_of(method), r), ratio, uniform, 3)
    assert unigram <= uniform


@pytest.mark.parametrize("method", PAPER["table15_mflops_per_byte_25m"])
def test_table_15_flops(method: str) -> None:
    printed, ratio = PAPER["table15_mflops_per_byte_25m"][method], PAPER["table12_bytes_per_token"][method]
    m1 = 3e6 if method.startswith(("AC[", "EqualInfoAC[")) else 0
    assert agrees(lambda r: metrics.flops_per_byte(25e6, r, m1) / 1e6, ratio, printed, 2)


def test_a_model_at_ln_v_scores_uniform() -> None:
    tokens, source = 1000, 2660
    ratio = metrics.bytes_per_token(source, tokens)
    assert ratio == 2.66
    bits = metrics.bits_per_byte(math.log(256), tokens, source)
    assert bits == pytest.approx(metrics.uniform_bits_per_byte(256, ratio))


def test_unigram_by_hand() -> None:
    # Smoothed frequencies 4/8, 2/8, 1/8, 1/8: 1, 2, 3 and 3 bits; 2 + 2 + 3 bits over 7 bytes.
    assert metrics.unigram_bits_per_byte([3, 1, 0, 0], [2, 1, 0, 1], 7) == pytest.approx(1.0)


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=20).filter(any), st.integers(1, 10_000))
def test_unigram_without_training_is_uniform_and_own_counts_are_no_worse_than_reversed(
    counts, source
) -> None:
    evaluation = np.array(counts)
    uniform = metrics.uniform_bits_per_byte(evaluation.size, source / evaluation.sum())
    untrained = metrics.unigram_bits_per_byte(np.zeros_like(evaluation), evaluation, source)
    assert untrained == pytest.approx(uniform)
    own = metrics.unigram_bits_per_byte(evaluation, evaluation, source)
    assert own <= metrics.unigram_bits_per_byte(evaluation[::-1], evaluation, source) + 1e-9
    assert own <= uniform + 1e-9


def test_unigram_of_unsigned_and_huge_counts() -> None:
    huge = np.full(4, 2**40, dtype=np.uint64)
    assert metrics.unigram_bits_per_byte(huge, huge, 2**42) == pytest.approx(2.0)


def test_mean_and_deviation() -> None:
    assert metrics.mean_and_deviation([2.0]) == (2.0, None)
    mean, deviation = metrics.mean_and_deviation([1.0, 2.0, 3.0])
    assert mean == 2
    assert deviation == pytest.approx(1.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.bits_per_byte(1.0, 10, 0),
        lambda: metrics.bits_per_byte(-1.0, 10, 10),
        lambda: metrics.bits_per_byte(math.nan, 10, 10),
        lambda: metrics.bits_per_byte(1.0, 0, 10),
        lambda: metrics.bytes_per_token(10, 0),
        lambda: metrics.bytes_per_token(-1, 2),
        lambda: metrics.bit_ratio(10, 10, 1),
        lambda: metrics.uniform_bits_per_byte(256, 0),
        lambda: metrics.uniform_bits_per_byte(0, 1),
        lambda: metrics.unigram_bits_per_byte([1, 2], [1, 2], 0),
        lambda: metrics.unigram_bits_per_byte([1, 2], [1, 2, 3], 1),
        lambda: metrics.unigram_bits_per_byte([1, -2], [1, 2], 1),
        lambda: metrics.unigram_bits_per_byte([1, 2], [0, 0], 1),
        lambda: metrics.unigram_bits_per_byte([0.5, 0.5], [1, 2], 1),
        lambda: metrics.flops_per_byte(0, 1),
        lambda: metrics.flops_per_byte(1, 1, -1),
        lambda: metrics.flops_per_byte(1, math.inf),
        lambda: metrics.mean_and_deviation([]),
    ],
)
def test_nonsense_is_refused(call) -> None:
    with pytest.raises(ValueError, match=r"must be|holds|differ|no value"):
        call()
