"""M1 in exact arithmetic: the same next-byte frequencies on every machine, batch size and split.

Every matrix product is one of integers whose sums stay below 2^24, so float32 holds each of them exactly in
whatever order they are added, with fused operations or without: an ordinary float32 BLAS gives the integer.
That each column of weights is small enough is arranged when a model is quantised (`quantise.py`) and checked
when it is loaded. Between products there are only element-wise operations that IEEE 754 defines to the last
bit (+, -, x, /, sqrt, rounding to an integer); powers of two come from a table of integers. Hence a full pass
and a step with cached keys agree on every bit.

Units (a value x is held as the integer round(x * scale)):
    residual stream 2^12, normalised activations 2^7, attention scores and logits 2^10 in base-2 units;
    queries and keys in 10 bits, each head in a unit of its own; values in 10 bits, each column in its own;
    feed-forward activations in 10 bits, each position in a unit of its own;
    weights in a power of two for each column, `NAME.bits`: outputs = (inputs @ NAME) / 2^bits.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from equalinfo.errors import DamagedArtifact
from equalinfo.files import atomic_file, json_bytes, read_json, sha256_bytes
from equalinfo.predict import exact_kernels as kernels
from equalinfo.predict.base import Caches, Predictor, read_only
from equalinfo.sizes import BUCKETS, MAX_DISTANCE, Size
from equalinfo.tensors import read_safetensors

FORMAT = 2
DESCRIPTION, TENSORS = "exact.json", "exact.safetensors"
START = 256  # the symbol before the first byte
QUERIES_AT_ONCE = 128
ROWS_AT_ONCE = 512  # positions whose feed-forward activations exist at a time
PRODUCT_LIMIT = 1 << 24
INPUTS_AT_ONCE = 512  # longer sums are made of parts, so that weights keep their precision
LARGEST_EMBEDDING = int(kernels.RESIDUAL_LIMIT)
LARGEST_BIAS = int(kernels.EXACT)
MOST_BITS = 60


class ExactModel(Predictor):
    """A quantised M1.

    Args:
        size: the decoder's dimensions.
        tensors: integer arrays by name, as `quantise` makes them.

    Raises:
        DamagedArtifact: a tensor is missing, of another shape or type, or too large for exact products.
    """

    slow = True

    def __init__(self, size: Size, tensors: dict[str, np.ndarray]) -> None:
        self.size, self.flops_parameters = size, size.nominal
        self.integers = _checked(size, tensors)
        content = json.dumps([FORMAT, asdict(size)]).encode() + b"".join(
            tensor.astype(tensor.dtype.newbyteorder("<")).tobytes() for tensor in self.integers.values()
        )
        self.fingerprint = sha256_bytes(content)
        # Held as float32 so that products run in BLAS.
        self._weights = {name: self.integers[name].astype(np.float32) for name in matrix_inputs(size)}
        self._embedding = self.integers["embedding"].astype(np.float32)
        self._factors = {
            name.removesuffix(".bits"): np.ldexp(np.float32(1), -bits.astype(np.int32)).astype(np.float32)
            for name, bits in self.integers.items()
            if name.endswith("bits")
        }
        buckets = bucket_of_distance(np.arange(MAX_DISTANCE + 1))
        biases = [self.integers[f"layer{i}.position_bias"][buckets].T for i in range(size.n_layers)]
        self._far_biases = [np.ascontiguousarray(bias[:, -1]) for bias in biases]
        self._near_biases = [np.ascontiguousarray(bias[:, -2::-1]) for bias in biases]
        self.initial = self.new_contexts(1)._start()

    def __reduce__(self) -> tuple[Any, ...]:
        return ExactModel, (self.size, {name: read_only(tensor) for name, tensor in self.integers.items()})

    def new_contexts(self, slots: int) -> "ExactContexts":
        return ExactContexts(self, slots)

    def frequencies(self, text: bytes) -> np.ndarray:
        """Frequencies of each byte of `text` given all those before it; [len(text), 256] int32."""
        if not text:
            return np.empty((0, 256), np.int32)
        x = self.states(text)
        return np.concatenate([self.frequencies_of_states(x[rows]) for rows in _parts(len(x))])

    def states(self, text: bytes) -> np.ndarray:
        """The last hidden state before each byte of `text`, which is not empty: the residual stream; [T, D] float32."""
        inputs = np.concatenate([[START], np.frombuffer(text, np.uint8)[:-1]]).astype(np.int64)
        x = self._embedding[inputs]
        for index in range(self.size.n_layers):
            attended = self._attention(index, x)
            for rows in _parts(len(x)):
                x[rows] = self.rest_of_layer(index, x[rows], attended[rows])
        return x

    def _attention(self, index: int, x: np.ndarray) -> np.ndarray:
        """What each position of one text reads from those up to it, [T, H K]."""
        size, length = self.size, len(x)
        q, k, v = self.queries_keys_values(index, x)
        attended = np.empty((length, q.shape[1]), np.float32)
        for head in range(size.n_heads):
            part = slice(head * size.d_head, (head + 1) * size.d_head)
            for start in range(0, length, QUERIES_AT_ONCE):
                stop = min(start + QUERIES_AT_ONCE, length)
                scores = q[start:stop, part] @ k[:stop, part].T
                sums = kernels.softmax_weights(
                    scores,
                    start,
                    self._factors[f"layer{index}.score_bits"][head],
                    self._far_biases[index][head],
                    self._near_biases[index][head],
                )
                kernels.divide_rows(scores @ v[:stop, part], sums, attended[start:stop, part])
        return attended

    def product(self, name: str, inputs: np.ndarray) -> np.ndarray:
        """inputs @ weights, exactly: float32, or float64 where the sum is made of several parts."""
        weights = self._weights[name]
        if len(weights) <= INPUTS_AT_ONCE:
            return inputs @ weights
        total = np.zeros((len(inputs), weights.shape[1]))
        for start in range(0, len(weights), INPUTS_AT_ONCE):
            part = slice(start, start + INPUTS_AT_ONCE)
            total += inputs[:, part] @ weights[part]
        return total

    def queries_keys_values(self, index: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        name = f"layer{index}.query_key_value"
        acc = self.product(name, kernels.normalise(x))
        scaled = kernels.rescale(acc, self._factors[name], kernels.KEY_LIMIT)
        inner = self.size.n_heads * self.size.d_head
        return scaled[:, :inner], scaled[:, inner : 2 * inner], scaled[:, 2 * inner :]

    def rest_of_layer(self, index: int, x: np.ndarray, attended: np.ndarray) -> np.ndarray:
        """The residual stream after the attention's output and the feed-forward have been added."""
        name = f"layer{index}.attention_out"
        ones = np.ones(len(x), np.float32)
        x = kernels.add_residual(x, self.product(name, attended), self._factors[name], ones)
        name = f"layer{index}.gate_up"
        acc = self.product(name, kernels.normalise(x))
        hidden, units = kernels.gated(acc, self._factors[name], self.size.d_ff)
        name = f"layer{index}.down"
        return kernels.add_residual(x, self.product(name, hidden), self._factors[name], units)

    def frequencies_of_states(self, x: np.ndarray) -> np.ndarray:
        return kernels.frequencies(self.product("logits", kernels.normalise(x)), self._factors["logits"])

    def step(
        self, caches: list[np.ndarray], slots: np.ndarray, positions: np.ndarray, symbols: np.ndarray
    ) -> np.ndarray:
        """Frequencies [n, 256] after one more symbol in each of `slots`.

        Args:
            caches: keys and values of each layer in turn, [slots, H, capacity, K] int16; written to.
            positions: where the symbol stands in its slot; 0 is the start symbol's place, [n] int64.
        """
        x = self._embedding[symbols]
        for index in range(self.size.n_layers):
            past = caches[2 * index], caches[2 * index + 1]
            factors = self._factors[f"layer{index}.score_bits"]
            scale = factors, self._far_biases[index], self._near_biases[index]
            qkv = self.queries_keys_values(index, x)
            attended = kernels.attend_step(qkv, past, slots, positions, scale)
            x = self.rest_of_layer(index, x, attended)
        return self.frequencies_of_states(x)

    def new_caches(self, slots: int, capacity: int) -> list[np.ndarray]:
        shape = (slots, self.size.n_heads, capacity, self.size.d_head)
        return [np.empty(shape, np.int16) for _ in range(2 * self.size.n_layers)]

    def extended(self, texts: np.ndarray, parents: Caches) -> tuple[np.ndarray, list[np.ndarray]]:
        count, length = texts.shape
        caches = self.new_caches(count, length + 1)
        for index, cache in enumerate(caches):
            at = 0
            for kept, rows in parents:
                if kept:  # the empty string has no parent
                    cache[at : at + len(rows), :, :length] = kept[index][rows]
                at += len(rows)
        symbols = texts[:, -1] if length else np.array([START])
        places = np.full(count, length, np.int64)
        return self.step(caches, np.arange(count), places, symbols), caches

    def save(self, directory: Path) -> None:
        """Writes exact.json and exact.safetensors."""
        with atomic_file(directory / TENSORS) as stream:
            stream.write(save(self.integers))
        description = {"format": FORMAT, "size": asdict(self.size), "identity": self.fingerprint}
        (directory / DESCRIPTION).write_bytes(json_bytes(description))

    @classmethod
    def load(cls, directory: Path) -> "ExactModel":
        path = directory / DESCRIPTION
        fields = read_json(path)
        try:
            if fields.get("format") != FORMAT:
                raise DamagedArtifact(
                    f"{directory}: the exact model has format {fields.get('format', 1)}, this version reads {FORMAT}; "
                    "make M1 again with it"
                )
            size = Size(**fields["size"])
        except (AttributeError, TypeError, KeyError, ValueError) as error:
            raise DamagedArtifact(f"{path} is damaged ({error}); make M1 again") from error
        model = ExactModel(size, read_safetensors(directory / TENSORS, tensor_shapes(size)))
        if model.fingerprint != fields.get("identity"):
            raise DamagedArtifact(
                f"{directory}: the exact model is damaged (its hash differs); make M1 again"
            )
        return model


class ExactContexts:
    """Cached keys and values of many contexts (`Contexts` of base.py)."""

    def __init__(self, model: ExactModel, slots: int) -> None:
        self.model, self.slots = model, slots
        self._started = False
        self._capacity = 32
        self._caches = model.new_caches(slots, self._capacity)

    def _start(self) -> np.ndarray:
        """Writes the start symbol into every slot; returns the frequencies after it, [256]."""
        slots = np.arange(self.slots)
        frequencies = self._step(slots, np.zeros(self.slots, np.int64), np.full(self.slots, START))
        self._started = True
        return frequencies[0]

    def step(self, slots: np.ndarray, keep: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        if not self._started:
            self._start()
        return self._step(slots, keep + 1, symbols)  # position 0 is the start symbol

    def _step(self, slots: np.ndarray, positions: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        if len(slots) == 0:
            return np.empty((0, 256), np.int32)
        longest = int(positions.max()) + 1
        if longest > self._capacity:
            capacity = max(2 * self._capacity, longest)
            grown = self.model.new_caches(self.slots, capacity)
            for new, old in zip(grown, self._caches, strict=True):
                new[:, :, : self._capacity] = old
            self._caches, self._capacity = grown, capacity
        return self.model.step(self._caches, slots, positions, symbols)


def _parts(length: int) -> list[slice]:
    return [slice(start, start + ROWS_AT_ONCE) for start in range(0, length, ROWS_AT_ONCE)]


def bucket_of_distance(distance: np.ndarray) -> np.ndarray:
    """T5's bucket of each backward distance, by integers only: the smallest bucket whose end is not passed.

    Bucket 16 + i starts at the first distance d with d^16 >= 16^16 * 8^i (the logarithmic rule without logarithms).
    """
    exact = BUCKETS // 2
    ratio = MAX_DISTANCE // exact

    def bucket(d: int) -> int:
        passed = sum(d**exact >= exact**exact * ratio**i for i in range(1, BUCKETS - exact))
        return d if d < exact else exact + passed

    return np.array([bucket(d) for d in distance.tolist()], np.int64)


def matrix_inputs(size: Size) -> dict[str, int]:
    """Names of the matrices, and the largest magnitude of the integers that each is multiplied with."""
    inputs = {"logits": int(kernels.NORM_LIMIT)}
    for i in range(size.n_layers):
        inputs[f"layer{i}.query_key_value"] = int(kernels.NORM_LIMIT)
        inputs[f"layer{i}.attention_out"] = kernels.ATTENDED_LIMIT
        inputs[f"layer{i}.gate_up"] = int(kernels.NORM_LIMIT)
        inputs[f"layer{i}.down"] = kernels.HIDDEN_LIMIT
    return inputs


def tensor_shapes(size: Size) -> dict[str, tuple[tuple[int, ...], type[np.signedinteger]]]:
    """Names, shapes and types of a quantised model; matrices are [inputs, outputs]."""
    inner = size.n_heads * size.d_head
    matrices = {"logits": (size.d_model, 256)}
    shapes: dict[str, tuple[tuple[int, ...], type[np.signedinteger]]] = {
        "embedding": ((257, size.d_model), np.int32)
    }
    for i in range(size.n_layers):
        matrices[f"layer{i}.query_key_value"] = (size.d_model, 3 * inner)
        matrices[f"layer{i}.attention_out"] = (inner, size.d_model)
        matrices[f"layer{i}.gate_up"] = (size.d_model, 2 * size.d_ff)
        matrices[f"layer{i}.down"] = (size.d_ff, size.d_model)
        shapes[f"layer{i}.position_bias"] = ((BUCKETS, size.n_heads), np.int32)
        shapes[f"layer{i}.score_bits"] = ((size.n_heads,), np.int8)
    for name, shape in matrices.items():
        shapes[name] = (shape, np.int16)
        shapes[f"{name}.bits"] = (shape[1:], np.int8)
    return dict(sorted(shapes.items()))


def _checked(size: Size, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The model's tensors in the order of their names, contiguous: safetensors writes the memory as it lies."""
    if not 1 <= size.d_head * int(kernels.KEY_LIMIT) ** 2 < PRODUCT_LIMIT:
        raise DamagedArtifact("heads wider than 64 have no exact products; make M1 again")
    checked = {}
    for name, (shape, dtype) in tensor_shapes(size).items():
        tensor = tensors.get(name)
        if tensor is None or tensor.shape != shape or tensor.dtype != dtype:
            raise DamagedArtifact(f"the exact model lacks a proper tensor {name}; make M1 again")
        checked[name] = np.ascontiguousarray(tensor)
        largest = MOST_BITS if name.endswith("bits") else LARGEST_BIAS
        largest = LARGEST_EMBEDDING if name == "embedding" else largest
        if np.abs(tensor.astype(np.int64)).max(initial=0) > largest:
            raise DamagedArtifact(f"tensor {name} of the exact model is out of range; make M1 again")
    for name, limit in matrix_inputs(size).items():
        if _largest_sum(checked[name]) * limit >= PRODUCT_LIMIT:
            raise DamagedArtifact(f"tensor {name} of the exact model is out of range; make M1 again")
    return checked


def _largest_sum(matrix: np.ndarray) -> int:
    """The largest sum of magnitudes over the inputs of one product."""
    return max(
        int(np.abs(matrix[start : start + INPUTS_AT_ONCE].astype(np.int64)).sum(0).max())
        for start in range(0, len(matrix), INPUTS_AT_ONCE)
    )
