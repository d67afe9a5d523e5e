"""After `equalinfo warm-up` no kernel is left to be compiled."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = """
import inspect, sys
from pathlib import Path
from equalinfo import cli, kernels

sys.argv = ["equalinfo", "warm-up", "--quiet"]
try:
    cli.main()
except SystemExit as end:
    assert not end.code, end.code
for kernel in kernels.KERNELS:
    if kernel.targetoptions.get("inline") != "always":  # those are part of others only
        print("kernel", f"{Path(inspect.getfile(kernel.py_func)).stem}.{kernel.py_func.__qualname__}")
"""


@pytest.mark.slow
def test_every_kernel_is_compiled_and_kept(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    ran = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=True
    )
    imported = {line.split()[1] for line in ran.stdout.splitlines() if line.startswith("kernel ")}
    kept = {path.name.split("-")[0] for path in tmp_path.rglob("*.code")}
    assert len(imported) > 50
    assert imported <= kept
    assert str(tmp_path) in ran.stdout
