"""Any bytes come back, whatever the sizes, threads and groups; any part of them too."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.coding.mixing import coder
from equalinfo.container.format import (
    ADAPTIVE,
    HEAD_BYTES,
    LARGEST_ADAPTIVE_BLOCK,
    LARGEST_BLOCK,
    LARGEST_RATIO,
    M1_ALONE,
    SMALLEST,
    Head,
    Header,
)
from equalinfo.container.reading import Container
from equalinfo.container.writing import write_container
from equalinfo.errors import EqualInfoError
from equalinfo.predict.base import FREQUENCY_TOTAL, distribution_bits
from tests.support import tiny
from tests.support.containers import MIXED, OTHER, UNIGRAM, packed, part, unpacked

SIZES = [(64, 16), (100, 7), (1, 1), (300, 300), (37, 64)]


class OneByteAtATime(io.RawIOBase):
    """A pipe that gives and takes as little as it may."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def read(self, count: int = -1) -> bytes:
        self.at += 1
        return self.data[self.at - 1 : self.at] if count else b""


@pytest.mark.parametrize(("block", "context"), SIZES)
@pytest.mark.parametrize("peaked", [False, True])
def test_hostile_texts(block, context, peaked, plain_model, peaked_model):
    for predictor in (peaked_model if peaked else plain_model, UNIGRAM):
        for text in [*tiny.TEXTS, MIXED]:
            for version in (M1_ALONE, ADAPTIVE):
                data = packed(predictor, text, block, context, version=version)
                assert unpacked(predictor, data) == text


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=400) | st.text(alphabet="abcd ", max_size=400).map(str.encode),
    st.integers(1, 120),
    st.integers(1, 50),
    st.sampled_from([(UNIGRAM, M1_ALONE), (UNIGRAM, ADAPTIVE), (None, ADAPTIVE)]),
    st.data(),
)
def test_any_bytes_and_any_part(text, block, context, how, data):
    predictor, version = how
    container = packed(predictor, text, block, context, version=version)
    assert unpacked(predictor, container) == text
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 450))
    assert part(predictor, container, start, length) == text[start : start + length]


def test_the_same_whatever_threads_and_groups(peaked_model):
    text = MIXED * 5
    for predictor in (peaked_model, None):
        one, two, four = (packed(predictor, text, 64, 16, threads) for threads in (1, 2, 4))
        assert one == two == four
        for threads in (1, 2, 4):
            assert unpacked(predictor, one, threads) == text
            assert part(predictor, one, 100, 900, threads) == text[100:1000]
    one = packed(peaked_model, text, 64, 16, version=M1_ALONE)
    for threads in (1, 2):
        for at_once in (1, 3, 64):
            assert unpacked(peaked_model, one, threads, at_once) == text
        assert part(peaked_model, one, 100, 900, threads) == text[100:1000]


def test_every_part_of_a_small_text():
    text = MIXED[:40]
    container = packed(UNIGRAM, text, 16, 5)
    for start in range(len(text) + 1):
        for length in (0, 1, 15, 16, 17, 100):
            assert part(UNIGRAM, container, start, length) == text[start : start + length]
    with pytest.raises(EqualInfoError, match="40 bytes"):
        part(UNIGRAM, container, 41, 1)


def test_pipes_that_give_little_at_a_time():
    from equalinfo.container.reading import read_container

    target = io.BytesIO()
    write_container(UNIGRAM, OneByteAtATime(MIXED), target, 64, 16)
    assert target.getvalue() == packed(UNIGRAM, MIXED)
    assert b"".join(read_container(UNIGRAM, OneByteAtATime(target.getvalue()))) == MIXED


def test_nothing_is_an_empty_container():
    data = packed(UNIGRAM, b"")
    assert len(data) == SMALLEST
    assert unpacked(UNIGRAM, data) == b""
    assert part(UNIGRAM, data, 0, 5) == b""


def test_what_the_model_would_lengthen_is_stored():
    noise = np.random.default_rng(0).bytes(3000)
    data = packed(UNIGRAM, noise, 1000, 100)
    facts = Container(io.BytesIO(data)).facts()
    assert facts["stored_blocks"] == facts["blocks"] == 3
    assert len(data) == SMALLEST + 3 * (HEAD_BYTES + 4) + 3000
    assert unpacked(UNIGRAM, data) == noise


def test_the_code_is_within_a_thousandth_of_the_entropy(peaked_model):
    """Of each block: the frequencies' own bits, two to close the code, and up to seven to fill the last byte."""
    text = tiny.likely_text(peaked_model, 300, seed=7) * 30
    data = packed(peaked_model, text, 9000, 300, version=M1_ALONE)
    ideal = 30 * distribution_bits(peaked_model.frequencies(text[:300]), text[:300])
    coded = Container(io.BytesIO(data)).facts()["coded_bytes"]
    assert ideal <= 8 * coded <= ideal * 1.001 + 9


def test_surest_text_is_not_taken_for_damage():
    """A byte costs at least log2(TOTAL / (TOTAL - 255)) bits; the reader's bound on text per coded byte allows it."""
    surest = type(UNIGRAM)(np.array([FREQUENCY_TOTAL - 255] + [1] * 255, np.int32))
    for length in (1, 2, 100, 5000, 1 << 16):
        data = packed(surest, bytes(length), 1 << 16, 4096, version=M1_ALONE)
        assert unpacked(surest, data) == bytes(length)


def test_sizes_outside_the_limits_are_refused():
    for block, context in [(0, 1), (1 << 19, 1 << 10), (1 << 16, 0), (1 << 16, 1 << 15), (1 << 16, 32)]:
        with pytest.raises(EqualInfoError, match="bytes"):
            Header(OTHER.fingerprint, block, context)
    for block in (0, LARGEST_ADAPTIVE_BLOCK + 1):
        with pytest.raises(EqualInfoError, match="bytes"):
            Header(block=block)
    with pytest.raises(EqualInfoError, match="context"):
        write_container(None, io.BytesIO(b"a"), io.BytesIO(), context=16)
    assert Header.from_bytes(Header(OTHER.fingerprint, 7, 3).to_bytes()) == Header(OTHER.fingerprint, 7, 3)


def test_memory_does_not_grow_with_the_text():
    """The writer takes blocks only as finished ones leave."""
    taken = 0

    class Endless(io.RawIOBase):
        def read(self, count: int = -1) -> bytes:
            nonlocal taken
            taken += 1
            return b"a" * count if taken <= 400 else b""

    most = 0

    class Watching(io.BytesIO):
        def write(self, data) -> int:
            nonlocal most
            most = max(most, taken - written)
            return super().write(data)

    written = 0

    def advance(count: int) -> None:
        nonlocal written
        written += count / 64

    write_container(None, Endless(), Watching(), 64, None, 2, advance)
    assert written == 400
    assert most <= 8


TEXTS = {
    "zeros": bytes(300_000),
    "one byte": b"a",
    "every byte": bytes(range(256)) * 3,
    "a line again": b"2026-11-26 07:00:00 INFO nothing happened\n" * 4000,
    "a far repeat": np.random.default_rng(3).bytes(90_000) * 2,
    "text in noise": np.random.default_rng(4).bytes(70_000) + b"as it was said " * 2000,
}


@pytest.mark.parametrize("name", TEXTS)
def test_long_texts(name):
    text = TEXTS[name]
    data = packed(None, text, None)
    assert unpacked(None, data) == text
    if name == "a far repeat":  # of bytes that are no text at all
        assert len(data) < 0.7 * len(text)
    assert len(data) <= len(text) + SMALLEST + HEAD_BYTES + 4


def test_noise_is_noticed_within_a_block_and_what_follows_is_not_lost():
    """Beyond the first page, noise is passed by without predicting it: a hundred times faster."""
    noise = np.random.default_rng(5).bytes(2 << 20)
    assert Container(io.BytesIO(packed(None, noise, None))).facts()["stored_blocks"] == 1
    text = MIXED * 40 + b"and so it goes on, line by line, as before\n" * 3000
    mixed = packed(None, noise[: 1 << 19] + text, None)
    assert len(mixed) < (1 << 19) + 8000 + 120 * 40
    assert unpacked(None, mixed) == noise[: 1 << 19] + text


def test_the_surest_text_of_the_adaptive_predictor_is_not_taken_for_damage():
    """The bound on text per coded byte follows from the largest probability that is coded."""
    for length in (1, 1000, 1 << 21):
        code = coder.encode(bytes(length)) or bytes(length)
        head = Head(length, len(code), b"", b"")
        assert head.possible(Header())
        assert length <= LARGEST_RATIO[ADAPTIVE] * len(code)


def test_what_one_block_needs_is_bounded():
    """Tables of two sizes, whatever the text: 28 MiB, or 80."""
    for small, most in ((True, 28 << 20), (False, 80 << 20)):
        assert sum(table.nbytes for table in coder.taught(b"a", small)) <= most
    assert LARGEST_BLOCK < LARGEST_ADAPTIVE_BLOCK <= 1 << 26
