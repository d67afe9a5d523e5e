"""Writes the seed corpora: small inputs that reach each part of each target.

    python fuzz/make_corpus.py

The same files every time. The seeds m1-alone-* are containers of the first version, kept as it wrote them.
"""

import io
from pathlib import Path

import numpy as np

from equalinfo.container.writing import write_container
from equalinfo.predict.unigram import Unigram, quantise_counts

CORPUS = Path(__file__).parent / "corpus"
# The predictor of fuzz_container.py.
PREDICTOR = Unigram(quantise_counts(np.array([1 + 4000 * (byte in b" etaoins\0") for byte in range(256)])))


def container(text: bytes, block: int, context: int | None) -> bytes:
    target = io.BytesIO()
    write_container(PREDICTOR if context else None, io.BytesIO(text), target, block, context, 1)
    return target.getvalue()


def main() -> None:
    noise = np.random.default_rng(0).bytes(300)
    seeds = {
        "container": {
            "empty": b"\0" + container(b"", 64, 16),
            "one-block": b"\0" + container(b"to eat in a seat", 64, 16),
            "blocks": b"\0" + container(b"as one in ten is at sea " * 6 + noise[:60], 40, 7),
            "adaptive": b"\0" + container(b"to eat in a seat, as one in ten is at sea " * 4, 64, None),
            "forged": b"\1" + noise,
            "forged-zeros": b"\1" + bytes(120),
            "round-trip": b"\2" + b"to eat in a seat " * 5 + noise[:12],
        },
        "decoders": {f"noise-{i}": noise[7 * i : 7 * i + 40 * (i + 1)] for i in range(5)}
        | {"text": b"the quick brown fox" * 3, "zeros": bytes(60)},
        # The last byte chooses the artifact.
        "artifacts": {f"noise-{i:02d}": noise[3 * i : 3 * i + 80] + bytes([i]) for i in range(24)},
    }
    for target, inputs in seeds.items():
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        for name, data in inputs.items():
            (CORPUS / target / name).write_bytes(data)


if __name__ == "__main__":
    main()
