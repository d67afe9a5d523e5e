"""The progress bar that every step uses."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def progress_bar(quiet: bool = False) -> Progress:
    """Bars on standard error with time spent and left; nothing where `quiet`."""
    return Progress(
        TextColumn("{task.description}", markup=False),  # a method's brackets are no markup
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        disable=quiet,
    )
