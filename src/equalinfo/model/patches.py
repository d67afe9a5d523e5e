"""A decoder of bytes that takes one step per window of text: nothing has to be read out of a code.

A small encoder turns the bytes of a window into one vector; the decoder's layers, M2, take one step per window; a local
decoder predicts each byte from the bytes before it and M2's state after the windows before. The shape is that of
MegaByte (Yu et al. 2023), SpaceByte (Slagle 2024) and BLT (Pagnoni et al. 2024); where windows close is the caller's.

Shape suffixes: B batch, T bytes, P windows, W local width, D width of M2, V byte values.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equalinfo.model.decoder import LAYERS, Decoder
from equalinfo.model.layers import Layer, Normal, RMSNorm, normal_draws
from equalinfo.sizes import Size

LOCAL_WIDTH = 128
REACH = 4  # bytes that a convolution reads
DILATIONS = (1, 2, 4)  # so that the local decoder sees 22 bytes
PLACES = 64  # places in a window that are told apart
BYTES = 256


class CausalConvolution(nn.Module):
    """A gated convolution over the bytes before each, added to what came in; pre-norm."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = RMSNorm(width)
        self.mix = nn.Linear(REACH * width, 2 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def init_weights(self, normal: Normal, added: float) -> None:
        """Variance scaling by fan-in; `added`: of what goes to the residual stream."""
        normal(self.mix.weight, self.mix.in_features**-0.5)
        normal(self.out.weight, added * self.out.in_features**-0.5)

    def forward(self, x_BTW: Tensor) -> Tensor:
        normed = self.norm(x_BTW)
        length = x_BTW.shape[1]
        shifted = [F.pad(normed, (0, 0, self.dilation * back, 0))[:, :length] for back in range(REACH)]
        value, gate = self.mix(torch.cat(shifted, -1)).chunk(2, -1)
        return x_BTW + self.out(F.silu(gate) * value)


class Windows(NamedTuple):
    """Where the windows of some texts lie.

    Args:
        of_byte_BT: the number of each byte's window, from 0 in each text.
        place_BT: of each byte in its window, at most PLACES - 1.
        most: the most windows of a text.
    """

    of_byte_BT: Tensor
    place_BT: Tensor
    most: int

    @classmethod
    def of(cls, starts_BT: Tensor) -> "Windows":
        """From where windows begin (bool); a text's first byte always begins one.

        Examples:
            >>> windows = Windows.of(torch.tensor([[False, False, True, False]]))
            >>> windows.of_byte_BT.tolist(), windows.place_BT.tolist(), windows.most
            ([[0, 0, 1, 1]], [[0, 1, 0, 1]], 2)
        """
        starts_BT = starts_BT.clone()
        starts_BT[:, 0] = True
        number_BT = starts_BT.cumsum(1) - 1
        here_T = torch.arange(starts_BT.shape[1], device=starts_BT.device)
        begin_BT = torch.where(starts_BT, here_T, torch.zeros_like(here_T)).cummax(1).values
        return cls(number_BT, (here_T - begin_BT).clamp(max=PLACES - 1), int(number_BT.max()) + 1)


class PatchDecoder(Decoder):
    """Predicts each byte from those before it, with one step of M2 per window.

    Args:
        size: of M2. Its layers are preset `llama`'s.
        steps: False leaves M2 out: the local decoder alone.
        prior: logits start at the logarithm of probabilities that the caller gives.

    Examples:
        >>> from equalinfo.sizes import size_by_name
        >>> model = PatchDecoder(size_by_name("65k"), steps=True, prior=False)
        >>> model.init_weights(seed=0)
        >>> starts = torch.tensor([[True, False, True, False, False]])
        >>> tuple(model.predict(torch.zeros(1, 5, dtype=torch.int64), starts).shape)
        (1, 5, 256)
    """

    def __init__(self, size: Size, steps: bool = True, prior: bool = False) -> None:
        super().__init__(replace(size, n_layers=1), BYTES, "llama")
        self.size, self.steps, self.prior = size, steps, prior
        width = LOCAL_WIDTH
        self.embedding = nn.Embedding(BYTES + 1, width)  # the last: before the first byte
        self.places = nn.Embedding(PLACES, width)
        self.lm_head = nn.Linear(width, BYTES, bias=False)
        self.local_norm = RMSNorm(width)
        local = [CausalConvolution(width, dilation) for dilation in DILATIONS]
        layers = [LAYERS["llama"](size) for _ in range(size.n_layers)] if steps else []
        encoder = [CausalConvolution(width, 1)] if steps else []
        # All in one list, which is what an optimizer for matrices takes.
        self.layers = nn.ModuleList([*layers, *encoder, *local])
        self.depth = len(layers)
        if steps:
            self.up = nn.Linear(2 * width, size.d_model, bias=False)
            self.down = nn.Linear(size.d_model, width, bias=False)
            self.start = nn.Parameter(torch.zeros(size.d_model))
        if prior:
            self.trust = nn.Parameter(torch.ones(()))

    def init_weights(self, seed: int) -> None:
        """As `Decoder.init_weights`; with a prior, the output begins at zero: at the prior itself."""
        normal = normal_draws(seed)
        normal(self.embedding.weight, 0.5)
        normal(self.places.weight, 0.1)
        for layer in self.layers:
            if isinstance(layer, Layer):
                layer.init_weights(normal)
            elif isinstance(layer, CausalConvolution):
                layer.init_weights(normal, (2 * len(DILATIONS)) ** -0.5)
        if self.steps:
            normal(self.up.weight, self.up.in_features**-0.5)
            normal(self.down.weight, self.down.in_features**-0.5)
            nn.init.zeros_(self.start)
        if self.prior:
            nn.init.zeros_(self.lm_head.weight)
            nn.init.ones_(self.trust)
        else:
            normal(self.lm_head.weight, LOCAL_WIDTH**-0.5)
        RMSNorm.reset_all(self)

    def predict(
        self, bytes_BT: Tensor, starts_BT: Tensor | None = None, prior_BTV: Tensor | None = None
    ) -> Tensor:
        """Logits [B, T, V]; row t predicts byte t from those before it.

        Args:
            starts_BT: whether a window begins at each byte; may depend on bytes before it alone.
            prior_BTV: logarithms of another model's probabilities of each byte.
        """
        before_BT = F.pad(bytes_BT[:, :-1], (1, 0), value=BYTES)
        x_BTW = self.embedding(before_BT)
        if self.steps:
            assert starts_BT is not None
            windows = Windows.of(starts_BT)
            x_BTW = x_BTW + self.places(windows.place_BT) + self._of_windows_before(bytes_BT, windows)
        for layer in self.layers[-len(DILATIONS) :]:
            x_BTW = layer(x_BTW)
        logits_BTV = self.lm_head(self.local_norm(x_BTW)).float()
        return logits_BTV if prior_BTV is None else logits_BTV + self.trust * prior_BTV

    def _of_windows_before(self, bytes_BT: Tensor, windows: Windows) -> Tensor:
        """For each byte what M2 knows after the windows before its own, [B, T, W]."""
        encoder = self.layers[self.depth]
        read_BTW = encoder(self.embedding(bytes_BT) + self.places(windows.place_BT)).float()
        number_BTW = windows.of_byte_BT[..., None].expand_as(read_BTW)
        empty_BPW = read_BTW.new_zeros(len(bytes_BT), windows.most, LOCAL_WIDTH)
        pooled = [
            empty_BPW.scatter_reduce(1, number_BTW, read_BTW, how, include_self=False)
            for how in ("mean", "amax")
        ]
        state_BPD = self.up(torch.cat(pooled, -1)).float()
        positions = LAYERS["llama"].positions(self.size, 0, windows.most, bytes_BT.device)
        for layer in self.layers[: self.depth]:
            state_BPD = layer(state_BPD, positions, None)
        start_B1D = self.start.to(state_BPD.dtype).expand(len(bytes_BT), 1, -1)
        known_BPD = torch.cat([start_B1D, self.final_norm(state_BPD)[:, :-1]], 1)
        down_BPW = self.down(known_BPD)
        return down_BPW.gather(1, windows.of_byte_BT[..., None].expand(-1, -1, LOCAL_WIDTH))

    def flops_per_byte(self, bytes_per_step: float) -> float:
        """Of predicting, a multiply-add counted as two; attention between steps left out."""
        local = [layer for layer in self.layers if isinstance(layer, CausalConvolution)]
        each_byte = (
            sum(p.numel() for layer in local for p in layer.parameters()) + self.lm_head.weight.numel()
        )
        if not self.steps:
            return 2.0 * each_byte
        each_step = self.size.parameters + self.up.weight.numel() + self.down.weight.numel()
        return 2.0 * (each_byte + each_step / bytes_per_step)
