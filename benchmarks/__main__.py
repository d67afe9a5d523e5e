"""Runs every benchmark in turn: `make bench`, or `python -m benchmarks`. Each writes its file in results/.

The soak (`soak.py`), which takes an hour, is left to be run by itself.
"""

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Runs each benchmark script of this folder as its own process; stops at the first that fails."""
    for script in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        if script.stem == "soak":
            continue
        print(f"== {script.name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{script.stem}"], check=True)


if __name__ == "__main__":
    main()
