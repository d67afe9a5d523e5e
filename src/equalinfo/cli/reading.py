"""Files that a verb reads whole."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from equalinfo.errors import EqualInfoError

if TYPE_CHECKING:
    import numpy as np


def read_file(path: Path) -> bytes:
    """A file's bytes, or standard input for "-"; EqualInfoError in one line."""
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise EqualInfoError(f"cannot read {path}: {error.strerror or error}") from error


def read_ids(path: Path) -> "np.ndarray":
    """The array in a .npy file; EqualInfoError if it is none."""
    import numpy as np

    try:
        with open(path, "rb") as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    except OSError as error:
        raise EqualInfoError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise EqualInfoError(
            f"{path} is not a NumPy .npy file of ids ({' '.join(str(error).split())[:100]})"
        ) from error
