"""The console and the progress bars that every step uses."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

WIDTH_OF_A_FILE = 120  # where output goes to a file or pipe, which has no width of its own


def console(quiet: bool = False, errors: bool = False) -> Console:
    """Where results (or, with `errors`, bars) go; as wide as the terminal."""
    screen = Console(quiet=quiet, file=_StandardError() if errors else None)  # type: ignore[arg-type]
    if not screen.is_terminal:
        screen.width = max(screen.width, WIDTH_OF_A_FILE)
    return screen


class _StandardError:
    """Standard error, whatever it is by then; a bar that cannot be written is no reason to lose a result."""

    @property
    def _stream(self) -> Any:
        # While bars are shown on a terminal, rich has its own stream in front.
        return getattr(sys.stderr, "rich_proxied_file", sys.stderr)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Bars(Progress):
    def stop(self) -> None:
        # rich ends with an empty line; a command that is refused before it has begun says one line.
        if self.tasks:
            super().stop()
        else:
            self.live.stop()


def progress_bar(quiet: bool = False) -> Progress:
    """Bars on standard error with the time left; nothing where `quiet`."""
    return _Bars(
        TextColumn("{task.description}", markup=False),  # a method's brackets are no markup
        BarColumn(bar_width=12),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
        console=console(errors=True),
        disable=quiet,
    )


@contextmanager
def paused(progress: Progress) -> Iterator[None]:
    """Inside, no bars stand on the screen, so that lines can be printed."""
    progress.live.transient = True
    progress.stop()
    try:
        yield
    finally:
        progress.live.transient = False
        progress.start()


def stages(progress: Progress, of: str) -> Callable[[str, int, int], None]:
    """A report of work in stages, with a bar for each: called with its name, how much is done, and of how much.

    Args:
        of: what the work makes, for the bars' names.
    """
    tasks: dict[str, TaskID] = {}

    def on_progress(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = progress.add_task(f"{stage}: {of}", total=None, note="")
        progress.update(tasks[stage], completed=done, total=total or None)

    return on_progress
