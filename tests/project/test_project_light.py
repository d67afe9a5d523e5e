"""The wheel alone, with what it requires and none of its extras."""

import importlib.metadata
import json
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from equalinfo.extras import EXTRAS
from tests.project.test_project_wheel import BUILD, project_copy

MAX_BYTES = 350e6
FIRST = """
from equalinfo import Tokenizer
tokenizer = Tokenizer.from_pretrained("english-65k")
ids = tokenizer.encode("It was a dark and stormy night.")
assert tokenizer.decode(ids) == b"It was a dark and stormy night."
"""


def required(name: str, seen: set[str]) -> set[str]:
    """A distribution and all that it requires, extras left out."""
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name not in seen:
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # a requirement of another system or version
            return seen
        seen.add(name)
        for need in needs:
            if "extra ==" not in need:
                required(re.split(r"[^\w.-]", need, maxsplit=1)[0], seen)
    return seen


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that finds the unpacked wheel and its requirements, and nothing else."""
    folder = tmp_path_factory.mktemp("light")
    command = [sys.executable, "-c", BUILD.format("build_wheel"), str(folder)]
    subprocess.run(command, cwd=project_copy(folder / "project"), check=True, capture_output=True)
    venv.create(folder / "venv")
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(packages)
        (metadata,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        told = file.read(metadata).decode()
    names: set[str] = set()
    for need in re.findall(r"^Requires-Dist: ([\w.-]+)[^;\n]*$", told, re.MULTILINE):
        required(need, names)
    size = 0
    for name in names:
        files = importlib.metadata.files(name) or []
        size += sum(file.size or 0 for file in files)
        for top in {file.parts[0] for file in files if file.parts[0] != ".."} - {"__pycache__"}:
            place = Path(str(importlib.metadata.distribution(name).locate_file(top)))
            if place.exists() and not (packages / top).exists():
                (packages / top).symlink_to(place)
    size += sum(file.stat().st_size for file in (packages / "equalinfo").rglob("*"))
    assert size < MAX_BYTES
    return folder / "venv" / "bin" / "python"


def run(python: Path, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, *words], cwd=folder, capture_output=True, text=True)


def test_the_first_example_of_the_readme(python: Path, tmp_path: Path) -> None:
    done = run(python, "-c", FIRST, folder=tmp_path)
    assert not done.returncode, done.stderr


@pytest.mark.slow
def test_a_tokenizer_of_ones_own(python: Path, tmp_path: Path) -> None:
    with open(tmp_path / "my.jsonl", "w") as lines:
        lines.writelines(json.dumps({"text": text}) + "\n" for text in topics.values())
    spec = "EqualInfo[v=512,unigram,words]"
    command = ["compile", spec, "--corpus", "my.jsonl", "--out", "tok"]
    done = run(python, "-m", "equalinfo", *command, folder=tmp_path)
    assert not done.returncode, done.stderr
    done = run(python, "-m", "equalinfo", "encode", "tok", "my.jsonl", "--out", "ids.npy", folder=tmp_path)
    assert not done.returncode, done.stderr


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("tokenize english-65k text --out tokens", "pyarrow"),
        ("train-m1 text --steps 1 --out m1", "torch"),
        ("compile SentencePiece[v=300] --corpus text --out tok", "sentencepiece"),
        ("report rows --out page.html", "jinja2"),
        ("playground english-65k", "nicegui"),
    ],
)
def test_what_is_missing_is_named(python: Path, tmp_path: Path, command: str, module: str) -> None:
    (tmp_path / "text").write_text("a text")
    done = run(python, "-m", "equalinfo", *command.split(), folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"error: this needs {module}: pip install 'equalinfo[{EXTRAS[module]}]'\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text"]
