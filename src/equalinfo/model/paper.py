"""The layers of preset `paper`: T5 1.1's decoder without cross attention, with a gated ReLU feed-forward."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equalinfo.model.parts import LayerCache, Norm, Normal
from equalinfo.model.sizes import Size

BUCKETS = 32
MAX_DISTANCE = 128  # T5's defaults; larger distances share the last bucket


def relative_bucket(distance: Tensor) -> Tensor:
    """T5's bucket of a backward distance (query position minus key position, 0 and up), 0 to 31.

    The first half of the buckets are exact distances, the rest grow logarithmically to MAX_DISTANCE
    (Raffel et al. 2020, causal case).
    """
    exact = BUCKETS // 2
    scaled = torch.log(distance.clamp(min=1).double() / exact) / math.log(MAX_DISTANCE / exact)
    far = exact + (scaled * (BUCKETS - exact)).long()
    return torch.where(distance < exact, distance, far.clamp(max=BUCKETS - 1))


class Positions(NamedTuple):
    """How far each query stands from each key, and which keys it may not see."""

    bucket_TS: Tensor
    future_TS: Tensor


class PaperLayer(nn.Module):
    """Causal self-attention with a learned relative position bias, then ReGLU; both pre-norm."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        inner = size.n_heads * size.d_head
        self.attention_norm = Norm(size.d_model)
        # Separate matrices, as in T5: one fused matrix measured 20 % slower to train on a CPU, because the
        # gradients of its parts must be copied together.
        self.query = nn.Linear(size.d_model, inner, bias=False)
        self.key = nn.Linear(size.d_model, inner, bias=False)
        self.value = nn.Linear(size.d_model, inner, bias=False)
        self.attention_out = nn.Linear(inner, size.d_model, bias=False)
        self.position_bias = nn.Parameter(torch.zeros(BUCKETS, size.n_heads))
        self.feed_forward_norm = Norm(size.d_model)
        self.gate = nn.Linear(size.d_model, size.d_ff, bias=False)
        self.up = nn.Linear(size.d_model, size.d_ff, bias=False)
        self.down = nn.Linear(size.d_ff, size.d_model, bias=False)

    def initialise(self, normal: Normal) -> None:
        """T5 1.1's initial weights: variance scaling by fan-in."""
        size = self.size
        normal(self.query.weight, (size.d_model * size.d_head) ** -0.5)
        normal(self.key.weight, size.d_model**-0.5)
        normal(self.value.weight, size.d_model**-0.5)
        normal(self.attention_out.weight, (size.n_heads * size.d_head) ** -0.5)
        normal(self.position_bias, size.d_model**-0.5)
        normal(self.gate.weight, size.d_model**-0.5)
        normal(self.up.weight, size.d_model**-0.5)
        normal(self.down.weight, size.d_ff**-0.5)

    @staticmethod
    def positions(size: Size, past: int, length: int, device: torch.device) -> Positions:
        """What every layer needs to know of `length` positions after `past` cached ones."""
        query = torch.arange(past, past + length, device=device)[:, None]
        distance = query - torch.arange(past + length, device=device)[None, :]
        return Positions(relative_bucket(distance.clamp(min=0)), distance < 0)

    def forward(self, x_BTD: Tensor, positions: Positions, cache: LayerCache | None) -> Tensor:
        size = self.size
        batch, length, _ = x_BTD.shape
        normed_BTD = self.attention_norm(x_BTD)
        q, k, v = (
            projection(normed_BTD).view(batch, length, size.n_heads, size.d_head).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        if cache is not None:
            k, v = cache.append(k, v)
        bias_HTS = self.position_bias[positions.bucket_TS].permute(2, 0, 1)
        bias_HTS = bias_HTS.masked_fill(positions.future_TS, float("-inf"))
        # T5 does not divide scores by sqrt(K): the query's initial scale does it instead.
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=bias_HTS.expand(batch, -1, -1, -1), scale=1.0)
        x_BTD = x_BTD + self.attention_out(o.transpose(1, 2).reshape(batch, length, -1))
        normed_BTD = self.feed_forward_norm(x_BTD)
        return x_BTD + self.down(F.relu(self.gate(normed_BTD)) * self.up(normed_BTD))
