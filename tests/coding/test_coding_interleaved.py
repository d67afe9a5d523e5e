import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.coding import arithmetic
from equalinfo.coding.interleaved import cut_lanes, decode_interleaved
from equalinfo.coding.side_by_side import decode_side_by_side
from equalinfo.parallel import in_order, worker_threads
from equalinfo.predict.base import distribution_bits
from equalinfo.tokens.blocks import ArithmeticReader
from tests.support import tiny
from tests.support.containers import encode_interleaved

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def table() -> tiny.TablePredictor:
    """Rows of many shapes, so that contexts that are mixed up would show."""
    return tiny.TablePredictor(tiny.random_rows(3, 40))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=70), max_size=5), st.integers(1, 30))
def test_blocks_side_by_side(table, texts, context):
    codes = [encode_interleaved(table, text, context) for text in texts]
    assert decode_interleaved(table, codes, [len(text) for text in texts], context) == texts
    for text, code in zip(texts, codes, strict=True):
        assert decode_interleaved(table, [code], [len(text)], context) == [text]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=4), st.data())
def test_any_bytes_decode_to_some_text(table, codes, data):
    lengths = [data.draw(st.integers(1, 60)) for _ in codes]
    assert [len(text) for text in decode_interleaved(table, codes, lengths, 13)] == lengths


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 20))
def test_lanes_cost_no_bits(table, seed, context):
    """The code is as long as the frequencies say, to the closing bits and the byte's last ones."""
    text = np.random.default_rng(seed).bytes(100)
    parts = [text[start : start + context] for start in range(0, 100, context)]
    assert [len(part) for part in parts] == cut_lanes(100, context).tolist()
    ideal = sum(distribution_bits(table.frequencies(part), part) for part in parts)
    bits = 8 * len(encode_interleaved(table, text, context))
    assert ideal - 0.02 <= bits <= ideal + 2 + 7 + 0.02


@pytest.mark.parametrize("block_bytes", [1, 5, 1000])
@pytest.mark.parametrize("width", [1, 8, 16])
def test_streams_the_same_however_many_are_side_by_side(table, block_bytes, width):
    texts = [np.random.default_rng(i).bytes(i % 23) for i in range(40)]
    streams = []
    for text in texts:
        parts = [text[i : i + block_bytes] for i in range(0, len(text), block_bytes)]
        bits = [
            arithmetic.encode_block(
                table.frequencies(part), np.frombuffer(part, np.uint8), len(part) < block_bytes
            )
            for part in parts
        ]
        padded = [np.pad(part, (0, -len(part) % width)) for part in bits]
        streams.append(np.concatenate([np.empty(0, np.uint8), *padded]))
    for at_once in (1, 3, 64):
        for partial in (False, True):
            found = []
            for start in range(0, len(streams), at_once):
                reader = ArithmeticReader(streams[start : start + at_once], block_bytes, width, partial)
                found += decode_side_by_side(table, reader)
            assert found == texts


def test_results_in_order_and_few_taken_at_a_time():
    taken = []

    def items():
        for number in range(50):
            taken.append(number)
            yield number

    with worker_threads(2) as workers:
        for expected, result in enumerate(in_order(workers, lambda number: number * number, items())):
            assert result == expected**2
            assert len(taken) - expected <= 4
    with worker_threads(1) as workers, pytest.raises(ZeroDivisionError):
        list(in_order(workers, lambda number: 1 // (3 - number), range(50)))
