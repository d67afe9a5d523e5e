import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equalinfo.corpus.splits import only, split_of, splits_of
from equalinfo.errors import EqualInfoError

DOCUMENTS = [b"document %d" % number for number in range(20_000)]


def test_shares() -> None:
    counts = Counter(split_of(document) for document in DOCUMENTS)
    assert counts["train"] == pytest.approx(18_000, rel=0.02)
    assert counts["validation"] == pytest.approx(1_000, rel=0.15)
    assert counts["test"] == pytest.approx(1_000, rel=0.15)


def test_splits_never_change() -> None:
    # A change here would train models on text that others hold out.
    assert [split_of(document) for document in (b"0", b"26", b"8")] == ["train", "validation", "test"]


def test_order_does_not_matter() -> None:
    mixed = random.Random(1).sample(DOCUMENTS, len(DOCUMENTS))
    for split in ("train", "validation", "test"):
        assert sorted(only(mixed, split)) == sorted(only(DOCUMENTS, split))
    assert sum(len(list(only(DOCUMENTS, split))) for split in ("train", "validation", "test")) == 20_000


@given(st.binary(), st.text(" \t\r\n"), st.text(" \t\r\n"))
def test_white_space_around_does_not_matter(document: bytes, before: str, after: str) -> None:
    assert split_of(before.encode() + document + after.encode()) == split_of(document)


@given(st.lists(st.binary(max_size=20), max_size=30))
def test_many_at_a_time(documents: list[bytes]) -> None:
    assert splits_of(documents) == [split_of(document) for document in documents]


def test_unknown_split() -> None:
    with pytest.raises(EqualInfoError, match="no split is called 'dev'"):
        only([], "dev")  # type: ignore[arg-type]
