import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.dictionary.parse import fewest, viterbi
from equalinfo.dictionary.parse.viterbi import MOST, ScoredVocabulary
from equalinfo.dictionary.trie import automaton
from equalinfo.errors import EqualInfoError
from tests.oracles import dictionary_reference
from tests.support.dictionaries import (
    HOSTILE,
    SINGLE,
    TRAP,
    dictionaries,
    random_dictionary,
    random_text,
    texts,
)


def costs_for(entries, seed, most):
    return np.random.default_rng(seed).integers(0, most + 1, len(entries))


@settings(max_examples=300, deadline=None)
@given(dictionaries, texts, st.integers(0, 9), st.sampled_from([0, 1, 3, 1000, MOST]))
def test_same_as_the_reference(entries, text, seed, most):
    costs = costs_for(entries, seed, most)
    ids = viterbi.encode(ScoredVocabulary(automaton.build(entries), costs), text)
    assert ids.tolist() == dictionary_reference.likeliest(entries, costs.tolist(), text)


@settings(max_examples=100, deadline=None)
@given(dictionaries, texts)
def test_equal_costs_give_the_fewest_tokens(entries, text):
    built = automaton.build(entries)
    equal = ScoredVocabulary(built, np.full(len(entries), 7, np.int64))
    assert viterbi.encode(equal, text).tolist() == fewest.encode(built, text).tolist()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text(text):
    costs = costs_for(TRAP, 1, 5)
    ids = viterbi.encode(ScoredVocabulary(automaton.build(TRAP), costs), text)
    assert ids.tolist() == dictionary_reference.likeliest(TRAP, costs.tolist(), text)


@pytest.mark.parametrize("size", [32767, 32768, 32769, 70_001])
def test_text_of_several_blocks(size):
    entries = random_dictionary(size, b"abc", 150, 12, False)
    costs = costs_for(entries, size, 20)
    text = random_text(size, b"abc", size)
    ids = viterbi.encode(ScoredVocabulary(automaton.build(entries), costs), text)
    assert ids.tolist() == dictionary_reference.likeliest(entries, costs.tolist(), text)


def test_documents_stay_apart_and_threads_do_not_matter():
    entries = random_dictionary(1, b"ab ", 200, 9, prefixes=False)
    costed = ScoredVocabulary(automaton.build(entries), costs_for(entries, 1, 9))
    sizes = [0, *np.random.default_rng(2).integers(0, 300, 60).tolist(), 0, 40_000, 0, 3, 35_000, 1, 0]
    documents = [random_text(i, b"ab ", size) for i, size in enumerate(sizes)]
    each = [viterbi.encode(costed, document).tolist() for document in documents]
    for threads in (1, 2):
        assert [ids.tolist() for ids in viterbi.encode_batch(costed, documents, threads)] == each
        use = viterbi.usage(costed, documents, threads)
        assert use.tolist() == np.bincount(np.concatenate(each).astype(int), minlength=len(entries)).tolist()


@settings(max_examples=50, deadline=None)
@given(dictionaries, st.integers(0, 9))
def test_what_an_entry_costs_without_itself(entries, seed):
    costs = costs_for(entries, seed, 50)
    found = viterbi.without_itself(ScoredVocabulary(automaton.build(entries), costs))
    for token, entry in enumerate(entries[1:], 1):
        if len(entry) == 1:
            assert found[token] == costs[token]
            continue
        others = [*entries[:token], bytes([255]) * 65, *entries[token + 1 :]]
        parse = dictionary_reference.likeliest(others, costs.tolist(), entry)
        assert found[token] == costs[parse].sum()


@pytest.mark.parametrize("costs", [[1] * 256, [1.0] * 257, [-1] * 257, [MOST + 1] * 257])
def test_costs_that_are_none(costs):
    with pytest.raises(EqualInfoError):
        ScoredVocabulary(automaton.build(SINGLE), np.array(costs))
