"""`equalinfo experiment`: the list, a run, the summary, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from equalinfo.experiments import scales
from equalinfo.experiments.registry import NAMES
from tests.support.command import Run


@pytest.fixture
def tiny(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small scale on the test's corpus, with an M2 of seconds."""
    small = scales.scale_by_name("small")
    m2 = small.recipe.m2.model_copy(
        update={"sizes": ["65k"], "steps": 2, "batch_size": 2, "sequence_length": 32}
    )
    data = small.recipe.data.model_copy(
        update={"example_bytes": 512, "max_tokens": 1000, "validation_examples": 3}
    )
    changed = {"corpus": str(work / "corpus.txt"), "m2": m2, "data": data}
    made = replace(small, recipe=small.recipe.model_copy(update=changed), size="65k")
    monkeypatch.setattr(scales, "scale_by_name", lambda name: made)


def test_the_list(run: Run) -> None:
    status, out, _ = run("experiment", "--list")
    assert status == 0
    assert all(name in out for name in NAMES)
    assert "H100-hours" in out
    status, out, _ = run("experiment", "--list", "--json")
    assert [one["name"] for one in json.loads(out)] == list(NAMES)
    # A size up and long training take longer; why, say the experiments.
    assert [one["name"] for one in json.loads(out) if one["minutes"] > 20] == [
        "equal_budgets",
        "curves",
        "patches",
    ]


@pytest.mark.usefixtures("tiny")
def test_a_run_and_its_summary(run: Run, tmp_path: Path) -> None:
    status, out, error = run("experiment", "gzip_headers", "--out", tmp_path / "out", "--quiet")
    assert (status, error) == (0, "")
    assert "2.23" in out  # the paper's bytes per token
    assert "Header and footer" in out
    status, out, _ = run("experiment", "gzip_headers", "--out", tmp_path / "out", "--seeds", "1", "--json")
    found = json.loads(out)
    assert {one["found"] for one in found["findings"]} <= {"yes", "no", "unclear"}
    assert run("experiment", "--summary", tmp_path / "results.md", "--out", tmp_path / "out")[0] == 0
    text = (tmp_path / "results.md").read_text()
    assert "## gzip_headers" in text
    assert "(out/tables/gzip_headers.svg)" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "compression_ratios"),
        ([], "--list"),
        (["gzip_headers", "--scale", "huge"], "small, mix, gpu, 25m, paper"),
    ],
)
def test_what_it_refuses(run: Run, tmp_path: Path, arguments: list[str], words: str) -> None:
    status, _, error = run("experiment", *arguments, "--out", tmp_path)
    assert status == 1
    assert words in error
    assert error.count("\n") == 1
