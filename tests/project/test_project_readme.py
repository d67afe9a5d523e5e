"""The README's commands run as written (with fewer steps), and its table is the one that was measured."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import methods
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.tables import summary
from equalinfo.score.results import read_measurements
from scripts.corpus_mix.listing import markdown
from scripts.corpus_mix.sources import SOURCES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ENVIRONMENT = {**os.environ, "COLUMNS": "100", "HF_HUB_OFFLINE": "1"}
FEW_STEPS = {"--steps": "2", "--max-tokens": "3000", "--validation-examples": "1", "--max-examples": "1"}


def commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.S)
    return [
        shlex.split(line) for block in blocks for line in block.splitlines() if line.startswith("equalinfo ")
    ]


def shortened(command: list[str]) -> list[str]:
    return [FEW_STEPS.get(previous, word) for previous, word in zip(["", *command], command, strict=False)]


def test_the_steps_run_in_order(tmp_path: Path) -> None:
    assert len(commands()) >= 10
    shutil.copy(ROOT / "README.md", tmp_path)
    for command in commands():
        module = [sys.executable, "-m", "equalinfo", *shortened(command)[1:]]
        done = subprocess.run(module, cwd=tmp_path, capture_output=True, env=ENVIRONMENT)
        assert done.returncode == 0, (command, done.stderr)
    assert (tmp_path / "copy.md").read_text() == (tmp_path / "README.back").read_text() == README
    for block in re.findall(r"```python\n(.*?)```", README, re.S):
        subprocess.run([sys.executable, "-c", block], cwd=tmp_path, env=ENVIRONMENT, check=True)


@pytest.mark.parametrize("name", ["demo", "methods"])
def test_the_tables_are_the_measured_ones(name: str) -> None:
    shown = re.search(rf"<!-- results/{name}.md -->\n(.*?)<!-- end -->", README, re.S)
    assert shown
    assert shown[1] == (ROOT / "results" / f"{name}.md").read_text()


def test_the_table_of_methods_is_that_of_its_rows() -> None:
    kept = json.loads((ROOT / "results" / "methods.json").read_text())["rows"]
    assert methods.markdown(kept) == (ROOT / "results" / "methods.md").read_text()
    rows = Rows(read_measurements(ROOT / "results" / "experiments" / "equal_budgets.jsonl"))
    for row in kept:
        assert row == methods.row_of(rows, row["method"], 1e6 * row["encode_mb_per_s"])


def test_every_path_named_in_the_tree_exists() -> None:
    for path in ("docs/architecture.md", "docs/corpora.md", "docs/lab-notes.md", "results/demo.jsonl"):
        assert (ROOT / path).is_file(), path


def test_the_results_page_is_what_the_rows_give() -> None:
    page = ROOT / "docs" / "results.md"
    assert page.read_text() == summary(ROOT / "results" / "experiments", "../results/experiments")


def test_the_tables_of_scaling_are_the_measured_ones() -> None:
    text = (ROOT / "docs" / "scaling.md").read_text()
    shown = re.search(r"<!-- results/tokenize-throughput.md -->\n(.*?)<!-- end -->", text, re.S)
    assert shown
    assert shown[1] == (ROOT / "results" / "tokenize-throughput.md").read_text()


def test_the_table_of_the_mix_is_that_of_its_list() -> None:
    listed = json.loads((ROOT / "results" / "corpus-mix.json").read_text())["sources"]
    shown = re.search(
        r"<!-- results/corpus-mix.json -->\n(.*?)<!-- end -->",
        (ROOT / "docs" / "corpora.md").read_text(),
        re.S,
    )
    assert shown
    assert shown[1] == markdown(listed)
    told = [(source.name, source.kind, source.package, source.licence, source.open) for source in SOURCES]
    assert [(e["name"], e["kind"], e["package"], e["licence"], e["open"]) for e in listed] == told
    assert sum(entry["bytes"] for entry in listed if entry["open"]) > 200_000_000
