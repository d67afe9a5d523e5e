"""The exact M1 of `exact.py` in torch: the same integers on `cpu` and `cuda`.

Products are float32 ones of integers whose sums stay below 2^24, with reduced-precision modes off. Between them
stand single operations, each rounded as IEEE 754 says: torch runs one kernel for each, so none are fused. Where it
would replace a division by a product with a reciprocal (by or of a Python number), both sides are tensors. `round`
takes halves to even, as the kernels do. Exponentials come from the table of integers; powers of two are made of their
bits.
"""

import math
from collections.abc import Callable
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from equalinfo.errors import EqualInfoError
from equalinfo.predict import exact_kernels as kernels
from equalinfo.predict.base import FREQUENCY_TOTAL
from equalinfo.predict.exact import INPUTS_AT_ONCE, ROWS_AT_ONCE, START, ExactModel, bucket_of_distance
from equalinfo.sizes import MAX_DISTANCE

NUMBERS_AT_ONCE = {"cpu": 1 << 22, "cuda": 1 << 27}  # attention scores in memory at a time
BELOW_ANY = -(1 << 30)


class TorchModel(ExactModel):
    """A checked exact model whose work torch does.

    Args:
        model: the model, already checked.
        device: "cpu" or "cuda".

    Raises:
        EqualInfoError: there is no such device.
    """

    slow = False  # it has a coder of its own

    def __init__(self, model: ExactModel, device: str) -> None:
        self.size, self.integers, self.fingerprint = model.size, model.integers, model.fingerprint
        self.flops_parameters = model.flops_parameters
        try:
            self.device = torch.device(device)
            torch.empty(0, device=self.device)
        except (RuntimeError, AssertionError) as error:
            raise EqualInfoError(
                f"there is no device {device!r} here; give cpu, or cuda on a machine with a GPU"
            ) from error
        self.on_gpu = self.device.type != "cpu"
        self._scores_at_once = NUMBERS_AT_ONCE["cuda" if self.on_gpu else "cpu"]
        self._matrices = {name: self._floats(model._weights[name]) for name in model._weights}
        self._table = self._floats(model._embedding)
        self._units = {name: self._floats(factors) for name, factors in model._factors.items()}
        self._powers = torch.from_numpy(kernels.POWERS).to(self.device)
        buckets = torch.from_numpy(bucket_of_distance(np.arange(MAX_DISTANCE + 1)))
        # Biases of each head by distance; all beyond the last share it.
        self._biases = [
            torch.from_numpy(self.integers[f"layer{i}.position_bias"])[buckets].T.contiguous().to(self.device)
            for i in range(self.size.n_layers)
        ]
        self.initial = self.frequencies(b"?")[0]

    def _floats(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(self.device)

    def frequencies(self, text: bytes) -> np.ndarray:
        """Frequencies of each byte of `text` given all those before it; [len(text), 256] int32."""
        if not text:
            return np.empty((0, 256), np.int32)
        inputs = np.concatenate([[START], np.frombuffer(text, np.uint8)[:-1]]).astype(np.int64)
        return self.frequencies_batch(torch.from_numpy(inputs)[None].to(self.device))[0].cpu().numpy()

    @torch.inference_mode()
    def frequencies_batch(self, inputs_BT: Tensor) -> Tensor:
        """Frequencies after each symbol of sequences that begin with the start symbol, 256; [B, T, 256] int32."""
        _no_reduced_precision()
        batch, length = inputs_BT.shape
        x_ND = self._table[inputs_BT.flatten()]
        for index in range(self.size.n_layers):
            attended_ND = self._attention_batch(index, x_ND, batch)
            x_ND = self._in_parts(x_ND, lambda x, a, i=index: self._rest(i, x, a), attended_ND)
        return self._in_parts(x_ND, self._frequencies).view(batch, length, 256)

    def _in_parts(self, x_ND: Tensor, work: Callable[..., Tensor], *more: Tensor) -> Tensor:
        rows = 1 << 16 if self.on_gpu else ROWS_AT_ONCE
        parts = [work(*some) for some in zip(*(one.split(rows) for one in (x_ND, *more)), strict=True)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _attention_batch(self, index: int, x_ND: Tensor, batch: int) -> Tensor:
        """What each position reads from those up to it in its own sequence, [B T, H K]."""
        size, length = self.size, len(x_ND) // batch
        q, k, v = (
            part.view(batch, length, size.n_heads, size.d_head).transpose(1, 2)
            for part in self._queries_keys_values(index, x_ND)
        )
        out_BHTK = torch.empty_like(q)
        several = max(1, self._scores_at_once // (size.n_heads * length * length))
        queries = min(length, max(1, self._scores_at_once // (size.n_heads * length)))
        places = torch.arange(length, device=self.device)
        for first in range(0, batch, several):
            some = slice(first, first + several)
            for start in range(0, length, queries):
                stop = min(start + queries, length)
                scores = q[some, :, start:stop] @ k[some, :, :stop].transpose(2, 3)
                distances = places[start:stop, None] - places[None, :stop]
                out_BHTK[some, :, start:stop] = self._read(index, scores, distances, v[some, :, :stop])
        return out_BHTK.transpose(1, 2).reshape(len(x_ND), -1)

    def _read(self, index: int, scores: Tensor, distances: Tensor, values: Tensor) -> Tensor:
        """Attended values from products of queries and keys [..., H, Q, S].

        Args:
            distances: from query to key, below zero for keys that the query must not see; [Q, S], or [N, Q, S].
        """
        near = distances.clamp(0, MAX_DISTANCE)
        biases = self._biases[index][:, near]  # [H, (N,) Q, S]
        if distances.dim() == 3:
            biases = biases.transpose(0, 1)
        unseen = (distances < 0).unsqueeze(-3)
        factors = self._units[f"layer{index}.score_bits"][:, None, None]
        scores = _clip(scores * factors, kernels.EXACT).round().int() + biases
        scores = scores.masked_fill_(unseen, BELOW_ANY)
        weights = self._two_to(
            scores.amax(-1, keepdim=True) - scores, kernels.PROBABILITY_ONE - kernels.WEIGHT_ONE
        )
        weights = weights.masked_fill_(unseen, 0)
        total = weights.sum(-1, keepdim=True).float()
        scale = torch.full_like(total, float(kernels.SHARE)) / total
        shares = (weights.float() * scale).int()
        weights_sum = shares.sum(-1, keepdim=True).float()
        return ((shares.float() @ values) * 2.0 / weights_sum).round()

    def _two_to(self, below: Tensor, shift: int) -> Tensor:
        """2^(PROBABILITY_ONE - shift - below / FRACTIONS), rounded down, int32; `below` is changed."""
        shifts = ((below >> kernels.FRACTION_BITS) + shift).clamp_(max=31)
        return self._powers[below.bitwise_and_(kernels.FRACTIONS - 1)] >> shifts

    def _product(self, name: str, inputs: Tensor) -> Tensor:
        """inputs @ weights, exactly: float32, or float64 where the sum is made of several parts."""
        weights = self._matrices[name]
        if len(weights) <= INPUTS_AT_ONCE:
            return inputs @ weights
        parts = zip(inputs.split(INPUTS_AT_ONCE, 1), weights.split(INPUTS_AT_ONCE), strict=True)
        return reduce(torch.add, ((some @ matrix).double() for some, matrix in parts))

    def _normalised(self, x_ND: Tensor) -> Tensor:
        """As `kernels.normalise`."""
        width = x_ND.shape[1]
        wide = x_ND.double()
        squares = wide.square().sum(1, keepdim=True)
        squares += round(width * kernels.NORM_EPSILON * (1 << (2 * kernels.RESIDUAL_BITS)))
        factor = torch.full_like(squares, math.sqrt(width) * (1 << kernels.NORM_BITS))
        scaled = wide * (factor / squares.sqrt())
        scaled = (scaled + kernels.ROUND64) - kernels.ROUND64
        return _clip(scaled, kernels.NORM_LIMIT).float()

    def _scaled(self, name: str, products: Tensor) -> Tensor:
        """Products times their columns' powers of two, float32."""
        return (products * self._units[name]).float()

    def _queries_keys_values(self, index: int, x_ND: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        name = f"layer{index}.query_key_value"
        scaled = self._scaled(name, self._product(name, self._normalised(x_ND)))
        q, k, v = _clip(scaled, kernels.KEY_LIMIT).round().chunk(3, 1)
        return q, k, v

    def _rest(self, index: int, x_ND: Tensor, attended_ND: Tensor) -> Tensor:
        """The residual stream after the attention's output and the feed-forward have been added."""
        name = f"layer{index}.attention_out"
        x_ND = _added(x_ND, self._scaled(name, self._product(name, attended_ND)))
        name = f"layer{index}.gate_up"
        gate, up = self._scaled(name, self._product(name, self._normalised(x_ND))).chunk(2, 1)
        hidden = gate.clamp(min=0) * up
        exponents = torch.frexp(hidden.abs().amax(1, keepdim=True))[1]
        hidden = (hidden * _power_of_two(kernels.FRACTION_BITS - exponents)).round()
        name = f"layer{index}.down"
        delta = self._scaled(name, self._product(name, hidden))
        return _added(x_ND, delta * _power_of_two(exponents - kernels.FRACTION_BITS))

    def _frequencies(self, x_ND: Tensor) -> Tensor:
        """As `kernels.frequencies`, [N, 256] int32."""
        products = self._scaled("logits", self._product("logits", self._normalised(x_ND)))
        logits = _clip(products, kernels.EXACT).round().int()
        largest = logits.amax(1, keepdim=True)
        places = torch.arange(256, device=self.device)
        best = torch.where(logits == largest, places, 256).amin(1, keepdim=True)
        powers = self._two_to(largest - logits, 0)
        total = powers.sum(1, keepdim=True).double()
        scale = torch.full_like(total, float(FREQUENCY_TOTAL - 256)) / total
        shares = 1 + (powers.double() * scale).int()
        left = FREQUENCY_TOTAL - shares.sum(1, keepdim=True)
        return shares.scatter_add_(1, best, left.int())

    @torch.inference_mode()
    def step(self, caches: list, slots: np.ndarray, positions: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """As `ExactModel.step`; caches are tensors [slots, H, capacity, K] int16."""
        _no_reduced_precision()
        chosen, places, inputs = (
            torch.from_numpy(np.ascontiguousarray(one, np.int64)).to(self.device)
            for one in (slots, positions, symbols)
        )
        heads, width = self.size.n_heads, self.size.d_head
        longest = int(positions.max()) + 1
        several = max(1, self._scores_at_once // (heads * longest * width))
        distances = places[:, None, None] - torch.arange(longest, device=self.device)
        x_ND = self._table[inputs]
        for index in range(self.size.n_layers):
            keys, values = caches[2 * index], caches[2 * index + 1]
            q, k, v = (part.view(-1, heads, width) for part in self._queries_keys_values(index, x_ND))
            keys[chosen, :, places], values[chosen, :, places] = k.short(), v.short()
            attended = torch.empty_like(q)
            for start in range(0, len(q), several):
                some = slice(start, start + several)
                past = keys[chosen[some], :, :longest].float()
                scores = q[some, :, None] @ past.transpose(2, 3)
                read = self._read(index, scores, distances[some], values[chosen[some], :, :longest].float())
                attended[some] = read[:, :, 0]
            x_ND = self._rest(index, x_ND, attended.flatten(1))
        return self._frequencies(x_ND).cpu().numpy()

    def new_caches(self, slots: int, capacity: int) -> list:
        shape = (slots, self.size.n_heads, capacity, self.size.d_head)
        return [
            torch.zeros(shape, dtype=torch.int16, device=self.device) for _ in range(2 * self.size.n_layers)
        ]


def _no_reduced_precision() -> None:
    """float32 products in float32: neither TF32 nor bfloat16, whatever other code of the process has chosen."""
    torch.set_float32_matmul_precision("highest")


def _clip(x: Tensor, limit: np.float32) -> Tensor:
    return x.clamp(-float(limit), float(limit))


def _added(x_ND: Tensor, delta: Tensor) -> Tensor:
    """The residual stream after an addition, clipped to its range."""
    return _clip(x_ND + _clip(delta, kernels.EXACT).round(), kernels.RESIDUAL_LIMIT)


def _power_of_two(exponents: Tensor) -> Tensor:
    """2^exponents as float32, made of its bits."""
    return ((exponents.int() + 127) << 23).view(torch.float32)
