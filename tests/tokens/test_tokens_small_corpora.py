"""A corpus too small for a dictionary is refused, with the largest that it supports."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.dictionary.train import corpus_strings
from equalinfo.dictionary.train.corpus_strings import repeated_strings
from equalinfo.errors import EqualInfoError
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from tests.support import compiled_models
from tests.support.building import built

TINY = b"A corpus of twenty-nine bytes"
SMALL = b"".join(b"%d bottles of beer on the wall, %d bottles; " % (n * n, 7 * n) for n in range(20))


def made(spec: str, text: bytes) -> Tokenizer:
    parsed = Spec.parse(spec)
    if parsed.needs_m1:
        return built(parsed, compiled_models.model(False), lambda: [text])
    return built(parsed, None, lambda: [text])


@pytest.mark.parametrize(
    "options",
    ["unigram,words", "unigram,phrases", "fewest,words", "fewest", "order=3", "order=2,fewest,words"],
)
def test_twenty_nine_bytes_make_no_dictionary(options: str) -> None:
    for text in (TINY, TINY * 1000):
        with pytest.raises(EqualInfoError, match="the corpus is too small for 4096 ids") as error:
            made(f"EqualInfo[v=4k,{options}]", text)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "spec", ["EqualInfo[v={},unigram,words]", "EqualInfo[v={},order=2]", "SentencePiece[v={}]"]
)
def test_the_largest_v_that_it_names_is_one(spec: str) -> None:
    with pytest.raises(EqualInfoError, match="the largest v it supports is ") as error:
        made(spec.format("4k"), SMALL)
    largest = int(re.findall(r"\d+$", str(error.value))[0])
    assert made(spec.format(largest), SMALL).vocab == largest
    with pytest.raises(EqualInfoError, match=f"the largest v it supports is {largest}$"):
        made(spec.format(largest + 1), SMALL)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("ab\u00e9", max_size=20).map(str.encode), max_size=6))
def test_repeated_strings_are_those_that_stand_twice(documents: list[bytes]) -> None:
    counts = Counter(
        document[start : start + length]
        for document in documents
        for length in range(2, 9)
        for start in range(len(document) - length + 1)
    )
    expected = sum(count > 1 for count in counts.values())
    assert repeated_strings(iter(documents), 10**6) == expected
    assert repeated_strings(iter(documents), 5) == min(expected, 5)


def test_a_large_corpus_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_strings, "COUNTED_AT_ONCE", 100)
    monkeypatch.setattr(corpus_strings, "MOST_COUNTED", 1000)
    opened = []

    def documents(text: bytes):  # type: ignore[no-untyped-def]
        for _ in range(1000):
            opened.append(text)
            yield text

    assert repeated_strings(documents(TINY), 10**6) == 7 * len(TINY) - sum(range(1, 8))
    assert repeated_strings(documents(SMALL), 50) == 50
    assert len(opened) < 40
