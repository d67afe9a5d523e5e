import argparse
import inspect
import subprocess

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equalinfo.coding.bits import id_dtype, ids_to_bits
from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.predict.unigram import Unigram
from equalinfo.tokens import windows
from equalinfo.tokens.blocks import BLOCK_BYTES, ACTokenizer
from equalinfo.tokens.sentencepiece_ import SentencePieceTokenizer
from equalinfo.tokens.spec import Spec
from tests.support import methods, tiny

RUNS = st.builds(lambda part, count: part * count, st.binary(min_size=1, max_size=3), st.integers(1, 60))
AROUND_A_BLOCK = st.builds(lambda n, byte: bytes([byte]) * n, st.integers(35, 76), st.integers(0, 255))
STRINGS = st.text(max_size=40).map(lambda text: text.encode())
TEXTS = st.lists(st.binary(max_size=60) | STRINGS | RUNS | AROUND_A_BLOCK, min_size=1, max_size=4)

every_method = methods.each(*methods.SPECS)


@pytest.fixture(params=[False, True], ids=["plain", "peaked"])
def peaked(request) -> bool:
    return request.param


def assert_lossless(tokenizer, texts: list[bytes]) -> list[np.ndarray]:
    streams = tokenizer.encode_batch(texts)
    assert len(streams) == len(texts)
    for ids in streams:
        assert ids.dtype == id_dtype(tokenizer.vocab)
        assert ids.ndim == 1
        assert not len(ids) or int(ids.max()) < tokenizer.vocab
    assert tokenizer.decode_batch(streams) == texts
    assert tokenizer.decode_batch(streams, partial=True) == texts
    return streams


@every_method
def test_hostile_texts(spec, peaked):
    tokenizer = methods.tokenizer(spec, peaked)
    streams = assert_lossless(tokenizer, tiny.TEXTS)
    # One by one, as lists, and with progress: the same.
    done = []
    for text, ids in zip(tiny.TEXTS, streams, strict=True):
        assert tokenizer.encode(text).tolist() == ids.tolist()
        assert tokenizer.decode(ids.astype(np.int64)) == text
    assert tokenizer.decode_batch([ids.tolist() for ids in streams]) == tiny.TEXTS
    tokenizer.encode_batch(tiny.TEXTS, done.append)
    assert sum(done) == sum(map(len, tiny.TEXTS))
    assert tokenizer.encode_batch([]) == []
    assert tokenizer.decode_batch([]) == []
    assert len(tokenizer.encode(b"")) == 0
    assert tokenizer.decode([]) == b""


@every_method
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS)
def test_any_text(spec, peaked, texts):
    assert_lossless(methods.tokenizer(spec, peaked), texts)


@methods.each(*(s for s in methods.SPECS if Spec.parse(s).tokenizer_class.runs_predictor))
def test_likely_texts_ending_anywhere(spec, peaked):
    """Texts drawn from M1 itself make long windows and short codes; each prefix must come back."""
    tokenizer = methods.tokenizer(spec, peaked)
    text = tiny.likely_text(tokenizer.predictor, 80, seed=3)
    assert_lossless(tokenizer, [text[:length] for length in range(0, 80, 1 if len(spec) < 24 else 3)])


@every_method
def test_strings_are_their_utf8(spec):
    tokenizer = methods.tokenizer(spec)
    text = "na\u00efve \u6771\u4eac \U0001f600"
    assert tokenizer.encode(text).tolist() == tokenizer.encode(text.encode()).tolist()
    for broken in ("\ud800", "a\udfffb"):
        with pytest.raises(EqualInfoError, match="surrogate") as error:
            tokenizer.encode(broken)
        assert "\n" not in str(error.value)


@every_method
def test_pieces_are_the_text_and_its_ids(spec, peaked):
    tokenizer = methods.tokenizer(spec, peaked)
    for text in tiny.TEXTS:
        pieces = tokenizer.segments(text)
        assert b"".join(piece for piece, _ in pieces) == text
        assert [index for _, ids in pieces for index in ids] == tokenizer.encode(text).tolist()
    assert tokenizer.segments("a\u00e9")[0][0].startswith(b"a")


@every_method
@pytest.mark.parametrize("partial", [False, True])
def test_ids_that_are_none(spec, partial):
    tokenizer = methods.tokenizer(spec)
    bad = [
        [tokenizer.vocab],
        [-1],
        [0, -5, 1],
        [1.0],
        [0.5],
        [[0, 1]],
        np.zeros((2, 2), int),
        3,
        [2**40],
        [2**70],
    ]
    for ids in [*bad, [True], ["a"], [None], [[1], [2, 3]], "ids", None]:
        with pytest.raises(UndecodableTokens) as error:
            tokenizer.decode(ids, partial)
        assert "\n" not in str(error.value)


@every_method
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_partial_decoding_never_fails(spec, peaked, data):
    tokenizer = methods.tokenizer(spec, peaked)
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab - 1), max_size=20))
    assert isinstance(tokenizer.decode(ids, partial=True), bytes)
    text = data.draw(st.binary(max_size=80))
    real = tokenizer.encode(text)
    cut = data.draw(st.integers(0, len(real)))
    assert isinstance(tokenizer.decode([*real[:cut].tolist(), *ids], partial=True), bytes)


@every_method
def test_truncated_and_prolonged_ids(spec, peaked):
    """An error or, where the cut falls between windows or tokens, a part of the text; never another one."""
    tokenizer = methods.tokenizer(spec, peaked)
    # One arithmetic code or gzip stream has its end in it; pieces and windows may be cut between two.
    detects = Spec.parse(spec).method in (*methods.BLOCKS, "GZip")
    parts = spec.startswith(("Bytes", "SentencePiece", "EqualInfo"))
    eos = tokenizer.eos is not None  # it may follow a text
    for text in (b"some text to be cut short", b"abc", bytes(range(50, 80))):
        ids = tokenizer.encode(text)
        for length in range(0, len(ids), 1 + len(ids) // 8):
            try:
                decoded = tokenizer.decode(ids[:length])
            except UndecodableTokens:
                continue
            assert decoded != text
            assert not spec.startswith("GZip") or not length
            assert not parts or text.startswith(decoded)
        for extra in ([0] * 40, [1] * 40, ids.tolist()):
            try:
                decoded = tokenizer.decode([*ids.tolist(), *extra])
            except UndecodableTokens:
                continue
            assert not detects
            assert (
                decoded != text or eos or spec.startswith("SentencePiece")
            )  # ids 0 and 1 write nothing there
            assert not parts or decoded.startswith(text)


@every_method
def test_prompts_are_read_as_their_text(spec, peaked):
    """What a prompt's ids settle is a part of the prompt; all of it, except for bits not yet written."""
    tokenizer = methods.tokenizer(spec, peaked)
    for text in [*tiny.TEXTS, b"The quick brown", b"a" * methods.BLOCK_BYTES]:
        ids = tokenizer.encode_prompt(text)
        if Spec.parse(spec).method in (*methods.BLOCKS, "EqualText"):
            # Whatever follows, its encoding begins with the prompt's ids, and no token more is settled.
            for longer in tokenizer.encode_batch(
                [text + more for more in (b"a", b"\x00" * 9, bytes(range(80)))]
            ):
                assert longer[: len(ids)].tolist() == ids.tolist()
        elif spec.startswith("EqualInfo"):
            assert text.startswith(tokenizer.decode(ids, partial=True))
        else:
            assert tokenizer.decode(ids, partial=True) == text


@pytest.mark.parametrize("spec", ["GZip[v=256]", "GZip[v=65k]", "GZip[v=65k,bare]"])
def test_gzip_prompts_hold_no_padding(spec):
    """The ids are the beginning of a stream that another block may follow."""
    tokenizer = methods.tokenizer(spec)
    for length in range(1, 9):
        text = b"prompted"[:length]
        stream = np.packbits(ids_to_bits(tokenizer.encode_prompt(text), tokenizer.width)).tobytes()
        # A flush ends with 00 00 FF FF; a 16-bit token may have to leave out the last byte.
        assert stream.endswith((b"\x00\x00\xff\xff", b"\x00\x00\xff"))


@pytest.mark.parametrize("length", [BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES])
def test_blocks_of_the_real_size(length):
    tokenizer = ACTokenizer(Spec.parse("StaticAC[v=256]"), Unigram(tiny.skewed_frequencies(97, 0.7)))
    text = (b"abcdefghaab" * 2000)[:length]
    assert_lossless(tokenizer, [text])
    assert [len(piece) for piece, _ in tokenizer.segments(text)] == [
        min(BLOCK_BYTES, length - start) for start in range(0, length, BLOCK_BYTES)
    ]


def test_more_streams_than_one_group(peaked):
    texts = [bytes([65 + i % 26]) * (i % 7) for i in range(300)]
    for spec in ("AC[v=256]", "EqualInfoAC[b=16,v=256]"):
        tokenizer = methods.tokenizer(spec, peaked)
        streams = assert_lossless(tokenizer, texts)
        assert [ids.tolist() for ids in streams[::50]] == [
            tokenizer.encode(text).tolist() for text in texts[::50]
        ]


@pytest.mark.parametrize("spec", [spec for spec in methods.SPECS if "[b=" in spec])
@pytest.mark.parametrize("at_once", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_text_is_decoded_in_stretches_of_windows(spec, at_once, monkeypatch):
    tokenizer = methods.tokenizer(spec)
    texts = [methods.TRAINING_TEXT[0][:120], b"", b"of"]
    streams = tokenizer.encode_batch(texts)
    monkeypatch.setattr(windows, "STREAMS_AT_ONCE", at_once)
    assert tokenizer.decode_batch(streams) == texts
    assert texts[0].startswith(tokenizer.decode(streams[0][:-1], partial=True))


def test_changed_windows_are_counted():
    spec = Spec.parse("EqualInfoAC[b=16,v=65k]")
    from equalinfo.tokens.windows import EqualInfoACTokenizer

    tokenizer = EqualInfoACTokenizer(spec, methods.model(True))
    assert tokenizer.windows_changed == (0, 0)
    text = tiny.likely_text(methods.model(True), 400, seed=0)
    windows = len(tokenizer.encode(text))  # one token per window
    changed, total = tokenizer.windows_changed
    assert total == windows
    assert 0 < changed < total
    tokenizer.encode_batch([text, b""])
    assert tokenizer.windows_changed == (2 * changed, 2 * total)
    delayed = EqualInfoACTokenizer(Spec.parse("EqualInfoAC[b=16,v=65k,delay]"), methods.model(True))
    assert delayed.windows_changed == (0, 0)
    delayed.encode(text)
    assert delayed.windows_changed[0] == 0 < delayed.windows_changed[1]
    assert methods.tokenizer("Bytes").windows_changed == (0, 0)
    assert methods.tokenizer("AC[v=256]").windows_changed == (0, 0)


def test_m1_parameters():
    assert methods.tokenizer("AC[v=256]").m1_parameters == tiny.SIZE.nominal
    assert methods.tokenizer("EqualInfoAC[b=16,v=256]").m1_parameters == tiny.SIZE.nominal
    for spec in ("StaticAC[v=256]", "Bytes", "GZip[v=256]", "SentencePiece[v=320]"):
        assert methods.tokenizer(spec).m1_parameters == 0


def test_sentencepiece_uses_pieces_for_text_and_bytes_for_the_rest():
    tokenizer = methods.tokenizer("SentencePiece[v=320]")
    assert tokenizer.vocab == 320
    assert len(tokenizer.encode(b"the lazy dog")) < 12
    assert len(tokenizer.encode(b"\xff\xfe")) == 2
    assert len(tokenizer.encode("\u2581")) == 3
    again = SentencePieceTokenizer.trained_on(Spec.parse("SentencePiece[v=320]"), methods.TRAINING_TEXT)
    assert again.fingerprint == tokenizer.fingerprint
    with pytest.raises(EqualInfoError, match="too small for 32000 ids") as error:
        SentencePieceTokenizer.trained_on(Spec.parse("SentencePiece[v=32k]"), [b"too little text"])
    assert "\n" not in str(error.value)
    with pytest.raises(EqualInfoError, match="cannot train"):
        SentencePieceTokenizer.trained_on(Spec.parse("SentencePiece[v=320]"), [])


def test_sentencepiece_learns_line_ends_and_runs_of_spaces():
    tokenizer = SentencePieceTokenizer.trained_on(
        Spec.parse("SentencePiece[v=1k]"), [inspect.getsource(argparse).encode()]
    )
    entries = tokenizer.vocab_entries()
    assert any(b"\n" in entry.strip(b" ") and len(entry) > 1 for entry in entries)
    assert b" " * 8 in entries
    indented = inspect.getsource(subprocess).encode()
    ids = tokenizer.encode(indented)
    assert tokenizer.decode(ids) == indented
    assert len(indented) / len(ids) > 2.2  # 1.51 without such pieces


def test_gzip_containers():
    import gzip
    import zlib

    text = b"a text that gzip itself must be able to read"
    assert gzip.decompress(bytes(methods.tokenizer("GZip[v=256]").encode(text).tolist())) == text
    bare = bytes(methods.tokenizer("GZip[v=256,bare]").encode(text).tolist())
    assert zlib.decompress(bare, -15) == text
