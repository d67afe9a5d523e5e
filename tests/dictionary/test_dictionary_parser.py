import numpy as np
import pytest

from equalinfo.dictionary.parse import parser as batch
from equalinfo.dictionary.parse.fewest import FewestParser
from equalinfo.dictionary.parse.greedy import GreedyParser
from equalinfo.dictionary.trie import automaton
from equalinfo.errors import EqualInfoError
from tests.support.dictionaries import random_dictionary, random_text

ENTRIES = random_dictionary(4, b"ab ", 300, 8, prefixes=False)
BUILT = automaton.build(ENTRIES)
DOCUMENTS = [random_text(i, b"ab ", size) for i, size in enumerate([0, 5, 70_000, 0, 1, 900, 33_000, 0] * 4)]

parsers = pytest.mark.parametrize("parser", [GreedyParser(BUILT), FewestParser(BUILT)])


@parsers
@pytest.mark.parametrize("threads", [1, 2, 5, None])
@pytest.mark.parametrize("group", [1, 1000, 1 << 20])
def test_batch_is_one_by_one_on_any_number_of_threads(parser, threads, group, monkeypatch):
    monkeypatch.setattr(batch, "GROUP_BYTES", group)
    together = parser.encode_batch(DOCUMENTS, threads)
    assert len(together) == len(DOCUMENTS)
    for ids, document in zip(together, DOCUMENTS, strict=True):
        assert ids.dtype == np.uint16
        assert np.array_equal(ids, parser.encode(document))


@parsers
def test_usage_counts_every_token(parser):
    expected = np.bincount(np.concatenate(parser.encode_batch(DOCUMENTS)), minlength=len(BUILT))
    for threads in (1, 3):
        usage = parser.usage(iter(DOCUMENTS), threads)
        assert usage.dtype == np.int64
        assert np.array_equal(usage, expected)


@parsers
def test_nothing_to_parse(parser):
    assert parser.encode(b"").size == 0
    assert parser.count(b"") == 0
    assert parser.encode_batch([]) == []
    assert parser.usage([]).tolist() == [0] * len(BUILT)
    ids, bounds = parser.encode_flat(np.empty(0, np.uint8), np.array([0, 0, 0]))
    assert ids.size == 0
    assert bounds.tolist() == [0, 0, 0]


@parsers
def test_text_comes_in_any_buffer(parser):
    text = b"ab ab ba"
    expected = parser.encode(text).tolist()
    vector = np.frombuffer(text, np.uint8)
    strided = np.repeat(vector, 2)[::2]
    for same in (bytearray(text), memoryview(text), vector, vector.copy(), strided):
        assert parser.encode(same).tolist() == expected


@parsers
def test_what_is_no_text_is_refused(parser):
    for text in ("ab", 3, None, np.zeros(3, np.int64), np.zeros((2, 2), np.uint8)):
        with pytest.raises(EqualInfoError, match="text is"):
            parser.encode(text)
    for documents in (["ab"], [b"ab", "ab"], [np.zeros(3, np.int64), b"ab"]):
        with pytest.raises(EqualInfoError, match=r"give bytes|give a uint8|encode str"):
            parser.encode_batch(documents)
    with pytest.raises(EqualInfoError, match="threads"):
        parser.encode_batch([b"ab"], threads=0)


@parsers
@pytest.mark.parametrize("bounds", [[0, 9], [1, 8], [0, 5, 3, 8], [], [0.0, 8.0]])
def test_bounds_outside_the_text_are_refused(parser, bounds):
    with pytest.raises(EqualInfoError, match="bounds"):
        parser.encode_flat(np.zeros(8, np.uint8), np.array(bounds))
