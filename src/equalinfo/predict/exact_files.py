"""M1s on disk, and on the device that is to run them."""

from pathlib import Path

from equalinfo.files import read_manifest
from equalinfo.predict.exact import ExactModel
from equalinfo.pretrained import located


def load_exact(directory: Path, device: str = "cpu") -> ExactModel:
    """The exact model in an M1 or tokenizer directory.

    Args:
        device: what computes; "cuda" takes torch's version of the model, which gives the same integers.

    Raises:
        DamagedArtifact: the files are not what was written.
        EqualInfoError: there is no such device.
    """
    model = ExactModel.load(directory)
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
