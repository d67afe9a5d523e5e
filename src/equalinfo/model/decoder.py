"""The paper's Transformer: T5 1.1's decoder without cross attention, with a gated ReLU feed-forward.

Shape suffixes: B batch, T positions, D model width, H heads, K head width, F feed-forward width, V ids.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equalinfo.model.sizes import Size

BUCKETS = 32
MAX_DISTANCE = 128  # T5's defaults; larger distances share the last bucket
NORM_EPSILON = 1e-6


def relative_bucket(distance: Tensor) -> Tensor:
    """T5's bucket of a backward distance (query position minus key position, 0 and up), 0 to 31.

    The first half of the buckets are exact distances, the rest grow logarithmically to MAX_DISTANCE
    (Raffel et al. 2020, causal case).
    """
    exact = BUCKETS // 2
    scaled = torch.log(distance.clamp(min=1).double() / exact) / math.log(MAX_DISTANCE / exact)
    far = exact + (scaled * (BUCKETS - exact)).long()
    return torch.where(distance < exact, distance, far.clamp(max=BUCKETS - 1))


class Norm(nn.Module):
    """RMSNorm with a gain and no bias (Zhang and Sennrich 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.gain.shape, self.gain, NORM_EPSILON)


class Layer(nn.Module):
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

    def forward(
        self, x_BTD: Tensor, bucket_TS: Tensor, future_TS: Tensor, cache: "LayerCache | None"
    ) -> Tensor:
        size = self.size
        batch, length, _ = x_BTD.shape
        normed_BTD = self.attention_norm(x_BTD)
        q, k, v = (
            projection(normed_BTD).view(batch, length, size.n_heads, size.d_head).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        if cache is not None:
            k, v = cache.append(k, v)
        bias_HTS = self.position_bias[bucket_TS].permute(2, 0, 1).masked_fill(future_TS, float("-inf"))
        # T5 does not divide scores by sqrt(K): the query's initial scale does it instead.
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=bias_HTS.expand(batch, -1, -1, -1), scale=1.0)
        x_BTD = x_BTD + self.attention_out(o.transpose(1, 2).reshape(batch, length, -1))
        normed_BTD = self.feed_forward_norm(x_BTD)
        return x_BTD + self.down(F.relu(self.gate(normed_BTD)) * self.up(normed_BTD))


class LayerCache:
    """Keys and values of the positions read so far, [B, H, T, K] each."""

    def __init__(self) -> None:
        self.k: Tensor | None = None
        self.v: Tensor | None = None

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        self.k = k if self.k is None else torch.cat([self.k, k], 2)
        self.v = v if self.v is None else torch.cat([self.v, v], 2)
        return self.k, self.v


class Decoder(nn.Module):
    """Predicts each id from the ids before it; the first from a learned start symbol.

    Args:
        size: dimensions.
        vocab: number of ids; the input table has one more row, the start symbol.
    """

    def __init__(self, size: Size, vocab: int) -> None:
        super().__init__()
        self.size, self.vocab = size, vocab
        self.embedding = nn.Embedding(vocab + 1, size.d_model)
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.n_layers))
        self.final_norm = Norm(size.d_model)
        self.logits = nn.Linear(size.d_model, vocab, bias=False)

    def initialise(self, seed: int) -> None:
        """Draws the weights as T5 1.1 does (variance scaling by fan-in), from `seed` alone."""
        generator = torch.Generator().manual_seed(seed)
        size = self.size

        def normal(weight: Tensor, deviation: float) -> None:
            with torch.no_grad():
                weight.normal_(0.0, deviation, generator=generator)

        normal(self.embedding.weight, 1.0)
        for layer in self.layers:
            assert isinstance(layer, Layer)
            inner = size.n_heads * size.d_head
            normal(layer.query.weight, (size.d_model * size.d_head) ** -0.5)
            normal(layer.key.weight, size.d_model**-0.5)
            normal(layer.value.weight, size.d_model**-0.5)
            normal(layer.attention_out.weight, inner**-0.5)
            normal(layer.position_bias, size.d_model**-0.5)
            normal(layer.gate.weight, size.d_model**-0.5)
            normal(layer.up.weight, size.d_model**-0.5)
            normal(layer.down.weight, size.d_ff**-0.5)
        normal(self.logits.weight, size.d_model**-0.5)
        for module in self.modules():
            if isinstance(module, Norm):
                nn.init.ones_(module.gain)

    def hidden(self, inputs_BT: Tensor, caches: list[LayerCache] | None = None) -> Tensor:
        """Final hidden states [B, T, D] of input ids (start symbol = `vocab`), after any cached positions."""
        length = inputs_BT.shape[1]
        past = 0 if caches is None or caches[0].k is None else caches[0].k.shape[2]
        query = torch.arange(past, past + length, device=inputs_BT.device)[:, None]
        distance = query - torch.arange(past + length, device=inputs_BT.device)[None, :]
        bucket = relative_bucket(distance.clamp(min=0))
        x_BTD = self.embedding(inputs_BT)
        for index, layer in enumerate(self.layers):
            x_BTD = layer(x_BTD, bucket, distance < 0, caches[index] if caches else None)
        return self.final_norm(x_BTD)

    def forward(self, ids_BT: Tensor) -> Tensor:
        """Logits [B, T, V]; row t predicts ids[:, t] from ids[:, :t]."""
        return self.logits(self.hidden(self.shifted(ids_BT)))

    def shifted(self, ids_BT: Tensor) -> Tensor:
        """The inputs that predict `ids_BT`: the start symbol, then all but the last id."""
        return F.pad(ids_BT[:, :-1], (1, 0), value=self.vocab)
