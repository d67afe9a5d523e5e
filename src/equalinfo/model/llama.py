"""The layers of preset `llama`: rotary positions and SwiGLU, as Hugging Face's `LlamaForCausalLM` computes them.

The same widths as preset `paper` (d_ff = 4 d), so that a size name means the same number of parameters.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from equalinfo.model.layers import Layer, LayerCache, Normal
from equalinfo.sizes import Size

ROPE_THETA = 10_000.0  # Su et al. 2021


class Positions(NamedTuple):
    """Rotation of each position, and which keys each query sees; None where SDPA's own causal mask says it."""

    cos_TK: Tensor  # half of K: pairs share an angle
    sin_TK: Tensor
    seen_TS: Tensor | None


def rotated(x_BHTK: Tensor, positions: Positions) -> Tensor:
    """Queries or keys turned by their position: dimension i together with i + K/2, as Hugging Face pairs them."""
    first, second = x_BHTK.chunk(2, -1)
    cos, sin = positions.cos_TK, positions.sin_TK
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1).type_as(x_BHTK)


class LlamaLayer(Layer):
    """Causal self-attention with rotary positions (Su et al. 2021), then SwiGLU (Shazeer 2020); both pre-norm."""

    def init_weights(self, normal: Normal) -> None:
        """Variance scaling by fan-in; what is added to the residual stream is smaller the more layers add to it."""
        size = self.size
        added = (2 * size.n_layers) ** -0.5
        for matrix in (self.query, self.key, self.value, self.gate, self.up):
            normal(matrix.weight, size.d_model**-0.5)
        normal(self.attention_out.weight, added * (size.n_heads * size.d_head) ** -0.5)
        normal(self.down.weight, added * size.d_ff**-0.5)

    @staticmethod
    def positions(size: Size, past: int, length: int, device: torch.device) -> Positions:
        exponents = torch.arange(0, size.d_head, 2, device=device).float() / size.d_head
        query = torch.arange(past, past + length, device=device)[:, None]
        angles_TK = query.float() * ROPE_THETA**-exponents
        seen = torch.arange(past + length, device=device)[None, :] <= query if past else None
        return Positions(angles_TK.cos(), angles_TK.sin(), seen)

    def attend(
        self, q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, positions: Positions, cache: LayerCache | None
    ) -> Tensor:
        q, k, v = rotated(q_BHTK, positions), rotated(k_BHTK, positions), v_BHTK
        if cache is not None:
            k, v = cache.append(k, v)
        seen = positions.seen_TS
        return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=seen is None)

    @staticmethod
    def activation(gate: Tensor) -> Tensor:
        return F.silu(gate)
