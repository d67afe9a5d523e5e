"""The README's commands run as written and in order (in small), and its tables are those that were measured."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from benchmarks import methods
from equalinfo.corpus import embedded
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.tables import summary
from equalinfo.score.results import read_measurements, read_results
from scripts.corpus_mix.listing import markdown
from scripts.corpus_mix.sources import SOURCES
from tests.support.command import runner

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.S)
# What a fresh machine does before the rest; `make test` is what runs this.
INSTALLING = ("python3 -m venv ", "pip install ", "make ")
# In their places: small numbers, a small vocabulary, a part of the corpus.
FEW = {
    "--steps": "2",
    "--max-tokens": "3000",
    "--validation-examples": "1",
    "--max-examples": "1",
    "--tokens": "5",
}
FEW_IN_RECIPE = {"steps": "2", "max_tokens": "3_000", "validation_examples": "1"}
ONE_DOCUMENT_IN = 20
HERE_DOCUMENT = r"(?ms)^cat > (\S+) <<'END'\n(.*?)^END\n"


def smaller(text: str) -> str:
    for name, number in FEW.items():
        text = re.sub(rf"({name}) \S+", rf"\1 {number}", text)
    for name, number in FEW_IN_RECIPE.items():
        text = re.sub(rf"\b({name}) = [\d_]+", rf"\1 = {number}", text)
    return text.replace("v=4k", "v=512")


def served(arguments: list[str]) -> None:
    """Starts a command that runs until it is stopped, and stops it when it says where it is."""
    command = [sys.executable, "-m", "equalinfo", *arguments, "--port", "0"]
    # Its library does something else where pytest calls it.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=outside) as server:
        assert server.stdout is not None
        assert "http://" in server.stdout.readline()
        server.terminate()


def test_all_of_it_in_order_in_one_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As one copies it from the page. Commands run in this process, which saves starting them."""
    run = runner(monkeypatch, capfd)
    monkeypatch.chdir(tmp_path)
    everything = list(embedded.embedded_documents())
    monkeypatch.setattr(embedded, "embedded_documents", lambda: iter(everything[::ONE_DOCUMENT_IN]))
    shutil.copy(ROOT / "README.md", tmp_path)
    commands = 0
    for language, block in BLOCKS:
        if language == "python":
            exec(compile(block, "README.md", "exec"), {})
        elif language == "sh":
            for file, content in re.findall(HERE_DOCUMENT, block):
                (tmp_path / file).write_text(smaller(content))
            for line in re.sub(HERE_DOCUMENT, "", block).splitlines():
                program, *arguments = shlex.split(smaller(line), comments=True) or [""]
                if line and not line.startswith(INSTALLING):
                    assert program == "equalinfo", line
                    if arguments[0] == "playground":
                        served(arguments)
                    else:
                        status, _, error = run(*arguments)
                        assert status == 0, (line, error)
                    commands += 1
    assert commands >= 20
    assert (tmp_path / "copy.md").read_text() == (tmp_path / "README.back").read_text() == README
    assert len(read_results(tmp_path / "runs" / "mine" / "results.jsonl")) == 2


def test_installing_names_what_is_there() -> None:
    (line,) = re.findall(r"^pip install -c (\S+) -e '\.\[(.*)\]'$", README, re.M)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert (ROOT / line[0]).is_file()
    assert set(line[1].split(",")) <= set(extras)
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.M)
    assert set(re.findall(r"^make (\S+)", README, re.M)) <= set(targets)


def test_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    found = [
        (page, path) for page in pages for path in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    ]
    assert len(found) >= 50
    for page, path in found:
        assert (page.parent / path).is_file(), (page, path)
    prose = re.sub(r"```.*?```", "", README, flags=re.S)
    assert not re.findall(r"`docs/[^`]*`", prose), "what a reader may want to open is a link"


@pytest.mark.parametrize(("name", "page"), [("demo", "docs/demo.md"), ("methods", "README.md")])
def test_the_tables_are_the_measured_ones(name: str, page: str) -> None:
    shown = re.search(rf"<!-- results/{name}.md -->\n(.*?)<!-- end -->", (ROOT / page).read_text(), re.S)
    assert shown
    assert shown[1] == (ROOT / "results" / f"{name}.md").read_text()


def test_the_table_of_methods_is_that_of_its_rows() -> None:
    kept = json.loads((ROOT / "results" / "methods.json").read_text())["rows"]
    assert methods.markdown(kept) == (ROOT / "results" / "methods.md").read_text()
    rows = Rows(read_measurements(ROOT / "results" / "experiments" / "equal_budgets.jsonl"))
    for row in kept:
        assert row == methods.row_of(rows, row["method"], 1e6 * row["encode_mb_per_s"])


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
