"""Resumable training state: torch's distributed checkpoints, as safetensors and JSON.

    FOLDER/step-00001200/shard-00001-model-00001-of-00001.safetensors   one for each process that holds a part
    FOLDER/step-00001200/training.json                                  step, seconds, log, what run it belongs to

Tensors are named after parameters, so a checkpoint can be read by any number of processes, whole or sharded.
It is written beside, renamed when it is complete and on disk, and only then is the one before it removed: a
kill at any moment leaves a good one.
"""

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint import (
    CheckpointException,
    HuggingFaceStorageReader,
    HuggingFaceStorageWriter,
)
from torch.distributed.tensor import DTensor

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import json_bytes, read_json
from equalinfo.model.decoder import Decoder, file_name
from equalinfo.model.distributed import DistributedContext, launched_first
from equalinfo.model.optim import Optimizer, ShardedAdafactor, parts_of
from equalinfo.model.storage import file_tensors
from equalinfo.outputs import Inputs, Reserved, reserved_directory

PROGRESS = "training.json"
UNFINISHED = ".part"
STATE = ".training"  # OUT.training holds the checkpoints of OUT


@contextmanager
def training_output(out: Path, kind: str, inputs: Inputs) -> Iterator[tuple[Reserved | None, Path]]:
    """Keeps OUT for all processes of a training, by the first of them.

    Returns:
        what the first process writes to (None in the others), and the folder of checkpoints, beside OUT.

    Raises:
        EqualInfoError: as `reserved_directory`, or that folder holds something else.
    """
    if not launched_first():
        place = Path(os.path.realpath(out))
        yield None, place.with_name(place.name + STATE)
        return
    with (
        reserved_directory(out, kind, inputs) as reserved,
        reserved.state(STATE, lambda name: name.startswith("step-")) as state,
    ):
        yield reserved, state


class Checkpoints:
    """The checkpoints of one run; every process calls each method at the same time."""

    def __init__(self, folder: Path, context: DistributedContext) -> None:
        self.folder, self.context = folder, context
        if folder.is_file():
            raise EqualInfoError(f"{folder} is a file, not a folder of checkpoints; delete it to start anew")

    def latest(self) -> Path | None:
        """The newest checkpoint; what a kill left unfinished is removed."""
        newest = ""
        if self.context.is_main:
            for left in self.folder.glob(f"*{UNFINISHED}"):
                shutil.rmtree(left, ignore_errors=True)
            newest = max((path.name for path in self.folder.glob("step-*")), default="")
        newest = self.context.broadcast(newest)
        return self.folder / newest if newest else None

    def save(self, model: Decoder, optimizer: Optimizer, progress: dict[str, Any]) -> None:
        """Keeps model, optimizer and `progress` in place of earlier ones.

        Args:
            progress: JSON, with "identity", "step", "seconds" and "log".

        Raises:
            EqualInfoError: the disk is full, or the like; the checkpoint before this one stays.
        """
        path = self.folder / f"step-{progress['step']:08d}"
        unfinished = path.with_name(path.name + UNFINISHED)
        try:
            if self.context.is_main:
                shutil.rmtree(unfinished, ignore_errors=True)
            self.context.broadcast("")  # the folder is empty before anybody writes into it
            writer = HuggingFaceStorageWriter(str(unfinished), save_distributed=True)
            with _quiet():
                dcp.save(
                    _tensors(model, optimizer), storage_writer=writer, no_dist=self.context.world_size == 1
                )
            if self.context.is_main:
                with open(unfinished / PROGRESS, "wb") as stream:
                    stream.write(json_bytes(progress))
                    stream.flush()
                    os.fsync(stream.fileno())
                _sync(unfinished)
                os.replace(unfinished, path)
                _sync(self.folder)
                for older in self.folder.glob("step-*"):
                    if older != path:
                        shutil.rmtree(older, ignore_errors=True)
        except BaseException as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            if not isinstance(error, OSError | CheckpointException):
                raise
            raise EqualInfoError(f"cannot write {path}: {_reason(error)}") from error

    def progress(self, path: Path) -> dict[str, Any]:
        """What `save` was given as `progress`; DamagedArtifact if it is missing or no JSON."""
        saved = read_json(path / PROGRESS)
        if not isinstance(saved, dict) or not {"identity", "step", "seconds", "log"} <= saved.keys():
            raise DamagedArtifact(f"{path / PROGRESS} is damaged; delete {self.folder} to start anew")
        return saved

    def load(self, path: Path, model: Decoder, optimizer: Optimizer) -> None:
        """Restores model and optimizer.

        Raises:
            DamagedArtifact: the checkpoint is damaged, or of another model or optimizer.
        """
        try:
            reader = HuggingFaceStorageReader(str(path))
            stored = reader.read_metadata().state_dict_metadata
            sizes = {name: tensor.size for name, tensor in stored.items() if hasattr(tensor, "size")}
            target = _targets(model, optimizer, sizes)
            with _quiet():
                dcp.load(target, storage_reader=reader, no_dist=self.context.world_size == 1)
            _restore(model, optimizer, target)
        # What torch raises for a file cut short or a tensor of another size is not one kind of error.
        except Exception as error:
            raise DamagedArtifact(
                f"{path} is not a checkpoint of this model; delete {self.folder} to start anew"
            ) from error


def _tensors(model: Decoder, optimizer: Optimizer) -> dict[str, Tensor]:
    """Weights and optimizer state by name; numbers as tensors of one element, which the format wants."""
    tensors = {f"model.{name}": tensor for name, tensor in file_tensors(model).items()}
    for name, state, _, _ in _states(model, optimizer):
        for key, value in state.items():
            tensors[f"optimizer.{name}.{key}"] = value.reshape(1) if value.ndim == 0 else value
    return tensors


def _states(model: Decoder, optimizer: Optimizer) -> Iterator[tuple[str, dict[str, Tensor], int, int]]:
    """Name and state of each parameter, the optimizer part it is in, and its number there."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    for number, part in enumerate(parts_of(optimizer)):
        parameters = [parameter for group in part.param_groups for parameter in group["params"]]
        for index, parameter in enumerate(parameters):
            yield file_name(names[parameter]), part.state.get(parameter, {}), number, index


def _targets(model: Decoder, optimizer: Optimizer, sizes: dict[str, torch.Size]) -> dict[str, Tensor]:
    """Tensors to read into, cut as the model is cut now."""
    targets: dict[str, Tensor] = {}
    weights = file_tensors(model)
    parameters = {file_name(name): parameter for name, parameter in model.named_parameters()}
    for name, weight in weights.items():
        if sizes[f"model.{name}"] != weight.shape:
            raise ValueError(name)
        targets[f"model.{name}"] = weight
    for full, size in sizes.items():
        kind, _, name = full.partition(".")
        if kind == "optimizer":
            parameter = parameters[name.rpartition(".")[0]]
            # Only what has a parameter's shape is cut as it is, and Adafactor keeps even that whole.
            cut = isinstance(parameter, DTensor) and size == parameter.shape
            cut = cut and not isinstance(optimizer, ShardedAdafactor)
            targets[full] = torch.zeros_like(parameter.detach()) if cut else torch.zeros(size)
    return targets


def _restore(model: Decoder, optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    model.load_state_dict({name: tensors[f"model.{file_name(name)}"] for name in model.state_dict()})
    states: list[dict[int, dict[str, Tensor]]] = [{} for _ in parts_of(optimizer)]
    for name, _, number, index in _states(model, optimizer):
        prefix = f"optimizer.{name}."
        tensors_of_one = {
            full.removeprefix(prefix): t for full, t in tensors.items() if full.startswith(prefix)
        }
        if tensors_of_one:
            states[number][index] = {
                key: t.reshape(()) if key == "step" else t for key, t in tensors_of_one.items()
            }
    for part, state in zip(parts_of(optimizer), states, strict=True):
        part.load_state_dict({"state": state, "param_groups": part.state_dict()["param_groups"]})


def _sync(folder: Path) -> None:
    """Names in a folder are on disk when this returns, where the system can promise it."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _reason(error: BaseException) -> str:
    if isinstance(error, CheckpointException):
        # What went wrong in the first process that failed.
        error = min(error.failures.items())[1][0]
    return getattr(error, "strerror", None) or " ".join(str(error).split())[:200]


def _quiet() -> warnings.catch_warnings:
    """torch warns that a single process saves alone, which is what it was asked for."""
    return warnings.catch_warnings(action="ignore")
