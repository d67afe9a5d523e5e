"""Models on disk: safetensors, nothing that runs code when loaded."""

from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from equalinfo.files import atomic_file
from equalinfo.model.decoder import Decoder, file_name
from equalinfo.sizes import Size
from equalinfo.tensors import read_safetensors


def file_tensors(model: Decoder) -> dict[str, Tensor]:
    """A model's weights under the names that files give them."""
    return {file_name(name): tensor for name, tensor in model.state_dict().items()}


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Writes tensors to one safetensors file, whole or not at all."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_file(path) as stream:
        stream.write(save(contiguous, metadata))


def load_decoder(
    path: Path, size: Size, vocab: int, preset: str = "paper", theirs: dict[str, str] | None = None
) -> Decoder:
    """The model whose weights are in a safetensors file, float32.

    Args:
        theirs: the file's name for each of the model's tensors, where they are not the same.

    Raises:
        DamagedArtifact: names, shapes or types in the file are not those of such a model.
    """
    # Without memory, which a config.json that is wrong could ask any amount of.
    with torch.device("meta"):
        model = Decoder(size, vocab, preset)
    shapes = {name: (tuple(tensor.shape), "float32") for name, tensor in model.state_dict().items()}
    names = theirs or {ours: file_name(ours) for ours in shapes}
    tensors = read_safetensors(path, {names[ours]: shape for ours, shape in shapes.items()}, "pt")
    model.load_state_dict({ours: tensors[name] for ours, name in names.items()}, assign=True)
    return model.eval()
