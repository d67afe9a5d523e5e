"""M1 in exact arithmetic: the same next-byte frequencies on every machine, batch size and split.

Every value is an integer, carried in float64 where a matrix product needs it. A product's sum stays
below 2^53, so it is exact in whatever order it is added. Between products there are only element-wise
operations that IEEE 754 defines to the last bit (+, -, x, /, sqrt, rounding to an integer); powers of two
come from a table of integers. Hence a full pass and a step with cached keys agree on every bit.

Scales (a value x is held as the integer round(x * scale)):
    residual stream 2^12, normalised activations 2^11, weights 2^16, queries, keys, values and
    feed-forward activations 2^10, attention scores 2^20 in base-2 units, logits 2^10 in base-2 units.
"""

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import atomic_file, read_json, sha256_bytes
from equalinfo.model.sizes import Size
from equalinfo.predict import exact_kernels as kernels
from equalinfo.predict.exact_kernels import (
    HIDDEN_BITS,
    NORM_BITS,
    RESIDUAL_BITS,
    SCORE_BITS,
    WEIGHT_BITS,
)

BUCKETS, MAX_DISTANCE = 32, 128
ROWS_AT_ONCE = (
    128  # queries per block of a full pass: 128 x 10,240 scores are 10 MB; 512 measured 25 % slower
)
LARGEST_WEIGHT = 1 << 21
LARGEST_BIAS = 1 << 30


class ExactModel:
    """A quantised M1.

    Args:
        size: the decoder's dimensions.
        tensors: integer arrays by name, as `quantise` makes them.
    """

    def __init__(self, size: Size, tensors: dict[str, np.ndarray]) -> None:
        self.size = size
        expected = tensor_shapes(size)
        for name, shape in expected.items():
            if name not in tensors or tensors[name].shape != shape or tensors[name].dtype != np.int32:
                raise DamagedArtifact(f"the exact model lacks a proper tensor {name}; make M1 again")
            if np.abs(tensors[name].astype(np.int64)).max(initial=0) > _bound(name):
                raise DamagedArtifact(f"tensor {name} of the exact model is out of range; make M1 again")
        names = sorted(expected)
        content = json.dumps(asdict(size)).encode() + b"".join(
            tensors[n].astype("<i4").tobytes() for n in names
        )
        self.identity = sha256_bytes(content)
        # Contiguous: safetensors writes the memory as it lies.
        self.integers = {name: np.ascontiguousarray(tensors[name]) for name in names}
        # Held as float64 so that matrix products run in BLAS.
        self._weights = {name: tensors[name].astype(np.float64) for name in names}
        self._bias_by_distance = [
            tensors[f"layer{i}.position_bias"][bucket_of_distance(np.arange(MAX_DISTANCE + 1))].astype(
                np.int64
            )
            for i in range(size.n_layers)
        ]
        self.root = self.open(1)._start()

    def open(self, slots: int) -> "ExactContexts":
        return ExactContexts(self, slots)

    def along(self, text: bytes) -> np.ndarray:
        """Frequencies of each byte of `text` given all those before it; [len(text), 256] int32."""
        if not text:
            return np.empty((0, 256), np.int32)
        inputs = np.concatenate([[256], np.frombuffer(text, np.uint8)[:-1]]).astype(np.int64)
        size, length = self.size, len(inputs)
        x = self._weights["embedding"][inputs]
        for index in range(size.n_layers):
            q, k, v = self.queries_keys_values(index, x)
            out = np.empty_like(q)
            bias = np.ascontiguousarray(self._bias_by_distance[index].T)
            for start in range(0, length, ROWS_AT_ONCE):
                stop = min(start + ROWS_AT_ONCE, length)
                for head in range(size.n_heads):
                    part = slice(head * size.d_head, (head + 1) * size.d_head)
                    scores = q[start:stop, part] @ k[:stop, part].T
                    sums = kernels.softmax_weights(scores, start, bias[head])
                    out[start:stop, part] = scores @ v[:stop, part]
                    kernels.divide_rows(out[start:stop, part], sums)
            x = self.rest_of_layer(index, x, out)
        return self.frequencies(x)

    def queries_keys_values(self, index: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        normed = kernels.normalise(x)
        acc = normed @ self._weights[f"layer{index}.query_key_value"]
        kernels.rescale(acc, NORM_BITS + WEIGHT_BITS - HIDDEN_BITS, float(1 << 17))
        inner = self.size.n_heads * self.size.d_head
        return acc[:, :inner], acc[:, inner : 2 * inner], acc[:, 2 * inner :]

    def rest_of_layer(self, index: int, x: np.ndarray, attended: np.ndarray) -> np.ndarray:
        """The residual stream after the attention's output and the feed-forward have been added."""
        acc = attended @ self._weights[f"layer{index}.attention_out"]
        x = kernels.add_residual(x, acc, HIDDEN_BITS + WEIGHT_BITS - RESIDUAL_BITS)
        acc = kernels.normalise(x) @ self._weights[f"layer{index}.gate_up"]
        hidden = kernels.gated(acc, self.size.d_ff)
        acc = hidden @ self._weights[f"layer{index}.down"]
        return kernels.add_residual(x, acc, HIDDEN_BITS + WEIGHT_BITS - RESIDUAL_BITS)

    def frequencies(self, x: np.ndarray) -> np.ndarray:
        return kernels.frequencies(kernels.normalise(x) @ self._weights["logits"])

    def save(self, path: Path) -> None:
        with atomic_file(path) as stream:
            stream.write(save(self.integers))


class ExactContexts:
    """Cached keys and values of many contexts (`Contexts` of base.py)."""

    def __init__(self, model: ExactModel, slots: int) -> None:
        self.model, self.slots = model, slots
        self._capacity = 0
        self._keys: list[np.ndarray] = []
        self._values: list[np.ndarray] = []
        self._grow(32)

    def _grow(self, capacity: int) -> None:
        size = self.model.size
        shape = (self.slots, capacity, size.n_heads * size.d_head)
        for caches in (self._keys, self._values):
            old = list(caches)
            caches.clear()
            for index in range(size.n_layers):
                # int32 holds the clipped range and halves the memory of float64.
                cache = np.zeros(shape, np.int32)
                if old:
                    cache[:, : self._capacity] = old[index]
                caches.append(cache)
        self._capacity = capacity
        if not hasattr(self, "_started"):
            self._started = False

    def _start(self) -> np.ndarray:
        """Writes the start symbol into every slot; returns the frequencies after it, [256]."""
        frequencies = self._step(
            np.arange(self.slots), np.zeros(self.slots, np.int64), np.full(self.slots, 256)
        )
        self._started = True
        return frequencies[0]

    def advance(self, slots: np.ndarray, keep: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        if not self._started:
            self._start()
        return self._step(slots, keep + 1, symbols)  # position 0 is the start symbol

    def _step(self, slots: np.ndarray, positions: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        if len(slots) == 0:
            return np.empty((0, 256), np.int32)
        longest = int(positions.max()) + 1
        if longest > self._capacity:
            self._grow(max(2 * self._capacity, longest))
        model = self.model
        x = model._weights["embedding"][symbols]
        for index in range(model.size.n_layers):
            q, k, v = model.queries_keys_values(index, x)
            attended = kernels.attend_step(
                q,
                k,
                v,
                self._keys[index],
                self._values[index],
                slots,
                positions,
                model._bias_by_distance[index],
            )
            x = model.rest_of_layer(index, x, attended)
        return model.frequencies(x)


def bucket_of_distance(distance: np.ndarray) -> np.ndarray:
    """T5's bucket of each backward distance, by integers only: the smallest bucket whose end is not passed.

    Bucket 16 + i starts at the first distance d with d^16 >= 16^16 * 8^i (the logarithmic rule without logarithms).
    """
    exact = BUCKETS // 2
    ratio = MAX_DISTANCE // exact
    buckets = []
    for d in distance.tolist():
        bucket = d
        if d >= exact:
            bucket = exact
            while bucket < BUCKETS - 1 and d**exact >= exact**exact * ratio ** (bucket + 1 - exact):
                bucket += 1
        buckets.append(bucket)
    return np.array(buckets, np.int64)


def tensor_shapes(size: Size) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a quantised model; matrices are [inputs, outputs]."""
    inner = size.n_heads * size.d_head
    shapes: dict[str, tuple[int, ...]] = {"embedding": (257, size.d_model), "logits": (size.d_model, 256)}
    for i in range(size.n_layers):
        shapes[f"layer{i}.query_key_value"] = (size.d_model, 3 * inner)
        shapes[f"layer{i}.position_bias"] = (BUCKETS, size.n_heads)
        shapes[f"layer{i}.attention_out"] = (inner, size.d_model)
        shapes[f"layer{i}.gate_up"] = (size.d_model, 2 * size.d_ff)
        shapes[f"layer{i}.down"] = (size.d_ff, size.d_model)
    return shapes


def _bound(name: str) -> int:
    if name == "embedding":
        return int(kernels.RESIDUAL_LIMIT)
    return LARGEST_BIAS if name.endswith("position_bias") else LARGEST_WEIGHT


def quantise(size: Size, floats: dict[str, np.ndarray]) -> ExactModel:
    """The exact model of trained float weights (a `Decoder`'s state dict as arrays).

    Norm gains are folded into the matrices that follow, and log2(e) into queries and logits, so that
    softmax is in powers of two.
    """
    log2e = math.log2(math.e)

    if not all(np.isfinite(values).all() for values in floats.values()):
        raise EqualInfoError("M1 has weights that are not numbers; train it with a lower learning rate")

    def integers(values: np.ndarray, bits: int, largest: int) -> np.ndarray:
        rounded = np.rint(values * (1 << bits))
        if np.abs(rounded).max() > largest:
            raise EqualInfoError(
                "a weight of M1 is too large to quantise; train it with a lower learning rate"
            )
        return rounded.astype(np.int32)

    def matrix(weight: np.ndarray, gain: np.ndarray | None = None, factor: float = 1.0) -> np.ndarray:
        values = weight.astype(np.float64).T * factor
        if gain is not None:
            values = values * gain.astype(np.float64)[:, None]
        return integers(values, WEIGHT_BITS, LARGEST_WEIGHT)

    tensors = {
        "embedding": np.clip(
            np.rint(floats["embedding.weight"].astype(np.float64) * (1 << RESIDUAL_BITS)),
            -kernels.RESIDUAL_LIMIT,
            kernels.RESIDUAL_LIMIT,
        ).astype(np.int32),
        "logits": matrix(floats["logits.weight"], floats["final_norm.gain"], log2e),
    }
    for i in range(size.n_layers):
        layer = {name: floats[f"layers.{i}.{name}"] for name in LAYER_NAMES}
        attention_gain, forward_gain = layer["attention_norm.gain"], layer["feed_forward_norm.gain"]
        tensors[f"layer{i}.query_key_value"] = np.hstack(
            [
                matrix(layer["query.weight"], attention_gain, log2e),
                matrix(layer["key.weight"], attention_gain),
                matrix(layer["value.weight"], attention_gain),
            ]
        )
        tensors[f"layer{i}.position_bias"] = integers(
            layer["position_bias"].astype(np.float64) * log2e, SCORE_BITS, LARGEST_BIAS
        )
        tensors[f"layer{i}.attention_out"] = matrix(layer["attention_out.weight"])
        tensors[f"layer{i}.gate_up"] = np.hstack(
            [matrix(layer["gate.weight"], forward_gain), matrix(layer["up.weight"], forward_gain)]
        )
        tensors[f"layer{i}.down"] = matrix(layer["down.weight"])
    return ExactModel(size, tensors)


LAYER_NAMES = (
    "attention_norm.gain",
    "query.weight",
    "key.weight",
    "value.weight",
    "attention_out.weight",
    "position_bias",
    "feed_forward_norm.gain",
    "gate.weight",
    "up.weight",
    "down.weight",
)


def load_exact(directory: Path) -> ExactModel:
    """The exact model in an M1 or tokenizer directory (exact.json and exact.safetensors)."""
    fields = read_json(directory / "exact.json")
    try:
        size = Size(**fields["size"])
        model = ExactModel(size, load_file(directory / "exact.safetensors"))
    except (TypeError, KeyError, ValueError, SafetensorError, OSError) as error:
        raise DamagedArtifact(
            f"{directory}: the exact model cannot be read ({error}); make M1 again"
        ) from error
    if model.identity != fields.get("identity"):
        raise DamagedArtifact(f"{directory}: the exact model is damaged (its hash differs); make M1 again")
    return model


def save_exact(model: ExactModel, directory: Path) -> None:
    """Writes exact.json and exact.safetensors into `directory`."""
    model.save(directory / "exact.safetensors")
    description = {"size": asdict(model.size), "identity": model.identity}
    (directory / "exact.json").write_text(json.dumps(description, indent=1, sort_keys=True) + "\n")
