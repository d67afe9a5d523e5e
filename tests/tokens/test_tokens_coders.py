"""Huffman, rANS and context models beside M1 and arithmetic coding: what is particular to them."""

import os

import numpy as np
import pytest

from equalinfo import Tokenizer
from equalinfo.coding import huffman, rans
from equalinfo.errors import DamagedArtifact, EqualInfoError, UndecodableTokens
from equalinfo.files import MANIFEST, read_json, write_manifest
from equalinfo.predict import context
from equalinfo.predict.base import distribution_bits
from equalinfo.tokens import blocks
from equalinfo.tokens.spec import Spec
from tests.oracles import huffman_reference
from tests.support import methods, tiny
from tests.support.building import built

OTHERS = [spec for spec in methods.SPECS if "Huffman" in spec or "ANS" in spec or "order" in spec]


@pytest.fixture(params=[False, True], ids=["plain", "peaked"])
def peaked(request) -> bool:
    return request.param


every_other = pytest.mark.parametrize("spec", OTHERS)


def documents():
    return methods.TRAINING_TEXT


@pytest.mark.parametrize("spec", [s for s in OTHERS if "Huffman" in s or "ANS" in s])
def test_damage_gives_an_error_or_another_text(spec, peaked):
    """Never the same text: no two lists of ids that decode stand for one, but for how windows are cut."""
    tokenizer = methods.tokenizer(spec, peaked)
    text = b"the quick brown fox jumps over the lazy dog and 1 more"
    ids = tokenizer.encode(text)
    outcomes = []
    for place in range(0, len(ids), 1 + len(ids) // 30):
        damaged = ids.copy()
        damaged[place] ^= 1
        try:
            assert tokenizer.decode(damaged) != text
            outcomes.append("text")
        except UndecodableTokens:
            outcomes.append("error")
    # The state that a coder must end in finds most; under a single distribution words are much like digits.
    assert not spec.startswith("ANS") or outcomes.count("error") > len(outcomes) / 2


@every_other
def test_neither_batch_nor_threads_matter(spec, monkeypatch):
    tokenizer = methods.tokenizer(spec)
    texts = [bytes([97 + i % 5]) * (i % 9) + b" the lazy dog"[: i % 11] for i in range(150)]
    streams = tokenizer.encode_batch(texts)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    for text, ids in list(zip(texts, streams, strict=True))[::30]:
        assert tokenizer.encode(text).tolist() == ids.tolist()
    again = tokenizer.encode_batch(texts[::-1])[::-1]
    assert [ids.tolist() for ids in again] == [ids.tolist() for ids in streams]
    assert tokenizer.decode_batch(streams) == texts


@pytest.mark.parametrize("spec", ["EqualInfoHuffman[b=9,v=512]", "EqualInfoHuffman[b=16,v=65k]"])
def test_the_empty_window_is_eos(spec):
    tokenizer = methods.tokenizer(spec)
    assert tokenizer.eos == 0
    ids = tokenizer.encode(b"some text that is a few windows long")
    assert 0 not in ids.tolist()
    assert tokenizer.decode([*ids.tolist(), 0]) == b"some text that is a few windows long"
    assert tokenizer.token_bytes(0) == b""
    assert b"".join(tokenizer.token_bytes(token) for token in ids) == tokenizer.decode(ids)
    assert methods.tokenizer("EqualInfoHuffman[b=16,v=256,order=0]").eos is None
    with pytest.raises(UndecodableTokens):
        methods.tokenizer("EqualInfoHuffman[b=16,v=256,order=0]").decode([0, 0])


def test_huffman_windows_are_closed_by_zeros_only():
    tokenizer = methods.tokenizer("EqualInfoHuffman[b=16,v=65k]")
    ids = tokenizer.encode(b"ab")
    with_more = ids.astype(np.int64)
    with_more[-1] |= 1
    assert ids[-1] & 1 == 0
    with pytest.raises(UndecodableTokens, match="window"):
        tokenizer.decode(with_more)
    assert tokenizer.decode(with_more, partial=True).startswith(tokenizer.decode(ids)[:1])


@pytest.mark.parametrize("order", [0, 2])
def test_blocks_hold_what_their_coder_wrote(order, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 20)
    text = b"one block of twenty, and not quite two"
    for name in ("Huffman", "ANS"):
        made = built(f"{name}[v=2,order={order}]", None, documents)
        expected: list[int] = []
        for block, end in ((text[:20], False), (text[20:], True)):
            rows = np.array(made.predictor.frequencies(block + b"?"))[: len(block) + end]
            symbols = [*block, *([huffman.END] if end else [])]
            if name == "ANS":
                words = rans.reference_words(rans._with_end(rows).tolist(), symbols)
                bits = "".join(format(word, "032b") for word in words)
            else:
                bits = "".join(
                    huffman_reference.code_of(row.tolist(), 19)[symbol]
                    for row, symbol in zip(rows, symbols, strict=True)
                )
            expected += map(int, bits)
        assert made.encode(text).tolist() == expected
        assert made.decode(expected) == text


@pytest.mark.parametrize(("spec", "ideal"), [("AC", 0.03), ("ANS", 0.08), ("Huffman", 0.5)])
def test_bits_are_the_information_and_little_more(spec, ideal):
    """Bits/byte of each coder above the information in the text, by the same predictor."""
    text = methods.TRAINING_TEXT[0] * 40
    tokenizer = built(f"{spec}[v=256,order=2]", None, documents)
    blocks = [text[i : i + 10_240] for i in range(0, len(text), 10_240)]
    information = sum(distribution_bits(tokenizer.predictor.frequencies(b), b) for b in blocks)
    bits = 8 * len(tokenizer.encode(text))
    assert information <= bits < information + ideal * len(text)


def test_making_them(tmp_path):
    for text in (
        "Huffman[order=3]",
        "ANS[v=65k,order=1]",
        "AC[order=2]",
        "EqualInfoAC[b=16,order=2]",
        "StaticHuffman",
    ):
        spec = Spec.parse(text)
        assert not spec.needs_m1
        assert spec.needs_corpus
        with pytest.raises(EqualInfoError, match="give a corpus"):
            built(spec)
        made = built(spec, None, documents)
        assert made.m1_parameters == 0
        made.save_pretrained(tmp_path / spec.slug)
        again = Tokenizer.from_pretrained(tmp_path / spec.slug)
        assert again.fingerprint == made.fingerprint
        assert again.decode(made.encode(b"the lazy dog")) == b"the lazy dog"
    with pytest.raises(EqualInfoError, match="outside 0 to 5"):
        built("AC[order=6]", None, documents)
    for text in ("Huffman", "ANS", "EqualInfoHuffman[b=16]"):
        with pytest.raises(EqualInfoError, match="needs an M1"):
            built(text, None, documents)


@pytest.mark.parametrize(
    "text",
    [
        "EqualInfo[b=12,v=4k,order=3]",
        "EqualInfo[b=24,v=256,order=2]",
        "EqualInfo[v=700,order=3]",
        "EqualInfo[v=512,order=2,fewest,words]",
        "EqualInfo[v=512,order=0]",
    ],
)
def test_equal_info_compiles_from_contexts(text, tmp_path):
    spec = Spec.parse(text)
    made = built(spec, None, documents)
    assert made.decode_batch(made.encode_batch(tiny.TEXTS)) == tiny.TEXTS
    assert made.m1_parameters == 0
    made.save_pretrained(tmp_path / "tok")
    again = Tokenizer.from_pretrained(tmp_path / "tok")
    assert (again.spec, again.fingerprint) == (spec, made.fingerprint)
    for ids, loaded in zip(made.encode_batch(tiny.TEXTS), again.encode_batch(tiny.TEXTS), strict=True):
        np.testing.assert_array_equal(ids, loaded)


def test_damaged_contexts_are_refused(tmp_path):
    """Even where the hashes were made to agree."""
    methods.tokenizer("AC[v=256,order=1]").save_pretrained(tmp_path / "tok")
    manifest = read_json(tmp_path / "tok" / MANIFEST)
    path = tmp_path / "tok" / context.FILE
    good = path.read_bytes()
    for bad in (b"", b"no tensors", good[:-1], good[:-40] + bytes(40)):
        path.write_bytes(bad)
        write_manifest(
            tmp_path / "tok", "tokenizer", **{k: manifest[k] for k in ("spec", "vocab", "identity")}
        )
        with pytest.raises(DamagedArtifact):
            Tokenizer.from_pretrained(tmp_path / "tok")
