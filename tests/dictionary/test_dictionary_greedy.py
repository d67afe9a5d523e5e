import numpy as np
import pytest
from hypothesis import given, settings

from equalinfo.dictionary.parse.greedy import GreedyParser
from equalinfo.dictionary.parse.greedy_kernels import (
    EVERY,
    LANES,
    LONG,
    MOST_PIECE,
    SHORT,
    Tables,
    parse_short,
)
from equalinfo.dictionary.trie import automaton
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


@settings(max_examples=300, deadline=None)
@given(dictionaries, texts)
def test_same_as_the_reference(entries, text):
    built = automaton.build(entries)
    ids = encoded(GreedyParser(built), text)
    assert ids.tolist() == dictionary_reference.greedy(entries, text)
    assert GreedyParser(built).count(text) == len(ids)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text(text):
    assert encoded(GreedyParser(automaton.build(TRAP)), text).tolist() == dictionary_reference.greedy(
        TRAP, text
    )


WINDOW = LANES * MOST_PIECE
SIZES = (SHORT - 1, SHORT, SHORT + 1, SHORT + 6, 999, LONG - 1, LONG, LONG + 7, WINDOW, WINDOW + 1)


def one_stream(built, text):
    """The parse in one place, which the tests above compare with the reference."""
    out = np.empty(len(text), np.uint32)
    vector = np.frombuffer(text, np.uint8)
    tables = Tables(built.words, *built.fallbacks, built.lengths)
    n = parse_short(tables, vector, 0, len(text), out, EVERY, np.uint64(0))
    return out[: int(n)]


def long_texts():
    letters = b"abcd"
    some = random_text(5, letters, WINDOW)
    yield from (random_text(size, letters, size) for size in SIZES)
    yield random_text(6, letters, 3 * WINDOW + 12345)
    yield random_text(7, b"ab", 2 * WINDOW)
    yield random_text(8, bytes(range(256)), 2 * WINDOW)
    # Periodic text, where parses from different places may never meet, alone and among other text.
    for period in (b"a", b"ab", b"abcab", b"aabaabab", random_text(9, letters, 77)):
        run = period * (3 * WINDOW // len(period))
        yield run
        yield some[:1000] + run + some + run[:100_000] + some


@pytest.mark.parametrize("prefixes", [True, False])
def test_long_text_in_four_places_is_the_parse_in_one(prefixes):
    for longest in (3, 7, 16, 64):
        built = automaton.build(random_dictionary(longest, b"abcd", 300, longest, prefixes))
        for text in long_texts():
            expected = one_stream(built, text)
            assert np.array_equal(encoded(GreedyParser(built), text), expected)
            assert GreedyParser(built).count(text) == expected.size
    entries = [*SINGLE, *(b"a" * n for n in range(2, 65, 1 if prefixes else 9)), b"ab" * 20]
    built = automaton.build(entries)
    for text in long_texts():
        assert np.array_equal(encoded(GreedyParser(built), text), one_stream(built, text))


def test_documents_of_all_sizes_stay_apart():
    entries = random_dictionary(1, b"ab ", 200, 9, prefixes=False)
    built = automaton.build(entries)
    rng = np.random.default_rng(2)
    sizes = [*rng.integers(0, 300, 40).tolist(), 0, LONG + 5, 0, 3, 2 * LONG, 1, 0]
    documents = [random_text(i, b"ab ", size) for i, size in enumerate(sizes)]
    ids, bounds = GreedyParser(built).encode_flat(
        np.frombuffer(b"".join(documents), np.uint8), np.cumsum([0, *sizes])
    )
    for document, begin, end in zip(documents, bounds[:-1], bounds[1:], strict=True):
        assert ids[begin:end].tolist() == dictionary_reference.greedy(entries, document)
