import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equalinfo.coding.bits import bits_to_codes, bits_to_ids, codes_to_bits, id_dtype, ids_to_bits, token_bits
from equalinfo.errors import EqualInfoError

bit_lists = st.lists(st.integers(0, 1), max_size=200)


@given(bit_lists, st.integers(1, 16))
def test_ids_hold_the_bits_and_zeros_after_them(bits, width):
    ids = bits_to_ids(np.array(bits, np.uint8), width)
    assert ids.dtype == np.uint16
    padded = bits + [0] * (-len(bits) % width)
    assert ids.tolist() == [
        int("".join(map(str, padded[start : start + width])), 2) for start in range(0, len(padded), width)
    ]
    back = ids_to_bits(ids, width)
    assert back.dtype == np.uint8
    assert back.tolist() == padded


@given(st.integers(1, 200), st.data())
def test_codes_and_bits(bits, data):
    codes = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=20))
    array = codes_to_bits(codes, bits)
    assert len(array) == bits * len(codes)
    assert set(array.tolist()) <= {0, 1}
    assert bits_to_codes(array, bits) == codes
    rest = data.draw(st.integers(0, bits - 1))
    assert bits_to_codes(np.concatenate([array, np.ones(rest, np.uint8)]), bits) == codes


@pytest.mark.parametrize(("vocab", "bits"), [(2, 1), (16, 4), (256, 8), (65536, 16)])
def test_token_bits(vocab, bits):
    assert token_bits(vocab) == bits


@pytest.mark.parametrize("vocab", [0, 1, 3, 255, 257, 32000, 131072])
def test_vocabularies_of_no_whole_bits(vocab):
    with pytest.raises(EqualInfoError, match="power of two"):
        token_bits(vocab)


def test_id_dtype():
    assert id_dtype(65536) == np.uint16
    assert id_dtype(65537) == np.uint32
