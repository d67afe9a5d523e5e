import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.tokens.dictionaries import CompiledTokenizer
from tests.support import tiny
from tests.support.compiled_models import CORPUS, DICTIONARIES, SPECS, compiled

texts = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=30).map(str.encode),
    st.sampled_from(CORPUS).flatmap(lambda text: st.integers(0, 60).map(lambda n: text[n : n + 40])),
    st.sampled_from([b"a", b" ", b"\0", b"\xff", b"\n"]).flatmap(
        lambda byte: st.integers(0, 90).map(lambda n: byte * n)
    ),
)


@pytest.mark.parametrize("peaked", [False, True])
@pytest.mark.parametrize("spec", SPECS)
def test_known_texts(spec, peaked):
    tokenizer = compiled(spec, peaked)
    streams = tokenizer.encode_batch(tiny.TEXTS)
    assert tokenizer.decode_batch(streams) == tiny.TEXTS
    for text, ids in zip(tiny.TEXTS, streams, strict=True):
        assert ids.dtype == (np.uint16 if tokenizer.vocab <= 65536 else np.uint32)
        np.testing.assert_array_equal(ids, tokenizer.encode(text))
        assert tokenizer.count(text) == len(ids)
        pieces = tokenizer.segments(text)
        assert b"".join(piece for piece, _ in pieces) == text
        assert [i for _, own in pieces for i in own] == ids.tolist()
        offsets = tokenizer.offsets(text)
        assert offsets.shape == (len(ids), 2)
        begin = 0
        for index, (piece, own) in enumerate([(p, i) for p, ids in pieces for i in ids]):
            assert tuple(offsets[index]) == (begin, begin + len(piece))
            last = index + 1 == len(offsets) or tuple(offsets[index + 1]) != tuple(offsets[index])
            begin += len(piece) if last else 0
            assert own == ids[index]


@pytest.mark.parametrize("spec", SPECS)
@settings(max_examples=12, deadline=None)
@given(st.lists(texts, max_size=4), st.booleans())
def test_any_bytes(spec, batch, peaked):
    tokenizer = compiled(spec, peaked)
    assert tokenizer.decode_batch(tokenizer.encode_batch(batch)) == batch


@pytest.mark.parametrize("spec", SPECS)
@settings(max_examples=10, deadline=None)
@given(texts, st.integers(0, 20))
def test_a_cut_stream_gives_a_beginning(spec, text, cut):
    tokenizer = compiled(spec)
    ids = tokenizer.encode(text)[:cut]
    given_back = tokenizer.decode(ids, partial=True)
    assert text.startswith(given_back)
    assert "".join(tokenizer.decode_stream(ids.tolist())) == given_back.decode("utf-8", "replace")


@pytest.mark.parametrize("spec", [text for text in SPECS if "b=" in text])
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_whatever_whole_windows_decode_and_stay(spec, data):
    """Codes that no text was encoded to mean strings too; each string, encoded alone, gives its code."""
    tokenizer = compiled(spec)
    per_window = tokenizer.spec["b"] // tokenizer.width
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab - 1), min_size=per_window, max_size=per_window))
    text = tokenizer.decode(ids)
    assert tokenizer.encode(text).tolist() == (ids if text else [])
    assert bool(text) == (any(ids) or tokenizer.spec["b"] == 8)


def test_ids_that_are_refused():
    for spec in (
        "EqualInfo[b=12,v=4k]",
        "EqualInfo[v=700]",
        "EqualInfo[b=32,v=65k]",
        "EqualInfo[b=24,v=256]",
    ):
        tokenizer = compiled(spec)
        for ids in ([tokenizer.vocab], [-1], [0.5], [[1, 2]]):
            with pytest.raises(UndecodableTokens):
                tokenizer.decode(ids)
    for spec in ("EqualInfo[b=32,v=65k]", "EqualInfo[b=16,v=256]"):
        with pytest.raises(UndecodableTokens, match="truncated"):
            compiled(spec).decode([1])
    with pytest.raises(EqualInfoError, match="surrogate"):
        compiled("EqualInfo[v=512]").encode("a\ud800")


def test_token_bytes_and_eos():
    for spec in [*DICTIONARIES, "EqualInfo[b=12,v=4k]", "EqualInfo[b=8,v=256]", "EqualInfo[b=17,v=128k]"]:
        tokenizer = compiled(spec)
        entries = tokenizer.vocab_entries()
        assert len(entries) == tokenizer.vocab == len(set(entries))
        assert [tokenizer.token_bytes(i) for i in (0, 1, 255)] == [entries[i] for i in (0, 1, 255)]
        assert tokenizer.eos == (None if spec == "EqualInfo[b=8,v=256]" else 0)
        assert (b"" in entries) == (tokenizer.eos == 0)
        with pytest.raises(UndecodableTokens):
            tokenizer.token_bytes(tokenizer.vocab)
        assert tokenizer.m1_parameters == 0
    assert compiled("EqualInfo[b=8,v=256]").encode(bytes(range(256))).tolist() == list(range(256))
    for spec in ("EqualInfo[b=16,v=256]", "EqualInfo[b=32,v=65k]"):
        with pytest.raises(EqualInfoError, match="no text of its own"):
            compiled(spec).token_bytes(1)
        assert compiled(spec).eos is None
    assert compiled("EqualInfo[b=32,v=65k]").m1_parameters == 1


def test_streams_hold_back_incomplete_characters():
    tokenizer = compiled("EqualInfo[v=512]")
    assert isinstance(tokenizer, CompiledTokenizer)
    ids = [1 + byte for byte in "a東\xe9".encode() + b"\xe6\x9d"]
    assert list(tokenizer.decode_stream(iter(ids))) == ["a", "東", "é", "�"]
