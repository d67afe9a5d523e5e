"""Windows over tokens: every sequence of tokens comes back from its codes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.experiments.token_windows import TOTAL, child, cumulative_shares, digits_of, windows_of

VOCAB = 11


def shares(seed: int, length: int, sharpness: float) -> np.ndarray:
    """What a model that ignores its text would expect, place by place."""
    logits = np.random.default_rng(seed).normal(0, sharpness, (length, VOCAB))
    return cumulative_shares(np.exp(logits))


def decoded(codes: list[int], bits: int, begins: np.ndarray) -> list[int]:
    """Follows each code down to the string whose own it is."""
    found: list[int] = []
    for code in codes:
        low, count, first = 0, 1 << bits, True
        while code != low or first:
            for token in range(VOCAB):
                begin, end = begins[len(found), token : token + 2].tolist()
                lowest, own = child(low, count, first, token, begin, end, VOCAB)
                if lowest <= code < lowest + own:
                    break
            else:
                raise AssertionError("no token owns the code")
            found.append(token)
            low, count, first = lowest, own, False
    return found


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, VOCAB - 1), max_size=60),
    st.sampled_from([4, 5, 8, 16, 32]),
    st.integers(0, 9),
    st.sampled_from([0.1, 2.0, 9.0]),
)
def test_tokens_come_back(tokens: list[int], bits: int, seed: int, sharpness: float) -> None:
    begins = shares(seed, len(tokens) + 1, sharpness)
    given_ = [(token, *begins[place, token : token + 2].tolist()) for place, token in enumerate(tokens)]
    windows = windows_of(given_, bits, VOCAB)
    assert [place for window in windows for place in range(window.first, window.stop)] == list(
        range(len(tokens))
    )
    assert all(0 <= window.code < 1 << bits for window in windows)
    assert decoded([window.code for window in windows], bits, begins) == tokens


def test_shares_are_whole_and_complete() -> None:
    begins = shares(0, 5, 9.0)
    assert (np.diff(begins, axis=1) >= 1).all()
    assert begins[:, 0].tolist() == [0] * 5
    assert begins[:, -1].tolist() == [TOTAL] * 5


def test_windows_hold_about_their_bits() -> None:
    """Windows of many bits lose little: the sum of their bits is near what the tokens cost."""
    begins = shares(1, 4000, 2.0)
    random = np.random.default_rng(2)
    tokens = [int(np.searchsorted(row, random.integers(TOTAL), "right")) - 1 for row in begins]
    given_ = [(token, *begins[place, token : token + 2].tolist()) for place, token in enumerate(tokens)]
    cost = sum(-np.log2((end - begin) / TOTAL) for _, begin, end in given_)
    assert len(windows_of(given_, 32, VOCAB)) * 32 == pytest.approx(cost, rel=0.1)


def test_digits() -> None:
    assert digits_of(np.array([0x0102FF]), 24).tolist() == [[1, 2, 255]]
