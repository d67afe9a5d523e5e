"""Options of training and engines as the objects that steps take."""

from typing import TYPE_CHECKING

from equalinfo.errors import EqualInfoError

if TYPE_CHECKING:
    from equalinfo.model.training import Execution, TrainingPlan
    from equalinfo.pipeline.engines.base import Engine


def plan_of(
    steps: int,
    batch: int,
    seed: int,
    optimizer: str,
    rate: float | None,
    precision: str,
    threads: int,
    accumulate: int,
    clip: float,
    z_loss: float,
    compiled: bool,
) -> "TrainingPlan":
    from equalinfo.model.optimizers import check_optimizer
    from equalinfo.model.training import TrainingPlan, resolved_precision

    # Wrong names are refused before long work.
    resolved_precision(precision)
    check_optimizer(optimizer)
    return TrainingPlan(
        steps, batch, seed, optimizer, rate, precision, threads, accumulate, clip, z_loss, compiled
    )


def execution_of(
    device: str,
    strategy: str,
    workers: int,
    checkpoint_seconds: float,
    validate_every: int,
    validation_examples: int,
) -> "Execution":
    from equalinfo.model.processes import check_strategy, device_of
    from equalinfo.model.training import Execution

    device_of(device)
    check_strategy(strategy)
    return Execution(device, strategy, workers, checkpoint_seconds, validate_every, validation_examples)


def engine_of(name: str, workers: int) -> "Engine":
    if name == "local":
        from equalinfo.pipeline.engines.local import LocalEngine

        return LocalEngine(workers)
    if name == "ray":
        from equalinfo.pipeline.engines.ray_data import RayEngine

        return RayEngine(workers)
    raise EqualInfoError(f"no engine {name!r}; choose local or ray")
