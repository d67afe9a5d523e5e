"""Turns a trained float M1 into the integers of the exact model (`exact.py`)."""

import math

import numpy as np

from equalinfo.errors import EqualInfoError
from equalinfo.predict import exact_kernels as kernels
from equalinfo.predict.exact import (
    INPUTS_AT_ONCE,
    LARGEST_BIAS,
    LARGEST_EMBEDDING,
    MOST_BITS,
    PRODUCT_LIMIT,
    ExactModel,
    matrix_inputs,
)
from equalinfo.sizes import Size

# Queries, keys and values this many root mean squares out are clipped; what normalised activations can reach
# at all is the square root of the width.
WIDEST = 12.0


def quantise(size: Size, floats: dict[str, np.ndarray]) -> ExactModel:
    """The exact model of trained float weights (a `Decoder`'s state dict as arrays).

    Norm gains are folded into the matrices that follow, log2(e) into queries and logits, so that softmax is
    in powers of two, and the units of queries, keys and values into the matrices around them.

    Raises:
        EqualInfoError: a weight is not a number, or a position bias too large.
    """
    log2e = math.log2(math.e)
    if not all(np.isfinite(values).all() for values in floats.values()):
        raise EqualInfoError("M1 has weights that are not numbers; train it with a lower learning rate")
    double = {name: values.astype(np.float64) for name, values in floats.items()}
    per_unit, residual = 1 / (1 << kernels.NORM_BITS), 1 << kernels.RESIDUAL_BITS

    embedding = np.rint(double["embedding.weight"] * residual).clip(-LARGEST_EMBEDDING, LARGEST_EMBEDDING)
    tensors = {"embedding": embedding.astype(np.int32)}

    def matrix(name: str, values: np.ndarray) -> None:
        """Writes `values` [inputs, outputs], which takes integer inputs to outputs in their units."""
        tensors[name], tensors[f"{name}.bits"] = _integers(values, matrix_inputs(size)[name])

    logit = log2e * (1 << kernels.LOGIT_BITS) * per_unit
    matrix("logits", (double["logits.weight"] * double["final_norm.gain"]).T * logit)
    for i in range(size.n_layers):
        prefix = f"layers.{i}."
        layer = {n.removeprefix(prefix): values for n, values in double.items() if n.startswith(prefix)}
        attention_gain, forward_gain = layer["attention_norm.gain"], layer["feed_forward_norm.gain"]
        query, key, value = (
            (layer[f"{name}.weight"] * attention_gain).T for name in ("query", "key", "value")
        )
        query, key, tensors[f"layer{i}.score_bits"] = _balanced(size, query * log2e, key)
        value_units = float(kernels.VALUE_LIMIT) / (WIDEST * _lengths(value))
        matrix(f"layer{i}.query_key_value", np.hstack([query, key, value * value_units]) * per_unit)
        bias = np.rint(layer["position_bias"] * log2e * (1 << kernels.SCORE_BITS))
        if np.abs(bias).max() > LARGEST_BIAS:
            raise EqualInfoError(
                "a position bias of M1 is too large to quantise; train it with a lower learning rate"
            )
        tensors[f"layer{i}.position_bias"] = bias.astype(np.int32)
        out = layer["attention_out.weight"].T * residual
        matrix(f"layer{i}.attention_out", out / (2 * value_units)[:, None])
        gate, up = ((layer[f"{name}.weight"] * forward_gain).T for name in ("gate", "up"))
        matrix(f"layer{i}.gate_up", np.hstack([gate, up]) * per_unit)
        matrix(f"layer{i}.down", layer["down.weight"].T * residual)
    return ExactModel(size, tensors)


def _lengths(matrix: np.ndarray) -> np.ndarray:
    """Euclidean length of each column, a tiny one where it is zero."""
    return np.maximum(np.sqrt((matrix**2).sum(0)), 1e-9)


def _balanced(size: Size, query: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Queries and keys in units that use their 10 bits alike, and the bits to take off each head's scores.

    What a column of queries is multiplied with, the same column of keys may be divided by.
    """
    query_lengths, key_lengths = _lengths(query), _lengths(key)
    balance = np.sqrt(key_lengths / query_lengths)
    lengths = np.sqrt(key_lengths * query_lengths).reshape(size.n_heads, size.d_head)
    # Of the head's longest column, WIDEST root mean squares are KEY_LIMIT; a unit is a power of sqrt(2).
    units = float(kernels.KEY_LIMIT) / (WIDEST * lengths.max(1))
    score_bits = np.clip(np.floor(2 * np.log2(units)), kernels.SCORE_BITS - MOST_BITS, MOST_BITS)
    unit = np.repeat(2 ** (score_bits / 2), size.d_head)
    return (query * balance * unit, key / balance * unit, (score_bits - kernels.SCORE_BITS).astype(np.int8))


def _integers(values: np.ndarray, inputs: int) -> tuple[np.ndarray, np.ndarray]:
    """A matrix as integers, and for each column the bits that its products carry too many.

    As many bits as keep every product with inputs up to `inputs` exact and every weight in 16 bits.
    """
    parts = [values[start : start + INPUTS_AT_ONCE] for start in range(0, len(values), INPUTS_AT_ONCE)]
    # Rounding may add a half to each weight.
    room = (PRODUCT_LIMIT - 1) // inputs - len(parts[0]) / 2 - 1
    sums = np.max([np.abs(part).sum(0) for part in parts], axis=0)
    largest = np.abs(values).max(0)
    with np.errstate(divide="ignore"):
        bits = np.floor(np.minimum(np.log2(room / sums), np.log2(32766 / largest)))
    bits = np.clip(bits, -MOST_BITS, MOST_BITS)
    rounded = np.rint(values * 2**bits)
    if np.abs(rounded).max() > 32767:
        raise EqualInfoError("a weight of M1 is too large to quantise; train it with a lower learning rate")
    return rounded.astype(np.int16), bits.astype(np.int8)
