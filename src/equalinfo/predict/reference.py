"""The exact model once more, in Python's own integers: slow, short, and what the fast path is tested against.

One sequence, one position after another, one sum per value; nothing is batched, cached or blocked. Only
three results are floats, each defined by IEEE 754 to the last bit: the norm's factor (two square roots, a
division and a product) and the division by the sum of attention weights.
"""

import math
from functools import cache

import numpy as np

from equalinfo.predict.base import TOTAL
from equalinfo.predict.exact import ExactModel

Vector = list[int]


def frequencies(model: ExactModel, text: bytes) -> list[Vector]:
    """The 256 frequencies after each prefix of `text`, the empty one first: len(text) + 1 rows."""
    size, weights = model.size, model.integers
    stream = [weights["embedding"][index].tolist() for index in (256, *text)]
    for i in range(size.n_layers):
        layer = {name.partition(".")[2]: w for name, w in weights.items() if name.startswith(f"layer{i}.")}
        projected = [
            [_clip(_shifted(value, 17), 1 << 17) for value in _product(_norm(x), layer["query_key_value"])]
            for x in stream
        ]
        attended = [
            _attention(projected[: t + 1], layer["position_bias"], size.n_heads) for t in range(len(stream))
        ]
        for t, x in enumerate(stream):
            x = _sum(x, _product(attended[t], layer["attention_out"]))
            gates_and_ups = [_shifted(value, 17) for value in _product(_norm(x), layer["gate_up"])]
            pairs = zip(gates_and_ups[: size.d_ff], gates_and_ups[size.d_ff :], strict=True)
            hidden = [
                _clip(_shifted(min(max(gate, 0), 1 << 19) * _clip(up, 1 << 19), 10), 1 << 20)
                for gate, up in pairs
            ]
            stream[t] = _sum(x, _product(hidden, layer["down"]))
    return [_shares([_shifted(value, 17) for value in _product(_norm(x), weights["logits"])]) for x in stream]


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


def _product(vector: Vector, matrix: np.ndarray) -> Vector:
    """vector @ matrix; every partial sum stays far inside 64 bits."""
    return (np.array(vector, np.int64) @ matrix.astype(np.int64)).tolist()


def _shifted(value: int, bits: int) -> int:
    """value / 2^bits rounded to the nearest integer, halves to the even one."""
    quotient, rest = value >> bits, value & ((1 << bits) - 1)
    half = 1 << (bits - 1)
    return quotient + (rest > half or (rest == half and quotient % 2 == 1))


def _clip(value: int, limit: int) -> int:
    return min(max(value, -limit), limit)


def _sum(x: Vector, product: Vector) -> Vector:
    return [_clip(a + _shifted(b, 14), 1 << 21) for a, b in zip(x, product, strict=True)]


def _norm(x: Vector) -> Vector:
    epsilon = round(len(x) * 1e-6 * (1 << 24))
    factor = math.sqrt(len(x)) * 2048 / math.sqrt(sum(value * value for value in x) + epsilon)
    return [round(value * factor) for value in x]


def _attention(rows: list[Vector], bias: np.ndarray, heads: int) -> Vector:
    """What the last of `rows` (query, key and value side by side) reads from all of them."""
    inner = len(rows[0]) // 3
    width = inner // heads
    out = []
    for head in range(heads):
        query, key, value = (
            slice(part * inner + head * width, part * inner + (head + 1) * width) for part in range(3)
        )
        scores = [
            sum(a * b for a, b in zip(rows[-1][query], row[key], strict=True))
            + int(bias[bucket(len(rows) - 1 - position), head])
            for position, row in enumerate(rows)
        ]
        shares = [_power((max(scores) - score) >> 10, 20) for score in scores]
        for column in range(width):
            total = sum(share * row[value][column] for share, row in zip(shares, rows, strict=True))
            out.append(round(total / sum(shares)))
    return out


def _shares(logits: Vector) -> Vector:
    """1 for each byte, the rest in proportion, what is left over to the first of the likeliest."""
    powers = [_power(max(logits) - logit, 30) for logit in logits]
    shares = [1 + power * (TOTAL - 256) // sum(powers) for power in powers]
    shares[logits.index(max(logits))] += TOTAL - sum(shares)
    return shares
