"""The Ray engine on a real cluster of two nodes: the same bytes as in one process, whoever is killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from equalinfo.corpus.partitions import partitions_of
from equalinfo.engines.ray_data import PartitionWorker
from equalinfo.shards.job import TokenizeJob
from tests.support.command import Run, processes, run_quietly
from tests.support.sample_text import sample_text

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of two nodes with two CPUs each, started here."""
    utilities = pytest.importorskip("ray.cluster_utils", reason="pip install 'equalinfo[ray]'")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = utilities.Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    made.add_node(num_cpus=2)
    yield made.address
    made.shutdown()


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Tokenizes a corpus of some 60 partitions, enough that Ray starts a second actor; `--out` is to be added."""
    folder = tmp_path_factory.mktemp("ray")
    texts = sample_text(600).strip().split("\n\n")
    (folder / "corpus.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    spec = "EqualInfoAC[b=16,v=256,order=1]"
    run_quietly("compile", spec, "--corpus", folder / "corpus.jsonl", "--out", folder / "tok", "--quiet")
    options = ["--partition-bytes", "9000", "--example-bytes", "1000", "--quiet"]
    return ["tokenize", str(folder / "tok"), str(folder / "corpus.jsonl"), *options]


@pytest.fixture(scope="module")
def expected(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("expected") / "out"
    run_quietly(*command, "--workers", "1", "--out", out)
    return contents(out)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def start(command: list[str], out: Path, cluster: str) -> subprocess.Popen:
    run = [sys.executable, "-m", "equalinfo", *command, "--engine", "ray", "--out", str(out)]
    environment = {**os.environ, "RAY_ADDRESS": cluster, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(run, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def actors() -> list[int]:
    """Processes of actors on the cluster that this process started."""
    seen = processes()
    ours = {os.getpid()}
    for _ in range(5):
        ours |= {pid for pid, (parent, _) in seen.items() if parent in ours}
    return [pid for pid, (_, name) in seen.items() if pid in ours and "Map(PartitionWorker)" in name]


def wait_for_records(out: Path, count: int, process: subprocess.Popen) -> None:
    records = out.with_name(out.name + ".tokenizing") / "records"
    while len(list(records.glob("0*.json"))) < count and process.poll() is None:
        time.sleep(0.01)


def test_a_cluster_makes_the_same_bytes(
    cluster: str, command: list[str], expected: dict[str, bytes], tmp_path: Path
) -> None:
    process = start(command, tmp_path / "out", cluster)
    wait_for_records(tmp_path / "out", 1, process)
    at_work = set()
    while process.poll() is None:
        at_work |= set(actors())
        time.sleep(0.05)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert b"Warning" not in errors
    assert len(at_work) >= 2
    assert contents(tmp_path / "out") == expected


def test_actors_and_driver_are_killed(
    cluster: str, command: list[str], expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(command, out, cluster)
    wait_for_records(out, 2, process)
    os.kill(random.choice(actors()), signal.SIGKILL)
    wait_for_records(out, 6, process)
    process.kill()
    process.communicate()
    records = out.with_name("out.tokenizing") / "records"
    finished = {path.name: path.stat().st_mtime_ns for path in records.glob("0*.json")}
    assert len(finished) >= 6
    process = start(command, out, cluster)
    wait_for_records(out, len(finished) + 1, process)
    again = {path.name: path.stat().st_mtime_ns for path in records.glob("0*.json")}
    assert finished.items() <= again.items(), "finished partitions were done again"
    if running := actors():
        os.kill(random.choice(running), signal.SIGKILL)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert contents(out) == expected


def test_a_bad_document_stops_in_one_line(cluster: str, command: list[str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "good"}\n' * 2000 + "{}\n")
    process = start([*command[:2], str(bad), *command[3:]], tmp_path / "out", cluster)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.count(b"error: ") == 1
    assert b"has no field 'text'" in errors.splitlines()[-1]


@pytest.mark.parametrize("workers", [[], ["--workers", "2"]], ids=["all", "two"])
def test_a_cluster_without_gpus_says_so(
    cluster: str, command: list[str], tmp_path: Path, workers: list[str]
) -> None:
    process = start([*command, "--device", "cuda", *workers], tmp_path / "out", cluster)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.splitlines()[-1] == (
        b"error: the Ray cluster has no GPU for M1; leave --device out to use its CPUs"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_partition_that_always_kills_its_actor_is_given_up(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray gives it out again without end; what an actor sees the fifth time ends that."""
    monkeypatch.setenv("EQUALINFO_THREADS", "1")
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "some text"}\n' * 100)
    partitions, _ = partitions_of(str(source), "text", 1 << 20)
    work = TokenizeJob(command[1], str(tmp_path), str(tmp_path), "text", 1000, False)
    row = {"partition": json.dumps(partitions[0].to_json())}
    for died in range(5):
        (tmp_path / "00000.attempts").write_bytes(b"." * died)
        answer = json.loads(PartitionWorker(work, 1)(row)["answer"])
        assert ("record" in answer) == (died < 4)
    assert "4 workers ended on partition 0" in answer["error"]


def test_a_cluster_counts_words_for_the_same_tokenizer(
    cluster: str, command: list[str], tmp_path: Path
) -> None:
    """Killed on the way, it goes on; an actor that dies costs its partition."""
    small = "from equalinfo.tokens import partitioned_corpus; partitioned_corpus.PARTITION_BYTES = 9000;"
    run = [sys.executable, "-c", small + "from equalinfo.cli import main; main()", "compile"]
    run += ["EqualInfo[v=512,unigram,phrases]", "--corpus", command[2], "--quiet", "--out"]
    environment = {**os.environ, "RAY_ADDRESS": cluster, "OMP_NUM_THREADS": "1"}
    subprocess.run([*run, tmp_path / "local"], env=environment, check=True, stdout=subprocess.DEVNULL)
    state = tmp_path / "out.counting"
    run += [str(tmp_path / "out"), "--engine", "ray"]
    process = subprocess.Popen(run, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while process.poll() is None and len(list(state.glob("*.words"))) < 2:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert len(list(state.glob("*.words"))) >= 2
    process = subprocess.Popen(run, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while process.poll() is None and not actors():
        time.sleep(0.01)
    if running := actors():
        os.kill(running[0], signal.SIGKILL)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert contents(tmp_path / "out") == contents(tmp_path / "local")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["local", "out"]


def test_ray_is_missing(
    command: list[str], tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    status, _, errors = run(*command, "--engine", "ray", "--out", tmp_path / "out")
    assert status == 1
    assert errors == "error: this needs ray: pip install 'equalinfo[ray]'\n"
