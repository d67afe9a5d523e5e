"""Models and trainer state on disk: safetensors and JSON, nothing that runs code when loaded."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from equalinfo.errors import DamagedArtifact
from equalinfo.files import atomic_file
from equalinfo.model.optimizers import Optimizer


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Writes tensors to one safetensors file, whole or not at all."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_file(path) as stream:
        stream.write(save(contiguous, metadata))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and metadata of a safetensors file; DamagedArtifact if it is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as stream:
            return {name: stream.get_tensor(name) for name in stream.keys()}, stream.metadata() or {}  # noqa: SIM118
    except FileNotFoundError:
        raise DamagedArtifact(f"{path} is missing; make the model again") from None
    except (SafetensorError, OSError) as error:
        raise DamagedArtifact(f"{path} cannot be read ({error}); make the model again") from error


def load_weights(model: nn.Module, path: Path, ours: dict[str, str] | None = None) -> None:
    """Fills `model` from a safetensors file; DamagedArtifact if names or shapes differ.

    Args:
        ours: the model's name for each name in the file, where they are not the same.
    """
    tensors, _ = load_tensors(path)
    try:
        model.load_state_dict({(ours or {}).get(name, name): tensor for name, tensor in tensors.items()})
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise DamagedArtifact(
            f"{path} does not fit its config.json ({reason[:200]}); make it again"
        ) from error


def save_training_state(path: Path, model: nn.Module, optimizer: Optimizer, progress: dict[str, Any]) -> None:
    """Model, optimizer and progress in one file, so that a kill can never separate them."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    scalars: dict[str, Any] = {}
    state = optimizer.state_dict()["state"]
    for index, values in state.items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{index}.{name}"] = value
            else:
                scalars[f"{index}.{name}"] = value
    metadata = {"progress": json.dumps(progress), "scalars": json.dumps(scalars)}
    save_tensors(path, tensors, metadata)


def load_training_state(path: Path, model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Restores what `save_training_state` wrote and returns its progress."""
    tensors, metadata = load_tensors(path)
    try:
        progress, scalars = json.loads(metadata["progress"]), json.loads(metadata["scalars"])
        model.load_state_dict(
            {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
        )
        state: dict[int, dict[str, Any]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimizer."):
                _, index, key = name.split(".", 2)
                state.setdefault(int(index), {})[key] = tensor
        for name, value in scalars.items():
            index, key = name.split(".", 1)
            state.setdefault(int(index), {})[key] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (KeyError, ValueError, RuntimeError) as error:
        raise DamagedArtifact(
            f"{path} is not a training state of this model; delete it to start anew"
        ) from error
    return progress
