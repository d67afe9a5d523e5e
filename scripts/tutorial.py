"""Runs docs/tutorial.md and writes the real outputs into it: `python -m scripts.tutorial`.

A block of commands (sh or python) is followed by a block of text, which is what the commands wrote to standard output.
All run in one new folder, in order, as a reader copies them. Seconds are processor time of the commands.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from equalinfo.files import atomic_file

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial.md"
STEP = re.compile(r"```(sh|python)\n((?:(?!```).)*)```\n(\n```text\n(?:(?!```).)*```\n)?", re.S)


def run_in(folder: Path) -> Callable[[str, str], str]:
    """A function that runs a block in `folder` and returns what it wrote; CalledProcessError where it fails."""
    binaries = folder / "bin"
    binaries.mkdir()
    command = binaries / "equalinfo"  # that of this checkout, whatever is installed
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m equalinfo "$@"\n')
    command.chmod(0o755)
    paths = {"PATH": f"{binaries}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src")}
    work = folder / "work"
    work.mkdir()

    def run(language: str, code: str) -> str:
        program = ["sh", "-e"] if language == "sh" else [sys.executable, "-"]
        done = subprocess.run(
            program,
            input=code,
            cwd=work,
            env={**os.environ, **paths},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())

    return run


def rewritten(page: str, run: Callable[[str, str], str]) -> str:
    """The page with the outputs of its blocks, all run in order."""

    def output(step: re.Match[str]) -> str:
        written = run(step[1], step[2])
        shown = f"\n```text\n{written}```\n" if step[3] else ""
        return f"```{step[1]}\n{step[2]}```\n{shown}"

    return STEP.sub(output, page)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = rewritten(PAGE.read_text(), run_in(Path(folder)))
    with atomic_file(PAGE) as stream:
        stream.write(page.encode())
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{used.ru_utime + used.ru_stime:.0f} s of processor time")


if __name__ == "__main__":
    main()
