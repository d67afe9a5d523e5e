"""Tiny runs in the processes that torchrun starts: `torchrun --nproc-per-node 2 -m
tests.support.trained_together FOLDER`.

Each case runs three times: whole; stopped after a few steps; and on from where one process stopped.
"""

import sys
from pathlib import Path

import numpy as np
from rich.progress import Progress

from equalinfo.model import loss, train_loop
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.config import RuntimeConfig, TrainingConfig
from equalinfo.model.decoder import Decoder
from equalinfo.model.distributed import DistributedContext, distributed_context
from equalinfo.model.storage import save_tensors
from tests.support.golden_runs import SIZE, VOCAB, sequences

CASES = [
    ("ddp", "adafactor", "paper"),
    ("ddp", "adamw", "llama"),
    ("ddp", "muon", "paper"),
    ("fsdp", "adafactor", "paper"),
    ("fsdp", "adamw", "llama"),
    ("fsdp", "muon", "llama"),
]
STOP_AT = 4
RATES = {"adafactor": 0.02, "adamw": 3e-3, "muon": 5e-3}


class Stopped(BaseException):
    """Not an Exception: nothing in the loop may catch it."""


class StoppedAt(SequenceBatches):
    stop_at = -1

    def numbers(self, batch: int) -> list[int]:
        if batch == self.stop_at:
            raise Stopped
        return super().numbers(batch)


def run(case: tuple[str, str, str], folder: Path, together: DistributedContext, stop: bool = False) -> None:
    """Trains a case in `folder`, from its last checkpoint on; the log and weights of a whole run stay there."""
    _, optimizer, preset = case
    plan = TrainingConfig(
        steps=8, batch_size=4, seed=1, optimizer=optimizer, learning_rate=RATES[optimizer],
        precision="float32", threads=1, accumulate=2,
    )  # fmt: skip
    batches = StoppedAt(sequences(), plan.batch_size, plan.seed)
    held_out = SequenceBatches(np.roll(sequences(), 1, 1), 4, 0)
    batches.stop_at = STOP_AT * plan.accumulate if stop else -1
    execution = RuntimeConfig(checkpoint_seconds=0.0 if stop else 3600.0, validate_every=4)
    model = Decoder(SIZE, VOCAB, preset)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with Progress(disable=True) as progress:
            data = train_loop.TrainingData(batches, "", float, held_out)
            trainer = train_loop.Trainer(model, data, plan, folder / "state", execution, together)
            trainer.run(progress)
    except Stopped:
        return
    weights = together.full_model(model).state_dict()
    if together.is_main:
        trainer.write_log(folder / "log")
        save_tensors(folder / "weights", dict(weights))


def in_small_slices() -> None:
    """Makes the loss of tiny runs hold few logits at a time, as large ones do."""
    train_loop.LOG_EVERY = 1
    loss.LOGITS_AT_ONCE["cpu"], loss.LEAST_ROWS = 64, 8


if __name__ == "__main__":
    in_small_slices()
    out = Path(sys.argv[1])
    with distributed_context(device="cpu"):
        for case in CASES:
            name = "-".join(case)
            with distributed_context(case[0], "cpu") as together:
                assert together.world_size == 2
                run(case, out / "whole" / name, together)
                run(case, out / "stopped-together" / name, together, stop=True)
                run(case, out / "stopped-alone" / name, together)
