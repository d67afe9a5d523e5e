"""A method, a predictor and a parser that another installed package adds by its entry points."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import equalinfo
from tests.support.sample_text import sample_text

ROOT = Path(__file__).parents[2]
RECIPE = """
title = "a method from another package"
corpus = "{corpus}"
methods = ["Bits[v=16]", "Bytes"]
[m1]
size = "65k"
steps = 1
batch_size = 2
[data]
max_tokens = 20_000
validation_examples = 4
[m2]
sizes = ["65k"]
seeds = [0]
steps = 3
batch_size = 2
sequence_length = 32
"""


def call(installed: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command, by a Python that finds the packages in a folder."""
    paths = (installed, Path(equalinfo.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-m", "equalinfo", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has put the example package, without network."""
    folder = tmp_path_factory.mktemp("packages")
    shutil.copytree(ROOT / "examples" / "equalinfo_bits", folder / "source")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--disable-pip-version-check", "--no-build-isolation", "--target", str(folder / "installed")]
    subprocess.run([*command, str(folder / "source")], check=True, capture_output=True)
    return folder / "installed"


def test_every_step_takes_the_method_of_the_example(installed: Path, tmp_path: Path) -> None:
    corpus, tok = tmp_path / "corpus.txt", tmp_path / "tok"
    corpus.write_text(sample_text(60))
    (tmp_path / "recipe.toml").write_text(RECIPE.format(corpus=corpus))
    training = "--size 65k --sequence 32 --batch 2 --steps 2 --quiet".split()
    for step in (
        ("compile", "Bits", "--out", tok),
        ("encode", tok, corpus, "--out", tmp_path / "ids.npy"),
        ("decode", tok, tmp_path / "ids.npy", "--out", tmp_path / "back"),
        ("tokenize", tok, corpus, "--max-tokens", 20_000, "--quiet", "--out", tmp_path / "tokens"),
        ("train-m2", tmp_path / "tokens", *training, "--out", tmp_path / "m2"),
        ("run", tmp_path / "recipe.toml", "--quiet", "--out", tmp_path / "out"),
        ("report", tmp_path / "out", "--tokenizer", tok, "--text", "Bits", "--out", tmp_path / "r.html"),
    ):
        done = call(installed, *step)
        assert done.returncode == 0, (step, done.stderr)
    assert (tmp_path / "back").read_bytes() == corpus.read_bytes()
    assert "Bits[v=16]" in done.stdout
    page = (tmp_path / "r.html").read_text()
    assert "Bits[v=16]" in page
    assert "8 tokens" in page


def test_options_of_the_example_are_checked_as_ours(installed: Path, tmp_path: Path) -> None:
    for spec, message in (
        ("Bits[v=3]", "v is 2, 4, 16 or 256"),
        ("Bits[b=3]", "Bits has no option 'b=3'"),
        ("Bit", "did you mean Bits?"),
    ):
        done = call(installed, "compile", spec, "--out", tmp_path / "tok")
        assert done.returncode == 1
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert "no method 'Bits'" in call(tmp_path, "compile", "Bits", "--out", tmp_path / "tok").stderr


PLUGINS = """
import numpy as np
from equalinfo.dictionary.parse.fewest import FewestParser
from equalinfo.predict.base import Predictor


class Flat(Predictor):
    fingerprint = "flat"
    initial = np.full(256, 64, np.int32)

    @classmethod
    def build(cls, documents):
        assert b"".join(documents())
        return cls()

    @classmethod
    def load(cls, directory):
        assert (directory / "flat").is_file()
        return cls()

    def save(self, directory):
        (directory / "flat").write_bytes(b"")

    def new_contexts(self, slots):
        return self

    def step(self, slots, keep, symbols):
        return np.broadcast_to(self.initial, (len(slots), 256))

    def frequencies(self, text):
        return np.broadcast_to(self.initial, (len(text), 256))
"""
ENTRIES = """
[equalinfo.predictors]
flat = plugins:Flat
broken = plugins:Missing
[equalinfo.parsers]
shortest = plugins:FewestParser
"""


@pytest.mark.slow
def test_predictors_and_parsers_of_other_packages_are_flags(tmp_path: Path) -> None:
    (tmp_path / "plugins-1.dist-info").mkdir()
    (tmp_path / "plugins-1.dist-info" / "METADATA").write_text("Name: plugins\nVersion: 1\n")
    (tmp_path / "plugins-1.dist-info" / "entry_points.txt").write_text(ENTRIES)
    (tmp_path / "plugins.py").write_text(PLUGINS)
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(sample_text(60))
    for spec in (
        "AC[v=256,flat]",
        "Huffman[v=256,flat]",
        "EqualInfoAC[b=16,v=256,delay,flat]",
        "EqualInfo[b=9,v=512,flat]",
        "EqualInfo[v=512,order=1,shortest]",
    ):
        tok, ids, back = (tmp_path / name for name in ("tok", "ids.npy", "back"))
        done = call(tmp_path, "compile", spec, "--corpus", corpus, "--json", "--out", tok)
        assert done.returncode == 0, (spec, done.stderr)
        assert f'"{spec}"' in done.stdout
        assert call(tmp_path, "encode", tok, corpus, "--out", ids).returncode == 0
        assert call(tmp_path, "decode", tok, ids, "--out", back).returncode == 0
        assert back.read_bytes() == corpus.read_bytes()
    for spec, message in (
        ("AC[v=256,broken]", "broken, which an installed package adds, cannot be used"),
        ("AC[v=256,flatter]", "no option 'flatter'"),
        ("EqualInfo[v=512,fewest,shortest]", "leave out fewest"),
    ):
        done = call(tmp_path, "compile", spec, "--corpus", corpus, "--out", tmp_path / "other")
        assert done.returncode == 1
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
