"""Token ids: what they must be; those of several texts end to end; made of bits, of equal width, and back, most
significant bit first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equalinfo.errors import EqualInfoError, UndecodableTokens

WIDEST = 16  # bits per token; wider vocabularies could not be learned from bits


def token_bits(vocab: int) -> int:
    """log2 of a vocabulary made of whole bits; EqualInfoError if it is not one."""
    bits = vocab.bit_length() - 1
    if vocab < 2 or 1 << bits != vocab or bits > WIDEST:
        raise EqualInfoError(f"v={vocab} is not a power of two from 2 to 65k, as tokens cut from bits need")
    return bits


def id_dtype(vocab: int) -> type[np.unsignedinteger]:
    """The smallest of uint16 and uint32 that holds every id below `vocab`."""
    return np.uint16 if vocab <= 1 << 16 else np.uint32


def checked_ids(ids: Any, vocab: int) -> np.ndarray:
    """Token ids as a one-dimensional array within the vocabulary; UndecodableTokens otherwise.

    Args:
        ids: a list or array of integers, of NumPy, torch, pyarrow or what else NumPy reads.
    """
    if hasattr(ids, "as_py"):  # a row of a pyarrow table
        ids = ids.as_py()
    try:
        array = np.asarray(ids.cpu() if hasattr(ids, "cpu") else ids)
    except ValueError as error:  # lists of different lengths
        raise UndecodableTokens("token ids must be one list of integers, not lists in a list") from error
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise UndecodableTokens(
            f"token ids must be a list of integers, not {array.dtype} of {array.ndim} dimensions"
        )
    if array.size and (int(array.min()) < 0 or int(array.max()) >= vocab):
        position = int(np.argmax((array < 0) | (array >= vocab)))
        raise UndecodableTokens(
            f"id {array[position]} at position {position} is outside the vocabulary of {vocab}"
        )
    return array.astype(id_dtype(vocab))


def bounds_from(lengths: Sequence[int] | np.ndarray) -> NDArray[np.int64]:
    """Where each of several texts (or their ids) that lie end to end begins, and the last ends: int64 [texts + 1].

    Examples:
        >>> bounds_from([3, 0, 2]).tolist()
        [0, 3, 3, 5]
    """
    bounds = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=bounds[1:])
    return bounds


def concatenated(
    parts: Sequence[tuple[np.ndarray, np.ndarray]], none: np.ndarray
) -> tuple[np.ndarray, NDArray[np.int64]]:
    """Several arrays of texts end to end, or of ids, with the bounds of each, as one; a single one is not copied.

    Args:
        none: an empty array of their type.
    """
    if len(parts) == 1:
        return parts[0]
    lengths = np.concatenate([np.empty(0, np.int64), *(np.diff(bounds) for _, bounds in parts)])
    return np.concatenate([none, *(array for array, _ in parts)]), bounds_from(lengths)


def bits_to_ids(bits: np.ndarray, width: int) -> np.ndarray:
    """Token ids [ceil(len / width)] uint16 of a bit array (0/1, uint8), zeros added at the end.

    Examples:
        >>> ids = bits_to_ids(np.array([1, 0, 1, 1, 1], np.uint8), width=4)
        >>> ids.tolist(), ids_to_bits(ids, width=4).tolist()
        ([11, 8], [1, 0, 1, 1, 1, 0, 0, 0])
    """
    padded = np.zeros(-(-len(bits) // width) * width, np.uint8)
    padded[: len(bits)] = bits
    places = (1 << np.arange(width - 1, -1, -1)).astype(np.uint32)
    return (padded.reshape(-1, width) @ places).astype(np.uint16)


def id_range(lowest: np.ndarray, highest: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids of two bit arrays, as `bits_to_ids`; the second is filled up with ones."""
    filled = np.pad(highest, (0, -len(highest) % width), constant_values=1)
    return bits_to_ids(lowest, width), bits_to_ids(filled, width)


def ids_to_bits(ids: np.ndarray, width: int) -> np.ndarray:
    """The bit array (0/1, uint8) of token ids, `width` bits each."""
    shifts = np.arange(width - 1, -1, -1)
    return ((np.asarray(ids, np.uint32)[:, None] >> shifts) & 1).astype(np.uint8).reshape(-1)


def codes_to_bits(codes: list[int], bits: int) -> np.ndarray:
    """Window codes of `bits` bits each as one bit array."""
    text = "".join(format(code, f"0{bits}b") for code in codes)
    return np.frombuffer(text.encode(), np.uint8) - ord("0")


def bits_to_codes(array: np.ndarray, bits: int) -> list[int]:
    """Window codes of `bits` bits each; what is left at the end is shorter than a window."""
    text = (array + ord("0")).astype(np.uint8).tobytes().decode()
    return [int(text[start : start + bits], 2) for start in range(0, len(text) - bits + 1, bits)]
