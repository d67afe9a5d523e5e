"""Cross-entropy with the paper's z-loss, in pieces so that a large vocabulary fits in memory."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from equalinfo.model.config import Z_LOSS
from equalinfo.model.decoder import Decoder

# Logits held at a time, by kind of device: on a CPU as many as its caches hold, on a GPU what keeps it busy.
LOGITS_AT_ONCE = {"cpu": 1 << 20, "cuda": 1 << 28}
# But no fewer rows than these: each slice adds to the whole gradient of the output matrix.
LEAST_ROWS = 256


def next_id_loss(
    model: Decoder, ids_BT: Tensor, z_weight: float = Z_LOSS, added_BTD: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """What training minimises, and the mean cross-entropy of each id given those before it in nats.

    The first is the second plus `z_weight` times the mean square of log sum exp of the logits; gradients flow
    through it alone. The logits of all positions never exist together
    where they are more than LOGITS_AT_ONCE (but for LEAST_ROWS positions at least). `added_BTD`: as `Decoder.hidden`.
    """
    hidden_ND = model.hidden(model.shifted(ids_BT), added_BTD=added_BTD).flatten(0, 1)
    target_N = ids_BT.flatten()
    at_once = LOGITS_AT_ONCE.get(hidden_ND.device.type, LOGITS_AT_ONCE["cpu"])
    rows = max(LEAST_ROWS, at_once // model.vocab)
    weight_VD = model.lm_head.weight
    if len(hidden_ND) > rows:
        total, nats = _SlicedLoss.apply(hidden_ND, weight_VD, target_N, rows, z_weight)
        return total, nats
    logits_NV = F.linear(hidden_ND, weight_VD).float()
    log_sum_N = torch.logsumexp(logits_NV, -1)
    correct_N = logits_NV.gather(1, target_N[:, None]).squeeze(1)
    nats = (log_sum_N - correct_N).sum() / target_N.numel()
    return nats + z_weight * log_sum_N.square().sum() / target_N.numel(), nats.detach()


class _SlicedLoss(torch.autograd.Function):
    """The loss of `rows` positions at a time, and its gradients in the same pass while their logits are there.

    Nothing is recomputed later: three products with the output matrix, as without slices. Only the gradients of
    the hidden states [N, D] and of the output matrix [V, D] outlive a slice.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, target_N: Tensor, rows: int, z_weight: float
    ) -> tuple[Tensor, Tensor]:
        device, count = hidden_ND.device, target_N.numel()
        autocast = torch.is_autocast_enabled(device.type)
        product = torch.get_autocast_dtype(device.type) if autocast else weight_VD.dtype
        wanted = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        hidden_gradient_ND = torch.empty_like(hidden_ND) if wanted else None
        weight_gradient_VD = torch.zeros_like(weight_VD) if wanted else None
        nats, z = torch.zeros(2, dtype=torch.float32, device=device).unbind()
        with torch.autocast(device.type, enabled=False):
            inputs_ND, matrix_VD = hidden_ND.detach().to(product), weight_VD.detach().to(product)
            for start in range(0, count, rows):
                part = slice(start, start + rows)
                logits_NV = F.linear(inputs_ND[part], matrix_VD).float()
                log_sum_N1 = torch.logsumexp(logits_NV, -1, keepdim=True)
                targets_N1 = target_N[part, None]
                nats = nats + (log_sum_N1 - logits_NV.gather(1, targets_N1)).sum()
                z = z + log_sum_N1.square().sum()
                if hidden_gradient_ND is None or weight_gradient_VD is None:
                    continue
                # d/d logits of the mean: (1 + 2 z lse) softmax - onehot, over the number of ids.
                gradient_NV = logits_NV.sub_(log_sum_N1).exp_()
                gradient_NV *= (1 + 2 * z_weight * log_sum_N1) / count
                gradient_NV.scatter_add_(1, targets_N1, gradient_NV.new_full(targets_N1.shape, -1 / count))
                scaled_NV = gradient_NV.to(product)
                hidden_gradient_ND[part] = scaled_NV @ matrix_VD
                if product == weight_gradient_VD.dtype:
                    weight_gradient_VD.addmm_(scaled_NV.T, inputs_ND[part])
                else:  # sums over slices stay in the weights' precision
                    weight_gradient_VD += scaled_NV.T @ inputs_ND[part]
        if hidden_gradient_ND is not None and weight_gradient_VD is not None:
            ctx.save_for_backward(hidden_gradient_ND, weight_gradient_VD)
        nats = nats / count
        ctx.mark_non_differentiable(nats)
        return nats + z_weight * z / count, nats

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, _: Any) -> tuple[Tensor, Tensor, None, None, None]:
        hidden_gradient_ND, weight_gradient_VD = ctx.saved_tensors
        return hidden_gradient_ND * gradient, weight_gradient_VD * gradient, None, None, None
