"""A checkpoint restores model and optimizer to the bit, for every optimizer and preset."""

import pytest
import torch

from equalinfo.errors import DamagedArtifact
from equalinfo.model.checkpoint import Checkpoints
from equalinfo.model.config import OPTIMIZERS, PRESETS
from equalinfo.model.decoder import Decoder
from equalinfo.model.distributed import DistributedContext
from equalinfo.model.optim import make_optimizer
from equalinfo.sizes import Size

PROGRESS = {"identity": "this", "seconds": 1.5, "log": [{"step": 1}]}


def stepped(optimizer_name, preset, times, vocab=20):
    model = Decoder(Size(32, 2, 1, 16, 64, 1), vocab, preset)
    model.init_weights(0)
    optimizer = make_optimizer(optimizer_name, model, 0.01)
    for _ in range(times):
        step(model, optimizer)
    return model, optimizer


def step(model, optimizer):
    for number, parameter in enumerate(model.parameters()):
        parameter.grad = parameter.detach() * 0.1 + number
    optimizer.step()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_kept_comes_back(name, preset, tmp_path):
    checkpoints = Checkpoints(tmp_path / "state", DistributedContext())
    assert checkpoints.latest() is None
    first, optimizer = stepped(name, preset, 2)
    checkpoints.save(first, optimizer, PROGRESS | {"step": 2})
    second, restored = stepped(name, preset, 0)
    path = checkpoints.latest()
    assert checkpoints.progress(path) == PROGRESS | {"step": 2}
    checkpoints.load(path, second, restored)
    for model, own in ((first, optimizer), (second, restored)):
        step(model, own)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_only_the_newest_is_kept_and_nothing_needs_pickle(tmp_path):
    checkpoints = Checkpoints(tmp_path / "state", DistributedContext())
    model, optimizer = stepped("adamw", "paper", 1)
    for number in (1, 9, 10, 200):
        checkpoints.save(model, optimizer, PROGRESS | {"step": number})
        assert [path.name for path in (tmp_path / "state").iterdir()] == [f"step-{number:08d}"]
    suffixes = {path.suffix for path in (tmp_path / "state").rglob("*") if path.is_file()}
    assert suffixes == {".json", ".safetensors"}


def test_another_model_or_optimizer_is_refused(tmp_path):
    checkpoints = Checkpoints(tmp_path / "state", DistributedContext())
    checkpoints.save(*stepped("adamw", "paper", 1), PROGRESS | {"step": 1})
    for other in (stepped("adamw", "paper", 0, vocab=21), stepped("adamw", "llama", 0)):
        with pytest.raises(DamagedArtifact, match="delete"):
            checkpoints.load(checkpoints.latest(), *other)
