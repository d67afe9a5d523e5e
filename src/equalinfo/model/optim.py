"""The paper's optimizer, and two that are usual today."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor, Replicate

from equalinfo.errors import EqualInfoError
from equalinfo.model.config import OPTIMIZERS

WEIGHT_DECAY = 0.1
BETAS = (0.9, 0.95)
LEARNING_RATES = {"adafactor": 1e-2, "adamw": 3e-3, "muon": 1e-2}


class Together:
    """Several optimizers over different parameters of one model, used as one."""

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return [group for part in self.parts for group in part.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none)

    def step(self) -> None:
        for part in self.parts:
            part.step()


Optimizer = torch.optim.Optimizer | Together


def parts_of(optimizer: Optimizer) -> Sequence[torch.optim.Optimizer]:
    """torch's optimizers that make up this one."""
    return optimizer.parts if isinstance(optimizer, Together) else (optimizer,)


def make_optimizer(name: str, model: nn.Module, learning_rate: float) -> Optimizer:
    """An optimizer over the model's parameters.

    ``adafactor`` is the paper's: torch's Adafactor with lr 1e-2 steps by min(1e-2, 1/sqrt(step)) times the
    parameter's RMS, which is T5's reciprocal square root schedule with 10,000 warm-up steps.
    ``adamw`` decays no vectors and no embeddings. ``muon`` (Jordan et al. 2024) is torch's Muon for the matrices
    of the layers, scaled to AdamW's usual size of update so that one learning rate serves both, and AdamW
    for everything else.

    Raises:
        EqualInfoError: no such optimizer.
    """
    if name not in OPTIMIZERS:
        raise EqualInfoError(f"no optimizer {name!r}; choose one of {', '.join(OPTIMIZERS)}")
    if name == "adafactor":
        sharded = any(isinstance(parameter, DTensor) for parameter in model.parameters())
        return (ShardedAdafactor if sharded else torch.optim.Adafactor)(model.parameters(), lr=learning_rate)
    if name == "adamw":
        return _adamw(dict(model.named_parameters()), learning_rate)
    hidden = {n: p for n, p in model.named_parameters() if n.startswith("layers.") and n.endswith(".weight")}
    others = {n: p for n, p in model.named_parameters() if n not in hidden}
    muon = torch.optim.Muon(
        list(hidden.values()), learning_rate, WEIGHT_DECAY, adjust_lr_fn="match_rms_adamw"
    )
    return Together(muon, _adamw(others, learning_rate))


def _adamw(parameters: dict[str, nn.Parameter], learning_rate: float) -> torch.optim.AdamW:
    matrices = [p for n, p in parameters.items() if p.ndim > 1 and "embedding" not in n]
    others = [p for n, p in parameters.items() if p.ndim <= 1 or "embedding" in n]
    groups = [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=BETAS, fused=True)


def learning_rate_factor(name: str, step: int, steps: int) -> float:
    """Multiplies the learning rate at `step` (from 0) of `steps`.

    Adafactor carries the paper's schedule itself: 1 throughout. The others warm up over a twentieth of the
    run, then follow a cosine to a twentieth of their rate.
    """
    if name == "adafactor":
        return 1.0
    warmup = max(1, steps // 20)
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress))


class ShardedAdafactor(torch.optim.Adafactor):
    """Gathers one parameter at a time, lets torch's Adafactor step it whole, and keeps this process's part.

    torch's own works in place on row and column means, which parts of a tensor cannot have. The means are all the
    state there is, and small, so every process keeps them whole: a checkpoint is that of an unsharded run.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        assert closure is None
        for group in self.param_groups:
            options: dict[str, Any] = {name: value for name, value in group.items() if name != "params"}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                whole = nn.Parameter(parameter.full_tensor())
                whole.grad = parameter.grad.full_tensor()
                optimizer = torch.optim.Adafactor([whole], **options)
                optimizer.state[whole] = self.state[parameter]
                optimizer.step()
                everywhere = DTensor.from_local(whole.detach(), parameter.device_mesh, [Replicate()])
                part = everywhere.redistribute(placements=parameter.placements).to_local()
                parameter.to_local().copy_(part)
