"""Writes golden_frequencies.json from the reference: `python tests/predict/golden.py` in the repository.

The values fix the format of exact models: a change here means that streams written before do not decode.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import tiny

from equalinfo.predict import reference
from equalinfo.predict.exact import ExactModel

PATH = Path(__file__).parent / "golden_frequencies.json"
SHORT = b"Caf\xc3\xa9\x00\xff!"
LONG = (SHORT + bytes(range(256)))[:200]


def sha256(rows: np.ndarray) -> str:
    return hashlib.sha256(np.asarray(rows).astype("<i4").tobytes()).hexdigest()


def golden(model: ExactModel) -> dict:
    return {
        "identity": model.identity,
        "rows": reference.frequencies(model, SHORT),
        "long_sha256": sha256(np.array(reference.frequencies(model, LONG))),
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(golden(tiny.integer_model())) + "\n")
