"""Walks the tree of byte strings from the empty one, thousands of strings to a batch, each read once.

A string's keys and values are its parent's and those of one more byte, so a batch copies the parents' and runs
M1 for one position. Batches are made of strings of one length. The longest strings for which a whole batch
waits go first, so that few wait at a time; what is found does not depend on the order.
"""

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from equalinfo.parallel import worker_threads
from equalinfo.predict.base import Predictor

BATCH = 512  # strings; the keys and values of 512 strings of 8 bytes are 14 MB at size 3m

Found = TypeVar("Found")
Children = tuple[np.ndarray, np.ndarray, np.ndarray]
# frequencies [n, 256] int32, texts [n, d] uint8, payload [n, k] int64 -> (what was found, (which of the n,
# next byte, payload) of the longer strings to visit: [m], [m], [m, k] int64)
Visit = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[Found, Children]]


@dataclass
class _Waiting:
    """Strings to visit: all of one length, with the caches of the strings one byte shorter."""

    texts: np.ndarray  # [n, d] uint8
    payload: np.ndarray  # [n, k] int64
    parents: np.ndarray  # rows of the caches, [n] int64
    caches: list[np.ndarray]  # keys and values of each layer in turn, [parents, H, d, K] int16


def visit_prefixes(
    predictor: Predictor, payload: np.ndarray, visit: Visit[Found], threads: int
) -> list[Found]:
    """Calls `visit` for the empty string, then for every string that `visit` asks for.

    Args:
        payload: what `visit` knows of the empty string, [k] int64.
        visit: gets a batch of strings of one length, the frequencies of the byte that follows each, and what it
            said of them itself; says which longer strings to visit. Runs in several threads at once.
        threads: batches at a time; each runs on one.

    Returns:
        What `visit` found, in no particular order.
    """
    pending: dict[int, list[_Waiting]] = defaultdict(list)
    rows: dict[int, int] = defaultdict(int)

    def add(waiting: _Waiting) -> None:
        if len(waiting.texts):
            pending[waiting.texts.shape[1]].append(waiting)
            rows[waiting.texts.shape[1]] += len(waiting.texts)

    def take(idle: bool) -> list[_Waiting]:
        full = [length for length, count in rows.items() if count >= BATCH]
        some = [length for length, count in rows.items() if count]
        if not full and not (some and idle):
            return []
        length = max(full) if full else min(some)
        taken, count = [], 0
        while pending[length] and count < BATCH:
            part = pending[length].pop()
            if (over := count + len(part.texts) - BATCH) > 0:
                pending[length].append(
                    _Waiting(part.texts[-over:], part.payload[-over:], part.parents[-over:], part.caches)
                )
                part = _Waiting(part.texts[:-over], part.payload[:-over], part.parents[:-over], part.caches)
            taken.append(part)
            count += len(part.texts)
        rows[length] -= count
        return taken

    def work(taken: list[_Waiting]) -> tuple[Found, _Waiting]:
        texts = np.concatenate([part.texts for part in taken])
        known = np.concatenate([part.payload for part in taken])
        frequencies, caches = predictor.extended(texts, [(part.caches, part.parents) for part in taken])
        visited, (parents, following, payload) = visit(frequencies, texts, known)
        used, compact = np.unique(parents, return_inverse=True)
        longer = np.column_stack([texts[parents], following.astype(np.uint8)])
        kept = [cache[used] for cache in caches]  # copies: a view would keep the whole batch in memory
        return visited, _Waiting(longer, payload, compact.reshape(-1).astype(np.int64), kept)

    add(_Waiting(np.empty((1, 0), np.uint8), payload[None], np.zeros(1, np.int64), []))
    results: list[Found] = []
    # Threads inside the products of a few hundred rows cost more than batches side by side.
    with worker_threads(threads) as workers:
        running: set[Future[tuple[Found, _Waiting]]] = set()
        try:
            while True:
                while len(running) < threads and (taken := take(idle=not running)):
                    running.add(workers.submit(work, taken))
                if not running:
                    return results
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    visited, waiting = future.result()
                    results.append(visited)
                    add(waiting)
        finally:
            for future in running:
                future.cancel()
