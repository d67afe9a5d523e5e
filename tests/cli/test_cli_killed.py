"""Training that is killed at any moment, during a checkpoint too, ends in the weights of one that never was."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from equalinfo.files import MANIFEST
from tests.support.command import run_quietly

OPTIONS = (
    "--size 65k --sequence 32 --batch 4 --steps 300 --precision float32 --threads 1 --quiet --json".split()
)
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def tokens(work: Path) -> Path:
    run_quietly("compile", "Bytes", "--out", work / "bytes")
    run_quietly("tokenize", work / "bytes", work / "corpus.txt", "--out", work / "byte-tokens", "--quiet")
    return work / "byte-tokens"


def train(tokens: Path, out: Path, *options: str, launcher: tuple[str, ...] = ()) -> subprocess.Popen:
    arguments = ["-m", "equalinfo", "train-m2", str(tokens), "--out", str(out), *OPTIONS, *options]
    command = [sys.executable, *launcher, *arguments]
    # In a group of its own, so that what torchrun starts dies with it.
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, start_new_session=True)


def finish(process: subprocess.Popen) -> bytes:
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    return out


def kill_at_random(process: subprocess.Popen, out: Path, at_most: float) -> int | None:
    """Kills a while after the first checkpoint of this process; the step it had reached, None if it ended before."""
    before = checkpoint(out)
    while checkpoint(out) == before and process.poll() is None:
        time.sleep(0.01)
    time.sleep(random.uniform(0, at_most))
    if process.poll() is not None:
        return None
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    # A kill between the end of training and that of the process finds the model in place and no checkpoint.
    return None if (out / MANIFEST).is_file() else checkpoint(out)


def checkpoint(out: Path) -> int:
    """The step of the newest whole checkpoint, 0 without one."""
    names = [path.name for path in out.with_name(out.name + ".training").glob("step-*")]
    return max((int(name[5:]) for name in names if not name.endswith(".part")), default=0)


def killed_often(tokens: Path, out: Path, times: int, launchers: list[tuple[str, ...]]) -> list[int]:
    """Trains with that many kills; the steps where they fell."""
    steps: list[int] = []
    while len(steps) < times:
        launcher = launchers[len(steps) % len(launchers)]
        process = train(tokens, out, "--checkpoint-seconds", "0", launcher=launcher)
        step = kill_at_random(process, out, 0.6)
        if step is None:
            break
        steps.append(step)
    if not (out / MANIFEST).is_file() or out.with_name(out.name + ".training").exists():
        finish(train(tokens, out))
    return steps


@pytest.mark.parametrize("times", [1, pytest.param(25, marks=pytest.mark.slow)])
def test_killed_at_random_moments(tokens: Path, tmp_path: Path, times: int) -> None:
    finish(train(tokens, tmp_path / "whole"))
    steps = killed_often(tokens, tmp_path / "killed", times, [()])
    assert steps
    assert steps == sorted(steps)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes(), steps
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]


@pytest.mark.slow
def test_under_torchrun_on_the_command_line(tokens: Path, tmp_path: Path) -> None:
    """One directory, one JSON object, and the bits/byte of a process alone."""
    alone = json.loads(finish(train(tokens, tmp_path / "alone", "--preset", "llama")))
    options = ("--preset", "llama", "--strategy", "fsdp", "--workers", "1", "--validate-every", "100")
    together = json.loads(finish(train(tokens, tmp_path / "together", *options, launcher=(*TORCHRUN,))))
    assert together["bits_per_byte"] == pytest.approx(alone["bits_per_byte"], abs=0.01)
    rows = [json.loads(line) for line in (tmp_path / "together" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "validation_nats" in row] == [100, 200, 300]
    assert (tmp_path / "together" / "config.json").is_file()


@pytest.mark.slow
def test_killed_with_all_its_processes(tokens: Path, tmp_path: Path) -> None:
    """Kills of torchrun and of one process alone in turn: it always goes on, with however many there are."""
    expected = json.loads(finish(train(tokens, tmp_path / "whole")))
    fsdp = (*TORCHRUN,)
    killed_often(tokens, tmp_path / "killed", 8, [fsdp, ()])
    measured = json.loads((tmp_path / "killed" / "config.json").read_text())["measured"]
    assert measured["bits_per_byte"] == pytest.approx(expected["bits_per_byte"], abs=0.01)
