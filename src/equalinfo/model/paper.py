"""The layers of preset `paper`: T5 1.1's decoder without cross attention, with a gated ReLU feed-forward."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equalinfo.model.layers import Layer, LayerCache, Normal
from equalinfo.sizes import BUCKETS, MAX_DISTANCE, Size

SLOPES = 4  # powers of two from the steepest head to where the next would be


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
    """Queries that stand after all but the last keys, one each.

    Args:
        bucket_S: of the distances S - 1 to 0.
        queries: how many.
    """

    bucket_S: Tensor
    queries: int


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

    def prefer_near(self) -> None:
        """Lowers the biases of keys that are far, in each head by another slope (as ALiBi, Press et al. 2022).

        From T5's own biases a byte model knows, for thousands of steps, no more than the byte before.
        """
        heads = self.size.n_heads
        slopes_H = 2.0 ** (-SLOPES * torch.arange(heads) / heads)
        with torch.no_grad():
            self.position_bias.sub_(torch.arange(BUCKETS)[:, None] * slopes_H)

    @staticmethod
    def positions(size: Size, past: int, length: int, device: torch.device) -> Positions:
        distances = torch.arange(past + length - 1, -1, -1, device=device)
        return Positions(relative_bucket(distances), length)

    def attend(
        self, q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, positions: Positions, cache: LayerCache | None
    ) -> Tensor:
        k, v = (k_BHTK, v_BHTK) if cache is None else cache.append(k_BHTK, v_BHTK)
        # Rounded before it is repeated for each sequence.
        mask_BHTS = self._biases(positions).to(q_BHTK.dtype).expand(len(q_BHTK), -1, -1, -1)
        # T5 does not divide scores by sqrt(K): the query's initial scale does it instead.
        return F.scaled_dot_product_attention(q_BHTK, k, v, attn_mask=mask_BHTS, scale=1.0)

    def _biases(self, positions: Positions) -> Tensor:
        """The bias of each query and key, [H, T, S]; of keys that a query may not see, -inf.

        All rows hold the same numbers, each a place further on, so what is looked up is one row: gradients of a table
        of all would add up one by one where a million distances share 32 biases.
        """
        queries, keys = positions.queries, len(positions.bucket_S)
        near_HS = self.position_bias[positions.bucket_S].T
        row_HR = F.pad(near_HS, (0, queries), value=float("-inf"))
        width = queries + keys
        # Rows of one number less begin a place earlier each time.
        skewed = row_HR[:, None].expand(-1, queries, -1).flatten(1)[:, : queries * (width - 1)]
        return skewed.unflatten(1, (queries, width - 1))[:, :, queries - 1 :].contiguous()

    @staticmethod
    def activation(gate: Tensor) -> Tensor:
        return F.relu(gate)
