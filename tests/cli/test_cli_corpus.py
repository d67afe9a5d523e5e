"""Tokenizing a whole corpus: the same shards whatever the workers and whoever is killed, checked by `verify`."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equalinfo import Tokenizer
from equalinfo.corpus.examples import cut_examples
from equalinfo.corpus.readers import read_documents
from equalinfo.corpus.splits import only
from equalinfo.outputs import reserved_directory
from equalinfo.shards import job
from equalinfo.shards.format import read_shard
from tests.support import tiny
from tests.support.building import built
from tests.support.command import Run, processes, run_quietly
from tests.support.sample_text import sample_text

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Path:
    texts = sample_text(130).strip().split("\n\n")
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


@pytest.fixture(scope="module")
def tok(folder: Path, corpus: Path) -> Path:
    """A method slow enough to be killed in the middle."""
    spec = "EqualInfoAC[b=16,v=256,order=1]"
    run_quietly("compile", spec, "--corpus", corpus, "--out", folder / "tok", "--quiet")
    return folder / "tok"


def command(tok: Path, corpus: Path, out: Path, workers: int) -> list[str]:
    options = ["--partition-bytes", "9000", "--example-bytes", "1000", "--workers", str(workers), "--quiet"]
    return ["tokenize", str(tok), str(corpus), "--out", str(out), *options]


@pytest.fixture(scope="module")
def whole(tok: Path, corpus: Path, folder: Path) -> Path:
    """What a run in this process alone makes."""
    run_quietly(*command(tok, corpus, folder / "whole", 1))
    return folder / "whole"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_shards_hold_the_corpus_by_partition(whole: Path, tok: Path, corpus: Path) -> None:
    manifest = json.loads((whole / "equalinfo.json").read_text())
    assert len(manifest["partitions"]) > 10
    opened = Tokenizer.from_pretrained(tok)
    assert {record["tokenizer"] for record in manifest["partitions"]} == {opened.fingerprint}
    for split in ("train", "validation"):
        text = b"".join(
            opened.decode(ids) for path in sorted(whole.glob(f"{split}-*")) for ids, *_ in read_shard(path)
        )
        documents = list(only(read_documents(corpus), split))
        assert text == b"".join(example.data for example in cut_examples(documents))
        counts = manifest["splits"][split]
        assert counts["source_bytes"] == sum(map(len, documents)) == counts["bytes"] - len(documents)
        assert manifest["documents"][split] == len(documents)


def test_many_workers_make_the_same_bytes(whole: Path, tok: Path, corpus: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "equalinfo", *command(tok, corpus, tmp_path / "out", 3)], env=ENVIRONMENT
    )
    assert done.returncode == 0
    assert contents(tmp_path / "out") == contents(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def children(process: subprocess.Popen) -> list[int]:
    return [pid for pid, (parent, _) in processes().items() if parent == process.pid]


def wait_for_records(out: Path, count: int, process: subprocess.Popen) -> dict[str, int]:
    """Waits until so many partitions are finished; their shards' inodes."""
    folder = out.with_name(out.name + ".tokenizing")
    while len(records := list((folder / "records").glob("0*.json"))) < count and process.poll() is None:
        time.sleep(0.01)
    names = [s["file"] for path in records for s in json.loads(path.read_bytes())["shards"].values()]
    return {name: (folder / "tokens" / name).stat().st_ino for name in names}


@pytest.mark.parametrize("times", [2, pytest.param(12, marks=pytest.mark.slow)])
def test_killed_at_any_moment(whole: Path, tok: Path, corpus: Path, tmp_path: Path, times: int) -> None:
    """SIGKILL of a worker, then of the driver: shards that were finished stay, and nothing differs at the end."""
    out = tmp_path / "out"
    finished: dict[str, int] = {}
    generator = random.Random(times)
    for number in range(times):
        run = [sys.executable, "-m", "equalinfo", *command(tok, corpus, out, 2)]
        process = subprocess.Popen(run, env=ENVIRONMENT)
        wait_for_records(out, len(finished) and len(finished) // 2 + number, process)
        time.sleep(generator.uniform(0, 0.3))
        workers = children(process)
        if workers:
            os.kill(generator.choice(workers), signal.SIGKILL)
        time.sleep(generator.uniform(0, 0.3))
        seen = wait_for_records(out, min(2 + number, 12), process)
        process.kill()
        process.wait()
        if process.returncode == 0:
            break
        for pid in workers:  # they see that their driver is gone
            deadline = time.monotonic() + 20
            while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            assert not Path(f"/proc/{pid}").exists()
        assert finished.items() <= seen.items(), "a finished shard was written again"
        finished = seen
    run_quietly(*command(tok, corpus, out, 2))
    assert contents(out) == contents(whole)
    assert {name: (out / name).stat().st_ino for name in finished} == finished
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_partition_that_always_kills_its_worker(tok: Path, tmp_path: Path) -> None:
    """It is given up after a few workers, in one line, and what is finished stays."""
    code = (
        "import os, signal, sys; import equalinfo.corpus.partitions as p\n"
        "real = p.Partition.documents\n"
        "def documents(self, *a):\n"
        "    if self.number == 1: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(self, *a)\n"
        "p.Partition.documents = documents\n"
    )
    (tmp_path / "sitecustomize.py").write_text(code)
    (tmp_path / "c.jsonl").write_text('{"text": "some text"}\n' * 300)
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    run = [sys.executable, "-m", "equalinfo"]
    run += ["tokenize", str(tok), str(tmp_path / "c.jsonl"), "--out", str(tmp_path / "out")]
    options = ["--workers", "2", "--partition-bytes", "3000", "--quiet"]
    done = subprocess.run([*run, *options], env={**ENVIRONMENT, "PYTHONPATH": path}, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"4 workers ended by signal 9 on partition 1" in done.stderr
    assert (tmp_path / "out.tokenizing" / "records" / "00000.json").is_file()
    assert not (tmp_path / "out").exists()


def test_ctrl_c_ends_all_and_the_same_command_goes_on(
    whole: Path, tok: Path, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = [sys.executable, "-m", "equalinfo", *command(tok, corpus, out, 2)]
    process = subprocess.Popen(run, env=ENVIRONMENT, stderr=subprocess.PIPE, start_new_session=True)
    wait_for_records(out, 3, process)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.decode().splitlines() == ["error: interrupted; the same command resumes where it can"]
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    run_quietly(*command(tok, corpus, out, 1))
    assert contents(out) == contents(whole)


def test_unfinished_work_on_something_else_is_not_mixed_in(
    whole: Path, tok: Path, corpus: Path, tmp_path: Path, run: Run
) -> None:
    out, folder = tmp_path / "out", tmp_path / "out.tokenizing"
    process = subprocess.Popen(
        [sys.executable, "-m", "equalinfo", *command(tok, corpus, out, 1)], env=ENVIRONMENT
    )
    wait_for_records(out, 1, process)
    process.kill()
    process.wait()
    assert process.returncode == -signal.SIGKILL
    status, _, errors = run(*command(tok, corpus, out, 1), "--example-bytes", 2000)
    assert status == 1
    assert "unfinished work" in errors
    with reserved_directory(out, "tokens"):
        status, _, errors = run(*command(tok, corpus, out, 1))
        assert status == 1
        assert "another process is writing" in errors
    # What a kill may leave in the middle of writing is cleared away, and a shard that went missing made again.
    (folder / "tokens" / ".tokenizer.x.part").mkdir()
    (folder / "tokens" / ".train-00001.arrow.x.part").write_bytes(b"half")
    (folder / "records" / ".00001.json.x.part").write_bytes(b"{")
    next((folder / "tokens").glob("train-*")).unlink()
    assert run(*command(tok, corpus, out, 1))[0] == 0
    assert contents(out) == contents(whole)
    before = (out / "equalinfo.json").stat().st_ino
    assert run(*command(tok, corpus, out, 1))[0] == 0
    assert (out / "equalinfo.json").stat().st_ino == before, "a finished run is not done again"


def test_a_kill_while_clearing_up(whole: Path, tok: Path, corpus: Path, tmp_path: Path, run: Run) -> None:
    """OUT is there and its folder only half removed: the same command sees it, and another one starts afresh."""
    out, folder = tmp_path / "out", tmp_path / "out.tokenizing"
    shutil.copytree(whole, out)
    record = json.loads((whole / "equalinfo.json").read_text())["partitions"][0]
    (folder / "records").mkdir(parents=True)
    (folder / "records" / "00000.json").write_text(json.dumps(record))
    assert run(*command(tok, corpus, out, 1))[0] == 0
    assert contents(out) == contents(whole)
    (folder / "records").mkdir(parents=True)
    (folder / "records" / "00000.json").write_text(json.dumps(record))
    options = ("--example-bytes", 500)
    assert run(*command(tok, corpus, out, 1), *options)[0] == 0
    assert json.loads((out / "equalinfo.json").read_text())["example_bytes"] == 500
    assert run("verify", out, "--decode", "all", "--quiet")[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("large", [2 << 20, pytest.param(1 << 30, marks=pytest.mark.slow)])
def test_poisoned_documents_are_counted(
    large: int, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large < job.LARGE_DOCUMENT_BYTES:
        monkeypatch.setattr(job, "LARGE_DOCUMENT_BYTES", 1 << 20)
    assert run("compile", "Bytes", "--out", tmp_path / "bytes")[0] == 0
    values = [f"document {number} ".encode() * 9 for number in range(200)]
    values[3:7] = [None, b"", b"\xff\xfe not UTF-8", None]
    values[50] = b"large " * (large // 6)
    pq.write_table(
        pa.table({"text": pa.array(values, pa.binary())}), tmp_path / "a.parquet", row_group_size=40
    )
    tokenize = ["tokenize", tmp_path / "bytes", tmp_path / "a.parquet", "--quiet", "--json"]
    status, _, errors = run(*tokenize, "--out", tmp_path / "stopped")
    assert status == 1
    assert "row 4" in errors
    assert not list(tmp_path.glob("stopped*"))
    status, out, _ = run(*tokenize, "--out", tmp_path / "out", "--bad-documents", "skip")
    assert status == 0
    counts = json.loads(out)
    documents = sum(counts[f"documents_{split}"] for split in ("train", "validation", "test"))
    assert documents == len(values) - 3
    found = {name: counts[f"documents_{name}"] for name in ("null", "empty", "not_utf8", "large", "invalid")}
    assert found == {"null": 2, "empty": 1, "not_utf8": 1, "large": 1, "invalid": 0}
    assert run("verify", tmp_path / "out", "--decode", "all", "--quiet")[0] == 0


def test_a_zero_byte_never_ends_a_document_silently(tmp_path: Path, run: Run) -> None:
    """Documents are joined by zero bytes, so one that holds such a byte would be read as two."""
    assert run("compile", "Bytes", "--out", tmp_path / "bytes")[0] == 0
    lines = [{"text": f"document {number} " * 9} for number in range(200)]
    lines[3]["text"] = "one \0 two"
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    tokenize = ["tokenize", tmp_path / "bytes", tmp_path / "a.jsonl", "--quiet", "--json", "--out"]
    for options in ([], ["--max-tokens", 100]):
        status, _, errors = run(*tokenize, tmp_path / "out", *options)
        assert status == 1
        assert "'one \\x00 two' holds a zero byte" in errors
        assert not (tmp_path / "out").exists()
    few = "--size 65k --context 64 --batch 2 --steps 1 --quiet".split()
    assert "zero byte" in run("train-m1", tmp_path / "a.jsonl", "--out", tmp_path / "m1", *few)[2]
    status, out, _ = run(*tokenize, tmp_path / "out", "--bad-documents", "skip")
    assert status == 0
    counts = json.loads(out)
    assert counts["documents_invalid"] == 1
    assert sum(counts[f"documents_{split}"] for split in ("train", "validation", "test")) == 199
    assert run("verify", tmp_path / "out", "--decode", "all", "--quiet")[0] == 0
    ids = np.concatenate(
        [ids for path in (tmp_path / "out").glob("*.arrow") for ids, _, _ in read_shard(path)]
    )
    assert (ids == 0).sum() == counts["documents_train"] + counts["documents_validation"]


def test_json_lines_on_standard_input(tok: Path, tmp_path: Path) -> None:
    """A pipe has no name; its first line tells what it is."""
    run = [sys.executable, "-m", "equalinfo", "tokenize", str(tok), "-", "--out", str(tmp_path / "out")]
    texts = [f"document {number} naïve " * 9 for number in range(200)]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    subprocess.run(run, input=("\ufeff" + lines).encode(), check=True, env=ENVIRONMENT, capture_output=True)
    record = json.loads((tmp_path / "out" / "equalinfo.json").read_text())["partitions"][0]
    assert sum(record["documents"].values()) == 200
    assert sum(record["document_bytes"].values()) == sum(len(text.encode()) for text in texts)
    done = subprocess.run(
        [*run, "--field", "words"], input=lines.encode(), env=ENVIRONMENT, capture_output=True
    )
    assert done.returncode == 1
    assert b"standard input, line 1 has no field 'words'" in done.stderr


def test_standard_input_is_read_anew_each_time(tok: Path, corpus: Path, tmp_path: Path) -> None:
    run = [sys.executable, "-m", "equalinfo", "tokenize", str(tok), "-", "--out", str(tmp_path / "out")]
    text = b"\n\n".join(sample_text(60).encode().split(b"\n\n"))
    for given in (text, text.upper()):
        subprocess.run(run, input=given, check=True, env=ENVIRONMENT, capture_output=True)
        manifest = json.loads((tmp_path / "out" / "equalinfo.json").read_text())
        sizes = manifest["partitions"][0]["document_bytes"]
        assert sum(sizes.values()) == len(given)


@pytest.fixture(scope="module")
def copy_of(whole: Path, tmp_path_factory: pytest.TempPathFactory):
    def copied() -> Path:
        return Path(shutil.copytree(whole, tmp_path_factory.mktemp("verify") / "tokens"))

    return copied


def test_verify_finds_nothing_wrong(whole: Path, run: Run) -> None:
    status, out, _ = run("verify", whole, "--decode", "all", "--json", "--quiet")
    assert status == 0
    result = json.loads(out)
    assert result["decoded_examples"] == result["examples"]
    assert result["compared_with_source"]
    status, out, _ = run("verify", whole, "--decode", 9, "--no-source", "--json", "--quiet")
    assert json.loads(out)["decoded_examples"] == 9
    assert not json.loads(out)["compared_with_source"]


def changed(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def rewritten(tokens: Path, file: Path, **counts: object) -> None:
    """Makes the manifest agree with a changed file, as a careless tool would."""
    manifest = json.loads((tokens / "equalinfo.json").read_text())
    manifest["files"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    (tokens / "equalinfo.json").write_text(json.dumps(manifest))


def test_verify_finds_what_is_wrong(copy_of, corpus: Path, run: Run) -> None:
    tokens = copy_of()
    shard = tokens / "train-00002.arrow"
    changed(shard, 900)
    assert "SHA-256" in run("verify", tokens)[2]
    rewritten(tokens, shard)
    assert "train-00002.arrow" in run("verify", tokens, "--decode", "all")[2]
    assert "train-00002.arrow" in run("verify", tokens, "--decode", "all", "--no-source")[2]
    tokens = copy_of()
    (tokens / "train-00099.arrow").write_bytes((tokens / "train-00002.arrow").read_bytes())
    assert "not in the manifest" in run("verify", tokens)[2]
    shard = tokens / "train-00099.arrow"
    shard.unlink()
    (tokens / "train-00003.arrow").write_bytes((tokens / "train-00002.arrow").read_bytes())
    rewritten(tokens, tokens / "train-00003.arrow")
    assert "train-00003.arrow" in run("verify", tokens, "--decode", 0)[2]


def test_verify_notices_another_corpus(copy_of, corpus: Path, run: Run) -> None:
    tokens = copy_of()
    text = corpus.read_bytes()
    try:
        corpus.write_bytes(text.replace(b"window", b"wINdow"))
        assert "has the corpus changed?" in run("verify", tokens, "--decode", "all")[2]
        corpus.unlink()
        status, _, errors = run("verify", tokens)
        assert status == 1
        assert "corpus.jsonl" in errors
        assert run("verify", tokens, "--no-source")[0] == 0
    finally:
        corpus.write_bytes(text)


def test_verify_a_sample_of_a_corpus(tok: Path, corpus: Path, tmp_path: Path, run: Run) -> None:
    options = ["--max-tokens", 20_000, "--example-bytes", 1000, "--quiet"]
    assert run("tokenize", tok, corpus, "--out", tmp_path / "sample", *options)[0] == 0
    status, out, _ = run("verify", tmp_path / "sample", "--decode", "all", "--json", "--quiet")
    assert status == 0
    assert json.loads(out)["decoded_examples"] == json.loads(out)["examples"]


def test_all_documents_train_where_none_is_kept_back(
    tok: Path, corpus: Path, tmp_path: Path, run: Run
) -> None:
    out = tmp_path / "out"
    made = json.loads(run("tokenize", tok, corpus, "--no-split", "--out", out, "--json")[1])
    split = json.loads(run("tokenize", tok, corpus, "--out", tmp_path / "split", "--json")[1])
    documents = [split[f"documents_{name}"] for name in ("train", "validation", "test")]
    assert min(documents) > 0
    assert made["documents_train"] == sum(documents)
    assert (made["validation_tokens"], made["documents_validation"], made["documents_test"]) == (0, 0, 0)
    assert json.loads(run("verify", out, "--decode", "all", "--json")[1])["compared_with_source"]
    status, _, said = run("train-m2", out, "--size", "65k", "--steps", "1", "--out", tmp_path / "m2")
    assert status == 1
    assert "no validation shards" in said


@pytest.mark.parametrize("options", [[], ["--max-tokens", "1000"]], ids=["whole", "sample"])
def test_a_device_that_is_not_there_is_said(
    corpus: Path, tmp_path: Path, run: Run, options: list[str]
) -> None:
    """Workers open the tokenizer for the device that is asked for, and nothing is left where there is none."""
    tokenizer = built("EqualInfoAC[b=32,v=256]", tiny.random_model(seed=1))
    tokenizer.save_pretrained(tmp_path / "tok")
    asked = ["tokenize", tmp_path / "tok", corpus, "--device", "cuda:99", "--out", tmp_path / "out", *options]
    status, _, errors = run(*asked)
    assert status == 1
    assert errors.splitlines()[-1].startswith("error: there is no device")
    assert [path.name for path in tmp_path.iterdir()] == ["tok"]
