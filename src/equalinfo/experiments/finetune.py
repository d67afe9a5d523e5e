"""Training a decoder on chosen positions only: sequence to sequence, spelling, classification; with looks on the way.

`model.train_loop` trains on every id of long streams; here sequences are short, differ in length and are
scored in part. Runs are short too, and are not resumed: an experiment's part is measured whole or again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from rich.progress import Progress

from equalinfo.errors import EqualInfoError
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.config import Z_LOSS
from equalinfo.model.decoder import Decoder
from equalinfo.model.optim import make_optimizer

SCORED_AT_ONCE = 64  # sequences


@dataclass(frozen=True)
class Targeted:
    """Ids of a sequence, and from which position on they are targets."""

    ids: np.ndarray
    first_target: int


@dataclass(frozen=True)
class FinetuneConfig:
    """Settings of a short run; Adafactor as everywhere."""

    steps: int
    batch_size: int
    learning_rate: float
    seed: int
    threads: int = 1


def padded(sequences: Sequence[Targeted]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids [B, T] padded by 0, and a mask [B, T] that is true at targets."""
    length = max(len(one.ids) for one in sequences)
    ids_BT = torch.zeros((len(sequences), length), dtype=torch.long)
    mask_BT = torch.zeros((len(sequences), length), dtype=torch.bool)
    for row, one in enumerate(sequences):
        ids_BT[row, : len(one.ids)] = torch.from_numpy(np.asarray(one.ids, np.int64))
        mask_BT[row, one.first_target : len(one.ids)] = True
    return ids_BT, mask_BT


def tune(
    model: Decoder,
    training: Sequence[Targeted],
    config: FinetuneConfig,
    progress: Progress,
    title: str,
    look: Callable[[int], None] | None = None,
    looks: Sequence[int] = (),
) -> None:
    """Trains `model` in place on targets, shuffled by the config's seed; calls `look(step)` after each step in `looks`.

    Raises:
        EqualInfoError: the loss is not finite.
    """
    torch.set_num_threads(config.threads)
    optimizer = make_optimizer("adafactor", model, config.learning_rate)
    batches = SequenceBatches([one.ids for one in training], config.batch_size, config.seed)
    task = progress.add_task(title, total=config.steps, note="")
    for step in range(1, config.steps + 1):
        model.train()
        ids_BT, mask_BT = padded([training[i] for i in batches.numbers(step - 1)])
        optimizer.zero_grad(set_to_none=True)
        hidden_ND = model.hidden(model.shifted(ids_BT))[mask_BT]
        logits_NV = model.lm_head(hidden_ND)
        log_sum_N = torch.logsumexp(logits_NV, -1)
        nats = F.cross_entropy(logits_NV, ids_BT[mask_BT])
        if not torch.isfinite(nats):
            raise EqualInfoError(
                f"{title}: the loss is {nats.item()} at step {step}; lower the learning rate"
            )
        (nats + Z_LOSS * log_sum_N.square().mean()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        progress.update(task, advance=1, note=f"{nats.item():.3f} nats")
        if look and step in looks:
            model.eval()
            look(step)
    model.eval()


@dataclass(frozen=True)
class Scored:
    """Of each sequence: nats and hits of its targets, [targets] each."""

    nats: list[np.ndarray]
    hits: list[np.ndarray]


@torch.no_grad()
def score(model: Decoder, sequences: Sequence[Targeted], first_id: int = 0) -> Scored:
    """Nats of every target, and whether it was the likeliest id given the true ones before it.

    Args:
        first_id: from which on ids could be chosen; others are left out of the choice, not of the nats.
    """
    model.eval()
    nats: list[np.ndarray] = []
    hits: list[np.ndarray] = []
    for start in range(0, len(sequences), SCORED_AT_ONCE):
        part = sequences[start : start + SCORED_AT_ONCE]
        ids_BT, mask_BT = padded(part)
        logits_NV = model.lm_head(model.hidden(model.shifted(ids_BT))[mask_BT]).float()
        targets_N = ids_BT[mask_BT]
        losses = F.cross_entropy(logits_NV, targets_N, reduction="none").numpy()
        likeliest = logits_NV[:, first_id:].argmax(1) + first_id
        right = (likeliest == targets_N).numpy()
        counts = [len(one.ids) - one.first_target for one in part]
        nats += np.split(losses, np.cumsum(counts)[:-1])
        hits += np.split(right, np.cumsum(counts)[:-1])
    return Scored(nats, hits)


def extended(model: Decoder, more: int, seed: int) -> Decoder:
    """A copy of `model` with `more` new ids after its own, whose rows are drawn as in a new model.

    The start symbol of preset `paper` is the row after the last id, and moves with it.

    Raises:
        EqualInfoError: a preset whose start symbol is an id.
    """
    if model.bos_id != model.vocab:
        raise EqualInfoError("only models of preset `paper` can be given more ids")
    larger = Decoder(model.size, model.vocab + more, model.preset)
    larger.init_weights(seed)
    weights, theirs = larger.state_dict(), model.state_dict()
    for name, tensor in theirs.items():
        if name not in ("embedding.weight", "lm_head.weight"):
            weights[name].copy_(tensor)
    weights["embedding.weight"][: model.vocab] = theirs["embedding.weight"][: model.vocab]
    weights["embedding.weight"][larger.bos_id] = theirs["embedding.weight"][model.bos_id]
    weights["lm_head.weight"][: model.vocab] = theirs["lm_head.weight"]
    return larger
