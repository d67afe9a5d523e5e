"""Random segmentations come as often as their probabilities say, and depend on the seed alone."""

import math
from collections import Counter
from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equalinfo import Tokenizer
from equalinfo.dictionary.parse.sampling import sampled
from equalinfo.dictionary.parse.viterbi import ONE_BIT, ViterbiParser
from equalinfo.dictionary.trie.automaton import build
from equalinfo.errors import EqualInfoError
from equalinfo.seeded import bits
from tests.oracles.dictionary_reference import likeliest, segmentations

BYTES = [b"", *(bytes([byte]) for byte in range(256))]
WORDS = [b"ab", b"abc", b"bc", b"bcd", b"cd", b"da", b"aa", b"aaa"]
ENTRIES = BYTES + WORDS
COSTS = np.array([4 * ONE_BIT] * len(BYTES) + [3000, 9000, 6000, 5000, 7000, 2048, 1500, 12345], np.int64)
PARSER = ViterbiParser(build(ENTRIES), COSTS)


def probabilities(text: bytes, alpha: float) -> dict[tuple[int, ...], float]:
    weights = {
        tuple(ids): math.exp(-alpha * sum(COSTS[ids]) / ONE_BIT * math.log(2))
        for ids in segmentations(ENTRIES, text)
    }
    return {ids: weight / sum(weights.values()) for ids, weight in weights.items()}


@pytest.mark.parametrize("alpha", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("text", [b"abcda", b"aaaaa", b"xabcd"])
def test_each_comes_as_often_as_its_probability_says(text: bytes, alpha: float) -> None:
    draws, source = 4000, bits(7)
    found = Counter(tuple(sampled(PARSER, text, alpha, source).tolist()) for _ in range(draws))
    expected = probabilities(text, alpha)
    assert set(found) <= set(expected)
    # Chi-squared over the parses that are to come five times or more; the limit is passed once in a million.
    often = {ids: draws * chance for ids, chance in expected.items() if draws * chance >= 5}
    distance = sum((found[ids] - count) ** 2 / count for ids, count in often.items())
    freedom = len(often)
    assert distance < freedom + 5 * math.sqrt(2 * freedom) + 15


@given(st.binary(max_size=300) | st.text("abcd", max_size=300).map(str.encode), st.integers(0, 99))
def test_it_is_a_segmentation_that_the_seed_decides(text: bytes, seed: int) -> None:
    ids = sampled(PARSER, text, 0.3, bits(seed))
    assert b"".join(ENTRIES[token] for token in ids) == text
    assert np.array_equal(ids, sampled(PARSER, text, 0.3, bits(seed)))
    # So sharp that only the likeliest is left; parses of equal information stay equally likely.
    sharp = sampled(PARSER, text, 1e6, bits(seed))
    assert COSTS[sharp].sum() == COSTS[likeliest(ENTRIES, COSTS.tolist(), text)].sum()


def test_long_texts_and_long_entries() -> None:
    entries = [*BYTES, b"a" * 64, b"a" * 63]
    parser = ViterbiParser(build(entries), np.full(len(entries), ONE_BIT, np.int64))
    for size in (63, 64, 65, 40_000):
        ids = sampled(parser, b"a" * size, 1.0, bits(0))
        assert sum(len(entries[token]) for token in ids) == size


@pytest.mark.parametrize("alpha", [-0.1, math.inf, math.nan])
def test_alpha_is_checked(alpha: float) -> None:
    with pytest.raises(EqualInfoError, match="0 or more"):
        sampled(PARSER, b"abc", alpha, bits(0))


@pytest.mark.parametrize("name", ["english-65k", "english-65k-phrases"])
def test_shipped_tokenizers_draw(name: str) -> None:
    tokenizer = Tokenizer.from_pretrained(name)
    text = "Windows of equal information, naïve or not.\n" * 3
    drawn = [tokenizer.encode(text, sample=0.1, seed=seed) for seed in range(5)]
    assert len({ids.tobytes() for ids in drawn}) == 5
    assert all(tokenizer.decode(ids) == text.encode() and ids.dtype == np.uint16 for ids in drawn)
    assert np.array_equal(drawn[3], tokenizer.encode(text, sample=0.1, seed=3))
    # Within words, as the likeliest parse is.
    if name == "english-65k":
        words = [len(tokenizer.decode(tokenizer.encode(text)[:n])) for n in range(30)]
        assert {len("Windows"), len("Windows of")} <= set(words)
        for ids in drawn:
            ends = np.cumsum([len(tokenizer.token_bytes(token)) for token in ids])
            assert {len("Windows"), len("Windows of"), len("Windows of equal")} <= set(ends.tolist())


def test_special_tokens_stand_between_draws() -> None:
    tokenizer = Tokenizer.train(
        "EqualInfo[v=520,unigram,words]", topics.values(), special=["<|user|>"], quiet=True
    )
    text = "again and again<|user|>again and again"
    ids = tokenizer.encode(text, allowed_special="all", sample=0.2, seed=4)
    assert tokenizer.decode(ids) == text.encode()
    left, right = np.split(ids, np.flatnonzero(ids == tokenizer.special_tokens["<|user|>"]))
    assert left.tolist() != right[1:].tolist()  # one stream of chance, not the same one again


def test_other_methods_say_so() -> None:
    with pytest.raises(EqualInfoError, match="flag unigram"):
        Tokenizer.from_pretrained("english-65k-greedy").encode("text", sample=0.1)
