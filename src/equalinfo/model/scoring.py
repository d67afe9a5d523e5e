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


def cut_sequences(ids: np.ndarray, length: int) -> list[np.ndarray]:
    """An example's ids in consecutive sequences; the last may be shorter."""
    return [ids[start : start + length] for start in range(0, len(ids), length)]
