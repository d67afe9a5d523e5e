"""Words in small letters with marks of case, against regular expressions; every text comes back."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from equalinfo.dictionary.parse.case_marks import lengths_before, mark, marked, unmarked
from tests.oracles import case_reference
from tests.support import tiny

TELLING = st.lists(
    st.sampled_from([bytes([byte]) for byte in b" AaBbz\xfe\xff\xc3\xa9\n1_"]), max_size=30
).map(b"".join)
TEXTS = TELLING | st.binary(max_size=40) | st.text(max_size=30).map(str.encode)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (b"The cat", b"\xfethe cat"),
        (b"a  The", b"a \xfe the"),
        (b"in NASA I", b"in\xff nasa\xfe i"),
        (b"iPhone McCoy", b"iPhone McCoy"),
        (b"x86_Case", b"x86_\xfecase"),
        ("École Über Straße".encode(), "École Über".encode() + b"\xfe " + "straße".encode()),
        (b"\xfeThe \xff", b"\xfe\xfeThe \xff\xff"),
        (b"A\xfe", b"\xfea\xfe\xfe"),
    ],
)
def test_what_marks_say(text, written):
    assert marked([text]) == [written]
    assert unmarked(written) == text


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=4))
@example(list(tiny.TEXTS))
def test_texts_are_marked_as_the_reference_does_and_come_back(texts):
    written = marked(texts)
    assert written == [case_reference.marked(text) for text in texts]
    assert [unmarked(one) for one in written] == texts
    bounds = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    flat, written_bounds = mark(np.frombuffer(b"".join(texts), np.uint8), bounds)
    assert [flat[a:b].tobytes() for a, b in pairwise(written_bounds.tolist())] == written


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example(b"\xfe\xff\xff\xffa\xfe \xfe")
def test_any_bytes_are_read_as_the_reference_does_and_more_of_them_take_none_back(written):
    text = unmarked(written)
    assert text == case_reference.unmarked(written)
    before = lengths_before(written)
    for length in range(len(written) + 1):
        begun = unmarked(written[:length])
        assert text.startswith(begun)
        assert len(begun) == before[length]
