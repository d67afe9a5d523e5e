import json
import os
import shutil

import numpy as np
import pytest

from equalinfo import Tokenizer
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import MANIFEST, write_manifest
from equalinfo.predict.base import FREQUENCY_TOTAL
from equalinfo.predict.unigram import count_bytes, quantise_counts
from equalinfo.tokens import blocks
from tests.support import methods, tiny
from tests.support.building import built

FEW = ["Bytes", "SentencePiece[v=320]", "GZip[v=256]", "StaticAC[v=256]", "EqualInfoAC[b=16,v=256]"]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", methods.BLOCK_BYTES)


@pytest.fixture(params=FEW)
def directory(request, tmp_path):
    methods.tokenizer(request.param).save_pretrained(tmp_path / "tok")
    return tmp_path / "tok"


def one_line_error(path, kind=EqualInfoError) -> str:
    with pytest.raises(kind) as error:
        Tokenizer.from_pretrained(path)
    message = str(error.value)
    assert message
    assert "\n" not in message
    return message


@methods.each(*methods.SPECS)
def test_save_and_load(spec, tmp_path):
    tokenizer = methods.tokenizer(spec)
    tokenizer.save_pretrained(str(tmp_path / "tok"))
    again = Tokenizer.from_pretrained(str(tmp_path / "tok"))
    assert type(again) is type(tokenizer)
    assert (again.spec, again.vocab, again.fingerprint) == (
        tokenizer.spec,
        tokenizer.vocab,
        tokenizer.fingerprint,
    )
    assert again.m1_parameters == tokenizer.m1_parameters
    streams = tokenizer.encode_batch(tiny.TEXTS)
    for ids, loaded in zip(streams, again.encode_batch(tiny.TEXTS), strict=True):
        np.testing.assert_array_equal(ids, loaded)
    assert again.decode_batch(streams) == tiny.TEXTS
    assert {path.suffix for path in (tmp_path / "tok").iterdir()} <= {".json", ".safetensors", ".model"}


def test_identities_differ():
    identities = [methods.tokenizer(spec).fingerprint for spec in methods.SPECS]
    identities += [methods.tokenizer(spec, True).fingerprint for spec in ("AC[v=256]", "StaticAC[v=256]")]
    assert len(set(identities)) == len(identities)


def test_saving_twice_replaces(directory):
    methods.tokenizer("GZip[v=65k]").save_pretrained(directory)
    assert str(Tokenizer.from_pretrained(directory).spec) == "GZip[v=65k]"
    assert [path.name for path in directory.parent.iterdir()] == ["tok"]


def test_a_manifest_in_utf_16(directory):
    text = (directory / MANIFEST).read_text()
    (directory / MANIFEST).write_text(text, encoding="utf-16-le")
    one_line_error(directory, DamagedArtifact)


def test_altered_files(directory):
    for path in list(directory.iterdir()):
        if path.name == MANIFEST:
            continue
        good = path.read_bytes()
        for place in (0, len(good) // 2, len(good) - 1):
            damaged = bytearray(good)
            damaged[place] ^= 0x10
            path.write_bytes(damaged)
            assert path.name in one_line_error(directory, DamagedArtifact)
        path.write_bytes(good[:-1])
        one_line_error(directory, DamagedArtifact)
        path.unlink()
        one_line_error(directory, DamagedArtifact)
        path.write_bytes(good)
    Tokenizer.from_pretrained(directory)


def test_altered_manifests(directory):
    path = directory / MANIFEST
    good = json.loads(path.read_text())
    for change in (
        {"kind": "m1"},
        {"format": 2},
        {"format": None},
        {"spec": "EqualInfo"},
        {"spec": None},
        {"spec": "AC[v=3]"},
        {"spec": "EqualText[n=9,v=256]"},
        {"spec": "EqualInfoAC[b=2,v=256]"},
        {"spec": "SentencePiece[v=500]"},
        {"spec": "GZip[v=65k]"},
        {"identity": "0"},
        {"identity": None},
        {"files": []},
        {"files": {"missing": "0" * 64}},
        {"files": {"../tok/equalinfo.json": "0" * 64}},
        {"files": {"x" * 300: "0" * 64}},
        {"kind": "a kind\nof two lines"},
        {"spec": "Bytes" + " " * 100_000 + "!"},
    ):
        path.write_text(json.dumps({**good, **change}))
        one_line_error(directory)
    for content in ("", "[]", "{}", "null", "{", '"text"', "[" * 100_000):
        path.write_text(content)
        one_line_error(directory)
    path.unlink()
    one_line_error(directory)


def test_a_newer_format_says_so(directory):
    path = directory / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    assert "99" in one_line_error(directory, DamagedArtifact)


@pytest.mark.parametrize(
    "values",
    [
        *([1.5] * 256, [10**30] * 256, ["a"], {"a": 1}, None, [[64] * 256], [65] * 256),
        [2**62] * 4 + [1] * 251 + [FREQUENCY_TOTAL - 251],  # their sum is TOTAL in 64 bits
    ],
)
def test_a_unigram_that_is_none(tmp_path, values):
    """Even where the hashes were made to agree."""
    methods.tokenizer("StaticAC[v=256]").save_pretrained(tmp_path / "tok")
    manifest = json.loads((tmp_path / "tok" / MANIFEST).read_text())
    (tmp_path / "tok" / "unigram.json").write_text(json.dumps(values))
    write_manifest(tmp_path / "tok", "tokenizer", **{k: manifest[k] for k in ("spec", "vocab", "identity")})
    one_line_error(tmp_path / "tok", DamagedArtifact)


def test_a_sentencepiece_model_that_is_none(tmp_path):
    methods.tokenizer("SentencePiece[v=320]").save_pretrained(tmp_path / "tok")
    manifest = json.loads((tmp_path / "tok" / MANIFEST).read_text())
    fields = {k: manifest[k] for k in ("spec", "vocab", "identity")}
    # A piece for byte 0x41 that is one for 0x40 too.
    twice = (tmp_path / "tok" / "sentencepiece.model").read_bytes().replace(b"<0x41>", b"<0x40>")
    for content in (b"no model at all", b"", twice):
        (tmp_path / "tok" / "sentencepiece.model").write_bytes(content)
        write_manifest(tmp_path / "tok", "tokenizer", **fields)
        one_line_error(tmp_path / "tok", DamagedArtifact)
    (tmp_path / "tok" / "sentencepiece.model").unlink()
    write_manifest(tmp_path / "tok", "tokenizer", **fields)
    one_line_error(tmp_path / "tok", DamagedArtifact)


def test_not_a_tokenizer_directory(tmp_path):
    one_line_error(tmp_path / "nothing")
    one_line_error(tmp_path)
    (tmp_path / "file").write_text("text")
    one_line_error(tmp_path / "file")
    other = tmp_path / "m1"
    other.mkdir()
    write_manifest(other, "m1")
    assert "m1" in one_line_error(other)


def test_a_pipe_in_a_file_s_place_is_not_waited_for(directory):
    for path in [path for path in directory.iterdir() if path.name != MANIFEST]:
        path.unlink()
        os.mkfifo(path)
        one_line_error(directory, DamagedArtifact)
    (directory / MANIFEST).unlink()
    os.mkfifo(directory / MANIFEST)
    one_line_error(directory)


def test_foreign_directories_are_not_overwritten(tmp_path):
    for spec in FEW:
        foreign = tmp_path / "foreign"
        foreign.mkdir()
        (foreign / "thesis.txt").write_text("years of work")
        with pytest.raises(EqualInfoError, match="choose another"):
            methods.tokenizer(spec).save_pretrained(foreign)
        assert [path.name for path in foreign.iterdir()] == ["thesis.txt"]
        shutil.rmtree(foreign)
    (tmp_path / "file").write_text("text")
    with pytest.raises(EqualInfoError):
        methods.tokenizer("Bytes").save_pretrained(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    methods.tokenizer("Bytes").save_pretrained(tmp_path / "empty")
    Tokenizer.from_pretrained(tmp_path / "empty")


def test_a_failed_save_leaves_nothing(tmp_path, monkeypatch):
    tokenizer = methods.tokenizer("GZip[v=256]")

    def full(directory):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tokenizer, "save_files", full)
    with pytest.raises(EqualInfoError, match="No space left"):
        tokenizer.save_pretrained(tmp_path / "tok")
    assert list(tmp_path.iterdir()) == []


def test_making_tokenizers(tmp_path):
    m1 = tmp_path / "m1"
    m1.mkdir()
    methods.model(False).save(m1)
    write_manifest(m1, "m1")
    documents = [b"first", b"second document"]
    for spec in ("AC[v=256]", "EqualText[n=8,v=256]", "EqualInfoAC[b=16,v=65k]"):
        made = built(spec, m1, None)
        assert made.decode(made.encode(b"made")) == b"made"
        assert made.predictor.fingerprint == methods.model(False).fingerprint
        with pytest.raises(EqualInfoError, match="needs an M1"):
            built(spec, None, lambda: documents)
        with pytest.raises(EqualInfoError):
            built(spec, tmp_path, None)
    static = built("StaticAC", None, lambda: documents)
    np.testing.assert_array_equal(static.predictor.initial, quantise_counts(count_bytes(documents)))
    for spec in ("StaticAC", "SentencePiece[v=320]"):
        with pytest.raises(EqualInfoError, match="give a corpus"):
            built(spec)
    with pytest.raises(EqualInfoError, match="no bytes"):
        built("StaticAC", None, list)
    sentencepiece = built("SentencePiece[v=320]", None, lambda: methods.TRAINING_TEXT)
    assert sentencepiece.fingerprint == methods.tokenizer("SentencePiece[v=320]").fingerprint
    for spec in ("Bytes", "GZip[v=256]"):
        assert str(built(spec).spec) == spec
