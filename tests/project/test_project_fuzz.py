"""Each fuzz target runs for a while on its committed corpus and finds nothing."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"
TARGETS = sorted(path.stem for path in FUZZ.glob("fuzz_*.py"))
SECONDS = 20
# Importing, compiling and the last input come on top.
PATIENCE = 280
# By a small process: libFuzzer judges the most memory ever held, and Linux counts what the starting process held.
AFRESH = [sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"]


def test_every_target_has_a_corpus() -> None:
    assert len(TARGETS) >= 2
    for target in TARGETS:
        assert any((FUZZ / "corpus" / target.removeprefix("fuzz_")).iterdir())


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is missing: pip install 'equalinfo[fuzz]'"
)
@pytest.mark.parametrize("target", TARGETS)
def test_fuzzing_finds_nothing(target: str, tmp_path: Path) -> None:
    command = [sys.executable, FUZZ / f"{target}.py", f"-max_total_time={SECONDS}", "-print_final_stats=1"]
    done = subprocess.run(
        [*AFRESH, *map(str, command)], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "stat::number_of_executed_units" in done.stderr
    assert not list(tmp_path.iterdir())
