"""Cores this process may use, threads on them, and items in groups and in order."""

import ctypes
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

from equalinfo.errors import EqualInfoError
from equalinfo.limits import MOST_WORKERS

Item = TypeVar("Item")


def grouped(
    items: Iterable[Item],
    limit: int,
    size: Callable[[Item], int] = len,  # type: ignore[assignment]
) -> Iterator[list[Item]]:
    """Groups that end with the item that brings their sizes to `limit`; the last may be smaller. None is empty."""
    group: list[Item] = []
    held = 0
    for item in items:
        group.append(item)
        held += size(item)
        if held >= limit:
            yield group
            group, held = [], 0
    if group:
        yield group


# Set in worker processes, which share a machine: each takes its part of the cores and no more.
VARIABLE = "EQUALINFO_THREADS"


def cores() -> int:
    """The number in EQUALINFO_THREADS where it is set, otherwise the cores that this process may run on.

    Raises:
        EqualInfoError: EQUALINFO_THREADS is not a positive number, or too large.
    """
    setting = os.environ.get(VARIABLE)
    if setting:
        if not setting.isdecimal() or not 1 <= int(setting) <= MOST_WORKERS:
            raise EqualInfoError(f"{VARIABLE} is {setting!a}; set it to 1 to {MOST_WORKERS}, or not at all")
        return int(setting)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


Result = TypeVar("Result")


AHEAD = 2  # items per thread: one at work and one waiting


class WorkerThreads(ThreadPoolExecutor):
    """An executor that knows how many threads it has."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.threads = threads


# Of glibc's mallopt: its numbers of three settings, and what they become.
_MALLOC = {-1: (1 << 31) - 1, -2: 64 << 20, -3: 32 << 20}  # trim threshold, top pad, mmap threshold


@cache
def keep_freed_memory() -> None:
    """Has the C library keep what is freed, where it is glibc.

    A step of training, or of M1 over many texts, asks for the same tens of megabytes again, and the kernel would clear
    every page anew: a fifteenth of the one, a seventh of the other.
    """
    with suppress(OSError, AttributeError, TypeError):  # no such library, or no such function in it
        for setting, value in _MALLOC.items():
            ctypes.CDLL(None).mallopt(setting, value)


@cache
def _libraries() -> ThreadpoolController:
    """NumPy's BLAS, found once: to look through all that is loaded takes a millisecond."""
    import numpy as np  # noqa: F401  what is not loaded is not found

    return ThreadpoolController()


@contextmanager
def worker_threads(count: int | None = None) -> Iterator[WorkerThreads]:
    """Worker threads (default: one per core), each with a single-threaded BLAS.

    Threads inside the small matrix products cost more than they bring; the frequencies are exact, so how
    work is shared out does not change results.
    """
    with _libraries().limit(limits=1, user_api="blas"), WorkerThreads(count or cores()) as workers:
        yield workers


def in_groups(
    work: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item], size: int
) -> list[Result]:
    """What `work` makes of `items`, `size` of them side by side on each core; in order."""
    groups = [items[start : start + size] for start in range(0, len(items), size)]
    with worker_threads() as workers:
        if len(groups) == 1:  # a thread of its own would be started for nothing
            return list(work(groups[0]))
        return [result for results in workers.map(work, groups) for result in results]


def in_order(
    workers: WorkerThreads, work: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    """The results of `work` in the order of `items`.

    Unlike the executor's own map, it takes items only as results leave, at most AHEAD per thread, so memory does
    not grow with their number.
    """
    ahead = AHEAD * workers.threads
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(workers.submit(work, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
