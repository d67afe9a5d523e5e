"""Writes golden_frequencies.json from the reference: `python -m tests.support.golden` in the repository.

The values fix the format of exact models: a change here means that streams written before do not decode.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from equalinfo.predict.exact import ExactModel
from tests.oracles import exact_reference
from tests.support import tiny

PATH = Path(__file__).parent / "golden_frequencies.json"
SHORT = b"Caf\xc3\xa9\x00\xff!"
LONG = (SHORT + bytes(range(256)))[:200]


def sha256(rows: np.ndarray) -> str:
    return hashlib.sha256(np.asarray(rows).astype("<i4").tobytes()).hexdigest()


def golden(model: ExactModel) -> dict:
    return {
        "identity": model.fingerprint,
        "rows": exact_reference.frequencies(model, SHORT),
        "long_sha256": sha256(np.array(exact_reference.frequencies(model, LONG))),
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(golden(tiny.integer_model())) + "\n")
