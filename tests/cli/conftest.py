from pathlib import Path

import pytest
import tiny
from command import Run, run_quietly, runner
from score_rows import ten_rows

from equalinfo.files import write_manifest
from equalinfo.outputs import output_directory
from equalinfo.predict.exact import save_exact
from equalinfo.score.results import append_rows
from equalinfo.tokens.directory import make_tokenizer, save_tokenizer
from equalinfo.tokens.spec import Spec

WORDS = (
    "the window of text that was written is read back as it stood , and a model learns how the small rooms "
    "of the house were built from equal parts of light . on tuesday a council said naïve café plans cost 12 %"
).split()


def sample_text(documents: int) -> str:
    """Documents of plain sentences; no two alike, so that they fall into all splits."""
    parts = []
    state = 1
    for number in range(documents):
        words = [f"Document {number} :"]
        for _ in range(180):
            state = (state * 1103515245 + 12345) % (1 << 31)
            words.append(WORDS[(state >> 16) % len(WORDS)])
        parts.append(" ".join(words))
    return "\n\n".join(parts) + "\n"


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
            save_exact(tiny.random_model(seed=1), directory)
            (directory / "config.json").write_text("{}")
            save_tokenizer(make_tokenizer(Spec.parse("Bytes"), None, None), directory / "tokenizer")
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
