from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.coding import huffman
from equalinfo.predict.base import FREQUENCY_TOTAL
from tests.oracles import huffman_reference
from tests.support import tiny

FIBONACCI = [1, 1]
while sum(FIBONACCI) + FIBONACCI[-1] + FIBONACCI[-2] + 256 < FREQUENCY_TOTAL:
    FIBONACCI.append(FIBONACCI[-1] + FIBONACCI[-2])
DEEP = np.array(
    [FREQUENCY_TOTAL - sum(FIBONACCI[2:]) - (257 - len(FIBONACCI)), *FIBONACCI[2:]] + [1] * 300, np.int32
)[:256]
DEEP[0] += FREQUENCY_TOTAL - DEEP.sum()
ROWS = [*tiny.HOSTILE_ROWS, *tiny.random_rows(11, 60), DEEP]


def as_words(row, limit):
    lengths, words = huffman.code_of(np.asarray(row, np.int32), limit)
    return {symbol: format(words[symbol], f"0{lengths[symbol]}b") for symbol in range(257)}


@pytest.mark.parametrize("limit", [9, 10, 12, 16, huffman.LONGEST_WORD])
def test_codes_are_the_reference_s(limit):
    for row in ROWS:
        words = as_words(row, limit)
        assert words == huffman_reference.code_of(row.tolist(), limit)
        lengths = [len(word) for word in words.values()]
        assert max(lengths) <= limit
        assert sum(1 << 30 - length for length in lengths) == 1 << 30  # all bit strings are used
        assert set(words[huffman.END]) == {"0"}
        assert len(words[huffman.END]) == max(lengths)
        ordered = sorted(words.values())
        assert not any(b.startswith(a) for a, b in pairwise(ordered))


def test_a_code_wastes_less_than_a_bit():
    for row in ROWS:
        lengths, _ = huffman.code_of(row)
        entropy = -(row / FREQUENCY_TOTAL * np.log2(row / FREQUENCY_TOTAL)).sum()
        assert entropy <= (row * lengths[:256]).sum() / FREQUENCY_TOTAL < entropy + 1


def encoded(rows, text, end):
    return huffman.encode_block(rows, np.frombuffer(text, np.uint8), end)


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 10**6), st.integers(0, 40))
def test_a_text_and_zeros_read_back(text, seed, zeros):
    """However many zeros follow, whatever the codes are: the window rule's proof, tried."""
    rows = tiny.random_rows(seed, 8)[np.random.default_rng(seed).integers(8, size=len(text) + 1)]
    bits = np.append(encoded(rows, text, end=False), np.zeros(zeros, np.uint8))
    position, read = np.zeros(1, np.int64), bytearray()
    while True:
        row, stops = rows[len(read)][None], np.array([len(bits)])
        symbol, length = huffman.next_symbols(row, huffman.LONGEST_WORD, bits, position, stops)
        if symbol[0] == huffman.END or position[0] + length[0] > len(bits):
            break
        read.append(int(symbol[0]))
        position += length
    assert bytes(read) == text
    assert symbol[0] == huffman.END


def test_bits_are_the_words_one_after_the_other():
    rows = tiny.random_rows(5, 20)
    text = bytes(range(3, 22))
    for end in (False, True):
        symbols = [*text, *([huffman.END] if end else [])]
        expected = "".join(
            huffman_reference.code_of(row.tolist(), huffman.LONGEST_WORD)[symbol]
            for row, symbol in zip(rows, symbols, strict=False)
        )
        assert "".join(map(str, encoded(rows, text, end))) == expected
    same = np.repeat(rows[:1], 20, axis=0)
    assert "".join(map(str, encoded(same, text, False))) == "".join(
        as_words(rows[0], huffman.LONGEST_WORD)[byte] for byte in text
    )
