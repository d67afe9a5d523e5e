"""The bound of benchmarks/fewest_bound.py is one, and what is written for trials of splits is read back."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fewest_bound import Relaxation, ascend
from benchmarks.split_trials import CAPITAL, CAPITALS, LETTER_APOSTROPHE, TRIALS, VOCAB, Pairs
from equalinfo.dictionary.train.word_counts import count_words

TEXTS = [
    b"window windows wind " * 3 + b"low lower slow ",
    b"aaaaaaa aaa aa " * 4 + b"abababab bab ",
    "次の窓、次 の次の".encode() * 2,
]


def fewest(words: Counter[bytes], room: int) -> int:
    """Tokens with the best dictionary of `room` strings, by trying all."""
    strings = {w[a:b] for w in words for a in range(len(w)) for b in range(a + 2, len(w) + 1)}

    def tokens(word: bytes, entries: tuple[bytes, ...]) -> int:
        best = [0] + [len(word)] * len(word)
        for end in range(1, len(word) + 1):
            lengths = [1, *(len(e) for e in entries if word[:end].endswith(e))]
            best[end] = 1 + min(best[end - length] for length in lengths)
        return best[-1]

    return min(
        sum(count * tokens(word, entries) for word, count in words.items())
        for entries in combinations(sorted(strings), room)
    )


@pytest.mark.parametrize("text", [pytest.param(TEXTS[0], marks=pytest.mark.slow), *TEXTS[1:]])
def test_no_dictionary_goes_below_the_bound(text: bytes) -> None:
    words = count_words([text], threads=1)
    program = Relaxation(words, room=2)
    counted = Counter({words.word(i): int(words.counts[i]) for i in range(len(words))})
    best = fewest(counted, 2)
    bound, shared = ascend(program, 400, lambda done: None)
    assert 0.8 * best < bound <= best + 1e-9
    assert np.argmax(shared) < program.some_place.size
    for prices in (np.zeros(program.ends.size), np.random.default_rng(0).random(program.ends.size)):
        assert program.bound(prices) <= best + 1e-9
    assert program.bound(np.zeros(program.ends.size)) == sum(words.counts)  # a token for each word


@given(st.text("aB cDé'ts1\n", max_size=30))
def test_trials_are_read_back(text: str) -> None:
    assert not {LETTER_APOSTROPHE, CAPITAL, CAPITALS} & set(text)
    for trial in TRIALS.values():
        assert trial.read(trial.write(text)) == text


def test_what_trials_write() -> None:
    marked = TRIALS["case marked"].write("The NASA iPhone, don't I")
    assert marked == f"{CAPITAL}the{CAPITALS} nasa iPhone, don't{CAPITAL} i"
    assert TRIALS["contractions apart"].write("don't 'tis") == f"don{LETTER_APOSTROPHE}t 'tis"


def test_pairs_are_probabilities() -> None:
    ids = np.random.default_rng(1).integers(0, 9, 500).astype(np.uint16)
    pairs = Pairs(ids, VOCAB)
    after = [
        2.0 ** -(pairs.bits(np.array([3, i], np.uint16)) - pairs.bits(np.array([3], np.uint16)))
        for i in range(VOCAB)
    ]
    assert sum(after) == pytest.approx(1)
