"""The training loop: deterministic given the plan, resumable after a kill, with a progress bar.

Used by `equalinfo train-m1`, `train-m2` and `run`, alone or in processes that torchrun started. Resuming gives the
weights of an uninterrupted run, bit for bit on the same machine and thread count: the data position is the step
number, and a checkpoint holds model, optimizer and step together. Another number of processes adds up in
another order, which differs by rounding.
"""

import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from rich.progress import Progress
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, sha256_bytes
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.checkpoint import Checkpoints
from equalinfo.model.decoder import Decoder
from equalinfo.model.distributed import DistributedContext
from equalinfo.model.loss import Z_LOSS, next_id_loss
from equalinfo.model.optim import default_learning_rate, learning_rate_factor, make_optimizer

# No more of the time than one part in so many goes to checkpoints, however large they are.
CHECKPOINT_SHARE = 20
LOG_EVERY = 20
VALIDATION_BATCHES = 20  # as many as Lester et al. 2024 score


@dataclass(frozen=True)
class TrainingConfig:
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

    Attributes:
        version: raised where a change of code trains other weights by the same plan. What is named by a hash of a plan,
            as checkpoints and a recipe's runs, is then trained anew and not gone on with. 2: `seeded.permutation`
            orders the data.
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
    version: int = field(default=2, init=False)

    @property
    def sequences_per_step(self) -> int:
        return self.batch_size * self.accumulate


@dataclass(frozen=True)
class RuntimeConfig:
    """How training runs; decides nothing of the weights, but for rounding where devices or processes differ.

    Args:
        device: "auto" takes a GPU where there is one; "cpu", "cuda".
        strategy: among processes that torchrun started, "ddp" or "fsdp" (`model.distributed`).
        workers: processes that read data ahead.
        checkpoint_seconds: the least time between checkpoints; 0 keeps one after every step.
        validate_every: steps from one validation to the next; 0 never validates.
        validation_examples: held-out examples that are scored, then and at the end; 0: as many as whoever calls takes.
    """

    device: str = "auto"
    strategy: str = "ddp"
    workers: int = 0
    checkpoint_seconds: float = 30.0
    validate_every: int = 0
    validation_examples: int = 0


class Objective(nn.Module):
    """The loss of a batch as one module, because DDP and FSDP2 act where a module is called."""

    def __init__(self, model: Decoder, z_weight: float) -> None:
        super().__init__()
        self.model, self.z_weight = model, z_weight

    def forward(self, ids_BT: Tensor) -> tuple[Tensor, Tensor]:
        """As `next_id_loss`."""
        return next_id_loss(self.model, ids_BT, self.z_weight)


def resolved_precision(precision: str, device: str = "auto") -> str:
    """The precision that "auto" means on this machine."""
    if precision in ("float32", "bfloat16"):
        return precision
    if precision != "auto":
        raise EqualInfoError(f"no precision {precision!r}; choose float32, bfloat16 or auto")
    if device != "cpu" and torch.cuda.is_available():
        return "bfloat16"
    # Without AMX, bfloat16 on a CPU is slower than float32; with it, 1.6 to 2 times faster.
    amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
    return "bfloat16" if amx else "float32"


def train(
    model: Decoder,
    batches: SequenceBatches,
    plan: TrainingConfig,
    state_path: Path,
    log_path: Path | None,
    data_fingerprint: str,
    bits_per_byte: Callable[[float], float],
    progress: Progress,
    title: str,
    processes: DistributedContext | None = None,
    execution: RuntimeConfig | None = None,
    validation: SequenceBatches | None = None,
    prepare: Callable[[Decoder], None] | None = None,
) -> float:
    """Trains `model` in place; returns the seconds spent, those before a kill included.

    Args:
        batches: of `plan.batch_size` sequences; each process takes its part of every batch.
        state_path: folder of the resumable state; if it holds one of the same plan, training goes on.
        log_path: JSON lines of step, loss in nats and seconds, and of validations; the first process writes it.
        data_fingerprint: names the data; a state trained on other data is not resumed.
        bits_per_byte: turns a loss in nats per id into bits per source byte, for the progress bar.
        processes: default: this one, on the CPU.
        prepare: changes the drawn weights before the first step; `data_fingerprint` has to name it.
        validation: batches whose mean loss `execution.validate_every` asks for; each validation takes one pass.

    Raises:
        EqualInfoError: the loss or the gradient is not finite, or the disk is full. The last state that was
            kept is from before that, and stays.
    """
    processes, execution = processes or DistributedContext(), execution or RuntimeConfig()
    precision = resolved_precision(plan.precision, processes.device.type)
    fingerprint = sha256_bytes(
        json.dumps(
            [asdict(plan), precision, data_fingerprint, asdict(model.size), model.vocab, model.preset],
            sort_keys=True,
        ).encode()
    )
    torch.set_num_threads(plan.threads)
    model.init_weights(plan.seed)
    if prepare:
        prepare(model)
    if plan.compile:
        for layer in model.layers:
            layer.compile(dynamic=False)
    objective = processes.wrap(Objective(model, plan.z_loss), model.layers)
    rate = plan.learning_rate if plan.learning_rate is not None else default_learning_rate(plan.optimizer)
    optimizer = make_optimizer(plan.optimizer, model, rate)
    checkpoints = Checkpoints(state_path, processes)
    step, seconds_before, log = 0, 0.0, []
    if latest := checkpoints.latest():
        saved = checkpoints.progress(latest)
        if saved["identity"] != fingerprint:
            raise EqualInfoError(
                f"{state_path} belongs to a run with other settings or data; delete it or rename it"
            )
        checkpoints.load(latest, model, optimizer)
        step, seconds_before, log = saved["step"], saved["seconds"], saved["log"]

    def diverged(what: str, value: float) -> EqualInfoError:
        return EqualInfoError(
            f"{title}: {what} is {value} at step {step}; lower the learning rate (the last good state is kept)"
        )

    def check_weights() -> None:
        # A step can overflow weights though its gradient was finite; only the next loss would tell.
        bad = sum(not bool(torch.isfinite(local(p)).all()) for p in model.parameters())
        if processes.all_reduce_sum(float(bad))[0]:
            raise diverged("a weight", math.nan)

    task = progress.add_task(title, total=plan.steps, completed=step, note="")
    model.train()
    parts = batches.read(
        range(step * plan.accumulate, plan.steps * plan.accumulate),
        processes.rank,
        processes.world_size,
        execution.workers,
    )
    bytes_per_id = 1 / bits_per_byte(math.log(2))
    started = last_saved = time.monotonic()
    pause, first_step = execution.checkpoint_seconds, step
    running, validated = None, ""
    while step < plan.steps:
        factor = learning_rate_factor(plan.optimizer, step, plan.steps)
        for group in optimizer.param_groups:
            group["lr"] = rate * factor
        optimizer.zero_grad(set_to_none=True)
        own_loss = torch.zeros((), device=processes.device)
        for part in range(plan.accumulate):
            ids_BT = next(parts).to(processes.device, non_blocking=True)
            last = part == plan.accumulate - 1
            with nullcontext() if last else processes.without_sync(objective):
                with torch.autocast(processes.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                    total, nats = objective(ids_BT)
                (total / plan.accumulate).backward()
            own_loss += nats / (plan.accumulate * processes.world_size)
        norm = whole(torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip or math.inf))
        # The first process's clock says for all when a checkpoint is due.
        due = processes.is_main and time.monotonic() - last_saved > pause
        loss, checkpoint_due = processes.all_reduce_sum(own_loss, float(due))
        if not math.isfinite(loss):
            raise diverged("the loss", loss)
        if not math.isfinite(norm):
            raise diverged("the gradient's norm", norm)
        optimizer.step()
        step += 1
        elapsed = time.monotonic() - started
        if step % LOG_EVERY == 0 or step == plan.steps:
            log.append({"step": step, "loss_nats": loss, "seconds": round(seconds_before + elapsed, 3)})
        if validation and execution.validate_every and step % execution.validate_every == 0:
            held_out = _mean_loss(objective, validation, processes, precision)
            log.append({"step": step, "validation_nats": held_out})
            validated = f"  validation {bits_per_byte(held_out):.3f}"
        running = loss if running is None else 0.95 * running + 0.05 * loss
        ids = (step - first_step) * plan.sequences_per_step * ids_BT.shape[1]
        kilobytes = ids * bytes_per_id / max(elapsed, 1e-9) / 1000
        note = f"{bits_per_byte(running):.3f} bits/byte{validated}  {kilobytes:.0f} kB/s"
        progress.update(task, completed=step, note=note)
        if checkpoint_due and step < plan.steps:
            check_weights()
            before = time.monotonic()
            seconds = seconds_before + before - started
            checkpoints.save(
                model, optimizer, {"identity": fingerprint, "step": step, "seconds": seconds, "log": log}
            )
            last_saved = time.monotonic()
            if execution.checkpoint_seconds > 0:
                pause = max(execution.checkpoint_seconds, CHECKPOINT_SHARE * (last_saved - before))
    check_weights()
    model.eval()
    if processes.is_main and log_path:
        with atomic_file(log_path) as stream:
            stream.write("".join(json.dumps(row, sort_keys=True) + "\n" for row in log).encode())
    return seconds_before + time.monotonic() - started


@torch.no_grad()
def _mean_loss(
    objective: nn.Module, batches: SequenceBatches, processes: DistributedContext, precision: str
) -> float:
    """Nats per id of held-out sequences: VALIDATION_BATCHES batches, or all where there are fewer."""
    objective.eval()
    count = max(1, min(VALIDATION_BATCHES, len(batches.sequences) // batches.batch_size))
    own = torch.zeros((), device=processes.device)
    for ids_BT in batches.read(range(count), processes.rank, processes.world_size):
        with torch.autocast(processes.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            own += objective(ids_BT.to(processes.device))[1] / (count * processes.world_size)
    objective.train()
    return processes.all_reduce_sum(own)[0]


def local(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(number: Tensor) -> float:
    """A number that may be spread over processes."""
    return float(number.full_tensor() if isinstance(number, DTensor) else number)
