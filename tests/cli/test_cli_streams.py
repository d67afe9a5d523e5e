"""Standard streams that are closed, full, or that cannot hold what is written to them: no traceback, nothing lost."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.command import run_quietly

COMMAND = f"'{sys.executable}' -m equalinfo"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    run_quietly("compile", "Bytes", "--out", folder / "tok")
    (folder / "text").write_bytes(b"a text" * 20_000)
    return folder


def shell(place: Path, rest: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        f"{COMMAND} {rest}", shell=True, cwd=place, env={**os.environ, **environment}, capture_output=True
    )


def test_what_an_encoding_cannot_hold_is_escaped(place: Path) -> None:
    done = shell(place, "show tok --text 'é'; echo é > naïve", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u2039c3\u203a" in done.stdout  # marks around a byte
    done = shell(place, "encode nowhereé naïve --out ids.npy", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 1
    assert done.stderr.startswith(rb"error: nowhere\x")


def test_closed_streams(place: Path) -> None:
    done = shell(place, "encode tok text --out ids.npy >&- 2>&- <&-")
    assert done.returncode == 0
    assert len(np.load(place / "ids.npy")) == 120_000
    done = shell(place, "encode tok - --out none.npy <&-")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"error: standard input is closed; name a file in place of -\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_streams(place: Path) -> None:
    np.save(place / "some.npy", np.arange(65, 75))
    printed = b"error: No space left on device: standard output\n"
    written = b"error: cannot write -: No space left on device\n"
    for command, line in (
        ("tokenizers", printed),
        ("tokenizers --json", printed),
        ("decode tok some.npy --out -", written),
    ):
        done = shell(place, f"{command} >/dev/full")
        assert done.returncode == 1, command
        assert done.stderr == line, command
    # Bars cannot be shown, and the result is there all the same.
    (place / "corpus").write_text("\n\n".join(f"document {number} " * 80 for number in range(300)))
    done = shell(place, "tokenize tok corpus --max-tokens 5 --out tokens --json 2>/dev/full")
    assert done.returncode == 0
    assert done.stdout.startswith(b"{")


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files")
def test_a_disk_that_is_full_is_called_so(place: Path) -> None:
    """Not by how many bytes NumPy could not write."""
    done = shell(place, "encode tok text --out big.npy")
    assert done.returncode == 0
    done = subprocess.run(
        f"ulimit -f 8; {COMMAND} encode tok text --out big.npy", shell=True, cwd=place, capture_output=True
    )
    assert done.stderr == b"error: cannot write big.npy: File too large\n"
    assert len(np.load(place / "big.npy")) == 120_000
