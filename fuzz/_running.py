"""What the fuzz targets share: their options, and the place of their corpora."""

import sys
from collections.abc import Callable
from pathlib import Path

import atheris

import equalinfo

HERE = Path(__file__).parent
ROOT = Path(equalinfo.__file__).parent
# Modules that Numba compiles: it reads their bytecode, so they must not be instrumented.
COMPILED = [
    ".".join(["equalinfo", *path.relative_to(ROOT).with_suffix("").parts])
    for path in sorted(ROOT.rglob("*.py"))
    if any(line in path.read_text() for line in ("from numba", "import kernel\n"))
]
# An input that takes longer, or more memory, is reported as a hang or as a defect.
LIMITS = ("-timeout=60", "-rss_limit_mb=6000")


def run(target: Callable[[bytes], None], name: str, *options: str) -> None:
    """Fuzzes until stopped, or as libFuzzer's options say (``-max_total_time=20``, or an input's path to repeat it).

    The committed corpus is read and not written; what is found new stays in memory.
    """
    corpus = HERE / "corpus" / name
    given = any(not option.startswith("-") for option in sys.argv[1:])
    seeds = [] if given else [str(path) for path in sorted(corpus.iterdir())]
    seed_inputs = [f"-seed_inputs={','.join(seeds)}"] if seeds else []
    atheris.Setup([sys.argv[0], *LIMITS, *options, *seed_inputs, *sys.argv[1:]], target)
    atheris.Fuzz()
