"""What the fuzz targets share: their options, and the place of their corpora."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import atheris

import equalinfo

HERE = Path(__file__).parent
COMPILED_TOKENS = ["equalinfo.tokens.likely"]
# An input that takes longer, or more memory, is reported as a hang or as a defect.
LIMITS = ("-timeout=60", "-rss_limit_mb=6000")


def load_compiled() -> None:
    """Imports the modules that Numba compiles, to be called before instrumentation: it reads their bytecode.

    Those of `tokens` are left out, because they bring in the others of that room: exclude them by COMPILED_TOKENS.
    """
    root = Path(equalinfo.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if "import kernel\n" in path.read_text() and path.parent.name != "tokens":
            importlib.import_module(".".join(["equalinfo", *path.relative_to(root).with_suffix("").parts]))


def run(target: Callable[[bytes], None], name: str) -> None:
    """Fuzzes until stopped, or as libFuzzer's options say (``-max_total_time=20``, or an input's path to repeat it).

    The committed corpus is read and not written; what is found new stays in memory.
    """
    corpus = HERE / "corpus" / name
    given = any(not option.startswith("-") for option in sys.argv[1:])
    seeds = [] if given else [str(path) for path in sorted(corpus.iterdir())]
    seed_inputs = [f"-seed_inputs={','.join(seeds)}"] if seeds else []
    atheris.Setup([sys.argv[0], *LIMITS, *seed_inputs, *sys.argv[1:]], target)
    atheris.Fuzz()
