"""Interval splitting against its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.coding.interval_splitting import capacity, shares
from equalinfo.coding.interval_table import list_windows
from equalinfo.coding.many_places import EncodedWindows
from equalinfo.coding.splitter import Splitter, small_shares
from equalinfo.errors import EqualInfoError
from equalinfo.predict.base import FREQUENCY_TOTAL
from equalinfo.predict.unigram import Unigram
from tests.support import tiny
from tests.support.compiled_models import compiled, model

ROWS = [*tiny.HOSTILE_ROWS, *tiny.random_rows(3, 30)]


def codes_by_definition(predictor, bits, longest=64):
    """{code: text}, by recursion on the rule alone."""
    found = {}

    def visit(text, low, size, root):
        keeps = 0 if root and bits == 8 else 1
        if keeps:
            found[low] = text
        least = 1 if root else 0
        rest = size - keeps - 256 * least
        if not rest and not least:
            return
        row = predictor.frequencies(text + b"\0")[-1].tolist()
        low += keeps
        given_out = shares(row, rest, capacity(longest - len(text) - 1))
        assert sum(given_out) == rest
        for byte, share in enumerate(given_out):
            if share + least:
                visit(text + bytes([byte]), low, share + least, False)
                low += share + least

    visit(b"", 0, 1 << bits, True)
    return found


PREDICTORS = {
    "plain": lambda: tiny.random_model(seed=1),
    "peaked": lambda: tiny.random_model(seed=2, sharpen=6.0),
    "certain": lambda: Unigram(tiny.HOSTILE_ROWS[5]),
    "uniform": lambda: Unigram(tiny.HOSTILE_ROWS[0]),
    "table": lambda: tiny.TablePredictor(tiny.random_rows(1, 40)),
}


@pytest.mark.parametrize("bits", [8, 9, 12])
@pytest.mark.parametrize("name", PREDICTORS)
def test_every_code(name, bits):
    """All codes decode, all to different strings, and encoding inverts; by table and by walk."""
    predictor = PREDICTORS[name]()
    expected = codes_by_definition(predictor, bits)
    assert sorted(expected) == list(range(1 << bits))
    table = list_windows(predictor, bits)
    assert table == [expected[code] for code in range(1 << bits)]
    assert len(set(table)) == 1 << bits
    # The set is closed under taking prefixes, so a greedy parse finds what the walk does.
    assert {text[:-1] for text in table if text} <= {*table, b""}
    if max(map(len, table)) < 64:
        splitter = Splitter(predictor, bits)
        assert splitter.decode([[(code, code)] for code in range(1 << bits)]) == table
        walked = splitter.encode(table)
        assert walked == [
            EncodedWindows([code], [len(text)]) if text else EncodedWindows([], [])
            for code, text in enumerate(table)
        ]


def test_windows_stop_at_64_bytes():
    """A predictor that is certain would make windows of hundreds of bytes; all codes are used nevertheless."""
    table = list_windows(Unigram(tiny.HOSTILE_ROWS[5]), 16)
    assert len(set(table)) == 1 << 16
    assert max(map(len, table)) == 64


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ROWS), st.integers(0, FREQUENCY_TOTAL - 1), st.integers(0, 1 << 120))
def test_shares_follow_from_small_ones(row, rest, whole):
    small = small_shares(np.ascontiguousarray(row)[None], np.array([rest]))[0].tolist()
    assert small == shares(row.tolist(), rest)
    big = shares(row.tolist(), whole * FREQUENCY_TOTAL + rest)
    assert big == [whole * f + s for f, s in zip(row.tolist(), small, strict=True)]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ROWS), st.integers(1, 300), st.integers(0, 70_000))
def test_shares_with_a_limit(row, most, rest):
    rest = min(rest, 256 * most)
    given_out = shares(row.tolist(), rest, most)
    assert sum(given_out) == rest
    assert max(given_out) <= most
    if max(shares(row.tolist(), rest)) <= most:
        assert given_out == shares(row.tolist(), rest)


@pytest.mark.parametrize("bits", [17, 24, 49, 64, 128])
def test_walks_do_not_depend_on_the_batch(bits):
    splitter = Splitter(model(True), bits)
    together = splitter.encode(tiny.TEXTS)
    assert together == [splitter.encode([text])[0] for text in tiny.TEXTS]
    for text, windows in zip(tiny.TEXTS, together, strict=True):
        codes, lengths = windows.codes, windows.lengths
        assert sum(lengths) == len(text)
        assert all(0 < code < 1 << bits for code in codes)
        assert splitter.decode([[(code, code) for code in codes]]) == [text]


def test_a_wider_walk_agrees_with_the_table_it_is_too_wide_for():
    table = compiled("EqualInfo[b=17,v=128k]").vocab_entries()
    splitter = Splitter(model(False), 17)
    codes = list(range(0, 1 << 17, 97))
    assert splitter.decode([[(code, code)] for code in codes]) == [table[code] for code in codes]


def test_the_table_is_the_same_on_any_number_of_threads():
    assert list_windows(model(False), 14, 1) == list_windows(model(False), 14, 3)


def test_bits_out_of_range():
    for bits in (0, 7, 129):
        with pytest.raises(EqualInfoError, match=f"b={bits}"):
            list_windows(model(False), bits)
        with pytest.raises(EqualInfoError, match=f"b={bits}"):
            Splitter(model(False), bits)
    with pytest.raises(EqualInfoError, match="too many"):
        list_windows(model(False), 21)
