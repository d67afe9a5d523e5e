"""Element-wise steps of the exact model, compiled. Every array holds integers; see `exact.py` for scales.

`numba` compiles without fast-math, so each float64 operation is the IEEE 754 one. Sums of integers below
2^53 are exact in any order, so only `_sum_of_squares` lets the compiler reorder. The kernels run on one
thread and release the interpreter lock: callers work on several texts side by side instead, which
measured far faster than threads inside such short loops.
"""

import math

import numpy as np
from numba import njit

RESIDUAL_BITS, NORM_BITS, WEIGHT_BITS, HIDDEN_BITS, SCORE_BITS, LOGIT_BITS = 12, 11, 16, 10, 20, 10
RESIDUAL_LIMIT = float(1 << 21)  # 512.0; its square times 2,048 dimensions is 2^53
GATE_LIMIT = float(1 << 19)
HIDDEN_LIMIT = float(1 << 20)
FRACTION_BITS = 10
FRACTIONS = 1 << FRACTION_BITS
WEIGHT_ONE = 20  # attention weights: 2^20 for the largest score
PROBABILITY_ONE = 30
NORM_EPSILON = 1e-6


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
    return np.array(powers, np.int64)


POWERS = _powers()


# Adding and subtracting 1.5 * 2^52 rounds |x| < 2^51 to the nearest integer, halves to even, as IEEE 754 defines
# addition; unlike a call of rint, it vectorises.
ROUND = 6755399441055744.0


@njit(cache=True, nogil=True, inline="always")
def _round(x: float) -> float:
    return (x + ROUND) - ROUND


@njit(cache=True, nogil=True, inline="always")
def _clip(x: float, low: float, high: float) -> float:
    x = x if x > low else low
    return x if x < high else high


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _sum_of_squares(row: np.ndarray) -> float:
    square = 0.0
    for d in range(len(row)):
        square += row[d] * row[d]
    return square


@njit(cache=True, nogil=True)
def normalise(x: np.ndarray) -> np.ndarray:
    """RMSNorm without gain: residual integers [N, D] -> integers at NORM_BITS."""
    rows, width = x.shape
    out = np.empty_like(x)
    factor = np.sqrt(np.float64(width)) * (1 << NORM_BITS)
    epsilon = np.rint(width * NORM_EPSILON * (1 << (2 * RESIDUAL_BITS)))
    for n in range(rows):
        scale = factor / np.sqrt(_sum_of_squares(x[n]) + epsilon)
        for d in range(width):
            out[n, d] = _round(x[n, d] * scale)
    return out


@njit(cache=True, nogil=True)
def rescale(acc: np.ndarray, bits: int, limit: float) -> None:
    """acc = round(acc / 2^bits), clipped to [-limit, limit], in place."""
    factor = 1.0 / (1 << bits)
    rows, width = acc.shape
    for n in range(rows):
        for d in range(width):
            acc[n, d] = _clip(_round(acc[n, d] * factor), -limit, limit)


@njit(cache=True, nogil=True)
def add_residual(x: np.ndarray, acc: np.ndarray, bits: int) -> np.ndarray:
    """x + round(acc / 2^bits), clipped to the residual stream's range."""
    out = np.empty_like(x)
    factor = 1.0 / (1 << bits)
    rows, width = x.shape
    for n in range(rows):
        for d in range(width):
            out[n, d] = _clip(x[n, d] + _round(acc[n, d] * factor), -RESIDUAL_LIMIT, RESIDUAL_LIMIT)
    return out


@njit(cache=True, nogil=True)
def gated(acc: np.ndarray, d_ff: int) -> np.ndarray:
    """relu(gate) * up from the product [N, 2 F] -> [N, F] at HIDDEN_BITS."""
    rows = acc.shape[0]
    out = np.empty((rows, d_ff))
    factor = 1.0 / (1 << (NORM_BITS + WEIGHT_BITS - HIDDEN_BITS))
    down = 1.0 / (1 << HIDDEN_BITS)
    for n in range(rows):
        for f in range(d_ff):
            gate = _clip(_round(acc[n, f] * factor), 0.0, GATE_LIMIT)
            up = _clip(_round(acc[n, d_ff + f] * factor), -GATE_LIMIT, GATE_LIMIT)
            out[n, f] = _clip(_round(gate * up * down), -HIDDEN_LIMIT, HIDDEN_LIMIT)
    return out


@njit(cache=True, nogil=True, inline="always")
def _power(below: "int | np.int64", one: int) -> int:
    """round-down of 2^(one - below / 1024) from the table, 0 where it vanishes."""
    shift = (below >> FRACTION_BITS) + (PROBABILITY_ONE - one)
    return POWERS[below & (FRACTIONS - 1)] >> shift if shift < 62 else 0


@njit(cache=True, nogil=True)
def softmax_weights(scores: np.ndarray, first_query: int, bias_by_distance: np.ndarray) -> np.ndarray:
    """Turns scores [Q, S] into integer attention weights in place; returns each row's sum [Q].

    Row i belongs to position first_query + i and sees keys 0 to that position.
    """
    rows, keys = scores.shape
    sums = np.empty(rows)
    furthest = len(bias_by_distance) - 1
    for i in range(rows):
        position = first_query + i
        largest = -(1 << 62)
        for s in range(position + 1):
            score = np.int64(scores[i, s]) + bias_by_distance[min(position - s, furthest)]
            scores[i, s] = score
            largest = max(largest, score)
        total = 0
        for s in range(position + 1):
            weight = _power((largest - np.int64(scores[i, s])) >> (SCORE_BITS - FRACTION_BITS), WEIGHT_ONE)
            total += weight
            scores[i, s] = weight
        for s in range(position + 1, keys):
            scores[i, s] = 0.0
        sums[i] = total
    return sums


@njit(cache=True, nogil=True)
def divide_rows(values: np.ndarray, sums: np.ndarray) -> None:
    """values = round(values / sums), row by row, in place."""
    rows, width = values.shape
    for n in range(rows):
        for d in range(width):
            values[n, d] = _round(values[n, d] / sums[n])


@njit(cache=True, nogil=True)
def attend_step(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    key_cache: np.ndarray,
    value_cache: np.ndarray,
    slots: np.ndarray,
    positions: np.ndarray,
    bias_by_distance: np.ndarray,
) -> np.ndarray:
    """Attention of one new position per slot; stores its key and value, then reads all up to it.

    Args:
        q, k, v: [N, H K] of the new position.
        key_cache, value_cache: [slots, capacity, H K] int32.
        positions: where the new position stands in its slot, [N].
        bias_by_distance: [MAX_DISTANCE + 1, H] int64.
    """
    rows, inner = q.shape
    heads = bias_by_distance.shape[1]
    width = inner // heads
    furthest = len(bias_by_distance) - 1
    out = np.empty_like(q)
    for n in range(rows):
        slot, position = slots[n], positions[n]
        keys, values = key_cache[slot], value_cache[slot]
        for d in range(inner):
            keys[position, d] = np.int32(k[n, d])
            values[position, d] = np.int32(v[n, d])
        query = np.empty(inner, np.int64)
        for d in range(inner):
            query[d] = np.int64(q[n, d])
        scores = np.empty(position + 1, np.int64)
        attended = np.empty(width)
        for h in range(heads):
            base = h * width
            largest = -(1 << 62)
            for s in range(position + 1):
                score = np.int64(0)
                for d in range(base, base + width):
                    score += query[d] * np.int64(keys[s, d])
                score += bias_by_distance[min(position - s, furthest), h]
                scores[s] = score
                largest = max(largest, score)
            attended[:] = 0.0
            total = 0
            for s in range(position + 1):
                weight = _power((largest - scores[s]) >> (SCORE_BITS - FRACTION_BITS), WEIGHT_ONE)
                if weight == 0:
                    continue
                total += weight
                for d in range(width):
                    attended[d] += np.float64(weight) * np.float64(values[s, base + d])
            for d in range(width):
                out[n, base + d] = _round(attended[d] / total)
    return out


@njit(cache=True, nogil=True)
def frequencies(acc: np.ndarray) -> np.ndarray:
    """Integer next-byte frequencies [N, 256] from the output product [N, 256].

    Each byte gets 1, the rest of 2^14 is shared in proportion and what rounding leaves over goes to the
    likeliest byte (the first of equals).
    """
    rows, symbols = acc.shape
    out = np.empty((rows, symbols), np.int32)
    factor = 1.0 / (1 << (NORM_BITS + WEIGHT_BITS - LOGIT_BITS))
    share = (1 << 14) - symbols
    for n in range(rows):
        logits = np.empty(symbols, np.int64)
        best = 0
        for j in range(symbols):
            logits[j] = np.int64(_round(acc[n, j] * factor))
            if logits[j] > logits[best]:
                best = j
        total = 0
        largest = logits[best]
        for j in range(symbols):
            logits[j] = _power(largest - logits[j], PROBABILITY_ONE)
            total += logits[j]
        left = 1 << 14
        for j in range(symbols):
            out[n, j] = 1 + logits[j] * share // total
            left -= out[n, j]
        out[n, best] += left
    return out
