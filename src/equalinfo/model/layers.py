"""What the presets share: norm, cache of keys and values, and the layer but for its positions and activation.

Shape suffixes here and in the presets: B batch, T positions, S positions that can be attended to, D model width,
H heads, K head width, F feed-forward width, V ids.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equalinfo.sizes import Size

NORM_EPSILON = 1e-6

# Fills a weight with normal draws of a standard deviation.
Normal = Callable[[Tensor, float], None]


def normal_draws(seed: int) -> Normal:
    """Normal draws that `seed` alone decides, one after the other."""
    generator = torch.Generator().manual_seed(seed)

    def normal(weight: Tensor, deviation: float) -> None:
        with torch.no_grad():
            weight.normal_(0.0, deviation, generator=generator)

    return normal


class RMSNorm(nn.Module):
    """RMSNorm with a gain and no bias (Zhang and Sennrich 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    @staticmethod
    def reset_all(model: nn.Module) -> None:
        """Gives every norm of a model the gain 1."""
        for module in model.modules():
            if isinstance(module, RMSNorm):
                nn.init.ones_(module.gain)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.gain.shape, self.gain, NORM_EPSILON)


class LayerCache:
    """Keys and values of the positions read so far, [B, H, T, K] each."""

    def __init__(self) -> None:
        self.k: Tensor | None = None
        self.v: Tensor | None = None

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        self.k = k if self.k is None else torch.cat([self.k, k], 2)
        self.v = v if self.v is None else torch.cat([self.v, v], 2)
        return self.k, self.v


class Layer(nn.Module):
    """Causal self-attention, then a gated feed-forward; both pre-norm, no biases. A preset is a subclass."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        inner = size.n_heads * size.d_head
        self.attention_norm = RMSNorm(size.d_model)
        # Separate matrices, as in T5: one fused matrix measured 20 % slower to train on a CPU, because the
        # gradients of its parts must be copied together.
        self.query = nn.Linear(size.d_model, inner, bias=False)
        self.key = nn.Linear(size.d_model, inner, bias=False)
        self.value = nn.Linear(size.d_model, inner, bias=False)
        self.attention_out = nn.Linear(inner, size.d_model, bias=False)
        self.feed_forward_norm = RMSNorm(size.d_model)
        self.gate = nn.Linear(size.d_model, size.d_ff, bias=False)
        self.up = nn.Linear(size.d_model, size.d_ff, bias=False)
        self.down = nn.Linear(size.d_ff, size.d_model, bias=False)

    @abstractmethod
    def init_weights(self, normal: Normal) -> None:
        """Draws the preset's initial weights."""

    @staticmethod
    @abstractmethod
    def positions(size: Size, past: int, length: int, device: torch.device) -> Any:
        """What every layer needs to know of `length` positions after `past` cached ones."""

    @abstractmethod
    def attend(
        self, q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, positions: Any, cache: LayerCache | None
    ) -> Tensor:
        """What each position reads from those up to it, [B, H, T, K]."""

    @staticmethod
    @abstractmethod
    def activation(gate: Tensor) -> Tensor:
        """The nonlinearity of the feed-forward's gate."""

    def forward(self, x_BTD: Tensor, positions: Any, cache: LayerCache | None) -> Tensor:
        size = self.size
        batch, length, _ = x_BTD.shape
        normed_BTD = self.attention_norm(x_BTD)
        q, k, v = (
            projection(normed_BTD).view(batch, length, size.n_heads, size.d_head).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        o_BHTK = self.attend(q, k, v, positions, cache)
        x_BTD = x_BTD + self.attention_out(o_BHTK.transpose(1, 2).reshape(batch, length, -1))
        normed_BTD = self.feed_forward_norm(x_BTD)
        return x_BTD + self.down(self.activation(self.gate(normed_BTD)) * self.up(normed_BTD))
