"""Names of what ships, wherever the command line takes a tokenizer or an M1."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equalinfo import pretrained
from equalinfo.corpus.readers import read_documents
from equalinfo.progress import progress_bar
from scripts.build_reference import M1_NAME, ReferenceConfig, build
from tests.support.command import Run

LISTED = {"name": "words", "kind": "prose", "licence": "CC0-1.0", "open": True, "bytes": 10_000}


def source_folder(path: Path, text: Path) -> Path:
    (path / "text").mkdir(parents=True)
    documents = [document.decode() for document in read_documents(text)]
    pq.write_table(pa.table({"text": documents}), path / "text" / "words.parquet")
    (path / "sources.json").write_text(json.dumps({"sources": [LISTED]}))
    return path


@pytest.fixture(scope="module")
def reference(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shipped")
    specs = {"tiny": "EqualInfo[v=512]", "tiny-words": "EqualInfo[v=512,fewest,words]"}
    source = source_folder(directory / "corpus", work / "corpus.txt")
    plan = ReferenceConfig(
        source,
        work / "m1",
        None,
        directory / "w",
        directory / "reference",
        directory / "page.md",
        specs,
        9_000,
    )
    with progress_bar(quiet=True) as progress:
        build(plan, progress)
    return directory / "reference"


@pytest.fixture(autouse=True)
def _shipped(reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "reference_folder", lambda: reference)
    monkeypatch.chdir(tmp_path)
    Path("text").write_bytes(b"the window of text \xff")


def test_tokenizers_are_listed(run: Run) -> None:
    status, out, _ = run("tokenizers", "--json")
    assert status == 0
    rows = {row["name"]: row for row in json.loads(out)}
    assert set(rows) == {"tiny", "tiny-words", M1_NAME}
    assert rows["tiny"]["spec"] == "EqualInfo[v=512]"
    assert rows["tiny"]["bytes_per_token"] > 1
    assert 0 < rows[M1_NAME]["bits_per_byte"] < 9
    status, out, _ = run("tokenizers")
    assert status == 0
    assert "EqualInfo[v=512,fewest,words]" in out


def test_names_in_place_of_tokenizers(work: Path, run: Run) -> None:
    assert run("encode", "tiny", "text", "--out", "ids.npy")[0] == 0
    assert run("decode", "tiny", "ids.npy", "--out", "back")[0] == 0
    assert Path("back").read_bytes() == Path("text").read_bytes()
    status, out, _ = run("show", "tiny", "tiny-words", "--text", "the window")
    assert status == 0
    assert "EqualInfo[v=512,fewest,words]" in out
    assert run("tokenize", "tiny-words", work / "corpus.txt", "--out", "tokens", "--quiet")[0] == 0
    assert run("verify", "tokens", "--quiet")[0] == 0


def test_a_name_in_place_of_an_m1(run: Run) -> None:
    assert run("compress", "text", "--m1", M1_NAME, "--out", "text.eqi", "--quiet")[0] == 0
    assert run("decompress", "text.eqi", "--m1", M1_NAME, "--out", "back", "--quiet")[0] == 0
    assert Path("back").read_bytes() == Path("text").read_bytes()
    assert run("compile", "EqualInfoAC[b=16,v=256]", "--m1", M1_NAME, "--out", "tok", "--quiet")[0] == 0
    assert run("encode", "tok", "text", "--out", "ids.npy")[0] == 0


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("encode tinny text --out ids.npy", "tiny, tiny-words"),
        ("show tiny tinny --text x", "tiny, tiny-words"),
        ("compile AC --m1 english --out tok", M1_NAME),
        ("compress text --m1 english --out text.eqi", M1_NAME),
        (f"encode {M1_NAME} text --out ids.npy", "not a tokenizer"),
    ],
)
def test_unknown_names(command: str, said: str, run: Run) -> None:
    status, _, errors = run(*command.split())
    assert status == 1
    assert errors.strip().count("\n") == 0
    assert said in errors
