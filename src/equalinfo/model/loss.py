"""Cross-entropy with the paper's z-loss, in pieces so that a large vocabulary fits in memory."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from equalinfo.model.decoder import Decoder

Z_LOSS = 1e-4  # Lester et al. 2024, training settings: keeps log sum exp near 0
LOGITS_AT_ONCE = 1 << 22  # logits held at a time; 16 MB in float32


def next_id_loss(model: Decoder, ids_BT: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of each id given those before it, in nats, and the mean z-loss term.

    The output layer runs over a slice of the positions at a time and is recomputed for the gradient,
    so B x T x V logits never exist together.
    """
    hidden_ND = model.hidden(model.shifted(ids_BT)).flatten(0, 1)
    target_N = ids_BT.flatten()
    rows = max(1, LOGITS_AT_ONCE // model.vocab)
    nats = hidden_ND.new_zeros((), dtype=torch.float32)
    z = hidden_ND.new_zeros((), dtype=torch.float32)
    for part_ND, part_N in zip(hidden_ND.split(rows), target_N.split(rows), strict=True):
        if len(hidden_ND) > rows and torch.is_grad_enabled():
            part_nats, part_z = checkpoint(
                _slice_loss, model.logits.weight, part_ND, part_N, use_reentrant=False
            )
        else:
            part_nats, part_z = _slice_loss(model.logits.weight, part_ND, part_N)
        nats, z = nats + part_nats, z + part_z
    return nats / target_N.numel(), Z_LOSS * z / target_N.numel()


def _slice_loss(weight_VD: Tensor, hidden_ND: Tensor, target_N: Tensor) -> tuple[Tensor, Tensor]:
    logits_NV = F.linear(hidden_ND, weight_VD).float()
    log_sum_N = torch.logsumexp(logits_NV, -1)
    correct_N = logits_NV.gather(1, target_N[:, None]).squeeze(1)
    return (log_sum_N - correct_N).sum(), log_sum_N.square().sum()
