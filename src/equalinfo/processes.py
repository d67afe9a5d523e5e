"""Worker processes that hear and say JSON lines: the driver's side and the worker's.

A worker ends where its standard input ends, in the middle of its work too: its driver is gone, and another may be at
work on the same files.
"""

import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any, NoReturn

from equalinfo.errors import EqualInfoError
from equalinfo.kernels import SAID
from equalinfo.parallel import VARIABLE


class WorkerProcess:
    """A worker as its driver sees it.

    Args:
        module: runs as `python -m module` and calls `serve`.
        threads: its share of the cores.
        first: it may say that kernels are not kept.
    """

    def __init__(self, module: str, threads: int, first: bool) -> None:
        path = os.pathsep.join(entry for entry in sys.path if entry)
        environment = {**os.environ, VARIABLE: str(threads), "PYTHONPATH": path}
        if not first:
            environment[SAID] = "1"
        self.process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        self._unread = b""

    @property
    def stream(self) -> IO[bytes]:
        """Readable where it has something to say, or is dead."""
        assert self.process.stdout
        return self.process.stdout

    def send(self, message: Any) -> None:
        """Tells it something."""
        assert self.process.stdin
        with suppress(BrokenPipeError):  # it died; its standard output has ended too
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()

    def messages(self, what: str) -> list[dict[str, Any]] | None:
        """What it has to say now; None when it is dead.

        Args:
            what: it is at work on, for errors.

        Raises:
            EqualInfoError: the worker ended with one.
        """
        data = os.read(self.stream.fileno(), 1 << 16)
        if not data:
            return None
        *lines, self._unread = (self._unread + data).split(b"\n")
        messages = [json.loads(line) for line in lines]
        for message in messages:
            if "error" in message:
                raise EqualInfoError(message["error"])
            if "defect" in message:
                raise RuntimeError(f"a worker failed on {what}:\n{message['defect']}")
        return messages

    def end(self) -> str:
        """Ends the process if it has not ended; says how it ended."""
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream
            with suppress(BrokenPipeError):
                stream.close()
        status = self.process.wait()
        return f"by signal {-status}" if status < 0 else f"with status {status}"


class Driver:
    """The driver as its worker sees it."""

    def __init__(self) -> None:
        # Ctrl-C reaches all processes of a terminal; the driver ends its workers itself.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # What libraries print must not get between the messages.
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin.buffer:
            self._lines.put(line)
        os._exit(1)

    def receive(self) -> Any:
        """The next message; waits for it."""
        return json.loads(self._lines.get())

    def send(self, message: dict[str, Any]) -> None:
        """Tells it something; where nobody is there to hear of it, the process ends."""
        try:
            self._answers.write(json.dumps(message) + "\n")
            self._answers.flush()
        except BrokenPipeError:
            os._exit(1)

    def mention(self, message: dict[str, Any]) -> None:
        """As `send`, but not where so much is unheard that it would have to wait."""
        if select.select([], [self._answers], [], 0)[1]:
            self.send(message)


def serve(work: Callable[[Driver], None], advice: str) -> NoReturn:
    """Runs a worker until its driver is gone, its work is done, or something goes wrong, which is said.

    Args:
        advice: what to do where memory is short.
    """
    driver = Driver()
    status = 1
    try:
        work(driver)
        status = 0
    except EqualInfoError as error:
        driver.send({"error": str(error)})
    except MemoryError:
        driver.send({"error": f"not enough memory; {advice}"})
    except Exception:
        driver.send({"defect": traceback.format_exc()})
    # The other thread waits for input and would hold up an orderly end.
    os._exit(status)
