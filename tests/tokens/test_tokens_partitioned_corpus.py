"""A corpus counted partition by partition gives what counting it whole gives, on any engine, killed or not."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.splits import drawn
from equalinfo.dictionary.train.word_counts import WordCounts, count_words, read_words, write_words
from equalinfo.engines.local import LocalEngine
from equalinfo.errors import DamagedArtifact
from equalinfo.progress import progress_bar
from equalinfo.tokens import entries, partitioned_corpus
from equalinfo.tokens.compile import compile_tokenizer
from equalinfo.tokens.partitioned_corpus import PartitionedCorpus
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from tests.support.sample_text import sample_text

PARTITION = 20_000


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 15 partitions."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    texts = sample_text(400).strip().split("\n\n")
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


def counted(words: WordCounts) -> dict[bytes, int]:
    found = {words.word(i): int(words.counts[i]) for i in range(len(words))}
    assert len(found) == len(words)
    return found


@pytest.fixture
def small_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitioned_corpus, "PARTITION_BYTES", PARTITION)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.usefixtures("small_partitions")
def test_the_same_words_and_documents(corpus: Path, tmp_path: Path, workers: int) -> None:
    whole = Corpus(str(corpus))
    said: list[tuple[str, int, int]] = []
    parts = PartitionedCorpus(whole, LocalEngine(workers), lambda: tmp_path)
    assert counted(parts.words(lambda *what: said.append(what))) == counted(
        count_words(whole.documents("train"))
    )
    assert said[-1] == ("count words", corpus.stat().st_size, corpus.stat().st_size)
    sample = parts.sample(0.3)
    expected = [document for document in whole.documents("train") if drawn(document, 0.3)]
    assert [sample.word(i) for i in range(len(sample))] == expected
    assert sample.counts.tolist() == [1] * len(expected)


@pytest.mark.usefixtures("small_partitions")
def test_what_is_counted_is_not_counted_again(corpus: Path, tmp_path: Path) -> None:
    def files() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}

    whole = Corpus(str(corpus))
    expected = counted(PartitionedCorpus(whole, LocalEngine(1), lambda: tmp_path).words())
    before = files()
    assert len(before) > 5
    gone = sorted(before)[2]
    (tmp_path / gone).unlink()
    (tmp_path / "00000-0123456789abcdef.words").write_bytes(b"of another corpus")
    (tmp_path / ".00007-left.words.01234567.part").write_bytes(b"half")
    assert counted(PartitionedCorpus(whole, LocalEngine(1), lambda: tmp_path).words()) == expected
    assert {name: at for name, at in files().items() if name != gone} == {
        name: at for name, at in before.items() if name != gone
    }


def test_larger_corpora_have_larger_partitions(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitioned_corpus, "PARTITION_BYTES", 1000)
    monkeypatch.setattr(partitioned_corpus, "MOST_PARTITIONS", 4)
    PartitionedCorpus(Corpus(str(corpus)), LocalEngine(1), lambda: tmp_path).words()
    assert len(list(tmp_path.iterdir())) == 5  # the last is what is left over


@pytest.mark.usefixtures("small_partitions")
@pytest.mark.parametrize("flags", ["unigram,words", "fewest,words", "unigram,phrases"])
def test_the_same_tokenizer(
    flags: str, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a small corpus too, which leaves nothing on the way, and where phrases are of a sample."""
    monkeypatch.setattr(entries, "PHRASES_FROM", 150_000)
    spec = Spec.parse(f"EqualInfo[v=512,{flags}]")
    with progress_bar(quiet=True) as progress:
        cut = compile_tokenizer(spec, None, Corpus(str(corpus)), tmp_path / "cut", progress)
        monkeypatch.setattr(partitioned_corpus, "PARTITION_BYTES", 1 << 30)
        whole = compile_tokenizer(spec, None, Corpus(str(corpus)), tmp_path / "whole", progress)
    assert cut.fingerprint == whole.fingerprint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]
    assert Tokenizer.train(spec, corpus, quiet=True).fingerprint == whole.fingerprint


COMMAND = [
    sys.executable,
    "-c",
    f"from equalinfo.tokens import partitioned_corpus; partitioned_corpus.PARTITION_BYTES = {PARTITION};"
    "from equalinfo.cli import main; main()",
    "compile",
    "EqualInfo[v=512,unigram,words]",
    "--quiet",
]


def start(corpus: Path, out: Path, *options: str) -> subprocess.Popen:
    command = [*COMMAND, "--corpus", str(corpus), "--out", str(out), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_killed_in_the_middle(corpus: Path, tmp_path: Path, workers: str) -> None:
    """It goes on with what was not counted, and makes the same files."""
    whole = start(corpus, tmp_path / "whole")
    _, errors = whole.communicate(timeout=240)
    assert whole.returncode == 0, errors
    out, state = tmp_path / "out", tmp_path / "out.counting"
    process = start(corpus, out, "--workers", workers)
    wanted = random.randint(1, 8)
    while process.poll() is None and len(list(state.glob("0*"))) < wanted:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    finished = {path.name: path.stat().st_mtime_ns for path in state.glob("0*")}
    assert len(finished) >= wanted
    assert not out.exists()
    process = start(corpus, out, "--workers", workers)
    while process.poll() is None and len(list(state.glob("0*"))) <= len(finished):
        time.sleep(0.001)
    again = {path.name: path.stat().st_mtime_ns for path in state.glob("0*")}
    assert finished.items() <= again.items() or process.poll() == 0
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert contents(out) == contents(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "whole"]


@pytest.mark.usefixtures("small_partitions")
def test_what_is_not_a_runs_stays(corpus: Path, tmp_path: Path) -> None:
    state = tmp_path / "out.counting"
    state.mkdir()
    (state / ".notes").write_text("mine")
    (state / "00001.attempts").write_text(".")
    (state / ".00001-0123456789abcdef.words.01234567.part").write_text("half")
    spec = Spec.parse("EqualInfo[v=512,unigram,words]")
    with progress_bar(quiet=True) as progress:
        compile_tokenizer(spec, None, Corpus(str(corpus)), tmp_path / "out", progress)
    assert contents(state) == {".notes": b"mine"}


def test_files_of_words(tmp_path: Path) -> None:
    """Counts of 2^32 and more, too; what is no such file is one line."""
    often = WordCounts(np.frombuffer(b"ab cd", np.uint8), np.array([0, 2, 5]), np.array([1 << 32, 3 << 40]))
    path = tmp_path / "words"
    write_words(path, often)
    assert counted(read_words(path)) == counted(often)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedArtifact):
        read_words(path)
