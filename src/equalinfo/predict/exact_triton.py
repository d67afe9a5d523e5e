"""One more byte for thousands of contexts at once, in Triton: the steps of `exact_torch.py` with fewer trips to memory.

Products are of float16 numbers with float32 sums: inputs are at most 2^10 and weights at most 2^11 here, which
float16 holds exactly, and sums stay below 2^24, which sums in single precision, the least that the hardware promises,
hold in any order. A model with a larger weight is refused (`fits`) and goes the way of float32. Everything between
products is as in `exact_kernels.py`: launches switch fused multiply-adds off, float32 divisions are the IEEE 754 ones.
"""

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from equalinfo.predict import exact_kernels as kernels
from equalinfo.predict.exact import INPUTS_AT_ONCE, MAX_DISTANCE
from equalinfo.predict.exact_torch import TorchModel

LARGEST_WEIGHT = 1 << 11
ROWS = 128  # contexts come in multiples of it
UNFUSED = {"enable_fp_fusion": False}
# Constants of exact_kernels, as Triton wants them.
KEY_LIMIT, NORM_LIMIT = tl.constexpr(511.0), tl.constexpr(1024.0)
EXACT, RESIDUAL_LIMIT, SHARE = tl.constexpr(4194304.0), tl.constexpr(2097152.0), tl.constexpr(32704.0)
ROUND32, ROUND64 = tl.constexpr(12582912.0), tl.constexpr(6755399441055744.0)
BELOW_ANY = tl.constexpr(-(1 << 30))


@triton.jit
def clipped(x, limit):
    return tl.minimum(tl.maximum(x, -limit), limit)


@triton.jit
def nearest(x):
    return (x + ROUND32) - ROUND32


@triton.jit
def two_to(below, powers, shift):
    """2^(30 - shift - below / 1024), rounded down."""
    return tl.load(powers + (below & 1023)) >> tl.minimum((below >> 10) + shift, 31)


@triton.jit
def _normalised(x, ROWS_: tl.constexpr, FACTOR: tl.constexpr, EPSILON: tl.constexpr):
    wide = x.to(tl.float64)
    scale = tl.full((ROWS_,), FACTOR, tl.float64) / tl.sqrt(tl.sum(wide * wide, 1) + EPSILON)
    scaled = (wide * scale[:, None] + ROUND64) - ROUND64
    return clipped(scaled, NORM_LIMIT).to(tl.float32).to(tl.float16)


@triton.jit
def _begin(
    symbols, positions, embedding, first_qkv, x, q, kv, CAPACITY, D: tl.constexpr, INNER: tl.constexpr
):
    """The embedding of each context's symbol, and the first layer's query, key and value, which hang on it alone."""
    n = tl.program_id(0).to(tl.int64)
    symbol, place = tl.load(symbols + n), tl.load(positions + n)
    ds, inner = tl.arange(0, D), tl.arange(0, INNER)
    tl.store(x + n * D + ds, tl.load(embedding + symbol * D + ds))
    row = first_qkv + symbol * 3 * INNER + inner
    tl.store(q + n * INNER + inner, tl.load(row))
    to = kv + (n * CAPACITY + place) * 2 * INNER + inner
    tl.store(to, tl.load(row + INNER))
    tl.store(to + INNER, tl.load(row + 2 * INNER))


@triton.jit
def _queries_keys_values(
    normed,
    weights,
    factors,
    positions,
    q,
    kv,
    CAPACITY,
    D: tl.constexpr,
    INNER: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
):
    rows, cols = tl.program_id(0) * BM + tl.arange(0, BM), tl.program_id(1) * BN + tl.arange(0, BN)
    ks = tl.arange(0, BK)
    acc = tl.zeros((BM, BN), tl.float32)
    for k in range(0, D, BK):
        a = tl.load(normed + rows[:, None] * D + (k + ks)[None, :])
        b = tl.load(weights + (k + ks)[:, None] * (3 * INNER) + cols[None, :])
        acc = tl.dot(a, b, acc)
    out = nearest(clipped(acc * tl.load(factors + cols)[None, :], KEY_LIMIT)).to(tl.float16)
    if tl.program_id(1) * BN < INNER:
        tl.store(q + rows[:, None] * INNER + cols[None, :], out)
    else:
        place = rows.to(tl.int64) * CAPACITY + tl.load(positions + rows)
        tl.store(kv + place[:, None] * (2 * INNER) + (cols - INNER)[None, :], out)


@triton.jit
def _scores(query, keys, biases, factor, position, s, H: tl.constexpr, K: tl.constexpr):
    """Scores [S, H] of one query [H, K] with the keys at s [S]."""
    hs, ks = tl.arange(0, H), tl.arange(0, K)
    at = s[:, None, None] * (2 * H * K) + hs[None, :, None] * K + ks[None, None, :]
    tile = tl.load(keys + at, mask=(s <= position)[:, None, None], other=0.0).to(tl.float32)
    dots = tl.sum(tile * query[None, :, :], 2)
    distance = tl.minimum(tl.maximum(position - s, 0), 128)
    bias = tl.load(biases + hs[None, :] * 129 + distance[:, None])
    score = nearest(clipped(dots * factor[None, :], EXACT)).to(tl.int32) + bias
    return tl.where((s <= position)[:, None], score, BELOW_ANY)


@triton.jit
def _attend(
    q,
    kv,
    positions,
    biases,
    factors,
    powers,
    out,
    CAPACITY,
    H: tl.constexpr,
    K: tl.constexpr,
    S: tl.constexpr,
):
    n = tl.program_id(0).to(tl.int64)
    position = tl.load(positions + n)
    hs, ks, ss = tl.arange(0, H), tl.arange(0, K), tl.arange(0, S)
    inside = hs[:, None] * K + ks[None, :]
    query = tl.load(q + n * H * K + inside).to(tl.float32)
    factor = tl.load(factors + hs)
    keys = kv + n * CAPACITY * 2 * H * K
    largest = tl.full((H,), BELOW_ANY, tl.int32)
    for s in range(0, position + 1, S):
        scores = _scores(query, keys, biases, factor, position, s + ss, H, K)
        largest = tl.maximum(largest, tl.max(scores, 0))
    total = tl.zeros((H,), tl.int32)
    for s in range(0, position + 1, S):
        scores = _scores(query, keys, biases, factor, position, s + ss, H, K)
        total += tl.sum(two_to(largest[None, :] - scores, powers, 14), 0)
    scale = tl.div_rn(tl.full((H,), SHARE, tl.float32), total.to(tl.float32))
    weights_sum = tl.zeros((H,), tl.int32)
    read = tl.zeros((H, K), tl.float32)
    for s in range(0, position + 1, S):
        scores = _scores(query, keys, biases, factor, position, s + ss, H, K)
        weights = two_to(largest[None, :] - scores, powers, 14)
        shares = (weights.to(tl.float32) * scale[None, :]).to(tl.int32)
        weights_sum += tl.sum(shares, 0)
        at = (s + ss)[:, None, None] * (2 * H * K) + H * K + inside[None, :, :]
        values = tl.load(keys + at, mask=(s + ss <= position)[:, None, None], other=0.0).to(tl.float32)
        read += tl.sum(shares.to(tl.float32)[:, :, None] * values, 0)
    divisor = tl.broadcast_to(weights_sum.to(tl.float32)[:, None], (H, K))
    tl.store(out + n * H * K + inside, nearest(tl.div_rn(read * 2.0, divisor)).to(tl.float16))


@triton.jit
def _project(
    attended,
    weights,
    factors,
    x,
    normed,
    largest,
    D: tl.constexpr,
    INNER: tl.constexpr,
    FACTOR: tl.constexpr,
    EPSILON: tl.constexpr,
    BM: tl.constexpr,
    BK: tl.constexpr,
):
    """Adds the attention's output to the residual stream and normalises it for the feed-forward."""
    rows, cols, ks = tl.program_id(0) * BM + tl.arange(0, BM), tl.arange(0, D), tl.arange(0, BK)
    acc = tl.zeros((BM, D), tl.float32)
    for k in range(0, INNER, BK):
        a = tl.load(attended + rows[:, None] * INNER + (k + ks)[None, :])
        b = tl.load(weights + (k + ks)[:, None] * D + cols[None, :])
        acc = tl.dot(a, b, acc)
    at = rows[:, None] * D + cols[None, :]
    delta = nearest(clipped(acc * tl.load(factors + cols)[None, :], EXACT))
    out = clipped(tl.load(x + at) + delta, RESIDUAL_LIMIT)
    tl.store(x + at, out)
    tl.store(normed + at, _normalised(out, BM, FACTOR, EPSILON))
    tl.store(largest + rows, tl.zeros((BM,), tl.int32))


@triton.jit
def _gated(
    normed,
    weights,
    factors,
    hidden,
    largest,
    D: tl.constexpr,
    F: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
):
    """relu(gate) x up [N, F] float32, and each row's largest magnitude, as the bits of its float32."""
    rows, cols = tl.program_id(0) * BM + tl.arange(0, BM), tl.program_id(1) * BN + tl.arange(0, BN)
    ks = tl.arange(0, BK)
    gate, up = tl.zeros((BM, BN), tl.float32), tl.zeros((BM, BN), tl.float32)
    for k in range(0, D, BK):
        a = tl.load(normed + rows[:, None] * D + (k + ks)[None, :])
        b = weights + (k + ks)[:, None] * (2 * F) + cols[None, :]
        gate = tl.dot(a, tl.load(b), gate)
        up = tl.dot(a, tl.load(b + F), up)
    gate = tl.maximum(gate * tl.load(factors + cols)[None, :], 0.0)
    out = gate * (up * tl.load(factors + F + cols)[None, :])
    tl.store(hidden + rows[:, None].to(tl.int64) * F + cols[None, :], out)
    tl.atomic_max(largest + rows, tl.max(tl.abs(out), 1).to(tl.int32, bitcast=True))


@triton.jit
def _down(
    hidden,
    weights,
    factors,
    largest,
    x,
    normed,
    D: tl.constexpr,
    F: tl.constexpr,
    FACTOR: tl.constexpr,
    EPSILON: tl.constexpr,
    PART: tl.constexpr,
    BM: tl.constexpr,
    BK: tl.constexpr,
):
    """Adds the feed-forward's output to the residual stream and normalises it for what follows."""
    rows, cols, ks = tl.program_id(0) * BM + tl.arange(0, BM), tl.arange(0, D), tl.arange(0, BK)
    bits = tl.load(largest + rows)
    exponent = tl.where(bits > 0, (bits >> 23) - 126, 0)  # as frexp's
    scale = ((10 - exponent + 127) << 23).to(tl.float32, bitcast=True)
    unit = ((exponent - 10 + 127) << 23).to(tl.float32, bitcast=True)
    row = rows[:, None].to(tl.int64) * F
    total = tl.zeros((BM, D), tl.int32)
    for part in tl.static_range(0, F, PART):
        acc = tl.zeros((BM, D), tl.float32)
        for k in range(part, part + PART, BK):
            a = nearest(tl.load(hidden + row + (k + ks)[None, :]) * scale[:, None]).to(tl.float16)
            b = tl.load(weights + (k + ks)[:, None] * D + cols[None, :])
            acc = tl.dot(a, b, acc)
        total += acc.to(tl.int32)
    at = rows[:, None] * D + cols[None, :]
    scaled = (total.to(tl.float32) * tl.load(factors + cols)[None, :]) * unit[:, None]
    out = clipped(tl.load(x + at) + nearest(clipped(scaled, EXACT)), RESIDUAL_LIMIT)
    tl.store(x + at, out)
    tl.store(normed + at, _normalised(out, BM, FACTOR, EPSILON))


@triton.jit
def _logits(
    normed, weights, factors, out, D: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    rows, cols = tl.program_id(0) * BM + tl.arange(0, BM), tl.program_id(1) * BN + tl.arange(0, BN)
    ks = tl.arange(0, BK)
    acc = tl.zeros((BM, BN), tl.float32)
    for k in range(0, D, BK):
        a = tl.load(normed + rows[:, None] * D + (k + ks)[None, :])
        b = tl.load(weights + (k + ks)[:, None] * 256 + cols[None, :])
        acc = tl.dot(a, b, acc)
    logits = nearest(clipped(acc * tl.load(factors + cols)[None, :], EXACT)).to(tl.int32)
    tl.store(out + rows[:, None] * 256 + cols[None, :], logits)


@triton.jit
def frequencies_of(logits, powers):
    """Frequencies [256] from logits [256], as `kernels.frequencies`."""
    largest = tl.max(logits, 0)
    places = tl.arange(0, 256)
    best = tl.min(tl.where(logits == largest, places, 256), 0)
    shares = two_to(largest - logits, powers, 0)
    # A sum of 256 powers of up to 2^30 needs 64 bits.
    total = tl.sum(shares.to(tl.int64), 0).to(tl.float64)
    scale = tl.full((1,), 16128.0, tl.float64) / total
    out = 1 + (shares.to(tl.float64) * scale).to(tl.int32)
    return out + tl.where(places == best, 16384 - tl.sum(out, 0), 0)


@triton.jit
def _frequencies(logits, powers, out):
    n, places = tl.program_id(0).to(tl.int64), tl.arange(0, 256)
    tl.store(out + n * 256 + places, frequencies_of(tl.load(logits + n * 256 + places), powers))


def fits(model: TorchModel) -> bool:
    """Whether a model's numbers are within what these kernels take."""
    size = model.size
    widths = (size.d_model, size.n_heads * size.d_head, size.d_ff, size.n_heads, size.d_head)
    weights = max(float(matrix.abs().max()) for matrix in model._matrices.values())
    return (
        weights <= LARGEST_WEIGHT
        and all(width & (width - 1) == 0 for width in widths)
        and size.d_model <= INPUTS_AT_ONCE
        and size.n_heads * size.d_head <= INPUTS_AT_ONCE
    )


class Steps:
    """Contexts that each take one byte at a time, all of them together.

    Args:
        model: a model that `fits`.
        contexts: how many, a multiple of ROWS.
        capacity: positions that each can hold, the start symbol's included.

    Attributes:
        symbols: the byte that each context takes next, [contexts] int32.
        positions: where it stands, 1 for the first; [contexts] int32.
        logits: after `launch`, of the byte that follows, [contexts, 256] int32; see `frequencies_of`.
    """

    def __init__(self, model: TorchModel, contexts: int, capacity: int) -> None:
        assert contexts % ROWS == 0
        size, device = model.size, model.device
        self.size, self.contexts, self.capacity, self.powers = size, contexts, capacity, model._powers
        self.inner = size.n_heads * size.d_head
        self.embedding, self.units = model._table, model._units
        self.weights = {name: matrix.half() for name, matrix in model._matrices.items()}
        self.biases = [bias.contiguous() for bias in model._biases]
        assert self.biases[0].shape[1] == MAX_DISTANCE + 1
        self.factor = math.sqrt(size.d_model) * (1 << kernels.NORM_BITS)
        self.epsilon = round(size.d_model * kernels.NORM_EPSILON * (1 << (2 * kernels.RESIDUAL_BITS)))
        with torch.inference_mode():
            self.first_qkv = torch.cat(model._queries_keys_values(0, self.embedding), 1).half()

        def empty(*shape: int, dtype: torch.dtype = torch.float16) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        self.symbols, self.positions = (empty(contexts, dtype=torch.int32) for _ in range(2))
        self.positions += 1
        self.x = empty(contexts, size.d_model, dtype=torch.float32)
        self.normed = empty(contexts, size.d_model)
        self.q, self.attended = empty(contexts, self.inner), empty(contexts, self.inner)
        self.hidden = empty(contexts, size.d_ff, dtype=torch.float32)
        self.largest = empty(contexts, dtype=torch.int32)
        self.logits = empty(contexts, 256, dtype=torch.int32)
        # The start symbol's keys and values are the same in all contexts.
        start = model.new_contexts(1)
        start._start()
        self.caches = []
        for index in range(size.n_layers):
            cache = empty(contexts, capacity, 2 * self.inner)
            key, value = (start._caches[2 * index + which][0, :, 0].flatten() for which in (0, 1))
            cache[:, 0] = torch.cat([torch.as_tensor(key), torch.as_tensor(value)]).half()
            self.caches.append(cache)

    def launch(self, tiles: dict[str, int] | None = None) -> None:
        """Every context takes its symbol at its position."""
        n, inner, width = self.contexts, self.inner, self.size.d_model
        tile = {"bm": 64, "bn": min(128, inner), "gate_n": 128, "bk": 64, "stages": 3} | (tiles or {})
        bk = min(tile["bk"], width, inner)
        several = {"num_warps": 8, "num_stages": tile["stages"], **UNFUSED}
        arguments = (
            self.symbols,
            self.positions,
            self.embedding,
            self.first_qkv,
            self.x,
            self.q,
            self.caches[0],
        )
        _begin[(n,)](*arguments, self.capacity, D=width, INNER=inner, num_warps=2, **UNFUSED)
        for index in range(self.size.n_layers):
            if index:
                bn = min(tile["bn"], inner)
                product = self.normed, *self._matrix(f"layer{index}.query_key_value")
                written = self.positions, self.q, self.caches[index], self.capacity
                shape = {"D": width, "INNER": inner, "BM": ROWS, "BN": bn, "BK": bk}
                _queries_keys_values[(n // ROWS, 3 * inner // bn)](*product, *written, **shape, **several)
            self._attention(index, tile.get("attend_warps", 2))
            self._rest_of_layer(index, tile, bk, several)
        product = self.normed, *self._matrix("logits")
        _logits[(n // ROWS, 2)](*product, self.logits, D=width, BM=ROWS, BN=128, BK=bk, **several)

    def _matrix(self, name: str) -> tuple[Tensor, Tensor]:
        return self.weights[name], self.units[name]

    def _attention(self, index: int, warps: int) -> None:
        size, units = self.size, self.units[f"layer{index}.score_bits"]
        past = self.q, self.caches[index], self.positions, self.biases[index], units, self.powers
        shape = {"H": size.n_heads, "K": size.d_head, "S": 8}
        _attend[(self.contexts,)](*past, self.attended, self.capacity, **shape, num_warps=warps, **UNFUSED)

    def _rest_of_layer(self, index: int, tile: dict[str, int], bk: int, several: dict[str, Any]) -> None:
        """The attention's output and the feed-forward are added to the residual stream."""
        n, width, inner, forward = self.contexts, self.size.d_model, self.inner, self.size.d_ff
        norm = {"FACTOR": self.factor, "EPSILON": self.epsilon}
        bm, bn = tile["bm"], min(tile["gate_n"], forward)
        product = self.attended, *self._matrix(f"layer{index}.attention_out")
        shape = {"D": width, "INNER": inner, "BM": bm, "BK": bk}
        _project[(n // bm,)](*product, self.x, self.normed, self.largest, **shape, **norm, **several)
        product = self.normed, *self._matrix(f"layer{index}.gate_up")
        shape = {"D": width, "F": forward, "BM": ROWS, "BN": bn, "BK": bk}
        _gated[(n // ROWS, forward // bn)](*product, self.hidden, self.largest, **shape, **several)
        product = self.hidden, *self._matrix(f"layer{index}.down")
        shape = {"D": width, "F": forward, "PART": min(INPUTS_AT_ONCE, forward), "BM": bm}
        shape["BK"] = min(tile["bk"], forward)
        _down[(n // bm,)](*product, self.largest, self.x, self.normed, **shape, **norm, **several)

    def frequencies(self) -> Tensor:
        """Frequencies of the byte that follows, after `launch`; [contexts, 256] int32."""
        out = torch.empty_like(self.logits)
        _frequencies[(self.contexts,)](self.logits, self.powers, out, num_warps=1, enable_fp_fusion=False)
        return out
