"""How many cores this process may use."""

import os

from equalinfo.errors import EqualInfoError
from equalinfo.limits import MOST_WORKERS

# Set in worker processes, which share a machine: each takes its part of the cores and no more.
VARIABLE = "EQUALINFO_THREADS"


def cores() -> int:
    """The number in EQUALINFO_THREADS where it is set, otherwise the cores that this process may run on.

    Raises:
        EqualInfoError: EQUALINFO_THREADS is not a positive number, or too large.
    """
    given = os.environ.get(VARIABLE)
    if given:
        if not given.isdecimal() or not 1 <= int(given) <= MOST_WORKERS:
            raise EqualInfoError(f"{VARIABLE} is {given!a}; set it to 1 to {MOST_WORKERS}, or not at all")
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
