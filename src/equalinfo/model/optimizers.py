"""The paper's optimizer, and the one that suits short runs on small machines."""

import math

import torch
from torch import nn

from equalinfo.errors import EqualInfoError

OPTIMIZERS = ("adafactor", "adamw")


def check_optimizer(name: str) -> None:
    """Raises EqualInfoError, naming the choices, if there is no such optimizer."""
    if name not in OPTIMIZERS:
        raise EqualInfoError(f"no optimizer {name!r}; choose one of {', '.join(OPTIMIZERS)}")


def make_optimizer(name: str, model: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """An optimizer over the model's parameters.

    ``adafactor`` is the paper's: torch's Adafactor with lr 1e-2 steps by min(1e-2, 1/sqrt(step)) times the
    parameter's RMS, which is T5's reciprocal square root schedule with 10,000 warm-up steps.
    ``adamw`` decays no vectors and no embeddings.
    """
    check_optimizer(name)
    if name == "adafactor":
        return torch.optim.Adafactor(model.parameters(), lr=learning_rate)
    matrices = [p for n, p in model.named_parameters() if p.ndim > 1 and "embedding" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim <= 1 or "embedding" in n]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95))


def default_learning_rate(name: str) -> float:
    return 1e-2 if name == "adafactor" else 3e-3


def learning_rate_factor(name: str, step: int, steps: int) -> float:
    """Multiplies the learning rate at `step` (from 0) of `steps`.

    Adafactor carries the paper's schedule itself: 1 throughout. AdamW warms up over a twentieth of the
    run, then follows a cosine to a twentieth of its rate.
    """
    if name == "adafactor":
        return 1.0
    warmup = max(1, steps // 20)
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress))
