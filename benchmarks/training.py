"""M1 in small under several optimizers and precisions, equal steps: results/training.json.

python -m benchmarks.training            about two minutes on two cores
"""

import argparse
import math
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._common import machine
from equalinfo.corpus.corpus import Corpus
from equalinfo.files import write_json
from equalinfo.progress import progress_bar
from equalinfo.train.config import M1Config
from equalinfo.train.m1 import train_m1

CONTEXT, BATCH = 128, 16
CASES = [
    ("adamw", 0.003, "auto"),
    ("adamw", 0.01, "auto"),
    ("adafactor", 0.01, "auto"),
    ("adafactor", 0.02, "auto"),
    ("adafactor", 0.03, "auto"),
    ("adafactor", 0.02, "float32"),
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/training.json"))
    parser.add_argument("--size", default="500k")
    parser.add_argument("--steps", type=int, default=400)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for optimizer, rate, precision in CASES:
        config = M1Config(
            size=given.size,
            context=CONTEXT,
            steps=given.steps,
            batch_size=BATCH,
            optimizer=optimizer,
            learning_rate=rate,
            precision=precision,
        )
        with tempfile.TemporaryDirectory() as folder, progress_bar() as progress:
            made = train_m1(Corpus("embedded"), config, Path(folder) / "m1", progress)
        assert made
        row = {
            "optimizer": optimizer,
            "learning_rate": rate,
            "precision": precision,
            "bits_per_byte": made.validation_bits_per_byte,
            "bytes_per_second": math.floor(given.steps * BATCH * CONTEXT / made.seconds),
        }
        rows.append(row)
        print(row, flush=True)
    settings = {"size": given.size, "steps": given.steps, "batch_size": BATCH, "context": CONTEXT}
    write_json(given.out, {"machine": machine(), **settings, "rows": rows})


if __name__ == "__main__":
    main()
