"""Every method that takes a text takes what holds one, and refuses the rest in one line that says which."""

from array import array
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from equalinfo.errors import EqualInfoError
from equalinfo.tokens.texts import as_bytes, as_texts
from equalinfo.tokens.tokenizer import Tokenizer
from tests.support import methods

TEXT = "naïve \u6771\u4eac\0"
DATA = TEXT.encode()
SPECS = ["Bytes", "SentencePiece[v=320]", "GZip[v=256]", "StaticAC[v=256]", "EqualInfoAC[b=16,v=256]"]
SPECS += [
    "EqualInfo[b=12,v=64]",
    "EqualInfo[b=24,v=256]",
    "EqualInfo[v=512]",
    "EqualInfo[v=512,unigram,words]",
]
ONE: dict[str, Callable[[Tokenizer, Any], Any]] = {
    "encode": lambda t, text: t.encode(text).tolist(),
    "encode_prompt": lambda t, text: t.encode_prompt(text).tolist(),
    "prompt_range": lambda t, text: [part.tolist() for part in t.prompt_range(text)],
    "count": lambda t, text: t.count(text),
    "offsets": lambda t, text: t.offsets(text).tolist(),
    "pieces": lambda t, text: t.segments(text),
}
MANY: dict[str, Callable[[Tokenizer, Any], Any]] = {
    "encode_batch": lambda t, texts: [ids.tolist() for ids in t.encode_batch(texts)],
    "segments_batch": lambda t, texts: t.segments_batch(texts),
}
TWICE = np.repeat(np.frombuffer(DATA, np.uint8), 2)
HOLDS_IT = [
    TEXT,
    DATA,
    bytearray(DATA),
    memoryview(DATA),
    memoryview(TWICE)[::2],
    array("B", DATA),
    np.frombuffer(DATA, np.uint8),
    TWICE[::2],
    np.str_(TEXT),
    np.bytes_(DATA),
    pa.scalar(TEXT),
    pa.scalar(DATA),
    pa.scalar(TEXT, pa.large_string()),
    pa.scalar(DATA, pa.large_binary()),
    pa.py_buffer(DATA),
]
NO_TEXT = [None, 3, 3.5, ["a"], {"a": 1}, object(), np.zeros(3), np.zeros((2, 2), np.uint8), np.uint8(3)]
NO_TEXT += [pa.scalar(None, pa.string()), pa.scalar(3), memoryview(array("i", [1])), torch.zeros(2)]


@pytest.mark.parametrize("text", HOLDS_IT, ids=lambda text: type(text).__name__)
def test_what_holds_a_text_is_taken(text: Any) -> None:
    assert as_bytes(text) == DATA
    assert type(as_bytes(text)) is bytes


@pytest.mark.parametrize("text", NO_TEXT, ids=lambda text: type(text).__name__)
def test_what_holds_none_is_refused(text: Any) -> None:
    with pytest.raises(EqualInfoError, match=r"^the text must be str or bytes, not ") as error:
        as_bytes(text)
    assert "\n" not in str(error.value)
    with pytest.raises(EqualInfoError, match=r"^text 2 must be str or bytes, not "):
        as_texts([b"a", "b", text])


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("name", ONE)
def test_every_method_takes_them(spec: str, name: str) -> None:
    tokenizer, call = methods.tokenizer(spec), ONE[name]
    for text in HOLDS_IT[1:-1]:
        assert call(tokenizer, text) == call(tokenizer, TEXT)
    for text in NO_TEXT:
        with pytest.raises(EqualInfoError, match="the text must be"):
            call(tokenizer, text)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("name", MANY)
def test_every_method_of_several_takes_them(spec: str, name: str) -> None:
    tokenizer, call = methods.tokenizer(spec), MANY[name]
    texts = ["a", "naïve", ""]
    expected = call(tokenizer, texts)
    for several in (
        tuple(texts),
        iter(texts),
        [text.encode() for text in texts],
        np.array(texts),
        np.array(texts, object),
        pa.array(texts),
        pa.array(texts, pa.large_string()),
        pa.array([text.encode() for text in texts]),
        pa.chunked_array([texts[:1], texts[1:]]),
        pa.scalar(texts),
        list(pa.array(texts)),
    ):
        assert call(tokenizer, several) == expected
    for single in ("abc", b"abc", bytearray(b"abc"), memoryview(b"abc"), pa.scalar("abc")):
        with pytest.raises(EqualInfoError, match="a list of texts here, not a single text"):
            call(tokenizer, single)
    for wrong in (None, 3, {"text": "a"}, {"a"}):
        with pytest.raises(EqualInfoError, match="give a list of texts, not "):
            call(tokenizer, wrong)
    for wrong in (["a", None], pa.array(["a", None])):
        with pytest.raises(EqualInfoError, match="text 1 must be str or bytes, not None"):
            call(tokenizer, wrong)


@pytest.mark.parametrize("spec", SPECS)
def test_ids_of_several_end_to_end_and_as_columns(spec: str) -> None:
    tokenizer = methods.tokenizer(spec)
    texts = ["a", "", "naïve", "b c", ""]
    expected = [ids.tolist() for ids in tokenizer.encode_batch(texts)]
    column, chunked = pa.array(["no", *texts, "no"])[1:-1], pa.chunked_array([texts[:2], [], texts[2:]])
    binary = pa.array([text.encode() for text in texts], pa.large_binary())
    for given in (texts, iter(texts), column, chunked, binary, pa.array(texts).dictionary_encode()):
        ids, bounds = tokenizer.encode_batch(given, form="flat")
        assert bounds.dtype == np.int64
        assert [ids[a:b].tolist() for a, b in pairwise(bounds)] == expected
        assert ids.dtype == tokenizer.encode("a").dtype
        given = texts if isinstance(given, type(iter(texts))) else given
        lists = tokenizer.encode_batch(given, form="arrow", dtype=np.int64)
        assert lists.type == pa.list_(pa.int64())
        assert lists.to_pylist() == expected
        lists.validate(full=True)
        assert [piece.tolist() for piece in tokenizer.encode_batch(given)] == expected
    assert isinstance(tokenizer.encode_batch(chunked, form="arrow"), pa.ChunkedArray)
    table = pa.table({"text": texts})
    assert (
        table.append_column("ids", tokenizer.encode_batch(table["text"], form="arrow"))["ids"].to_pylist()
        == expected
    )
    for empty in ([], pa.array([], pa.string()), pa.chunked_array([], pa.string())):
        ids, bounds = tokenizer.encode_batch(empty, form="flat")
        assert (ids.tolist(), bounds.tolist()) == ([], [0])
        assert tokenizer.encode_batch(empty, form="arrow").to_pylist() == []
    with pytest.raises(EqualInfoError, match="text 1 must be str or bytes, not None"):
        tokenizer.encode_batch(pa.array(["a", None]), form="arrow")
    with pytest.raises(EqualInfoError, match="choose arrays, flat or arrow"):
        tokenizer.encode_batch(texts, form="lists")


@pytest.mark.parametrize("spec", SPECS)
def test_ids_are_taken_as_they_come(spec: str) -> None:
    tokenizer = methods.tokenizer(spec)
    ids = tokenizer.encode(TEXT, dtype=np.int64)
    rows = [
        ids,
        tuple(ids),
        torch.from_numpy(ids),
        pa.array(ids),
        pa.chunked_array([ids]),
        pa.scalar(ids.tolist()),
    ]
    for given in [*rows, ids.astype(np.float64).astype(object).astype(int), ids[::-1][::-1]]:
        assert tokenizer.decode(given) == DATA
    for given in (
        [ids, ids],
        np.stack([ids, ids]),
        torch.from_numpy(np.stack([ids, ids])),
        pa.array([ids, ids]),
    ):
        assert tokenizer.decode_batch(given) == [DATA, DATA]


@pytest.mark.parametrize("spec", SPECS)
def test_ids_of_another_type(spec: str) -> None:
    tokenizer = methods.tokenizer(spec)
    ids = tokenizer.encode(TEXT)
    for dtype in (np.int64, "int32", np.dtype(np.uint32)):
        other = tokenizer.encode(TEXT, dtype=dtype)
        assert other.dtype == np.dtype(dtype)
        assert other.tolist() == ids.tolist()
        assert tokenizer.encode_batch([TEXT, ""], dtype=dtype)[1].dtype == np.dtype(dtype)
    embedding = torch.nn.Embedding(tokenizer.vocab, 2)
    assert embedding(torch.from_numpy(tokenizer.encode(TEXT, dtype=np.int64))).shape == (len(ids), 2)
    for dtype in (np.float32, np.bool_, str, torch.int64) + ((np.int8,) if tokenizer.vocab > 128 else ()):
        with pytest.raises(EqualInfoError, match=r"write dtype=np\.int64") as error:
            tokenizer.encode(TEXT, dtype=dtype)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("spec", SPECS)
def test_offsets_in_characters(spec: str) -> None:
    """As a str is indexed: all characters of which a piece holds a byte."""
    tokenizer = methods.tokenizer(spec)
    for text in (TEXT, "", "a\u0301\U0001f600\u6771x", "\u00e9" * 9):
        places = [at for at, character in enumerate(text) for _ in character.encode()]
        found = tokenizer.offsets(text, unit="characters")
        assert found.dtype == np.int64
        for (start, end), (first, last) in zip(tokenizer.offsets(text).tolist(), found.tolist(), strict=True):
            assert (first, last) == (places[start], places[end - 1] + 1)
    with pytest.raises(EqualInfoError, match="offsets in bytes"):
        tokenizer.offsets(b"\xff", unit="characters")
    with pytest.raises(EqualInfoError, match="bytes or characters"):
        tokenizer.offsets(TEXT, unit="words")
