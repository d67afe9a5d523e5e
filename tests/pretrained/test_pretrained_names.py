"""Names of what ships, on stand-ins for it."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from equalinfo import Tokenizer, pretrained
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import write_manifest
from equalinfo.predict.exact import ExactModel
from equalinfo.predict.exact_files import load_m1
from tests.support import tiny
from tests.support.building import built

SPECS = ["EqualInfo[v=512]", "EqualInfo[v=512,fewest,words]", "EqualInfo[b=8,v=256]", "EqualInfo[b=12,v=16]"]
CORPUS = [b"the quick brown fox jumps over the lazy dog and 12 lazy dogs\n" * 20]


def compiled(spec: str, model: ExactModel) -> Tokenizer:
    return built(spec, model, lambda: CORPUS)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain_model: ExactModel) -> Path:
    """A tokenizer `small` and an M1 `small-m1` that ship, and an empty current folder."""
    found = tmp_path / "reference"
    compiled("EqualInfo[v=512]", plain_model).save_compact(found / "small", {"card.json": b"{}"})
    (found / "small-m1").mkdir()
    plain_model.save(found / "small-m1")
    write_manifest(found / "small-m1", "m1", identity=plain_model.fingerprint)
    monkeypatch.setattr(pretrained, "reference_folder", lambda: found)
    (tmp_path / "current").mkdir()
    monkeypatch.chdir(tmp_path / "current")
    return found


@pytest.mark.parametrize("spec", SPECS)
def test_the_compact_form_is_the_same_tokenizer(spec: str, tmp_path: Path, plain_model: ExactModel) -> None:
    tokenizer = compiled(spec, plain_model)
    tokenizer.save_pretrained(tmp_path / "full")
    tokenizer.save_compact(tmp_path / "compact", {"card.json": b"{}"})
    loaded = Tokenizer.from_pretrained(tmp_path / "compact")
    assert loaded.fingerprint == tokenizer.fingerprint
    for ours, theirs in zip(tokenizer.encode_batch(tiny.TEXTS), loaded.encode_batch(tiny.TEXTS), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    loaded.save_pretrained(tmp_path / "again")
    assert files_of(tmp_path / "again") == files_of(tmp_path / "full")


def files_of(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_methods_without_a_compact_form(tmp_path: Path) -> None:

    with pytest.raises(EqualInfoError, match="no compact form"):
        built("Bytes").save_compact(tmp_path / "tok")
    assert not (tmp_path / "tok").exists()


def test_a_name_opens_what_ships(folder: Path, plain_model: ExactModel) -> None:
    assert list(pretrained.shipped()) == ["small", "small-m1"]
    assert list(pretrained.shipped("m1")) == ["small-m1"]
    for name in ("small", Path("small")):
        assert Tokenizer.from_pretrained(name).decode(Tokenizer.from_pretrained(name).encode("dog")) == b"dog"
    assert load_m1(Path("small-m1")).fingerprint == plain_model.fingerprint


def test_a_directory_of_the_name_wins(folder: Path, plain_model: ExactModel) -> None:
    compiled("EqualInfo[v=512,fewest,words]", plain_model).save_pretrained("small")
    assert str(Tokenizer.from_pretrained("small").spec) == "EqualInfo[v=512,fewest,words]"


@pytest.mark.parametrize("name", ["smal", "", "small/", "other/small", "file"])
def test_what_is_no_name(name: str, folder: Path) -> None:
    Path("file").write_text("text")
    with pytest.raises(EqualInfoError) as error:
        Tokenizer.from_pretrained(name)
    assert "\n" not in str(error.value)
    assert ("small)" in str(error.value)) == (name == "smal")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("english-65k-likely", "english-65k-likely is now english-65k"),
        ("english-32k-refined", "english-32k-refined is now english-32k-fewest"),
        ("english-65k-words", "english-65k-words does not ship any more; english-65k is within words too"),
    ],
)
def test_names_of_before(name: str, line: str, folder: Path, plain_model: ExactModel) -> None:
    with pytest.raises(EqualInfoError) as error:
        Tokenizer.from_pretrained(name)
    assert str(error.value) == line
    compiled("EqualInfo[v=512]", plain_model).save_pretrained(name)
    assert Tokenizer.from_pretrained(name).vocab == 512  # a user's own directory of the name is opened


def test_kinds_are_kept_apart(folder: Path) -> None:
    with pytest.raises(EqualInfoError, match="not a tokenizer"):
        Tokenizer.from_pretrained("small-m1")
    with pytest.raises(EqualInfoError, match="not a m1"):
        load_m1(Path("small"))
    with pytest.raises(EqualInfoError, match=r"shipped m1 .*: small-m1\)"):
        load_m1(Path("nothing"))


def test_nothing_ships(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "reference_folder", lambda: folder / "nowhere")
    assert pretrained.shipped() == {}
    with pytest.raises(EqualInfoError, match="none ships"):
        Tokenizer.from_pretrained("small")


@pytest.mark.parametrize("file", ["compact.safetensors.gz", "card.json", "equalinfo.json"])
def test_damage_is_found(file: str, folder: Path) -> None:
    path = folder / "small" / file
    path.write_bytes(path.read_bytes().replace(b"t", b"u", 1).replace(b"{}", b"[]"))
    with pytest.raises(EqualInfoError):
        Tokenizer.from_pretrained("small")


def test_a_manifest_of_damaged_files(folder: Path, plain_model: ExactModel) -> None:
    path = folder / "small"
    manifest = json.loads((path / "equalinfo.json").read_bytes())
    fields = {name: manifest[name] for name in ("spec", "vocab", "identity")}
    content = (path / "compact.safetensors.gz").read_bytes()
    for broken in (
        b"",
        content[:100],
        content[:-1],
        gzip.compress(gzip.decompress(content).replace(b"blob", b"bulb")),
    ):
        (path / "compact.safetensors.gz").write_bytes(broken)
        write_manifest(path, "tokenizer", **fields)
        with pytest.raises(DamagedArtifact):
            Tokenizer.from_pretrained("small")
