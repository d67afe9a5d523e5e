"""All windows of b bits, listed: the text of every code.

With b up to 16 or 20 the predictor is asked once for every window and then never again: coding is a longest match
in the list, because every string that can be read on the way to a longer one has a code itself.
"""

from threading import Lock

import numpy as np

from equalinfo.coding.interval_splitting import (
    LISTED_BITS,
    ROOT_LEAST,
    capacity,
    check_bits,
    root_keeps,
    shares,
)
from equalinfo.coding.splitter import small_shares
from equalinfo.errors import EqualInfoError
from equalinfo.limits import MAX_ENTRY_BYTES
from equalinfo.predict.base import FREQUENCY_TOTAL, PRECISION, OnProgress, Predictor
from equalinfo.predict.prefixes import Children, visit_prefixes


def list_windows(
    predictor: Predictor, bits: int, threads: int = 1, on_progress: OnProgress | None = None
) -> list[bytes]:
    """The text of every code below 2^b, at most MAX_ENTRY_BYTES each; all different.

    At b = 8 there is no empty text; above, it is the first.

    Args:
        threads: has no influence on the result.
        on_progress: called now and then with the codes listed so far and the number of all.

    Raises:
        EqualInfoError: b is outside 8 to 20.
    """
    check_bits(bits)
    if bits > LISTED_BITS:
        raise EqualInfoError(f"b={bits} has too many windows to list; the most is b={LISTED_BITS}")
    keeps = root_keeps(bits)
    listed, counting = 0, Lock()

    def visit(
        frequencies: np.ndarray, texts: np.ndarray, nodes: np.ndarray
    ) -> tuple[tuple[np.ndarray, np.ndarray], Children]:
        nonlocal listed
        low, size = nodes[:, 0], nodes[:, 1]
        if texts.shape[1]:
            sizes = _shares(frequencies, size - 1, MAX_ENTRY_BYTES - texts.shape[1] - 1)
            first = low + 1
        else:
            sizes = _shares(frequencies, size - keeps - 256 * ROOT_LEAST, MAX_ENTRY_BYTES - 1) + ROOT_LEAST
            first = low + keeps
        starts = first[:, None] + np.cumsum(sizes, axis=1) - sizes
        parents, symbols = np.nonzero(sizes)
        children = np.column_stack([starts[parents, symbols], sizes[parents, symbols]])
        strings = np.column_stack([texts[parents], symbols.astype(np.uint8)])
        more = children[:, 1] > 1
        with counting:
            listed += len(strings)
            if on_progress:
                on_progress(listed, 1 << bits)
        return (strings, children[:, 0]), (parents[more], symbols[more], children[more])

    entries = [b""] * (1 << bits)
    for strings, codes in visit_prefixes(predictor, np.array([0, 1 << bits]), visit, threads):
        length, blob = strings.shape[1], strings.tobytes()
        for index, code in enumerate(codes.tolist()):
            entries[code] = blob[index * length : (index + 1) * length]
    return entries


def _shares(frequencies: np.ndarray, rests: np.ndarray, room: int) -> np.ndarray:
    """`shares` of each row [n, 256] int64, where a byte can be followed by `room` more."""
    whole = rests >> PRECISION
    result = whole[:, None] * frequencies + small_shares(
        np.ascontiguousarray(frequencies), rests & (FREQUENCY_TOTAL - 1)
    )
    most = capacity(room)
    if most < 1 << LISTED_BITS:
        for row in np.flatnonzero((result > most).any(axis=1)).tolist():
            result[row] = shares(frequencies[row].tolist(), int(rests[row]), most)
    return result
