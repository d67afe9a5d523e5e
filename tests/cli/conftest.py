from pathlib import Path

import pytest
from command import Run, run_quietly, runner

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
