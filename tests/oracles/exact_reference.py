"""The exact model once more, in Python's own integers: slow, short, and what the fast path is tested against.

One sequence, one position after another, one sum per value; nothing is batched, cached or blocked. Where the format
rounds to a float, the rounding is that of IEEE 754: Python's floats are float64, `_float32` rounds to float32.
"""

import math
from fractions import Fraction
from functools import cache

import numpy as np

from equalinfo.predict.base import FREQUENCY_TOTAL
from equalinfo.predict.exact import ExactModel

Vector = list[int]


def frequencies(model: ExactModel, text: bytes) -> list[Vector]:
    """The 256 frequencies after each prefix of `text`, the empty one first: len(text) + 1 rows."""
    size, weights = model.size, model.integers
    stream = [weights["embedding"][index].tolist() for index in (256, *text)]
    for i in range(size.n_layers):
        layer = {name.partition(".")[2]: w for name, w in weights.items() if name.startswith(f"layer{i}.")}
        projected = [
            [_clip(round(value), 511) for value in _product(_norm(x), layer, "query_key_value")]
            for x in stream
        ]
        attended = [_attention(projected[: t + 1], layer, size.n_heads) for t in range(len(stream))]
        for t, x in enumerate(stream):
            x = _sum(x, _product(attended[t], layer, "attention_out"))
            gates_and_ups = _product(_norm(x), layer, "gate_up")
            gates, ups = gates_and_ups[: size.d_ff], gates_and_ups[size.d_ff :]
            exact = [max(gate, Fraction(0)) * up for gate, up in zip(gates, ups, strict=True)]
            hidden = [_float32(value) for value in exact]
            unit = _unit(max(abs(value) for value in hidden))
            down = _product([round(value / unit) for value in hidden], layer, "down")
            stream[t] = _sum(x, [value * unit for value in down])
    return [_shares([round(value) for value in _product(_norm(x), weights, "logits")]) for x in stream]


def bucket(distance: int) -> int:
    """T5's bucket: 0 to 15 as they are, then the largest 16 + i with distance >= 16 * 8^(i / 16), at most 31."""
    if distance < 16:
        return distance
    return 16 + max(i for i in range(16) if distance**16 >= 16**16 * 8**i)


@cache
def power_of_two(i: int) -> int:
    """2^(30 - i / 1024) rounded to the nearest integer: n - 1/2 <= it < n + 1/2, raised to the 1024th power."""
    n = round(2 ** (30 - i / 1024))
    while (2 * n + 1) ** 1024 <= 1 << (31 * 1024 - i):
        n += 1
    while (2 * n - 1) ** 1024 > 1 << (31 * 1024 - i):
        n -= 1
    return n


def _power(below: int, one: int) -> int:
    """2^(one - below / 1024), rounded down from the table's 30 bits."""
    return power_of_two(below % 1024) >> (below // 1024 + 30 - one)


def _product(vector: Vector, tensors: dict[str, np.ndarray], name: str) -> list[Fraction]:
    """vector @ matrix / 2^bits as float32 holds it; every partial sum stays far inside 64 bits."""
    sums = (np.array(vector, np.int64) @ tensors[name].astype(np.int64)).tolist()
    bits = tensors[f"{name}.bits"].tolist()
    return [_float32(Fraction(value) / Fraction(2) ** b) for value, b in zip(sums, bits, strict=True)]


def _float32(value: Fraction) -> Fraction:
    """What float32 holds of `value`: 24 significant bits, halves to even (no exponent is extreme here)."""
    if value == 0:
        return value
    exponent = value.numerator.bit_length() - value.denominator.bit_length() - 24
    exponent += abs(value) >= Fraction(2) ** (
        exponent + 24
    )  # the quotient of n and m bits has n - m or one more
    return round(value / Fraction(2) ** exponent) * Fraction(2) ** exponent


def _unit(largest: Fraction) -> Fraction:
    """The power of two in which `largest` is at least 512 and less than 1,024; 2^-10 where it is zero."""
    unit = Fraction(1, 1 << 10)
    while largest and largest / unit >= 1024:
        unit *= 2
    while largest and largest / unit < 512:
        unit /= 2
    return unit


def _clip(value: int, limit: int) -> int:
    return min(max(value, -limit), limit)


def _sum(x: Vector, product: list[Fraction]) -> Vector:
    return [_clip(a + _clip(round(b), 1 << 22), 1 << 21) for a, b in zip(x, product, strict=True)]


def _norm(x: Vector) -> Vector:
    epsilon = round(len(x) * 1e-6 * (1 << 24))
    factor = math.sqrt(len(x)) * 128 / math.sqrt(sum(value * value for value in x) + epsilon)
    return [_clip(round(value * factor), 1 << 10) for value in x]


def _attention(rows: list[Vector], layer: dict[str, np.ndarray], heads: int) -> Vector:
    """What the last of `rows` (query, key and value side by side) reads from all of them."""
    inner = len(rows[0]) // 3
    width = inner // heads
    out = []
    for head in range(heads):
        query, key, value = (
            slice(part * inner + head * width, part * inner + (head + 1) * width) for part in range(3)
        )
        unit = Fraction(2) ** int(layer["score_bits"][head])
        scores = [
            _clip(round(sum(a * b for a, b in zip(rows[-1][query], row[key], strict=True)) / unit), 1 << 22)
            + int(layer["position_bias"][bucket(len(rows) - 1 - position), head])
            for position, row in enumerate(rows)
        ]
        powers = [_power(max(scores) - score, 16) for score in scores]
        scale = _float32(((1 << 15) - 64) / _float32(Fraction(sum(powers))))
        weights = [int(_float32(power * scale)) for power in powers]
        for column in range(width):
            total = sum(weight * row[value][column] for weight, row in zip(weights, rows, strict=True))
            out.append(round(_float32(Fraction(2 * total, sum(weights)))))
    return out


def _shares(logits: Vector) -> Vector:
    """1 for each byte, the rest in proportion, what is left over to the first of the likeliest."""
    limited = [_clip(logit, 1 << 22) for logit in logits]
    powers = [_power(max(limited) - logit, 30) for logit in limited]
    scale = (FREQUENCY_TOTAL - 256) / sum(powers)
    shares = [1 + int(power * scale) for power in powers]
    shares[limited.index(max(limited))] += FREQUENCY_TOTAL - sum(shares)
    return shares
