"""A short version of benchmarks/soak.py.

The hour is run by hand; what it found is written to results/soak.json.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_minute_of_kills(tmp_path: Path) -> None:
    options = {
        "--seconds": 60,
        "--megabytes": 40,
        "--spec": "EqualInfo[v=1k,order=1,fewest,words]",
        "--worker-kills": 1.5,
        "--driver-kills": 4,
        "--work": tmp_path / "work",
        "--out": tmp_path / "soak.json",
    }
    words = [str(word) for pair in options.items() for word in pair]
    subprocess.run([sys.executable, "-m", "benchmarks.soak", *words], check=True, cwd=ROOT)
    result = json.loads((tmp_path / "soak.json").read_text())
    assert result["passes"] >= 1
    assert result["worker_kills"] >= 5
    assert result["driver_kills"] >= 3
    assert result["most_shards_kept"] >= 5
