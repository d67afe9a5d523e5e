"""Made-up measurements for tests of findings."""

from typing import Any

from equalinfo.experiments.rows import Rows
from equalinfo.score.measurements import Measurement


def measurement(method: str, quantity: str, value: float, **changes: Any) -> Measurement:
    fields: dict[str, Any] = {
        "experiment": "made_up",
        "scale": "small",
        "corpus": "made up",
        "method": method,
        "quantity": quantity,
        "value": value,
        "machine": "A CPU, 2 cores",
        "versions": {},
        "created": "2025-01-01T00:00:00+00:00",
    }
    return Measurement(**(fields | changes))


def cell_rows(
    method: str, bits: float, ratio: float = 2.0, vocab_bits: float = 8, **at: Any
) -> list[Measurement]:
    """What a cell's rows are, with small uncertainty."""
    return [
        measurement(method, "bits_per_byte", bits, standard_error=0.001, seed=0, at=at),
        measurement(method, "bits_per_token", bits * ratio, standard_error=0.001, seed=0, at=at),
        measurement(method, "bytes_per_token", ratio, seed=0, at=at),
        measurement(method, "uniform_bits_per_byte", vocab_bits / ratio, seed=0, at=at),
        measurement(method, "flops_per_byte", 1e6 / ratio, seed=0, at=at),
    ]


def rows(*parts: list[Measurement] | Measurement) -> Rows:
    flat: list[Measurement] = []
    for part in parts:
        flat += part if isinstance(part, list) else [part]
    return Rows(flat)
