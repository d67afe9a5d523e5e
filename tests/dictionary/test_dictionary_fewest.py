import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.dictionary.parse.fewest import FewestParser
from equalinfo.dictionary.parse.greedy import GreedyParser
from equalinfo.dictionary.trie import automaton
from tests.oracles import dictionary_reference
from tests.support.dictionaries import (
    HOSTILE,
    SINGLE,
    TRAP,
    closed,
    dictionaries,
    encoded,
    random_dictionary,
    random_text,
    texts,
)


@settings(max_examples=300, deadline=None)
@given(dictionaries, texts)
def test_same_as_the_reference(entries, text):
    built = automaton.build(entries)
    ids = encoded(FewestParser(built), text)
    assert ids.tolist() == dictionary_reference.fewest(entries, text)
    assert FewestParser(built).count(text) == len(ids) <= GreedyParser(built).count(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text(text):
    assert encoded(FewestParser(automaton.build(TRAP)), text).tolist() == dictionary_reference.fewest(
        TRAP, text
    )


@pytest.mark.parametrize("prefixes", [True, False])
@pytest.mark.parametrize("size", [1023, 1024, 32767, 32768, 32769, 70_001])
def test_text_of_several_blocks(prefixes, size):
    entries = random_dictionary(size, b"abc", 150, 12, prefixes)
    text = random_text(size, b"abc", size)
    assert encoded(FewestParser(automaton.build(entries)), text).tolist() == dictionary_reference.fewest(
        entries, text
    )


@settings(max_examples=100, deadline=None)
@given(st.sets(st.text("ab", min_size=2, max_size=9).map(str.encode), max_size=20), texts)
def test_with_all_prefixes_it_is_greedy_from_the_right(drawn, text):
    entries = [*SINGLE, *closed(drawn)]
    mirrored = dictionary_reference.greedy([entry[::-1] for entry in entries], text[::-1])
    assert encoded(FewestParser(automaton.build(entries)), text).tolist() == mirrored[::-1]


def test_a_detour_can_be_better_than_the_longest_last_token():
    entries = [*SINGLE, b"wxyz", b"zab", b"ab"]  # "zab" would leave "wxy" in three pieces
    ids = FewestParser(automaton.build(entries)).encode(b"wxyzab")
    assert [entries[i] for i in ids] == [b"wxyz", b"ab"]


@pytest.mark.parametrize("run", [1, 30, 64, 65, 130, 400])
def test_peaks_in_the_number_of_tokens(run):
    # Inside b...bc many tokens are needed and at its end one: afterwards the longest is not always best.
    entries = [*SINGLE, *(b"a" * n for n in range(2, 65, 3)), b"b" * 63 + b"c", b"bca", b"caa", b"baa"]
    text = (b"b" * 63 + b"c" + b"a" * run + b"b" * (run % 7)) * 8
    assert encoded(FewestParser(automaton.build(entries)), text).tolist() == dictionary_reference.fewest(
        entries, text
    )


def test_documents_of_all_sizes_stay_apart():
    entries = random_dictionary(1, b"ab ", 200, 9, prefixes=False)
    built = automaton.build(entries)
    sizes = [0, *np.random.default_rng(2).integers(0, 300, 60).tolist(), 0, 40_000, 0, 3, 35_000, 1, 0]
    documents = [random_text(i, b"ab ", size) for i, size in enumerate(sizes)]
    ids, bounds = FewestParser(built).encode_flat(
        np.frombuffer(b"".join(documents), np.uint8), np.cumsum([0, *sizes])
    )
    for document, begin, end in zip(documents, bounds[:-1], bounds[1:], strict=True):
        assert ids[begin:end].tolist() == dictionary_reference.fewest(entries, document)


def test_ties_as_in_the_unigram_model_of_hugging_face():
    tokenizers = pytest.importorskip("tokenizers")
    for seed in range(30):
        entries = random_dictionary(seed, b"abcd", 60, 6, prefixes=seed % 2 == 0)
        # One character per byte, so that the model sees what we see.
        model = tokenizers.models.Unigram(
            [(entry.decode("latin-1") or "<eos>", -1.0) for entry in entries], unk_id=0, byte_fallback=False
        )
        built = automaton.build(entries)
        for size in (1, 10, 100, 3000):
            text = random_text(size + seed, b"abcd", size)
            theirs = [token.id for token in model.tokenize(text.decode("latin-1"))]
            assert encoded(FewestParser(built), text).tolist() == theirs
