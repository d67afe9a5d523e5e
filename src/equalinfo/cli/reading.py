"""Files that a verb reads whole."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from equalinfo.errors import EqualInfoError
from equalinfo.outputs import PIPE

if TYPE_CHECKING:
    import numpy as np


def read_file(path: Path) -> bytes:
    """A file's bytes, or standard input for "-"; EqualInfoError in one line."""
    if path == PIPE:
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise EqualInfoError(f"cannot read {path}: {error.strerror or error}") from error


def read_ids(path: Path) -> "np.ndarray":
    """The array in a .npy file, or on standard input for "-"; EqualInfoError if it is none."""
    import numpy as np

    data = read_file(path)
    try:
        return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise EqualInfoError(
            f"{path} is not a NumPy .npy file of ids ({' '.join(str(error).split())[:100]})"
        ) from error
