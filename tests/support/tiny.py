"""Small predictors and texts that several rooms' tests share."""

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from equalinfo.predict.base import FREQUENCY_TOTAL, Predictor
from equalinfo.predict.exact import ExactModel, tensor_shapes
from equalinfo.predict.quantise import quantise
from equalinfo.predict.unigram import quantise_counts
from equalinfo.sizes import Size

SIZE = Size(32, 2, 1, 16, 64, 1)

TEXTS = [
    b"",
    b"a",
    b"\x00",
    b"\xff",
    b"The quick brown fox jumps over the lazy dog. " * 2,
    b"a" * 150,
    b"\x00" * 40,
    b"\xff" * 40,
    b"\r\n\r\n\n\r\t \n",
    bytes(range(256)),
    b"\xc3\x28 \xa0\xa1 \xed\xa0\x80 \xf8\x88",
    "▁ words ▁▁ and spaces ▁".encode(),
    "naïve — 東京 \U0001f600 <unk> <s> </s> <0x41>".encode(),
    np.random.default_rng(5).bytes(90),
]
assert all(isinstance(text, bytes) for text in TEXTS)


def float_weights(seed: int, sharpen: float = 1.0, size: Size = SIZE) -> dict[str, np.ndarray]:
    """A random decoder's weights; `sharpen` multiplies its output layer, which makes it surer of itself."""
    from equalinfo.model.decoder import Decoder
    from equalinfo.model.storage import file_tensors

    model = Decoder(size, 256)
    model.init_weights(seed)
    weights = {name: tensor.numpy().copy() for name, tensor in file_tensors(model).items()}
    weights["logits.weight"] *= sharpen
    return weights


def random_model(seed: int, sharpen: float = 1.0, size: Size = SIZE) -> ExactModel:
    return quantise(size, float_weights(seed, sharpen, size))


def integer_model() -> ExactModel:
    """A model whose weights are integers from a formula, so that no random generator decides them."""
    size = replace(SIZE, n_layers=2)
    ranges = {"embedding": 1 << 14, "logits": 400, "position_bias": 1 << 11}
    bits = {"logits": 4, "query_key_value": 9, "attention_out": 3, "gate_up": 12, "down": 0}
    tensors = {}
    for number, (name, (shape, dtype)) in enumerate(tensor_shapes(size).items()):
        kind = name.split(".")[-1] if name.startswith("layer") else name
        if name.endswith(".bits"):
            tensors[name] = np.full(shape, bits[name.split(".")[-2]], dtype)
        elif kind == "score_bits":
            tensors[name] = np.full(shape, 2, dtype)
        else:
            scale = ranges.get(kind, 200)
            values = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(number << 32)
            for multiplier in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9):  # products modulo 2^64, halves mixed
                values = values * np.uint64(multiplier)
                values ^= values >> np.uint64(29)
            centred = ((values >> np.uint64(11)) % np.uint64(2 * scale)).astype(np.int64) - scale
            tensors[name] = centred.astype(dtype).reshape(shape)
    return ExactModel(size, tensors)


def skewed_frequencies(likeliest: int = 101, ratio: float = 0.5) -> np.ndarray:
    """Most of the mass on few bytes; nearly all others hold the single unit they must have."""
    counts = np.array([int(1e12 * ratio**rank) for rank in range(256)], np.int64)
    return quantise_counts(np.roll(counts, likeliest))


def aligned_frequencies(powers: list[int]) -> np.ndarray:
    """2^p for each of `powers`, then what remains on equal powers of two, so that boundaries are aligned."""
    row = [1 << power for power in powers]
    while len(row) < 256:
        left, open_places = FREQUENCY_TOTAL - sum(row), 256 - len(row)
        # The largest power that leaves at least one unit for each place behind.
        row.append(1 << ((left - open_places + 1).bit_length() - 1))
    row[-1] += FREQUENCY_TOTAL - sum(row)
    return np.array(row, np.int32)


HOSTILE_ROWS = [
    np.full(256, 64, np.int32),
    aligned_frequencies([13]),
    aligned_frequencies([12, 12, 12]),
    aligned_frequencies([5] * 128),
    aligned_frequencies([]),
    np.array([FREQUENCY_TOTAL - 255] + [1] * 255, np.int32),
    np.array([1] * 255 + [FREQUENCY_TOTAL - 255], np.int32),
    np.array([1] * 100 + [FREQUENCY_TOTAL - 255] + [1] * 155, np.int32),
    np.array([1] * 254 + [(FREQUENCY_TOTAL - 254) // 2] * 2, np.int32),
    np.array([127, 1] * 128, np.int32),
    skewed_frequencies(),
    skewed_frequencies(0, 0.9),
]
assert all(row.shape == (256,) and row.min() >= 1 and row.sum() == FREQUENCY_TOTAL for row in HOSTILE_ROWS)


def random_rows(seed: int, count: int) -> np.ndarray:
    """Frequency rows of many shapes: hostile ones and random ones from near-uniform to nearly certain."""
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        if generator.random() < 0.5:
            rows.append(np.roll(HOSTILE_ROWS[generator.integers(len(HOSTILE_ROWS))], generator.integers(256)))
        else:
            weights = generator.dirichlet(np.full(256, 10.0 ** generator.uniform(-3, 1)))
            rows.append(quantise_counts((weights * 1e12).astype(np.int64) + 1))
    return np.array(rows, np.int32)


class TablePredictor(Predictor):
    """Each context takes one row of a table, chosen by a checksum of its bytes (`Predictor` of base.py)."""

    fingerprint = "table"

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows
        self.initial = self.row(b"")

    def row(self, context: bytes) -> np.ndarray:
        return self.rows[zlib.crc32(context) % len(self.rows)]

    def save(self, directory: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, directory: Path) -> "TablePredictor":
        raise NotImplementedError

    def new_contexts(self, slots: int) -> "TableContexts":
        return TableContexts(self, slots)

    def frequencies(self, text: bytes) -> np.ndarray:
        return np.array([self.row(text[:i]) for i in range(len(text))], np.int32).reshape(-1, 256)


class TableContexts:
    """Contexts of any predictor that has a `row` for the bytes before."""

    def __init__(self, predictor: Any, slots: int) -> None:
        self.predictor = predictor
        self.contexts = [b""] * slots

    def step(self, slots: np.ndarray, keep: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        rows = []
        for slot, kept, symbol in zip(slots.tolist(), keep.tolist(), symbols.tolist(), strict=True):
            assert 0 <= kept <= len(self.contexts[slot])
            self.contexts[slot] = self.contexts[slot][:kept] + bytes([symbol])
            rows.append(self.predictor.row(self.contexts[slot]))
        return np.array(rows, np.int32).reshape(-1, 256)


def likely_text(predictor, length: int, seed: int) -> bytes:
    """A text drawn from a predictor's own distribution."""
    generator = np.random.default_rng(seed)
    contexts, row, text = predictor.new_contexts(1), predictor.initial, bytearray()
    for _ in range(length):
        text.append(int(generator.choice(256, p=np.asarray(row) / FREQUENCY_TOTAL)))
        row = contexts.step(np.array([0]), np.array([len(text) - 1]), np.array([text[-1]]))[0]
    return bytes(text)
