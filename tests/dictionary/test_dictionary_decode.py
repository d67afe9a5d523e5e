import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.dictionary.parse import decode
from equalinfo.dictionary.parse.fewest import FewestParser
from equalinfo.dictionary.parse.greedy import GreedyParser
from equalinfo.dictionary.trie import automaton
from equalinfo.errors import UndecodableTokens
from tests.support.dictionaries import SINGLE, dictionaries, texts

ENTRIES = [*SINGLE, b"ab", b"abc", b"x" * 8, b"x" * 9, b"y" * 64]
BUILT = automaton.build(ENTRIES)


@settings(max_examples=100, deadline=None)
@given(dictionaries, texts)
def test_parses_decode_to_their_text_and_offsets_point_into_it(entries, text):
    built = automaton.build(entries)
    for parser in (GreedyParser(built), FewestParser(built)):
        ids = parser.encode(text)
        assert decode.decode(built, ids) == text
        offsets = decode.offsets(built, ids)
        assert offsets[0] == 0
        assert offsets[-1] == len(text)
        for token, begin, end in zip(ids, offsets[:-1], offsets[1:], strict=True):
            assert text[begin:end] == built[token]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, len(ENTRIES) - 1), max_size=50))
def test_any_ids_decode_to_their_entries(ids):
    assert decode.decode(BUILT, ids) == b"".join(ENTRIES[i] for i in ids)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.uint32, np.int64, np.uint64, ">i4"])
def test_ids_of_any_integer_type(dtype):
    assert decode.decode(BUILT, np.array([257, 0, 258, 261], dtype)) == b"ababc" + b"y" * 64


def test_nothing_decodes_to_nothing():
    for ids in ([], np.empty(0, np.uint32), [0, 0]):
        assert decode.decode(BUILT, ids) == b""
    assert decode.offsets(BUILT, []).tolist() == [0]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, 2, 262], "id 262 at position 2"),
        ([1, -5, 262], "id -5 at position 1"),
        (np.array([2**63], np.uint64), "id 9223372036854775808 at position 0"),
        ([1.5], "float64"),
        ([[1, 2]], "2 dimensions"),
        (["a"], "integers"),
        ([2**70], "integers"),
        ([[1], [2, 3]], "integers"),
        ([True], "bool"),
    ],
)
def test_what_is_no_id_is_named(ids, message):
    with pytest.raises(UndecodableTokens, match=message):
        decode.decode(BUILT, ids)
    with pytest.raises(UndecodableTokens, match=message):
        decode.offsets(BUILT, ids)
