"""The three standard streams as every verb may take them: open, and able to hold any text.

What an encoding cannot hold is escaped (`\\xe9`), so that a result is never lost for a letter of it.
"""

import io
import os
import sys
from typing import Any

from equalinfo.errors import EqualInfoError


class _Closed(io.RawIOBase):
    """Standard input that was closed before the process began."""

    def readable(self) -> bool:
        return True

    def readinto(self, _: Any) -> int:
        raise EqualInfoError("standard input is closed; name a file in place of -")


def open_streams() -> None:
    """Puts something in place of streams that are closed, and escapes what outputs cannot hold."""
    # The next file to be opened would take the number of a closed stream, and with it all that others write there.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_Closed()))
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", closefd=False))  # noqa: SIM115 -- as long as the process
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def refuses(stream: Any) -> OSError | None:
    """Why a stream does not take what was written to it; then it takes everything from now on, and forgets it.

    Otherwise the interpreter would try again when it ends, and complain.
    """
    try:
        stream.flush()
    except OSError as error:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
        return error
    return None
