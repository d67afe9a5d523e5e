"""Tiny runs give the losses that were committed, for every preset with every optimizer."""

import json

import pytest
import torch

from tests.support import golden_runs

COMMITTED = json.loads(golden_runs.PATH.read_text())


@pytest.fixture(autouse=True)
def threads_as_before():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_every_preset_and_optimizer_is_committed() -> None:
    names = [f"{preset} {name}" for preset in golden_runs.PRESETS for name in golden_runs.OPTIMIZERS]
    assert list(COMMITTED) == names


@pytest.mark.parametrize("name", COMMITTED)
def test_losses_are_the_committed_ones(name: str) -> None:
    made = golden_runs.losses(*name.split())
    assert made == pytest.approx(COMMITTED[name], abs=golden_runs.TOLERANCE)
    assert made[-1] < made[0]
