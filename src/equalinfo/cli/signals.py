"""How a command ends that is told to from outside."""

import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from equalinfo.cli.common import one_of_many

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
CLEARING_SECONDS = 5.0


class Ended(SystemExit):
    """A signal has come; what is being written is cleared away on the way out, as after Ctrl-C."""


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise `Ended` with the shell's exit status, unless they are ignored (`nohup`)."""
    # Other processes of torchrun have nothing to clear away, and may wait where Python hears of no signal.
    if threading.current_thread() is not threading.main_thread() or one_of_many():
        yield
        return
    last, hook = -math.inf, sys.unraisablehook

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal last
        # `timeout` sends its signal twice; the second must not end the clearing.
        if time.monotonic() - last > CLEARING_SECONDS:
            last = time.monotonic()
            raise Ended(128 + number)

    def again(lost: "sys.UnraisableHookArgs") -> None:
        """Where C has called Python, as LLVM does, what is raised gets lost; so the signal comes again."""
        nonlocal last
        if not isinstance(lost.exc_value, Ended):
            hook(lost)
            return
        last = -math.inf
        number = int(str(lost.exc_value)) - 128
        timer = threading.Timer(0.01, signal.pthread_kill, (threading.main_thread().ident, number))
        timer.daemon = True
        timer.start()

    taken = [number for number in SIGNALS if signal.getsignal(number) == signal.SIG_DFL]
    try:
        sys.unraisablehook = again
        for number in taken:
            signal.signal(number, end)
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
        sys.unraisablehook = hook
