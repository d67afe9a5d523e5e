import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.dictionary.parse.fewest import FewestParser
from equalinfo.dictionary.parse.viterbi import MOST, ONE_BIT, ViterbiParser
from equalinfo.dictionary.train.prune import with_singles
from equalinfo.dictionary.train.word_counts import add_up, whole
from equalinfo.dictionary.trie import automaton
from equalinfo.errors import EqualInfoError
from tests.oracles import dictionary_reference
from tests.support.dictionaries import (
    HOSTILE,
    SINGLE,
    TRAP,
    dictionaries,
    encoded,
    random_dictionary,
    random_text,
    texts,
)


def scores_for(entries, seed, most):
    return np.random.default_rng(seed).integers(0, most + 1, len(entries))


@settings(max_examples=300, deadline=None)
@given(dictionaries, texts, st.integers(0, 9), st.sampled_from([0, 1, 3, 1000, MOST]))
def test_same_as_the_reference(entries, text, seed, most):
    scores = scores_for(entries, seed, most)
    ids = encoded(ViterbiParser(automaton.build(entries), scores), text)
    assert ids.tolist() == dictionary_reference.likeliest(entries, scores.tolist(), text)


@settings(max_examples=100, deadline=None)
@given(dictionaries, texts)
def test_equal_scores_give_the_fewest_tokens(entries, text):
    built = automaton.build(entries)
    equal = ViterbiParser(built, np.full(len(entries), 7, np.int64))
    assert encoded(equal, text).tolist() == FewestParser(built).encode(text).tolist()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text(text):
    scores = scores_for(TRAP, 1, 5)
    ids = encoded(ViterbiParser(automaton.build(TRAP), scores), text)
    assert ids.tolist() == dictionary_reference.likeliest(TRAP, scores.tolist(), text)


@pytest.mark.parametrize("size", [32767, 32768, 32769, 70_001])
def test_text_of_several_blocks(size):
    entries = random_dictionary(size, b"abc", 150, 12, False)
    scores = scores_for(entries, size, 20)
    text = random_text(size, b"abc", size)
    ids = encoded(ViterbiParser(automaton.build(entries), scores), text)
    assert ids.tolist() == dictionary_reference.likeliest(entries, scores.tolist(), text)


def test_documents_stay_apart_and_threads_do_not_matter():
    entries = random_dictionary(1, b"ab ", 200, 9, prefixes=False)
    parser = ViterbiParser(automaton.build(entries), scores_for(entries, 1, 9))
    sizes = [0, *np.random.default_rng(2).integers(0, 300, 60).tolist(), 0, 40_000, 0, 3, 35_000, 1, 0]
    documents = [random_text(i, b"ab ", size) for i, size in enumerate(sizes)]
    each = [parser.encode(document).tolist() for document in documents]
    for threads in (1, 2):
        assert [ids.tolist() for ids in parser.encode_batch(documents, threads)] == each
        use = parser.usage(documents, threads)
        assert use.tolist() == np.bincount(np.concatenate(each).astype(int), minlength=len(entries)).tolist()


@settings(max_examples=50, deadline=None)
@given(dictionaries, st.integers(0, 9))
def test_what_an_entry_scores_without_itself(entries, seed):
    scores = scores_for(entries, seed, 50)
    found = ViterbiParser(automaton.build(entries), scores).scores_without_itself()
    for token, entry in enumerate(entries[1:], 1):
        if len(entry) == 1:
            assert found[token] == scores[token]
            continue
        others = [*entries[:token], bytes([255]) * 65, *entries[token + 1 :]]
        parse = dictionary_reference.likeliest(others, scores.tolist(), entry)
        assert found[token] == scores[parse].sum()


@pytest.mark.parametrize("scores", [[1] * 256, [1.0] * 257, [-1] * 257, [MOST + 1] * 257])
def test_scores_that_are_none(scores):
    with pytest.raises(EqualInfoError):
        ViterbiParser(automaton.build(SINGLE), np.array(scores))


@given(st.lists(st.text("abc de", max_size=40), min_size=1, max_size=5), st.integers(0, 1000))
def test_stretches_that_no_entry_crosses_have_the_use_of_the_whole(texts: list[str], seed: int) -> None:
    """Also of entries that cross words, and with scores that tie."""
    documents = [text.encode() for text in [*texts, "abcabc de"]]
    random = np.random.default_rng(seed)
    entries = {documents[-1][i : i + n] for i in range(8) for n in range(2, 6) if i + n <= 9}
    dictionary = automaton.build(with_singles(sorted(entries)[seed % len(entries) :]))
    parser = ViterbiParser(dictionary, random.integers(1, 4, len(dictionary)) * ONE_BIT)
    corpus = whole(documents)
    cuts = parser.cuts(corpus.text, corpus.bounds)
    for i in np.flatnonzero(~cuts).tolist():  # some entry stands across
        assert any(
            corpus.text[i - k : i - k + len(entry)].tobytes() == entry
            for entry in dictionary.entries()[257:]
            for k in range(1, len(entry))
            if i - k >= 0
        )
    table = add_up([corpus.divided(np.flatnonzero(cuts))])
    assert np.array_equal(table.usage(parser, "parse", 1), parser.usage(documents, 1))
