"""`equalinfo report` on files and folders of rows, with tokenizers, and its figures as files."""

import re
from pathlib import Path

import pytest

from equalinfo.score.results import append_rows
from tests.support.command import Run, runner
from tests.support.pages import tokenizer
from tests.support.rows_of import cell_rows
from tests.support.score_rows import ten_rows


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capfd)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A folder of two files: M2 cells, and an experiment's measurements."""
    append_rows(tmp_path / "rows" / "cells.jsonl", ten_rows())
    made = [*cell_rows("GZip[v=256]", 3.6), *cell_rows("GZip[v=256,bare]", 3.61, 2.1)]
    made = [one.model_copy(update={"experiment": "gzip_headers"}) for one in made]
    append_rows(tmp_path / "rows" / "measured.jsonl", made)
    return tmp_path / "rows"


def test_a_page_of_everything(run: Run, rows: Path, tmp_path: Path) -> None:
    tokenizer("Bytes").save_pretrained(tmp_path / "tok")
    (tmp_path / "text.txt").write_text("from a file: é")
    arguments = ["--tokenizer", tmp_path / "tok", "--text", "given <here>", "--file", tmp_path / "text.txt"]
    status, out, error = run(
        "report", rows, "--out", tmp_path / "r.html", "--figures", tmp_path / "figures", *arguments
    )
    assert (status, error) == (0, "")
    assert "SentencePiece[v=4k]" in out
    page = (tmp_path / "r.html").read_text()
    assert "given &lt;here&gt;" in page
    assert "from a file: é" in page
    assert "Header and footer" in page
    assert (
        "equalinfo report rows --out r.html --tokenizer tok --text &#39;given &lt;here&gt;&#39; --file text.txt"
        in page
    )
    assert str(tmp_path) not in page
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    expected = ("by-compute", "by-steps", "learned", "gzip_headers-small")
    assert names == {f"{name}.{kind}" for name in expected for kind in ("svg", "png")}
    assert (tmp_path / "figures" / "learned.svg").read_text().lstrip().startswith("<?xml")
    assert (tmp_path / "figures" / "learned.png").read_bytes().startswith(b"\x89PNG")


def test_files_of_other_lines_in_a_folder_are_left_out(run: Run, rows: Path, tmp_path: Path) -> None:
    (rows / "trials.jsonl").write_text('{"variant": "unigram,words", "bits_per_byte": 2.2}\n')
    status, out, error = run("report", rows, "--out", tmp_path / "r.html")
    assert status == 0
    assert "SentencePiece[v=4k]" in out
    assert error == f"{rows / 'trials.jsonl'} holds other lines than results; it is left out\n"
    # Named, or with a row among its lines, it is a mistake.
    status, _, error = run("report", rows / "trials.jsonl", "--out", tmp_path / "r.html")
    assert (status, error.count("\n")) == (1, 1)
    with open(rows / "cells.jsonl", "a") as stream:
        stream.write('{"variant": "unigram,words"}\n')
    status, _, error = run("report", rows, "--out", tmp_path / "r.html")
    assert status == 1
    assert "cells.jsonl, line" in error.splitlines()[-1]
    (rows / "cells.jsonl").unlink()
    (rows / "measured.jsonl").unlink()
    assert "no .jsonl file of results" in run("report", rows, "--out", tmp_path / "r.html")[2]


def test_measurements_alone_make_a_page(run: Run, rows: Path, tmp_path: Path) -> None:
    status, out, _ = run("report", rows / "measured.jsonl", "--out", tmp_path / "r.html")
    assert (status, out) == (0, "")
    assert "Header and footer" in (tmp_path / "r.html").read_text()


def test_the_last_row_of_a_cell_counts(run: Run, rows: Path, tmp_path: Path) -> None:
    later = ten_rows()[0].model_copy(update={"bits_per_byte": 1.2345, "cell": "measured elsewhere"})
    append_rows(tmp_path / "later.jsonl", [later])
    status, out, _ = run("report", rows, tmp_path / "later.jsonl", "--out", tmp_path / "r.html")
    assert status == 0
    assert re.search(r"Bytes, 1m +1\.00 +1\.234 ", out)  # no mean of two
    assert ">1.234<" in (tmp_path / "r.html").read_text()


def test_a_text_that_is_no_text(run: Run, rows: Path, tmp_path: Path) -> None:
    tokenizer("Bytes").save_pretrained(tmp_path / "tok")
    (tmp_path / "text.bin").write_bytes(b"\xff")
    arguments = ["--tokenizer", tmp_path / "tok", "--file", tmp_path / "text.bin"]
    status, _, error = run("report", rows, "--out", tmp_path / "r.html", *arguments)
    assert status == 1
    assert "not UTF-8" in error
    assert not (tmp_path / "r.html").exists()
