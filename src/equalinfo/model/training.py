"""The training loop: deterministic given the plan, resumable after a kill, with a progress bar.

Used by `equalinfo train-m1`, `train-m2` and `run`. Resuming gives the weights of an uninterrupted run,
bit for bit on the same machine and thread count: the data position is the step number, and one file
holds model, optimizer and step together.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.progress import Progress

from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, sha256_bytes
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.decoder import Decoder
from equalinfo.model.loss import Z_LOSS, next_id_loss
from equalinfo.model.optimizers import default_learning_rate, learning_rate_factor, make_optimizer
from equalinfo.model.storage import load_training_state, save_training_state

SECONDS_BETWEEN_CHECKPOINTS = 30.0
LOG_EVERY = 20


@dataclass(frozen=True)
class TrainingPlan:
    """What decides the weights, besides the data and the model.

    Args:
        steps: optimizer steps.
        batch_size: sequences in memory at a time.
        seed: of the initial weights and the order of the data.
        optimizer: "adafactor" (the paper's), "adamw" or "muon".
        learning_rate: None takes the optimizer's default.
        precision: "float32", "bfloat16", or "auto": bfloat16 where the processor multiplies it natively.
        threads: CPU threads; part of the plan, because float sums depend on how work is split.
        accumulate: batches per step: the sequences, and up to rounding the weights, of a batch that many times
            larger, in the memory of one.
        clip: the gradient's largest norm; longer ones are scaled down to it. 0 never clips.
        z_loss: weight of the squared log sum exp of the logits.
        compile: translate the layers with torch.compile; rounds differently.
    """

    steps: int
    batch_size: int
    seed: int = 0
    optimizer: str = "adafactor"
    learning_rate: float | None = None
    precision: str = "auto"
    threads: int = 2
    accumulate: int = 1
    clip: float = 1.0
    z_loss: float = Z_LOSS
    compile: bool = False

    @property
    def sequences_per_step(self) -> int:
        return self.batch_size * self.accumulate


def resolved_precision(precision: str) -> str:
    """The precision that "auto" means on this machine."""
    if precision in ("float32", "bfloat16"):
        return precision
    if precision != "auto":
        raise EqualInfoError(f"no precision {precision!r}; choose float32, bfloat16 or auto")
    if torch.cuda.is_available():
        return "bfloat16"
    # Without AMX, bfloat16 on a CPU is slower than float32; with it, 1.6 to 2 times faster.
    amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
    return "bfloat16" if amx else "float32"


def train(
    model: Decoder,
    batches: SequenceBatches,
    plan: TrainingPlan,
    state_path: Path,
    log_path: Path,
    data_identity: str,
    bits_per_byte: Callable[[float], float],
    progress: Progress,
    title: str,
) -> float:
    """Trains `model` in place; returns the seconds spent, those before a kill included.

    Args:
        state_path: where to keep the resumable state; if it holds one of the same plan, training goes on.
        log_path: JSON lines of step, loss in nats and seconds.
        data_identity: names the data; a state trained on other data is not resumed.
        bits_per_byte: turns a loss in nats per id into bits per source byte, for the progress bar.

    Raises:
        EqualInfoError: the loss or the gradient is not finite, or the disk is full. The last state that was
            kept is from before that, and stays.
    """
    precision = resolved_precision(plan.precision)
    identity = sha256_bytes(
        json.dumps(
            [asdict(plan), precision, data_identity, asdict(model.size), model.vocab, model.preset],
            sort_keys=True,
        ).encode()
    )
    torch.set_num_threads(plan.threads)
    model.initialise(plan.seed)
    device = next(model.parameters()).device
    if plan.compile:
        for layer in model.layers:
            layer.compile(dynamic=False)
    rate = plan.learning_rate if plan.learning_rate is not None else default_learning_rate(plan.optimizer)
    optimizer = make_optimizer(plan.optimizer, model, rate)
    step, seconds_before, log = 0, 0.0, []
    if state_path.is_file():
        saved = load_training_state(state_path, model, optimizer)
        if saved["identity"] != identity:
            raise EqualInfoError(
                f"{state_path} belongs to a run with other settings or data; delete it or rename it"
            )
        step, seconds_before, log = saved["step"], saved["seconds"], saved["log"]
    started = last_saved = time.monotonic()

    def check_weights() -> None:
        # A step can overflow weights though its gradient was finite; only the next loss would tell.
        if not all(bool(torch.isfinite(p).all()) for p in model.parameters()):
            raise diverged("a weight", math.nan)

    def checkpoint() -> None:
        check_weights()
        seconds = seconds_before + time.monotonic() - started
        save_training_state(
            state_path, model, optimizer, {"identity": identity, "step": step, "seconds": seconds, "log": log}
        )

    def diverged(what: str, value: float) -> EqualInfoError:
        return EqualInfoError(
            f"{title}: {what} is {value} at step {step}; lower the learning rate (the last good state is kept)"
        )

    task = progress.add_task(title, total=plan.steps, completed=step, note="")
    model.train()
    running: float | None = None
    first_step = step
    while step < plan.steps:
        factor = learning_rate_factor(plan.optimizer, step, plan.steps)
        for group in optimizer.param_groups:
            group["lr"] = rate * factor
        optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        for part in range(plan.accumulate):
            ids_BT = torch.from_numpy(batches.at(step * plan.accumulate + part)).to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                total, nats = next_id_loss(model, ids_BT, plan.z_loss)
            loss += float(nats) / plan.accumulate
            if not math.isfinite(loss):
                raise diverged("the loss", loss)
            (total / plan.accumulate).backward()
        norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip or math.inf))
        if not math.isfinite(norm):
            raise diverged("the gradient's norm", norm)
        optimizer.step()
        step += 1
        running = loss if running is None else 0.95 * running + 0.05 * loss
        elapsed = time.monotonic() - started
        if step % LOG_EVERY == 0 or step == plan.steps:
            log.append({"step": step, "loss_nats": loss, "seconds": round(seconds_before + elapsed, 3)})
        ids_per_second = (step - first_step) * plan.accumulate * ids_BT.numel() / max(elapsed, 1e-9)
        note = f"{bits_per_byte(running):.3f} bits/byte  {ids_per_second / 1000:.0f} k ids/s"
        progress.update(task, completed=step, note=note)
        if time.monotonic() - last_saved > SECONDS_BETWEEN_CHECKPOINTS and step < plan.steps:
            checkpoint()
            last_saved = time.monotonic()
    check_weights()
    model.eval()
    with atomic_file(log_path) as stream:
        stream.write("".join(json.dumps(row) + "\n" for row in log).encode())
    return seconds_before + time.monotonic() - started
