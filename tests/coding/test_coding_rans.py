import builtins

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.coding import rans
from equalinfo.errors import EqualInfoError
from equalinfo.predict.base import FREQUENCY_TOTAL
from tests.oracles import rans_reference
from tests.support import tiny

pytest.importorskip("constriction")


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 10**6), st.booleans())
def test_words_are_the_reference_s(text, seed, end):
    """The library, which takes floats, gives what integers give, to the last bit, and back."""
    symbols = [*text, *([rans.END] if end else [])]
    rows = tiny.random_rows(seed, 8)[np.random.default_rng(seed).integers(8, size=len(symbols))].reshape(
        -1, 256
    )
    words = rans.encode_block(rows, np.frombuffer(text, np.uint8), end)
    with_end = rans._with_end(rows)
    assert words.tolist() == rans.reference_words(with_end.tolist(), symbols)
    assert rans_reference.decode(with_end.tolist(), words.tolist()) == symbols
    # Whatever words follow, exactly the block's own are read.
    reader = rans.BlockReader(np.concatenate([words, np.array([7, 0, 2**32 - 1], np.uint32)]))
    assert [reader.symbol(row) for row in rows] == symbols
    assert reader.finished
    assert reader.words_read == len(words)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_are_exact(dtype):
    for row in tiny.HOSTILE_ROWS:
        weights = rans._weights(row[None])[0].astype(dtype)
        assert np.cumsum(weights)[-1] == (1 << 24) - 257
        bounds = np.cumsum(weights).astype(np.int64) + np.arange(1, 258)
        assert (bounds == np.cumsum(rans._with_end(row[None])[0]) << 10).all()


def test_code_length_is_the_information():
    rows = tiny.random_rows(4, 2000)
    generator = np.random.default_rng(4)
    text = bytes(int(generator.choice(256, p=row / FREQUENCY_TOTAL)) for row in rows)
    information = -np.log2(rows[np.arange(2000), np.frombuffer(text, np.uint8)] / FREQUENCY_TOTAL).sum()
    words = rans.encode_block(rows, np.frombuffer(text, np.uint8), False)
    assert information < 32 * len(words) < information + 66


@pytest.mark.parametrize("words", [[], [1], [0, 5], [0, 0, 0], [5]])
def test_words_that_determine_nothing(words):
    assert not rans.BlockReader(np.array(words, np.uint32)).determined


@pytest.fixture
def fresh_library():
    rans._library.cache_clear()
    yield
    rans._library.cache_clear()


def test_without_the_library(monkeypatch, fresh_library):
    real = builtins.__import__

    def without(name, *rest):
        if name == "constriction":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EqualInfoError, match="pip install") as error:
        rans.BlockReader(np.array([1, 1], np.uint32))
    assert "\n" not in str(error.value)


def test_a_library_that_codes_otherwise(monkeypatch, fresh_library):
    monkeypatch.setattr(rans, "reference_words", lambda frequencies, symbols: [1])
    with pytest.raises(EqualInfoError, match="constriction"):
        rans.BlockReader(np.array([1, 1], np.uint32))
