"""The training loop: deterministic given the config, resumable after a kill, with a progress bar.

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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress, TaskID
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, sha256_bytes
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.checkpoint import Checkpoints
from equalinfo.model.config import RuntimeConfig, TrainingConfig
from equalinfo.model.decoder import Decoder
from equalinfo.model.distributed import DistributedContext, single_process
from equalinfo.model.loss import next_id_loss
from equalinfo.model.optim import LEARNING_RATES, learning_rate_factor, make_optimizer
from equalinfo.parallel import keep_freed_memory

# No more of the time than one part in so many goes to checkpoints, however large they are.
CHECKPOINT_SHARE = 20
LOG_EVERY = 20
VALIDATION_BATCHES = 20  # as many as Lester et al. 2024 score


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
    if precision != "auto":
        return precision
    if device != "cpu" and torch.cuda.is_available():
        return "bfloat16"
    # Without AMX, bfloat16 on a CPU is slower than float32; with it, 1.6 to 2 times faster.
    amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
    return "bfloat16" if amx else "float32"


@dataclass(frozen=True)
class TrainingData:
    """What a model is trained on.

    Args:
        batches: of the config's `batch_size` sequences; each process takes its part of every batch.
        fingerprint: names the data, and what `prepare` does; a state trained on other data is not resumed.
        bits_per_byte: turns a loss in nats per id into bits per source byte, for the progress bar.
        validation: batches whose mean loss `RuntimeConfig.validate_every` asks for; each validation takes one pass.
        prepare: changes the drawn weights before the first step.
    """

    batches: SequenceBatches
    fingerprint: str
    bits_per_byte: Callable[[float], float]
    validation: SequenceBatches | None = None
    prepare: Callable[[Decoder], None] | None = None


class Trainer:
    """One training of a model, in place: from the start, or from the state that an earlier one left.

    Every process that trains together calls each method at the same time.

    Args:
        state: folder of the checkpoints; if it holds one of the same config and data, training resumes.
        context: default: this process by itself, on a GPU where there is one.
        title: names the model in the progress bar and in errors.
        objective: makes the module whose output is a batch's loss, for models that read more than ids.

    Raises:
        EqualInfoError: the state belongs to another run.
        DamagedArtifact: it cannot be read.

    Examples:
        >>> from equalinfo.progress import progress_bar
        >>> from equalinfo.sizes import size_by_name
        >>> import numpy as np
        >>> ids = np.arange(64, dtype=np.uint8).reshape(8, 8)
        >>> data = TrainingData(SequenceBatches(ids, batch_size=2, seed=0), "an example", lambda nats: nats)
        >>> config = TrainingConfig(steps=3, batch_size=2, threads=1)
        >>> trainer = Trainer(Decoder(size_by_name("65k"), 256), data, config, Path("state"))
        >>> with progress_bar(quiet=True) as progress:
        ...     seconds = trainer.run(progress)
        >>> trainer.steps_done
        3
    """

    def __init__(
        self,
        model: Decoder,
        data: TrainingData,
        config: TrainingConfig,
        state: Path,
        runtime: RuntimeConfig | None = None,
        context: DistributedContext | None = None,
        title: str = "M",
        objective: Callable[[Decoder, float], nn.Module] = Objective,
    ) -> None:
        self.model, self.data, self.config, self.title = model, data, config, title
        self.runtime, self.context = runtime or RuntimeConfig(), context or single_process()
        self.precision = resolved_precision(config.precision, self.context.device.type)
        self.steps_done, self.log = 0, list[dict[str, Any]]()
        torch.set_num_threads(config.threads)
        keep_freed_memory()
        model.init_weights(config.seed)
        if data.prepare:
            data.prepare(model)
        if config.compile:
            for layer in model.layers:
                layer.compile(dynamic=False)
        self._objective = self.context.wrap(objective(model, config.z_loss), model.layers)
        self._rate = config.learning_rate or LEARNING_RATES[config.optimizer]
        self._optimizer = make_optimizer(config.optimizer, model, self._rate)
        self._checkpoints = Checkpoints(state, self.context)
        self._seconds_before = self._resume()
        self._first_step = self.steps_done
        todo = range(self.steps_done * config.accumulate, config.steps * config.accumulate)
        self._batches = data.batches.read(
            todo, self.context.rank, self.context.world_size, self.runtime.workers
        )
        self._smooth_loss: float | None = None
        self._task: TaskID | None = None
        self._started = self._last_saved = time.monotonic()
        self._pause, self._checkpoint_due = self.runtime.checkpoint_seconds, False

    @property
    def seconds(self) -> float:
        """Spent so far, those before a kill included."""
        return self._seconds_before + time.monotonic() - self._started

    @property
    def fingerprint(self) -> str:
        """Of all that decides the weights; a state with another one is not resumed."""
        shape = asdict(self.model.size), self.model.vocab, self.model.preset
        about = [self.config.record(), self.precision, self.data.fingerprint, *shape]
        return sha256_bytes(json.dumps(about, sort_keys=True).encode())

    def run(self, progress: Progress, until: int | None = None) -> float:
        """Takes all steps that are left; returns the seconds spent, those before a kill included.

        Args:
            until: pauses after that step, to look at the model; another call goes on.

        Raises:
            EqualInfoError: as `step` and `checkpoint`.
        """
        steps, every = self.config.steps, self.runtime.validate_every
        if self._task is None:
            self._task = progress.add_task(self.title, total=steps, completed=self.steps_done, note="")
        task, validated = self._task, ""
        self.model.train()
        while self.steps_done < min(steps, until or steps):
            loss = self.step()
            if self.steps_done % LOG_EVERY == 0 or self.steps_done == steps:
                seconds = round(self.seconds, 3)
                self.log.append({"step": self.steps_done, "loss_nats": loss, "seconds": seconds})
            if self.data.validation and every and self.steps_done % every == 0:
                held_out = self.validate(self.data.validation)
                self.log.append({"step": self.steps_done, "validation_nats": held_out})
                validated = f"  validation {self.data.bits_per_byte(held_out):.3f}"
            progress.update(task, completed=self.steps_done, note=self._note(loss, validated))
            if self._checkpoint_due and self.steps_done < steps:
                self.checkpoint()
        self._check_weights()
        self.model.eval()
        return self.seconds

    def step(self) -> float:
        """One step of the optimizer; returns the loss in nats per id, over all processes.

        Raises:
            EqualInfoError: the loss or the gradient is not finite; the weights are those before the step.
        """
        config, context = self.config, self.context
        factor = learning_rate_factor(config.optimizer, self.steps_done, config.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate * factor
        self._optimizer.zero_grad(set_to_none=True)
        own_loss = torch.zeros((), device=context.device)
        for number in range(config.accumulate):
            ids_BT = next(self._batches)
            last = number == config.accumulate - 1
            with nullcontext() if last else context.without_sync(self._objective):
                total, nats = self._losses(ids_BT)
                (total / config.accumulate).backward()
            own_loss += nats / (config.accumulate * context.world_size)
        spread = torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip or math.inf)
        norm = float(spread.full_tensor() if isinstance(spread, DTensor) else spread)
        # The first process's clock says for all when a checkpoint is due.
        due = context.is_main and time.monotonic() - self._last_saved > self._pause
        loss, any_due = context.all_reduce_sum(own_loss, float(due))
        if not math.isfinite(loss):
            raise self._diverged("the loss", loss)
        if not math.isfinite(norm):
            raise self._diverged("the gradient's norm", norm)
        self._optimizer.step()
        self.steps_done += 1
        self._checkpoint_due = bool(any_due)
        return loss

    @torch.no_grad()
    def validate(self, batches: SequenceBatches) -> float:
        """Nats per id of held-out sequences: VALIDATION_BATCHES batches, or all where there are fewer."""
        self._objective.eval()
        count = max(1, min(VALIDATION_BATCHES, len(batches.sequences) // batches.batch_size))
        loss = torch.zeros((), device=self.context.device)
        for ids_BT in batches.read(range(count), self.context.rank, self.context.world_size):
            loss += self._losses(ids_BT)[1] / (count * self.context.world_size)
        self._objective.train()
        return self.context.all_reduce_sum(loss)[0]

    def checkpoint(self) -> None:
        """Keeps the state in place of the one before.

        Raises:
            EqualInfoError: a weight is not finite, or the disk is full; the state before stays.
        """
        self._check_weights()
        before = time.monotonic()
        about = {
            "identity": self.fingerprint,
            "step": self.steps_done,
            "seconds": self.seconds,
            "log": self.log,
        }
        self._checkpoints.save(self.model, self._optimizer, about)
        self._last_saved = time.monotonic()
        if self.runtime.checkpoint_seconds > 0:
            spent = self._last_saved - before
            self._pause = max(self.runtime.checkpoint_seconds, CHECKPOINT_SHARE * spent)

    def write_log(self, path: Path) -> None:
        """JSON lines of step, loss in nats and seconds, and of validations."""
        with atomic_file(path) as stream:
            stream.write("".join(json.dumps(row, sort_keys=True) + "\n" for row in self.log).encode())

    def _resume(self) -> float:
        """Resumes from the newest checkpoint, if there is one; returns the seconds spent before it."""
        latest = self._checkpoints.latest()
        if latest is None:
            return 0.0
        saved = self._checkpoints.progress(latest)
        if saved["identity"] != self.fingerprint:
            raise EqualInfoError(
                f"{latest.parent} belongs to a run with other settings or data; delete it or rename it"
            )
        self._checkpoints.load(latest, self.model, self._optimizer)
        self.steps_done, self.log = saved["step"], saved["log"]
        return float(saved["seconds"])

    def _losses(self, ids_BT: Tensor) -> tuple[Tensor, Tensor]:
        device = self.context.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            losses: tuple[Tensor, Tensor] = self._objective(ids_BT.to(device, non_blocking=True))
        return losses

    def _note(self, loss: float, validated: str) -> str:
        """What the bar says beside its length."""
        smooth = loss if self._smooth_loss is None else 0.95 * self._smooth_loss + 0.05 * loss
        self._smooth_loss = smooth
        ids_per_step = self.config.sequences_per_step * len(self.data.batches.sequences[0])
        ids = (self.steps_done - self._first_step) * ids_per_step
        bytes_per_id = 1 / self.data.bits_per_byte(math.log(2))
        seconds = max(time.monotonic() - self._started, 1e-9)
        return (
            f"{self.data.bits_per_byte(smooth):.3f} bits/byte{validated}  "
            f"{ids * bytes_per_id / seconds / 1000:.0f} kB/s"
        )

    def _check_weights(self) -> None:
        # A step can overflow weights though its gradient was finite; only the next loss would tell.
        held = (p.to_local() if isinstance(p, DTensor) else p for p in self.model.parameters())
        bad = sum(not bool(torch.isfinite(p).all()) for p in held)
        if self.context.all_reduce_sum(float(bad))[0]:
            raise self._diverged("a weight", math.nan)

    def _diverged(self, what: str, value: float) -> EqualInfoError:
        return EqualInfoError(
            f"{self.title}: {what} is {value} at step {self.steps_done}; "
            "lower the learning rate (the last good state is kept)"
        )
