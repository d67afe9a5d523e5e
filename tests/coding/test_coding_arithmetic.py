import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.coding import arithmetic
from equalinfo.coding import bits as chunking
from equalinfo.predict.base import FREQUENCY_TOTAL
from tests.oracles import arithmetic_reference
from tests.support import tiny

seeds = st.integers(0, 2**32 - 1)
HOSTILE = np.array(tiny.HOSTILE_ROWS)


def draw_text(rows: np.ndarray, seed: int) -> bytes:
    """Likely bytes, the likeliest, the least likely and any bytes, in turns."""
    generator = np.random.default_rng(seed)
    text = []
    for row in rows:
        kind = generator.integers(4)
        if kind == 0:
            text.append(generator.choice(256, p=row / FREQUENCY_TOTAL))
        else:
            text.append([int(row.argmax()), int(row.argmin()), generator.integers(256)][kind - 1])
    return bytes(text)


def encode(rows: np.ndarray, text: bytes, end: bool) -> np.ndarray:
    return arithmetic.encode_block(
        np.asarray(rows, np.int32).reshape(-1, 256), np.frombuffer(text, np.uint8), end
    )


def decode(bits: np.ndarray, rows: np.ndarray, position: int, end: bool) -> tuple[bytes, int]:
    """The text of the block at bit `position`, and the length of its code."""
    register = arithmetic.new_streams(1)[0]
    arithmetic.start_block(register, bits, position, len(bits))
    text = bytearray()
    for row in rows:
        symbol = arithmetic.decode_symbol(register, bits, row)
        assert symbol != arithmetic.END
        text.append(symbol)
    if end:
        assert arithmetic.decode_symbol(register, bits, HOSTILE[0]) == arithmetic.END
    return bytes(text), arithmetic.block_bits(register)


def with_end(row: np.ndarray) -> list[int]:
    """A row of 257: END holds the last unit, taken from the likeliest byte."""
    row = row.tolist()
    row[row.index(max(row))] -= 1
    return [*row, 1]


def exact_interval(rows, text: bytes, end: bool):
    symbols = [*text, *([arithmetic.END] if end else [])]
    rows = [with_end(row) for row in [*rows, *([HOSTILE[0]] if end else [])]]
    return arithmetic_reference.interval(rows, symbols)


@settings(max_examples=150, deadline=None)
@given(seeds, st.integers(0, 60), st.booleans())
def test_decoding_inverts_encoding(seed, length, end):
    rows = tiny.random_rows(seed, length).reshape(-1, 256)
    text = draw_text(rows, seed)
    bits = encode(rows, text, end)
    assert bits.dtype == np.uint8
    assert set(bits.tolist()) <= {0, 1}
    assert decode(bits, rows, 0, end) == (text, len(bits))
    # What follows the block, or no longer follows it, cannot change it.
    for after in (np.zeros(40, np.uint8), np.ones(40, np.uint8)):
        assert decode(np.concatenate([bits, after]), rows, 0, end) == (text, len(bits))


@settings(max_examples=60, deadline=None)
@given(
    seeds, st.lists(st.integers(0, 12), min_size=1, max_size=6), st.sampled_from([1, 3, 8, 16]), st.booleans()
)
def test_blocks_in_a_row_each_padded_to_tokens(seed, lengths, width, end):
    blocks = []
    for number, length in enumerate(lengths):
        rows = tiny.random_rows(seed + number, length).reshape(-1, 256)
        blocks.append((rows, draw_text(rows, seed + number)))
    ids = np.concatenate([chunking.bits_to_ids(encode(rows, text, end), width) for rows, text in blocks])
    bits, position = chunking.ids_to_bits(ids, width), 0
    for rows, text in blocks:
        decoded, length = decode(bits, rows, position, end)
        assert decoded == text
        position += -(-length // width) * width
    assert position == len(bits)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 400))
def test_length_is_near_the_ideal(seed, length):
    rows = tiny.random_rows(seed, length)
    text = draw_text(rows, seed)
    chosen = rows[np.arange(length), np.frombuffer(text, np.uint8)]
    # END's unit comes from the likeliest byte; intervals of 2^30 units and more lose little by rounding.
    paid = chosen - (np.frombuffer(text, np.uint8) == rows.argmax(1))
    bits = len(encode(rows, text, False))
    assert bits <= -np.log2(paid / FREQUENCY_TOTAL).sum() + 2 + 2e-4 * length
    assert bits >= -np.log2(paid / FREQUENCY_TOTAL).sum() - 2e-4 * length


@settings(max_examples=150, deadline=None)
@given(seeds, st.integers(0, 2), st.booleans())
def test_equal_to_exact_rationals_while_nothing_is_rounded(seed, length, end):
    """The register holds 32 bits: two symbols of 14 bits each are coded without rounding."""
    length = min(length, 1) if end else length
    rows = tiny.random_rows(seed, length).reshape(-1, 256)
    text = draw_text(rows, seed)
    expected = arithmetic_reference.shortest_bits(*exact_interval(rows, text, end))
    assert "".join(map(str, encode(rows, text, end))) == expected


@settings(max_examples=150, deadline=None)
@given(seeds, st.integers(2, 25), st.booleans())
def test_close_to_exact_rationals(seed, length, end):
    rows = tiny.random_rows(seed, length)
    text = draw_text(rows, seed)
    low, width = exact_interval(rows, text, end)
    shortest = arithmetic_reference.shortest_bits(low, width)
    assert abs(len(encode(rows, text, end)) - len(shortest)) <= 2


@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("row", range(len(HOSTILE)))
def test_every_symbol_of_every_hostile_row(row, length):
    rows = np.array([HOSTILE[row]] * length)
    for byte in range(256):
        text = bytes([byte]) * length
        bits = encode(rows, text, True)
        assert decode(bits, rows, 0, True) == (text, len(bits))


def test_long_runs_with_pending_bits():
    """A byte in the very middle keeps the interval around one half: bits pend without end."""
    row = np.array([32] * 127 + [FREQUENCY_TOTAL - 255 * 32] + [32] * 128, np.int32)
    rows = np.array([row] * 3000)
    for text in (b"\x7f" * 3000, b"\x7f" * 2999 + b"\x00", b"\x80" * 3000):
        bits = encode(rows, text, False)
        assert decode(bits, rows, 0, False) == (text, len(bits))


def test_empty_block():
    assert len(encode(np.empty((0, 256)), b"", False)) == 0
    assert "".join(map(str, encode(np.empty((0, 256)), b"", True))) == "1" * 14


def test_least_likely_text_fits_the_buffer():
    rows = np.array([HOSTILE[5]] * 500)
    bits = encode(rows, b"\x01" * 500, True)
    assert 14 * 501 <= len(bits) <= 14 * 501 + 2
    assert decode(bits, rows, 0, True) == (b"\x01" * 500, len(bits))


def test_reference_decodes_its_own_bits(skewed_unigram):
    row = skewed_unigram.initial.tolist()
    for text in (b"", b"efg", b"\x00\xff", b"eeeeeeeee"):
        bits = arithmetic_reference.shortest_bits(*arithmetic_reference.interval([row] * len(text), text))
        assert arithmetic_reference.decode_bits(lambda _: row, bits, len(text)) == text


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(0, 40), st.integers(0, 10))
def test_an_open_block_holds_the_bits_that_any_continuation_has(seed, length, more):
    rows = tiny.random_rows(seed, length + more).reshape(-1, 256)
    text = draw_text(rows, seed)
    lowest, highest = arithmetic.open_block(rows[:length].copy(), np.frombuffer(text[:length], np.uint8))
    for end in (True, False):
        bits = encode(rows, text, end)[: len(lowest)].tolist()
        assert lowest[: len(bits)].tolist() <= bits <= highest[: len(bits)].tolist()
    # Nothing beyond is a text that begins so, and nothing between is another.
    for bits, step in ((lowest, -1), (highest, 1)):
        for inside, number in ((True, as_number(bits)), (False, as_number(bits) + step)):
            if 0 <= number < 1 << len(bits):
                found = np.array(list(format(number, f"0{len(bits)}b")), np.uint8)
                assert (begins(found, rows[:length]) == text[:length]) == inside


def as_number(bits: np.ndarray) -> int:
    return int("".join(map(str, bits)), 2)


def begins(bits: np.ndarray, rows: np.ndarray) -> bytes:
    """The first bytes that bits settle, one for each row."""
    register = arithmetic.new_streams(1)[0]
    arithmetic.start_block(register, bits, 0, len(bits))
    text = bytearray()
    for row in rows:
        symbol = arithmetic.decode_symbol(register, bits, row)
        if symbol == arithmetic.END:
            break
        text.append(symbol)
    return bytes(text)
