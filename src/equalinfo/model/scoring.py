"""How many nats a model spends on sequences of ids; bits/byte follow from it in `score.metrics`."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from equalinfo.model.decoder import Decoder

BATCH = 32


@torch.no_grad()
def total_nats(
    model: Decoder, sequences: Sequence[np.ndarray], advance: Callable[[int], None] | None = None
) -> float:
    """Summed cross-entropy in nats of every id of every sequence, each sequence from an empty context.

    Computed in float32. Sequences of different lengths are padded; padding is not scored.
    """
    model.eval()
    device = next(model.parameters()).device
    total = 0.0
    by_length = sorted(sequences, key=len, reverse=True)
    for start in range(0, len(by_length), BATCH):
        group = by_length[start : start + BATCH]
        length = len(group[0])
        ids_BT = torch.full((len(group), length), -100, dtype=torch.long)
        for row, ids in enumerate(group):
            ids_BT[row, : len(ids)] = torch.from_numpy(np.asarray(ids, np.int64))
        ids_BT = ids_BT.to(device)
        hidden_BTD = model.hidden(model.shifted(ids_BT.clamp(min=0)))
        # One sequence at a time through the output layer: B x T x V logits may not fit.
        for hidden_TD, ids_T in zip(hidden_BTD, ids_BT, strict=True):
            total += float(
                F.cross_entropy(model.logits(hidden_TD), ids_T, ignore_index=-100, reduction="sum")
            )
        if advance:
            advance(len(group))
    return total


@torch.no_grad()
def bits_at_precision(model: Decoder, ids: np.ndarray, precision: int) -> float:
    """Bits that a coder spends on one sequence whose probabilities are integers out of 2^precision, 1 or more.

    Every id gets 1, the rest is shared in proportion and rounded down, what is left goes to the likeliest
    (Lester et al. 2024, section 3.2). This is float M1's side of what the exact model costs.
    """
    ids_T = torch.from_numpy(np.asarray(ids, np.int64)).to(next(model.parameters()).device)
    probabilities_TV = torch.softmax(model(ids_T[None])[0].double(), -1)
    total = 1 << precision
    shares_TV = torch.floor(probabilities_TV * (total - model.vocab)) + 1
    shares_TV.scatter_add_(
        1, probabilities_TV.argmax(1, keepdim=True), total - shares_TV.sum(1, keepdim=True)
    )
    return float(-torch.log2(shares_TV.gather(1, ids_T[:, None]) / total).sum())


def cut_sequences(ids: np.ndarray, length: int) -> list[np.ndarray]:
    """An example's ids in consecutive sequences; the last may be shorter."""
    return [ids[start : start + length] for start in range(0, len(ids), length)]
