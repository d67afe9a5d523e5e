"""Two processes give the losses and weights of one, up to rounding, and either goes on where the other stopped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from equalinfo.model import loss, train_loop
from equalinfo.model.distributed import DistributedContext
from tests.support import trained_together
from tests.support.trained_together import CASES, STOP_AT, run

# Sums of two halves round otherwise than a whole, here about 1e-7 a step. Muon orthogonalises in bfloat16, where such
# a difference can flip a last bit: 2^-9 of an update.
LOSS_TOLERANCE = {"adafactor": 2e-5, "adamw": 2e-5, "muon": 5e-3}  # nats
ROOT = Path(__file__).parents[2]
NAMES = ["-".join(case) for case in CASES]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every case: whole alone, whole together, and stopped in one way and ended in the other."""
    folder = tmp_path_factory.mktemp("together")
    threads, before = (
        torch.get_num_threads(),
        (train_loop.LOG_EVERY, loss.LOGITS_AT_ONCE["cpu"], loss.LEAST_ROWS),
    )
    trained_together.in_small_slices()
    try:
        for case, name in zip(CASES, NAMES, strict=True):
            run(case, folder / "alone" / name, DistributedContext())
            run(case, folder / "stopped-alone" / name, DistributedContext(), stop=True)
        command = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            "2",
            "-m",
        ]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(
            [*command, "tests.support.trained_together", folder],
            check=True,
            env=environment,
            cwd=ROOT,
            timeout=240,
        )
        for case, name in zip(CASES, NAMES, strict=True):
            run(case, folder / "stopped-together" / name, DistributedContext())
    finally:
        train_loop.LOG_EVERY, loss.LOGITS_AT_ONCE["cpu"], loss.LEAST_ROWS = before
        torch.set_num_threads(threads)
    return folder


def log(path: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (path / "log").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.mark.parametrize("way", ["whole", "stopped-together", "stopped-alone"])
@pytest.mark.parametrize("name", NAMES)
def test_losses_are_those_of_one_process(out: Path, name: str, way: str) -> None:
    alone, together = log(out / "alone" / name), log(out / way / name)
    tolerance = LOSS_TOLERANCE[name.split("-")[1]]
    assert [row.keys() for row in alone] == [row.keys() for row in together]
    assert sum("validation_nats" in row for row in alone) == 2
    for a, b in zip(alone, together, strict=True):
        assert list(b.values()) == pytest.approx(list(a.values()), abs=tolerance)
    assert alone[-2]["loss_nats"] < alone[0]["loss_nats"]


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_those_of_one_process(out: Path, name: str) -> None:
    a = load_file(out / "alone" / name / "weights")
    b = load_file(out / "whole" / name / "weights")
    assert a.keys() == b.keys()
    for key in a:
        difference = (a[key] - b[key]).square().mean().sqrt() / a[key].square().mean().sqrt()
        assert difference < (0.02 if "muon" in name else 1e-3), key


def test_it_did_stop(out: Path) -> None:
    """The steps before the stop were not done again: their losses are those of whoever did them."""
    for name in NAMES:
        whole, gone_on = log(out / "whole" / name), log(out / "stopped-together" / name)
        assert gone_on[:STOP_AT] == whole[:STOP_AT]
        alone, gone_on = log(out / "alone" / name), log(out / "stopped-alone" / name)
        assert gone_on[:STOP_AT] == alone[:STOP_AT]
