"""Models on disk: safetensors, nothing that runs code when loaded."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from equalinfo.errors import DamagedArtifact
from equalinfo.files import atomic_file


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
