"""Arrays in files, compared with what is expected before their content is read; nothing runs code when loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open

from equalinfo.errors import DamagedArtifact
from equalinfo.files import require_file

# By name: the shape, None where a dimension may have any length, and the type, as np.int16.
Expected = Mapping[str, tuple[tuple[int | None, ...], Any]]


def read_safetensors(
    path: Path, expected: Expected, framework: Literal["np", "pt"] = "np", others: bool = False
) -> dict[str, Any]:
    """The tensors of a safetensors file, in the order of `expected`: NumPy's, or torch's with "pt".

    Names, types and shapes come from the file's header, so that a wrong file takes no memory.

    Args:
        others: the file may hold further tensors; they are not read.

    Raises:
        DamagedArtifact: the file is missing, not safetensors, or holds something else than expected.
    """
    require_file(path)
    try:
        with safe_open(path, framework) as stream:
            names = stream.keys()
            if missing := expected.keys() - names:
                raise DamagedArtifact(f"{path} lacks a tensor {min(missing)}; make it again")
            if not others and (unknown := names - expected.keys()):
                raise DamagedArtifact(f"{path} has a tensor {min(unknown)!a} too many; make it again")
            for name, (shape, dtype) in expected.items():
                header = stream.get_slice(name)
                found = header.get_shape()
                fits = len(found) == len(shape) and all(
                    length in (None, own) for length, own in zip(shape, found, strict=True)
                )
                if not fits or header.get_dtype() != _name_of(dtype):
                    raise DamagedArtifact(f"{path}: tensor {name} has another shape or type; make it again")
            return {name: stream.get_tensor(name) for name in expected}
    except (SafetensorError, OSError) as error:
        raise DamagedArtifact(f"{path} is not a safetensors file ({error}); make it again") from error


def _name_of(dtype: Any) -> str:
    """A NumPy type in safetensors' words, as I16."""
    kind = np.dtype(dtype)
    return f"{kind.kind.upper()}{8 * kind.itemsize}"


def read_npy(path: Path) -> np.ndarray:
    """The array of a .npy file, mapped into memory, read-only.

    Raises:
        DamagedArtifact: the file is missing, or does not hold one array of numbers.
    """
    require_file(path)
    try:
        array: np.ndarray = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # NumPy evaluates the header, which may go wrong in any way
        raise DamagedArtifact(f"{path} is not a NumPy array ({str(error)[:100]}); make it again") from error
    return array
