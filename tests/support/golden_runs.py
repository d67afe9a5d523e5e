"""Writes golden_losses.json, the losses of tiny runs: `python -m tests.support.golden_runs` in the repository.

A change here means that the same plan trains another model than before. Other processors round differently, so
losses are compared within TOLERANCE: runs are short, and rounding has not grown by then.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
from rich.progress import Progress

from equalinfo.model import train_loop
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.config import OPTIMIZERS, PRESETS, TrainingConfig
from equalinfo.model.decoder import Decoder
from equalinfo.sizes import Size

PATH = Path(__file__).parent / "golden_losses.json"
STEPS = 10
TOLERANCE = 2e-3  # nats
SIZE, VOCAB = Size(32, 2, 2, 16, 64, 1), 24
RATES = {"adafactor": 0.03, "adamw": 3e-3, "muon": 1e-2}


def sequences() -> np.ndarray:
    """Ids from a formula: each depends on the two before it, so there is something to learn."""
    ids = [1, 2]
    while len(ids) < 40 * 16:
        ids.append((ids[-1] * 5 + ids[-2] + len(ids) % 3) % VOCAB)
    return np.array(ids, np.uint16).reshape(40, 16)


def losses(preset: str, optimizer: str) -> list[float]:
    """Loss in nats at each step of a tiny run in float32."""
    plan = TrainingConfig(
        steps=STEPS, batch_size=4, seed=1, optimizer=optimizer, learning_rate=RATES[optimizer],
        precision="float32", threads=1, accumulate=2,
    )  # fmt: skip
    before = train_loop.LOG_EVERY
    train_loop.LOG_EVERY = 1
    try:
        with tempfile.TemporaryDirectory() as folder, Progress(disable=True) as progress:
            batches = SequenceBatches(sequences(), plan.batch_size, plan.seed)
            model = Decoder(SIZE, VOCAB, preset)
            data = train_loop.TrainingData(batches, "", float)
            trainer = train_loop.Trainer(model, data, plan, Path(folder) / "state")
            trainer.run(progress)
            return [round(row["loss_nats"], 6) for row in trainer.log]
    finally:
        train_loop.LOG_EVERY = before


def golden() -> dict[str, list[float]]:
    return {f"{preset} {name}": losses(preset, name) for preset in PRESETS for name in OPTIMIZERS}


if __name__ == "__main__":
    PATH.write_text(json.dumps(golden(), indent=1) + "\n")
