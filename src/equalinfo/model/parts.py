"""What the layers of every preset share.

Shape suffixes here and in the presets: B batch, T positions, S positions that can be attended to, D model width,
H heads, K head width, F feed-forward width, V ids.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPSILON = 1e-6

# Fills a weight with normal draws of a standard deviation.
Normal = Callable[[Tensor, float], None]


class Norm(nn.Module):
    """RMSNorm with a gain and no bias (Zhang and Sennrich 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

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
