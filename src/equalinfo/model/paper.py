"""The layers of preset `paper`: T5 1.1's decoder without cross attention, with a gated ReLU feed-forward."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equalinfo.model.layers import Layer, LayerCache, Normal
from equalinfo.sizes import BUCKETS, MAX_DISTANCE, Size


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


class PaperLayer(Layer):
    """Causal self-attention with a learned relative position bias, then ReGLU; both pre-norm."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        self.position_bias = nn.Parameter(torch.zeros(BUCKETS, size.n_heads))

    def init_weights(self, normal: Normal) -> None:
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
        query = torch.arange(past, past + length, device=device)[:, None]
        distance = query - torch.arange(past + length, device=device)[None, :]
        return Positions(relative_bucket(distance.clamp(min=0)), distance < 0)

    def attend(
        self, q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, positions: Positions, cache: LayerCache | None
    ) -> Tensor:
        k, v = (k_BHTK, v_BHTK) if cache is None else cache.append(k_BHTK, v_BHTK)
        bias_HTS = self.position_bias[positions.bucket_TS].permute(2, 0, 1)
        bias_HTS = bias_HTS.masked_fill(positions.future_TS, float("-inf"))
        mask_BHTS = bias_HTS.expand(len(q_BHTK), -1, -1, -1)
        # T5 does not divide scores by sqrt(K): the query's initial scale does it instead.
        return F.scaled_dot_product_attention(q_BHTK, k, v, attn_mask=mask_BHTS, scale=1.0)

    @staticmethod
    def activation(gate: Tensor) -> Tensor:
        return F.relu(gate)
