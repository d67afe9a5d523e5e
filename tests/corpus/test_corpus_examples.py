import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equalinfo.corpus.examples import Example, ExampleCutter, ShuffledExamples, cut_examples
from equalinfo.errors import EqualInfoError

DOCUMENTS = st.lists(st.binary(max_size=40), max_size=10)


def reference(documents: list[bytes], length: int) -> list[Example]:
    """The definition, with a flag beside every byte."""
    data = b"".join(document + b"\0" for document in documents)
    from_source = [flag for document in documents for flag in [1] * len(document) + [0]]
    return [
        Example(data[start : start + length], sum(from_source[start : start + length]))
        for start in range(0, len(data), length)
    ]


@given(DOCUMENTS, st.integers(1, 50))
def test_cut_as_defined(documents: list[bytes], length: int) -> None:
    examples = list(cut_examples(documents, length))
    assert examples == reference(documents, length)
    assert sum(example.source_bytes for example in examples) == sum(map(len, documents))
    assert all(len(example.data) == length for example in examples[:-1])


@given(st.lists(st.tuples(st.booleans(), DOCUMENTS), max_size=5), st.integers(1, 50))
def test_many_at_a_time_as_one_by_one(groups: list[tuple[bool, list[bytes]]], length: int) -> None:
    cutter = ExampleCutter(length)
    examples = []
    for together, documents in groups:
        if together:
            examples += cutter.add_all(documents)
        else:
            examples += itertools.chain.from_iterable(map(cutter.add, documents))
    examples += cutter.rest()
    assert examples == reference([document for _, documents in groups for document in documents], length)


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda d: b"\0" not in d), max_size=10))
def test_data_without_markers_is_the_documents(documents: list[bytes]) -> None:
    data = b"".join(example.data for example in cut_examples(documents, 16))
    assert data.split(b"\0")[:-1] == documents


def test_default_length_and_streaming() -> None:
    endless = cut_examples(itertools.repeat(b"a" * 30_000))
    assert next(endless) == Example(b"a" * 10_240, 10_240)
    assert [next(endless).source_bytes for _ in range(2)] == [10_240, 10_239]


def test_zero_bytes_of_the_source_count() -> None:
    assert list(cut_examples([b"\0\0", b"\0"], 10)) == [Example(b"\0\0\0\0\0", 3)]


def test_length_must_be_positive() -> None:
    with pytest.raises(EqualInfoError, match="at least 1 byte"):
        cut_examples([], 0)


def stored(count: int) -> list[Example]:
    return [Example(b"%d" % number * (number % 3 + 1), number % 5) for number in range(count)]


def test_stored_order() -> None:
    shuffled = ShuffledExamples(iter(stored(50)))
    assert len(shuffled) == 50
    assert [shuffled[index] for index in range(50)] == stored(50)
    assert list(shuffled) == stored(50)
    assert shuffled[-1] == stored(50)[-1]
    with pytest.raises(IndexError):
        shuffled[50]


def test_each_once_per_epoch_in_new_orders() -> None:
    shuffled = ShuffledExamples(stored(50))
    sequence = shuffled.iterate(seed=3)
    epochs = [list(itertools.islice(sequence, 50)) for _ in range(3)]
    for epoch in epochs:
        assert sorted(epoch, key=lambda example: int(example.data)) == sorted(
            stored(50), key=lambda example: int(example.data)
        )
    others = list(itertools.islice(shuffled.iterate(seed=4), 50))
    orders = [tuple(epoch) for epoch in [*epochs, others, stored(50)]]
    assert len(set(orders)) == 5


@given(st.integers(1, 9), st.integers(0, 2**70), st.integers(0, 40))
def test_resuming_equals_skipping(count: int, seed: int, position: int) -> None:
    shuffled = ShuffledExamples(stored(count))
    skipped = itertools.islice(shuffled.iterate(seed), position, position + 25)
    assert list(itertools.islice(shuffled.iterate(seed, position), 25)) == list(skipped)


def test_bad_iteration() -> None:
    with pytest.raises(EqualInfoError, match="no examples"):
        ShuffledExamples([]).iterate(seed=0)
    for seed, position in ((-1, 0), (0, -1)):
        with pytest.raises(EqualInfoError, match="must not be negative"):
            ShuffledExamples(stored(2)).iterate(seed, position)
