"""Saving, loading, damage."""

import gzip
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load

from equalinfo import Tokenizer
from equalinfo.dictionary.train import m1_strings
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import json_bytes, sha256_bytes, write_manifest
from equalinfo.tensors import write_gzipped
from equalinfo.tokens.dictionaries import ScoredTokenizer
from equalinfo.tokens.dictionary_options import RENAMED
from tests.support import tiny
from tests.support.building import built
from tests.support.compiled_models import CORPUS, compiled, model

SAVED = [
    "EqualInfo[b=8,v=256]",
    "EqualInfo[b=12,v=4k]",
    "EqualInfo[b=12,v=16]",
    "EqualInfo[v=512]",
    "EqualInfo[v=512,fewest]",
    "EqualInfo[v=512,fewest,words]",
    "EqualInfo[v=512,unigram,words]",
    "EqualInfo[v=512,unigram,phrases]",
    "EqualInfo[b=32,v=65k]",
]


@pytest.mark.parametrize("spec", SAVED)
def test_saved_and_loaded(spec, tmp_path):
    tokenizer = compiled(spec)
    tokenizer.save_pretrained(tmp_path / "tok")
    loaded = Tokenizer.from_pretrained(tmp_path / "tok")
    assert str(loaded.spec) == spec
    assert loaded.fingerprint == tokenizer.fingerprint
    for ours, theirs in zip(tokenizer.encode_batch(tiny.TEXTS), loaded.encode_batch(tiny.TEXTS), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    if spec != "EqualInfo[b=32,v=65k]":
        assert isinstance(loaded.automaton.words.base, np.memmap | np.ndarray)
        assert not (tmp_path / "tok" / "exact.safetensors").exists()


def saved(path, spec="EqualInfo[v=512]"):
    compiled(spec).save_pretrained(path)
    return path


def rewritten(path, spec, identity=""):
    """The directory with a manifest that its files agree with."""
    write_manifest(path, "tokenizer", spec=spec, vocab=512, identity=identity)


@pytest.mark.parametrize("name", ["words", "blob", "offsets"])
def test_damage(name, tmp_path):
    path = saved(tmp_path / "tok")
    file = path / f"{name}.npy"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedArtifact, match=name):
        Tokenizer.from_pretrained(path)
    rewritten(path, "EqualInfo[v=512]")
    with pytest.raises(DamagedArtifact):
        Tokenizer.from_pretrained(path)
    for broken in (b"", b"not an array", content[:200]):
        file.write_bytes(broken)
        rewritten(path, "EqualInfo[v=512]")
        with pytest.raises(DamagedArtifact):
            Tokenizer.from_pretrained(path)
    file.unlink()
    with pytest.raises(DamagedArtifact):
        Tokenizer.from_pretrained(path)


@pytest.mark.parametrize("name", ["words", "costs"])
def test_headers_of_arrays_that_are_none(name, tmp_path):
    path = saved(tmp_path / "tok", "EqualInfo[v=512,unigram,words]")
    good = (path / f"{name}.npy").read_bytes()
    huge = re.sub(
        rb"\((\d+),\), }( +)", lambda found: b"(9999999999999,), }" + found[2][13 - len(found[1]) :], good
    )
    assert len(huge) == len(good)
    for broken in (good.replace(b"{", b"("), huge, b"PK\3\4" + good):
        (path / f"{name}.npy").write_bytes(broken)
        rewritten(path, "EqualInfo[v=512,unigram,words]")
        with pytest.raises(DamagedArtifact, match=name):
            Tokenizer.from_pretrained(path)


@pytest.mark.parametrize("compact", [False, True])
def test_scores_that_are_damaged_or_missing(compact, tmp_path):
    tokenizer, path = compiled("EqualInfo[v=512,unigram,words]"), tmp_path / "tok"
    tokenizer.save_compact(path) if compact else tokenizer.save_pretrained(path)
    loaded = Tokenizer.from_pretrained(path)
    assert loaded.encode(CORPUS[0]).tolist() == tokenizer.encode(CORPUS[0]).tolist()
    other = ScoredTokenizer(tokenizer.spec, tokenizer.automaton, tokenizer.scores[::-1].copy())
    assert other.fingerprint != tokenizer.fingerprint
    other.save_pretrained(tmp_path / "other")
    rewritten(tmp_path / "other", "EqualInfo[v=512,unigram,words]", tokenizer.fingerprint)
    with pytest.raises(DamagedArtifact, match="ids its manifest promises"):
        Tokenizer.from_pretrained(tmp_path / "other")
    for scores in (tokenizer.scores[:-1], tokenizer.scores.astype(np.float32), None):
        if compact:
            arrays = load(gzip.decompress((path / "compact.safetensors.gz").read_bytes()))
            arrays.pop("costs", None)
            arrays |= {} if scores is None else {"costs": np.ascontiguousarray(scores)}
            write_gzipped(path / "compact.safetensors.gz", arrays)
        elif scores is None:
            (path / "costs.npy").unlink()
        else:
            np.save(path / "costs.npy", scores)
        rewritten(path, "EqualInfo[v=512,unigram,words]")
        with pytest.raises(DamagedArtifact, match=r"costs|scores"):
            Tokenizer.from_pretrained(path)


def test_the_small_form_as_it_was_first_written(tmp_path):
    tokenizer, path = compiled("EqualInfo[v=512,unigram,words]"), tmp_path / "tok"
    tokenizer.save_compact(path)
    zipped = path / "compact.safetensors.gz"
    (path / "compact.safetensors").write_bytes(gzip.decompress(zipped.read_bytes()))
    zipped.unlink()
    rewritten(path, "EqualInfo[v=512,unigram,words]", tokenizer.fingerprint)
    assert Tokenizer.from_pretrained(path).encode(CORPUS[0]).tolist() == tokenizer.encode(CORPUS[0]).tolist()


def test_an_export_nested_too_deeply(tmp_path):
    path = saved(tmp_path / "tok")
    (path / "tokenizer.json").write_bytes(b"[" * 100_000)
    with pytest.raises(DamagedArtifact):
        Tokenizer.from_pretrained(path)


def test_objects_are_never_unpickled(tmp_path):
    path = saved(tmp_path / "tok")
    np.save(path / "words.npy", np.array([{}], object), allow_pickle=True)
    rewritten(path, "EqualInfo[v=512]")
    with pytest.raises(DamagedArtifact):
        Tokenizer.from_pretrained(path)


@pytest.mark.parametrize(
    "spec", ["EqualInfo[v=513]", "EqualInfo[b=9,v=512]", "EqualInfo[b=12,v=4k]", "EqualInfo[v=512,fewest]"]
)
def test_a_manifest_of_another_spec(spec, tmp_path):
    path = saved(tmp_path / "tok")
    rewritten(path, spec, compiled("EqualInfo[v=512]").fingerprint)
    with pytest.raises(DamagedArtifact):
        Tokenizer.from_pretrained(path)


@pytest.mark.parametrize("former", RENAMED)
def test_a_directory_from_before_flags_were_renamed_opens(former, tmp_path):
    spec = f"EqualInfo[v=512,{RENAMED[former]}]"
    tokenizer, path = compiled(spec), saved(tmp_path / "tok", spec)
    identity = sha256_bytes(json_bytes([f"EqualInfo[v=512,{former}]", 512, tokenizer.state_fingerprint()]))
    rewritten(path, f"EqualInfo[v=512,{former}]", identity)
    loaded = Tokenizer.from_pretrained(path)
    assert (str(loaded.spec), loaded.fingerprint) == (spec, identity)
    loaded.save_pretrained(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "equalinfo.json").read_bytes())["spec"] == spec


def test_made_from_directories(tmp_path):
    m1 = tmp_path / "m1"
    m1.mkdir()
    model(False).save(m1)
    write_manifest(m1, "m1")
    m1_strings._kept.clear()
    said = []
    for text in (
        "EqualInfo[v=512,fewest,words]",
        "EqualInfo[v=512,unigram,words]",
        "EqualInfo[b=9,v=512]",
        "EqualInfo[b=24,v=256]",
    ):
        made = built(text, m1, lambda: iter(CORPUS), on_progress=lambda *progress: said.append(progress))
        assert made.decode(made.encode(CORPUS[1])) == CORPUS[1]
    assert {stage.split(" with ")[0] for stage, _, _ in said} == {
        "find candidates",
        "count words",
        "count strings",
        "parse",
        "list the windows",
    }
    assert built("EqualInfo[v=512]", m1, None).fingerprint == compiled("EqualInfo[v=512]").fingerprint
    with pytest.raises(EqualInfoError, match="--m1"):
        built("EqualInfo[v=512]")


def test_no_torch_and_no_model_where_a_tokenizer_is_used(tmp_path):
    path = saved(tmp_path / "tok", "EqualInfo[v=512,fewest,words]")
    code = (
        "import sys; from equalinfo import Tokenizer;"
        f"t = Tokenizer.from_pretrained({str(path)!r});"
        "slow = {'torch', 'numba', 'sentencepiece', 'transformers'} & set(sys.modules); assert not slow, slow;"
        "assert t.decode(t.encode('the dog')) == b'the dog';"
        "slow = {'torch', 'sentencepiece', 'equalinfo.predict.exact'} & set(sys.modules); assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
