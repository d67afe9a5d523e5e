import math

import pytest
import torch
from torch import nn

from equalinfo.errors import EqualInfoError
from equalinfo.model.decoder import Decoder
from equalinfo.model.optim import LEARNING_RATES, learning_rate_factor, make_optimizer
from equalinfo.sizes import Size


class OneMatrix(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((6, 4), value, dtype=torch.float64))


@pytest.mark.parametrize("step", [1, 2, 50, 9_999, 10_000, 10_001, 40_000, 1_000_000])
@pytest.mark.parametrize("rms", [0.5, 3.0])
def test_adafactor_follows_the_papers_schedule(step, rms):
    """A constant gradient has update 1, so a step is the learning rate times the parameter's RMS."""
    model = OneMatrix(rms)
    optimizer = make_optimizer("adafactor", model, LEARNING_RATES["adafactor"])
    for _ in range(2 if step > 2 else step):
        before = model.weight.detach().clone()
        model.weight.grad = torch.full_like(model.weight, 0.3)
        optimizer.step()
        if step > 2:
            optimizer.state[model.weight]["step"].fill_(step - 1)
    moved = (before - model.weight.detach()).mean().item()
    scale = before.square().mean().sqrt().item()
    assert moved == pytest.approx(min(1e-2, 1 / math.sqrt(step)) * scale, rel=1e-3)
    # The same written as the paper does: 1 / sqrt(max(step, 10,000)).
    assert moved == pytest.approx(scale / math.sqrt(max(step, 10_000)), rel=1e-3)


def test_adafactor_leaves_its_rate_to_torch():
    assert {learning_rate_factor("adafactor", step, 100) for step in range(100)} == {1.0}


def test_adamw_warms_up_and_decays():
    factors = [learning_rate_factor("adamw", step, 1000) for step in range(1000)]
    assert max(factors) == 1.0
    assert factors[:50] == sorted(factors[:50])
    assert factors[50:] == sorted(factors[50:], reverse=True)
    assert 0.05 <= factors[-1] < 0.051
    assert min(factors) > 0
    assert all(
        0 < learning_rate_factor("adamw", step, steps) <= 1 for steps in (1, 2, 19) for step in range(steps)
    )


def test_adamw_decays_matrices_alone():
    model = Decoder(Size(32, 2, 1, 16, 64, 1), 20)
    decayed, others = make_optimizer("adamw", model, 1e-3).param_groups
    assert decayed["weight_decay"] > 0 == others["weight_decay"]
    assert len(decayed["params"]) + len(others["params"]) == len(list(model.parameters()))
    assert any(p is model.embedding.weight for p in others["params"])
    assert any(p is model.lm_head.weight for p in decayed["params"])


@pytest.mark.parametrize("preset", ["paper", "llama"])
def test_muon_turns_the_matrices_of_the_layers(preset):
    model = Decoder(Size(32, 2, 2, 16, 64, 1), 20, preset)
    muon, adamw = make_optimizer("muon", model, 1e-3).parts
    turned = {id(p) for group in muon.param_groups for p in group["params"]}
    expected = {n for n, p in model.named_parameters() if n.startswith("layers.") and n.endswith(".weight")}
    assert {n for n, p in model.named_parameters() if id(p) in turned} == expected
    assert len(expected) == 2 * 7
    rest = [p for group in adamw.param_groups for p in group["params"]]
    assert len(turned) + len(rest) == len(list(model.parameters()))


def test_a_muon_step_is_near_orthogonal_and_as_large_as_adamws():
    """All singular values of the update near one size, and its root mean square 0.2 of the learning rate."""
    model = Decoder(Size(32, 2, 1, 16, 64, 1), 20)
    model.init_weights(0)
    before = model.layers[0].up.weight.detach().clone()
    optimizer = make_optimizer("muon", model, 0.1)
    for group in optimizer.param_groups:
        group["weight_decay"] = 0.0
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3))
    optimizer.step()
    update = (before - model.layers[0].up.weight.detach()) / 0.1
    sizes = torch.linalg.svdvals(update)
    assert sizes.max() / sizes.min() < 2.5  # five Newton-Schulz steps leave singular values near 1, not at it
    assert update.square().mean().sqrt().item() == pytest.approx(0.2, rel=0.3)


def test_unknown_optimizer():
    with pytest.raises(EqualInfoError, match="choose one of"):
        make_optimizer("sgd", OneMatrix(1.0), 0.1)
