from pathlib import Path

import pytest

from equalinfo.files import write_manifest
from equalinfo.outputs import output_directory
from equalinfo.score.results import append_rows
from tests.support import tiny
from tests.support.building import built
from tests.support.command import Run, run_quietly, runner
from tests.support.sample_text import sample_text
from tests.support.score_rows import ten_rows


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a corpus, a tiny M1 and nothing else."""
    directory = tmp_path_factory.mktemp("cli")
    (directory / "corpus.txt").write_text(sample_text(150))
    options = "--size 65k --context 64 --batch 4 --steps 30 --learning-rate 0.02 --quiet".split()
    run_quietly("train-m1", directory / "corpus.txt", "--out", directory / "m1", *options)
    return directory


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capfd)


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with something of every kind, made in a moment."""
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "a.txt").write_bytes(b"precious \xff text\n" * 9)
    (folder / "corpus").mkdir()
    (folder / "corpus" / "corpus.text").write_text(sample_text(60))
    for kind in ("m1", "m2"):
        with output_directory(folder / kind, kind) as directory:
            tiny.random_model(seed=1).save(directory)
            (directory / "config.json").write_text("{}")
            built("Bytes").save_pretrained(directory / "tokenizer")
            write_manifest(directory, kind)
    tok, m1, tokens = folder / "tok", folder / "m1", folder / "tokens"
    quick = ("--quiet", "--out")
    run_quietly("compile", "Bytes", *quick, tok)
    run_quietly("encode", tok, folder / "a.txt", "--out", folder / "ids.npy")
    run_quietly("tokenize", tok, folder / "corpus", "--workers", 1, *quick, tokens)
    run_quietly("export", tokens, "--format", "megatron", *quick, folder / "export")
    container = ("--m1", m1, "--block", 100, "--context", 50)
    run_quietly("compress", folder / "a.txt", *container, *quick, folder / "a.eqi")
    append_rows(folder / "rows" / "results.jsonl", ten_rows())
    return folder
