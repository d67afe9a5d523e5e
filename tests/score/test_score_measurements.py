"""Measurements beside M2 cells in one file."""

from pathlib import Path
from typing import Any

import pydantic
import pytest

from equalinfo.errors import DamagedArtifact
from equalinfo.score.measurements import Measurement
from equalinfo.score.results import append_rows, read_measurements, read_results
from tests.support.score_rows import row


def measurement(value: float = 1.0, **changes: Any) -> Measurement:
    fields: dict[str, Any] = {
        "experiment": "token_uniformity",
        "scale": "small",
        "corpus": "embedded",
        "method": "AC[v=256]",
        "quantity": "kl_from_uniform_bits",
        "value": value,
        "at": {"n": 8, "percentile": 50},
        "machine": "A CPU, 2 cores",
        "versions": {"python": "3.12.1"},
        "created": "2025-01-01T00:00:00+00:00",
    }
    return Measurement(**(fields | changes))


def test_each_reader_takes_its_own_kind_and_the_last_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    other = measurement(3.0, at={"n": 9, "percentile": 50})
    append_rows(path, [measurement(1.0), row(seed=0), other, measurement(2.0)])
    append_rows(path, [row(seed=1)])
    assert read_measurements(path) == [measurement(2.0), other]
    assert read_results(path) == [row(seed=0), row(seed=1)]
    assert path.read_bytes().count(b"\n") == 5


def test_a_torn_measurement_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_rows(path, [row(seed=0), measurement()])
    whole = path.read_bytes()
    start = whole.index(b"\n") + 1
    for cut in range(start, len(whole), 11):
        path.write_bytes(whole[:cut])
        assert read_measurements(path) == ([measurement()] if cut == len(whole) - 1 else [])
        append_rows(path, [row(seed=1)])
        assert read_results(path) == [row(seed=0), row(seed=1)]


def test_a_damaged_measurement_is_named(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_bytes(b'{"kind":"measurement","value":"many"}\n')
    for reader in (read_measurements, read_results):
        with pytest.raises(DamagedArtifact, match="line 1"):
            reader(path)  # type: ignore[operator]


def test_rows_refuse_nonsense() -> None:
    for wrong in ({"value": float("inf")}, {"standard_error": -1.0}, {"surprise": 1}, {"kind": "result"}):
        with pytest.raises(pydantic.ValidationError):
            measurement(**wrong)
