"""Token ids back to bytes, and where each token lies in them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equalinfo.coding.bits import bounds_from, checked_ids
from equalinfo.dictionary.parse.memory import address_of, load64, store64
from equalinfo.dictionary.trie.automaton import Automaton
from equalinfo.kernels import kernel

_CHUNK = 8  # bytes copied at once
_1, _8 = np.uint64(1), np.uint64(_CHUNK)
Ids = Sequence[int] | NDArray[np.integer[Any]]


def decode(automaton: Automaton, ids: Ids) -> bytes:
    """The bytes that `ids` stand for; EOS stands for none. Inverse of every parse of the same dictionary.

    Args:
        ids: a vector of any integer type, or a sequence of ints.

    Raises:
        UndecodableTokens: an id is outside [0, v); the message names it and its position.
    """
    vector = _id_vector(automaton, ids)
    size = int(_total(automaton.lengths, vector))
    text = np.empty(size + _CHUNK, np.uint8)
    _copy(automaton.padded, automaton.offsets, vector, text)
    return text[:size].tobytes()


def offsets(automaton: Automaton, ids: Ids) -> NDArray[np.int64]:
    """Where each token begins in the decoded bytes, and the end of the last: int64 [tokens + 1].

    Raises:
        UndecodableTokens: as `decode`.
    """
    return bounds_from(automaton.lengths[_id_vector(automaton, ids)])


def _id_vector(automaton: Automaton, ids: Ids) -> NDArray[np.uint32]:
    vector = checked_ids(ids, len(automaton)).astype(np.uint32)
    vector.flags.writeable = False  # so that kernels see one type and compile once
    return vector


@kernel
def _total(lengths: NDArray[np.uint8], ids: NDArray[np.uint32]) -> np.int64:
    total = np.int64(0)
    for token in ids:
        total += np.int64(lengths[token])
    return total


@kernel
def _copy(
    blob: NDArray[np.uint8], offsets: NDArray[np.uint32], ids: NDArray[np.uint32], text: NDArray[np.uint8]
) -> None:
    """Writes the bytes of all ids one after the other, and up to 8 bytes behind them.

    Eight bytes are copied at a time, needed or not: a loop over the bytes of a token is four times
    slower (0.3 against 1.3 GB/s), because its end cannot be foreseen.
    """
    source, target = address_of(blob), address_of(text)
    for token in ids:
        begin = np.uint64(offsets[token])
        left = np.uint64(offsets[token + _1]) - begin
        place = source + begin
        while left > _8:
            store64(target, load64(place))
            place += _8
            target += _8
            left -= _8
        store64(target, load64(place))
        target += left
