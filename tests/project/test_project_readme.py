"""The commands of README, tutorial and steps run as written and in order (in small); tables are those measured."""

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
from scripts.tutorial import STEP
from tests.support.command import Run, runner

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
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
    return text.replace("[v=4k", "[v=512")


def served(arguments: list[str]) -> None:
    """Starts a command that runs until it is stopped, and stops it when it says where it is."""
    command = [sys.executable, "-m", "equalinfo", *arguments, "--port", "0"]
    # Its library does something else where pytest calls it.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=outside) as server:
        assert server.stdout is not None
        assert "http://" in server.stdout.readline()
        server.terminate()


def line_run(line: str, run: Run) -> str:
    """What one line of a shell block writes; commands of ours run in this process, which saves starting them."""
    program, *arguments = shlex.split(line, comments=True) or [""]
    if not program or line.startswith(INSTALLING):
        return ""
    if program != "equalinfo":
        return subprocess.run(["sh", "-ec", line], stdout=subprocess.PIPE, text=True, check=True).stdout
    if arguments[0] == "playground":
        served(arguments)
        return ""
    status, output, error = run(*arguments)
    assert status == 0, (line, error)
    return output


@pytest.mark.parametrize(
    "page", ["README.md", "docs/tutorial.md", pytest.param("docs/steps.md", marks=pytest.mark.slow)]
)
def test_a_page_in_order_in_one_directory(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As one copies it. What stays as written, and asks nothing that was trained, writes what the page shows."""
    run = runner(monkeypatch, capfd)
    monkeypatch.chdir(tmp_path)
    everything = list(embedded.embedded_documents())
    monkeypatch.setattr(embedded, "embedded_documents", lambda: iter(everything[::ONE_DOCUMENT_IN]))
    shutil.copy(ROOT / "README.md", tmp_path)
    made = False

    def block_run(language: str, code: str) -> str:
        nonlocal made
        made = made or smaller(code) != code
        if language == "python":
            exec(compile(code, page, "exec"), {})
            written = capfd.readouterr().out
        else:
            for file, content in re.findall(HERE_DOCUMENT, code):
                (tmp_path / file).write_text(smaller(content))
            lines = re.sub(HERE_DOCUMENT, "", smaller(code)).splitlines()
            written = "".join(line_run(line, run) for line in lines)
        return "".join(f"{line.rstrip()}\n" for line in written.splitlines())

    for step in STEP.finditer((ROOT / page).read_text()):
        written = block_run(step[1], step[2])
        if step[3] and not made:
            assert step[3] == f"\n```text\n{written}```\n", "`python -m scripts.tutorial` writes it anew"
    if page == "docs/steps.md":
        assert (tmp_path / "copy.md").read_text() == (tmp_path / "README.back").read_text() == README
        assert len(read_results(tmp_path / "runs" / "mine" / "results.jsonl")) == 2


def test_installing_names_what_is_there() -> None:
    (line,) = re.findall(r"^pip install -c (\S+) -e '\.\[(.*)\]'$", README, re.M)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert (ROOT / line[0]).is_file()
    assert set(line[1].split(",")) <= set(extras)
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.M)
    for page in PAGES:
        assert set(re.findall(r"^make (\S+)", page.read_text(), re.M)) <= set(targets), page
        assert set(re.findall(r"equalinfo\[(\w+)\]'", page.read_text())) <= set(extras), page


def test_links_lead_somewhere() -> None:
    found = [
        (page, path) for page in PAGES for path in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    ]
    assert len(found) >= 150
    for page, path in found:
        assert (page.parent / path).is_file(), (page, path)


def test_what_a_reader_may_want_to_open_is_a_link() -> None:
    for page in PAGES:
        prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
        for name in re.findall(r"(?<!\[)`([\w./-]+/[\w.-]+\.\w+)`", prose):
            if not name.startswith("runs/"):  # what the commands above made is nobody's to link
                assert not any((ROOT / base / name).is_file() for base in ("", "src/equalinfo")), (page, name)


def test_the_lab_notes_are_listed() -> None:
    index = (ROOT / "docs" / "lab-notes.md").read_text()
    for page in (ROOT / "docs" / "lab-notes").glob("*.md"):
        for date, title in re.findall(r"^## (.*?)(?:: (.*))?$", page.read_text(), re.M):
            assert f"- {date} [{title}](lab-notes/{page.name}#" in index, (page.name, date, title)


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("demo", "docs/demo.md"),
        ("methods", "docs/methods.md"),
        ("export-equality", "docs/exports.md"),
        ("peers", "docs/methods.md"),
        ("vocabulary-training", "docs/lab-notes/dictionaries.md"),
        ("compiled-windows", "docs/windows.md"),
    ],
)
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
