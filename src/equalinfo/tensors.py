"""Arrays in files, compared with what is expected before their content is read; nothing runs code when loaded."""

import gzip
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from equalinfo.errors import DamagedArtifact
from equalinfo.files import require_file

# By name: the shape, None where a dimension may have any length, and the type, as np.int16.
Expected = Mapping[str, tuple[tuple[int | None, ...], Any]]

MOST_UNZIPPED = 1 << 28  # bytes; four million entries have fewer


def read_safetensors(path: Path, expected: Expected, framework: Literal["np", "pt"] = "np") -> dict[str, Any]:
    """The tensors of a safetensors file, in the order of `expected`: NumPy's, or torch's with "pt".

    Names, types and shapes come from the file's header, so that a wrong file takes no memory.

    Raises:
        DamagedArtifact: the file is missing, not safetensors, or holds something else than expected.
    """
    require_file(path)
    try:
        with safe_open(path, framework) as stream:
            names = stream.keys()
            if missing := expected.keys() - names:
                raise DamagedArtifact(f"{path} lacks a tensor {min(missing)}; make it again")
            if unknown := names - expected.keys():
                raise DamagedArtifact(f"{path} has a tensor {min(unknown)!a} too many; make it again")
            for name, (shape, dtype) in expected.items():
                header = stream.get_slice(name)
                kind = np.dtype(dtype)
                named = f"{kind.kind.upper()}{8 * kind.itemsize}"  # in safetensors' words, as I16
                _require(path, name, shape, header.get_shape(), header.get_dtype() == named)
            return {name: stream.get_tensor(name) for name in expected}
    except (SafetensorError, OSError) as error:
        raise DamagedArtifact(f"{path} is not a safetensors file ({error}); make it again") from error


def write_gzipped(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """A safetensors file in gzip, the same bytes each time."""
    content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    path.write_bytes(gzip.compress(content, mtime=0))


def read_gzipped(path: Path, expected: Expected) -> dict[str, np.ndarray]:
    """Arrays of a file by `write_gzipped`, or of safetensors as they are; in the order of `expected`, others left.

    Raises:
        DamagedArtifact: the file is missing, not such a file, or holds something else than expected.
    """
    require_file(path)
    unzip = zlib.decompressobj(wbits=31)  # gzip
    try:
        content = path.read_bytes()
        if is_zipped := path.suffix == ".gz":
            content = unzip.decompress(content, MOST_UNZIPPED)
        arrays = load(content)
    except (SafetensorError, OSError, zlib.error) as error:
        raise DamagedArtifact(f"{path} is not such a safetensors file ({error}); make it again") from error
    if is_zipped and not unzip.eof:
        raise DamagedArtifact(f"{path} is cut short; make it again")
    for name, (shape, dtype) in expected.items():
        if name not in arrays:
            raise DamagedArtifact(f"{path} lacks a tensor {name}; make it again")
        _require(path, name, shape, arrays[name].shape, arrays[name].dtype == dtype)
    return {name: arrays[name] for name in expected}


def _require(
    path: Path, name: str, shape: tuple[int | None, ...], actual: Sequence[int], same_type: bool
) -> None:
    fits = len(actual) == len(shape) and all(
        length in (None, size) for length, size in zip(shape, actual, strict=True)
    )
    if not fits or not same_type:
        raise DamagedArtifact(f"{path}: tensor {name} has another shape or type; make it again")


def read_npy(path: Path) -> np.ndarray:
    """The array of a .npy file, mapped into memory, read-only.

    Raises:
        DamagedArtifact: the file is missing, or does not hold one array of numbers.
    """
    require_file(path)
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # NumPy evaluates the header, which may go wrong in any way
        raise DamagedArtifact(f"{path} is not a NumPy array ({str(error)[:100]}); make it again") from error
