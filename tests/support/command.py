"""Runs the command line in this process, as a shell would call it."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from equalinfo.cli import main

Run = Callable[..., tuple[int, str, str]]


def processes() -> dict[int, tuple[int, str]]:
    """Parent and command line of every process, by number; read from /proc, because small systems have no `ps`."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            parent = (path / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
            words = (path / "cmdline").read_bytes().split(b"\0")
            found[int(path.name)] = int(parent), b" ".join(words).decode(errors="replace")
    return found


def runner(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: Callable[[], None] = main
) -> Run:
    """A function from arguments to exit status, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["equalinfo", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            command()
        captured = capfd.readouterr()
        return int(exit_.value.code or 0), captured.out, captured.err

    return run


def run_quietly(*arguments: object) -> None:
    """Runs a command that must succeed, for fixtures that have no capture."""
    previous = sys.argv
    sys.argv = ["equalinfo", *map(str, arguments)]
    try:
        with pytest.raises(SystemExit) as exit_:
            main()
    finally:
        sys.argv = previous
    assert not exit_.value.code, arguments
