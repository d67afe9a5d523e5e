"""Exact models on disk, and on the device that is to run them."""

import json
from dataclasses import asdict
from pathlib import Path

from equalinfo.errors import DamagedArtifact
from equalinfo.files import read_json, read_manifest
from equalinfo.predict.exact import FORMAT, ExactModel, tensor_shapes
from equalinfo.pretrained import located
from equalinfo.sizes import Size
from equalinfo.tensors import read_safetensors


def save_exact(model: ExactModel, directory: Path) -> None:
    """Writes exact.json and exact.safetensors into `directory`."""
    model.save(directory / "exact.safetensors")
    description = {"format": FORMAT, "size": asdict(model.size), "identity": model.fingerprint}
    (directory / "exact.json").write_text(json.dumps(description, indent=1, sort_keys=True) + "\n")


def load_exact(directory: Path, device: str = "cpu") -> ExactModel:
    """The exact model in an M1 or tokenizer directory (exact.json and exact.safetensors).

    Args:
        device: what computes; "cuda" takes torch's version of the model, which gives the same integers.

    Raises:
        DamagedArtifact: the files are not what was written.
        EqualInfoError: there is no such device.
    """
    fields = read_json(directory / "exact.json")
    try:
        if fields.get("format") != FORMAT:
            raise DamagedArtifact(
                f"{directory}: the exact model has format {fields.get('format', 1)}, this version reads {FORMAT}; "
                "make M1 again with it"
            )
        size = Size(**fields["size"])
    except (AttributeError, TypeError, KeyError, ValueError) as error:
        raise DamagedArtifact(f"{directory / 'exact.json'} is damaged ({error}); make M1 again") from error
    model = ExactModel(size, read_safetensors(directory / "exact.safetensors", tensor_shapes(size)))
    if model.fingerprint != fields.get("identity"):
        raise DamagedArtifact(f"{directory}: the exact model is damaged (its hash differs); make M1 again")
    if device == "cpu":
        return model
    from equalinfo.predict.exact_torch import TorchModel

    return TorchModel(model, device)


def load_m1(directory: Path, device: str = "cpu") -> ExactModel:
    """The exact model of an M1 directory, or of a shipped M1 by its name; all files are checked first.

    Raises:
        EqualInfoError: there is none, or no such device.
        DamagedArtifact: its files are not what was written.

    Examples:
        >>> m1 = load_m1("english-m1")
        >>> rows = m1.frequencies(b"The ")
        >>> rows.shape, rows.sum(axis=1).tolist()
        ((4, 256), [16384, 16384, 16384, 16384])
        >>> bytes([int(rows[1].argmax())])
        b'h'
    """
    directory = located(directory, "m1")
    read_manifest(directory, "m1")
    return load_exact(directory, device)
