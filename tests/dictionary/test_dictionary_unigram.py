import numpy as np
import pytest

from equalinfo.dictionary.parse.viterbi import ONE_BIT
from equalinfo.dictionary.train.unigram import information_of, select
from equalinfo.dictionary.train.word_counts import whole
from equalinfo.errors import EqualInfoError

TEXT = b"the cat and the hat and the rat and that " * 50
CANDIDATES = sorted({TEXT[i : i + n] for i in range(41) for n in range(2, 7)})


def test_it_keeps_as_many_as_wanted_and_reads_back():
    chosen = select(CANDIDATES, 257 + 20, whole([TEXT]))
    entries = chosen.automaton.entries()
    assert len(entries) == 277
    assert b"".join(entries[i] for i in chosen.encode(TEXT + b"\xff\0new")) == TEXT + b"\xff\0new"


def test_more_entries_never_cost_more_text():
    sizes = [len(select(CANDIDATES, 257 + n, whole([TEXT])).encode(TEXT)) for n in (5, 20, 60)]
    assert sizes == sorted(sizes, reverse=True)


def test_the_same_twice_and_too_few():
    a, b = (select(CANDIDATES, 257 + 20, whole([TEXT])) for _ in range(2))
    assert a.automaton.entries() == b.automaton.entries()
    assert (a.scores == b.scores).all()
    with pytest.raises(EqualInfoError, match="only"):
        select(CANDIDATES[:3], 257 + 20, whole([TEXT]))


def test_information():
    assert information_of(np.array([2, 1, 1])).tolist() == [ONE_BIT, 2 * ONE_BIT, 2 * ONE_BIT]
    assert information_of(np.array([4, 0])).tolist() == [0, 3 * ONE_BIT]  # half an occurrence of four
