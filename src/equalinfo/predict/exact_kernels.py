"""Element-wise steps of the exact model, compiled. Every array holds integers; see `exact.py` for scales.

`numba` compiles without fast-math, so each float operation is the IEEE 754 one and none are fused. Sums of
integers that float64 (or float32) holds exactly may be added in any order, and a maximum may be taken in any order, so
only such reductions let the compiler reorder. The kernels run on one thread and release the interpreter
lock: callers work on several texts side by side instead, which measured far faster than threads inside such
short loops.
"""

import math

import numpy as np

from equalinfo.kernels import kernel
from equalinfo.predict.base import FREQUENCY_TOTAL
from equalinfo.sizes import MAX_DISTANCE

RESIDUAL_BITS, NORM_BITS, SCORE_BITS, LOGIT_BITS = 12, 7, 10, 10
RESIDUAL_LIMIT = np.float32(1 << 21)  # 512.0; its square times 2,048 dimensions is 2^53
NORM_LIMIT = np.float32(1 << 10)  # 8 root mean squares
KEY_LIMIT = np.float32(511)  # 64 products of queries and keys stay below 2^24
VALUE_LIMIT = np.float32(511)
SHARE = np.float32((1 << 15) - 64)  # what attention weights add up to; times VALUE_LIMIT it is below 2^24
ATTENDED_LIMIT = 2 * 511  # attended values carry one more bit than values
HIDDEN_LIMIT = 1 << 10
EXACT = np.float32(1 << 22)  # rounding by addition holds up to here
FRACTION_BITS = 10
FRACTIONS = 1 << FRACTION_BITS
WEIGHT_ONE = 16  # softmax numerators: 2^16 for the largest score
PROBABILITY_ONE = 30
NORM_EPSILON = 1e-6
NEAR = MAX_DISTANCE  # distances from here on share one position bias


def _powers() -> np.ndarray:
    """round(2^(30 - i/1024)) for i in 0..1023, by integers alone, so that no C library's pow decides."""
    fraction = 256
    root = 2 << fraction
    for _ in range(FRACTION_BITS):
        root = math.isqrt(root << fraction)  # after ten square roots: 2^(1/1024)
    power, powers = 1 << (PROBABILITY_ONE + fraction), []
    for _ in range(FRACTIONS):
        powers.append((power + (1 << (fraction - 1))) >> fraction)
        power = (power << fraction) // root
    return np.array(powers, np.int32)


POWERS = _powers()

# Adding and subtracting 1.5 * 2^23 (2^52) rounds |x| <= 2^22 (2^51) to the nearest integer, halves to even, as
# IEEE 754 defines addition; unlike a call of rint, it vectorises.
ROUND32 = np.float32(12582912.0)
ROUND64 = 6755399441055744.0

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


@kernel(inline="always")
def _round(x: np.float32) -> np.float32:
    return (x + ROUND32) - ROUND32


@kernel(inline="always")
def _clip(x: np.float32, limit: np.float32) -> np.float32:
    x = x if x > -limit else -limit
    return x if x < limit else limit


@kernel(fastmath={"reassoc"})
def _sum_of_squares(row: np.ndarray) -> float:
    square = 0.0
    for d in range(len(row)):
        value = np.float64(row[d])
        square += value * value
    return square


@kernel
def normalise(x: np.ndarray) -> np.ndarray:
    """RMSNorm without gain: residual integers [N, D] float32 -> integers at NORM_BITS."""
    rows, width = x.shape
    out = np.empty_like(x)
    factor = np.sqrt(np.float64(width)) * (1 << NORM_BITS)
    epsilon = np.rint(width * NORM_EPSILON * (1 << (2 * RESIDUAL_BITS)))
    limit = np.float64(NORM_LIMIT)
    for n in range(rows):
        scale = factor / np.sqrt(_sum_of_squares(x[n]) + epsilon)
        for d in range(width):
            value = (np.float64(x[n, d]) * scale + ROUND64) - ROUND64
            value = value if value > -limit else -limit
            out[n, d] = np.float32(value if value < limit else limit)
    return out


@kernel
def rescale(acc: np.ndarray, factors: np.ndarray, limit: np.float32) -> np.ndarray:
    """round(acc x factors), clipped to [-limit, limit], as float32 [N, M].

    Args:
        acc: products [N, M], float32 or float64.
        factors: a power of two for each column, [M] float32.
    """
    rows, width = acc.shape
    out = np.empty((rows, width), np.float32)
    for n in range(rows):
        for d in range(width):
            out[n, d] = _round(_clip(np.float32(acc[n, d] * factors[d]), limit))
    return out


@kernel
def add_residual(x: np.ndarray, acc: np.ndarray, factors: np.ndarray, row_factors: np.ndarray) -> np.ndarray:
    """x + round(acc x column's factor x row's factor), clipped to the residual stream's range."""
    out = np.empty_like(x)
    rows, width = x.shape
    for n in range(rows):
        for d in range(width):
            # All factors are powers of two: these products round nothing but a float64 sum to float32.
            delta = _round(_clip(np.float32(acc[n, d] * factors[d]) * row_factors[n], EXACT))
            out[n, d] = _clip(x[n, d] + delta, RESIDUAL_LIMIT)
    return out


@kernel(fastmath={"nnan", "nsz"})
def _largest(row: np.ndarray) -> np.float32:
    largest = np.float32(0.0)
    for f in range(len(row)):
        magnitude = abs(row[f])
        largest = magnitude if magnitude > largest else largest
    return largest


@kernel
def gated(acc: np.ndarray, factors: np.ndarray, d_ff: int) -> tuple[np.ndarray, np.ndarray]:
    """relu(gate) x up from the product [N, 2 F], each row held in 10 bits of its own.

    Returns:
        integers [N, F] of at most HIDDEN_LIMIT, and the power of two [N] that each row counts in.
    """
    rows = acc.shape[0]
    out = np.empty((rows, d_ff), np.float32)
    units = np.empty(rows, np.float32)
    for n in range(rows):
        for f in range(d_ff):
            gate = np.float32(acc[n, f] * factors[f])
            gate = gate if gate > np.float32(0.0) else np.float32(0.0)
            out[n, f] = gate * np.float32(acc[n, d_ff + f] * factors[d_ff + f])
        _, exponent = math.frexp(_largest(out[n]))
        unit = np.float32(math.ldexp(1.0, exponent - 10))
        scale = np.float32(1.0) / unit
        units[n] = unit
        for f in range(d_ff):
            out[n, f] = _round(out[n, f] * scale)
    return out, units


@kernel(inline="always")
def _weigh(
    scores: np.ndarray,
    count: int,
    factor: np.float32,
    far_bias: np.int32,
    near_biases: np.ndarray,
    work: np.ndarray,
) -> np.int64:
    """Turns the products of one query with `count` keys into weights in place; returns their sum.

    Weights are integers in proportion to 2^score that add up to at most SHARE.

    Args:
        near_biases: [NEAR] int32, the bias of distance NEAR - 1 first, that of distance 0 last.
        work: room for `count` int32.
    """
    near = max(count - NEAR, 0)
    largest = np.int32(-(1 << 30))
    for s in range(near):
        score = np.int32(np.int32(_round(_clip(scores[s] * factor, EXACT))) + far_bias)
        work[s] = score
        largest = max(largest, score)
    for s in range(near, count):
        bias = near_biases[np.uint32(s + NEAR - count)]
        score = np.int32(np.int32(_round(_clip(scores[s] * factor, EXACT))) + bias)
        work[s] = score
        largest = max(largest, score)
    total = np.int64(0)
    for s in range(count):
        below = np.int32(largest - work[s])
        shift = min(np.int32((below >> FRACTION_BITS) + (PROBABILITY_ONE - WEIGHT_ONE)), np.int32(31))
        weight = np.int32(POWERS[np.uint32(below & (FRACTIONS - 1))] >> shift)
        work[s] = weight
        total += weight
    scale = SHARE / np.float32(total)
    weights_sum = np.int64(0)
    for s in range(count):
        weight = np.int32(np.float32(work[s]) * scale)
        scores[s] = np.float32(weight)
        weights_sum += weight
    return weights_sum


@kernel
def softmax_weights(
    scores: np.ndarray, first_query: int, factor: np.float32, far_bias: np.int32, near_biases: np.ndarray
) -> np.ndarray:
    """Turns products [Q, S] into attention weights in place; returns the sum of each row's [Q].

    Row i belongs to position first_query + i and sees keys 0 to that position.
    """
    rows, keys = scores.shape
    sums = np.empty(rows, np.float32)
    work = np.empty(keys, np.int32)
    for i in range(rows):
        count = first_query + i + 1
        sums[i] = np.float32(_weigh(scores[i], count, factor, far_bias, near_biases, work))
        for s in range(count, keys):
            scores[i, s] = np.float32(0.0)
    return sums


@kernel
def divide_rows(values: np.ndarray, sums: np.ndarray, out: np.ndarray) -> None:
    """out = round(2 values / sums), row by row."""
    rows, width = values.shape
    for n in range(rows):
        for d in range(width):
            out[n, d] = _round(np.float32(2.0) * values[n, d] / sums[n])


@kernel(fastmath={"reassoc"}, inline="always")
def _dots(query: np.ndarray, keys: np.ndarray, count: int, scores: np.ndarray) -> None:
    """scores[s] = query . keys[s]; every partial sum is an integer below 2^24."""
    width = len(query)
    for s in range(count):
        dot = np.int32(0)
        for d in range(width):
            dot = np.int32(dot + np.int32(query[d]) * np.int32(keys[s, d]))
        scores[s] = np.float32(dot)


@kernel
def attend_step(
    new: Arrays,
    caches: tuple[np.ndarray, np.ndarray],
    slots: np.ndarray,
    positions: np.ndarray,
    scale: Arrays,
) -> np.ndarray:
    """Attention of one new position per slot; stores its key and value, then reads all up to it.

    Args:
        new: query, key and value of the new position, [N, H K].
        caches: keys and values, [slots, H, capacity, K] int16.
        positions: where the new position stands in its slot, [N].
        scale: factors [H] float32; biases of far positions [H] int32; of near ones [H, NEAR] int32.
    """
    q, k, v = new
    key_cache, value_cache = caches
    factors, far_biases, near_biases = scale
    rows, inner = q.shape
    heads = len(factors)
    width = inner // heads
    out = np.empty_like(q)
    room = 0
    for n in range(rows):
        room = max(room, positions[n] + 1)
    scores, work = np.empty(room, np.float32), np.empty(room, np.int32)
    query, attended = np.empty(width, np.int16), np.empty(width, np.int32)
    for n in range(rows):
        slot, position = slots[n], positions[n]
        count = position + 1
        for h in range(heads):
            base = h * width
            keys, values = key_cache[slot, h], value_cache[slot, h]
            for d in range(width):
                query[d] = np.int16(q[n, base + d])
                keys[position, d] = np.int16(k[n, base + d])
                values[position, d] = np.int16(v[n, base + d])
            _dots(query, keys, count, scores)
            weights_sum = np.float32(_weigh(scores, count, factors[h], far_biases[h], near_biases[h], work))
            attended[:] = 0
            for s in range(count):
                weight = np.int32(scores[s])
                if weight != 0:
                    for d in range(width):
                        attended[d] = np.int32(attended[d] + weight * np.int32(values[s, d]))
            for d in range(width):
                out[n, base + d] = _round(np.float32(2.0) * np.float32(attended[d]) / weights_sum)
    return out


@kernel
def frequencies(acc: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Integer next-byte frequencies [N, 256] from the output product [N, 256].

    Each byte gets 1, the rest of 2^14 is shared in proportion and what rounding leaves over goes to the
    likeliest byte (the first of equals).
    """
    rows, symbols = acc.shape
    out = np.empty((rows, symbols), np.int32)
    logits = np.empty(symbols, np.int32)
    share = np.float64(FREQUENCY_TOTAL - symbols)
    for n in range(rows):
        largest = np.int32(-(1 << 30))
        for j in range(symbols):
            logits[j] = np.int32(_round(_clip(np.float32(acc[n, j] * factors[j]), EXACT)))
            largest = max(largest, logits[j])
        total = np.int64(0)
        for j in range(symbols):
            below = np.int32(largest - logits[j])
            shift = min(np.int32(below >> FRACTION_BITS), np.int32(31))
            power = np.int32(POWERS[np.uint32(below & (FRACTIONS - 1))] >> shift)
            out[n, j] = power
            total += power
        # The floors of parts of `share` add up to no more than it, and a float64 error is far below one.
        scale = share / np.float64(total)
        left = np.int64(FREQUENCY_TOTAL)
        for j in range(symbols):
            out[n, j] = np.int32(1 + np.int32(np.float64(out[n, j]) * scale))
            left -= out[n, j]
        best = 0
        while logits[best] != largest:
            best += 1
        out[n, best] += left
    return out
