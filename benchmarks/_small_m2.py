"""Training and scoring a small M2 on ids in memory: what comparisons of many variants share."""

from collections.abc import Callable

import numpy as np
import torch

from equalinfo.model.optim import LEARNING_RATES, Optimizer, learning_rate_factor, make_optimizer
from equalinfo.model.scoring import cut_sequences
from equalinfo.score import metrics

CLIP = 1.0
OPTIMIZER = "adamw"


def stepper(
    parameters: torch.nn.Module, loss_of: Callable[[torch.Tensor], torch.Tensor], optimizer: Optimizer
) -> Callable[[torch.Tensor], None]:
    """A training step: loss, gradients, clipping, update."""

    def step(ids_BT: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss_of(ids_BT).backward()
        torch.nn.utils.clip_grad_norm_(parameters.parameters(), CLIP)
        optimizer.step()

    return step


def train(
    model: torch.nn.Module,
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    batch: Callable[[int], torch.Tensor],
    steps: int,
    rate: float = LEARNING_RATES[OPTIMIZER],
) -> None:
    """So many steps on the schedule that `equalinfo train-m2` has.

    Args:
        batch: the ids of a step, [B, T].
    """
    optimizer = make_optimizer(OPTIMIZER, model, rate)
    step = stepper(model, loss_of, optimizer)
    for number in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * learning_rate_factor(OPTIMIZER, number, steps)
        step(batch(number))


@torch.no_grad()
def bits_per_byte(
    nats_of: Callable[[torch.Tensor], torch.Tensor],
    held_out: list[np.ndarray],
    source_bytes: int,
    sequence: int,
) -> float:
    """Of held-out text, each sequence from an empty context.

    Args:
        nats_of: nats of a sequence of ids [T], together.
        held_out: ids of each example.
    """
    tokens = sum(map(len, held_out))
    nats = 0.0
    for ids in held_out:
        for part in cut_sequences(ids, sequence):
            nats += float(nats_of(torch.from_numpy(part.astype(np.int64))))
    return metrics.bits_per_byte(nats / tokens, tokens, source_bytes)
