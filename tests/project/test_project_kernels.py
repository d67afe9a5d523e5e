"""Where compiled kernels are kept: found again, never taken from others, and never needed."""

import importlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from equalinfo import kernels

OUTER = """
from equalinfo.kernels import kernel
from folder.constants import STEP
from folder.inner import twice

@kernel
def outer(x):
    return twice(x) + STEP
"""
INNER = """
from equalinfo.kernels import kernel

@kernel(inline="always")
def twice(x):
    return x * 2
"""
NOBODY = 65534
# The result of outer(20) as a new process has it, and whether the code was found.
Called = Callable[[], tuple[int, bool]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a kernel, and a cache of the user's."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "outer.py").write_text(OUTER)
    (tmp_path / "folder" / "inner.py").write_text(INNER)
    (tmp_path / "folder" / "constants.py").write_text("STEP = 1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.delenv(kernels.SAID, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


@pytest.fixture
def called(place: Path, monkeypatch: pytest.MonkeyPatch) -> Called:
    def call() -> tuple[int, bool]:
        kernels._content.cache_clear()
        for name in [name for name in sys.modules if name.split(".")[0] == "folder"]:
            monkeypatch.delitem(sys.modules, name)
        outer = importlib.import_module("folder.outer").outer
        return outer(20), bool(outer.stats.cache_hits)

    return call


def code_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("outer.outer-*.code"))


def test_code_is_kept_and_found_again(place: Path, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    assert called() == (41, False)
    assert called() == (41, True)
    assert [path.parent for path in code_in(place)] == [place / "folder" / "__pycache__"]
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(place / "chosen"))
    assert called() == (41, False)
    assert called() == (41, True)
    (path,) = code_in(place / "chosen")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_a_kernel_takes_from_other_files_counts(place: Path, called: Called) -> None:
    """Numba's own cache looks at the kernel's file alone."""
    assert called() == (41, False)
    (place / "folder" / "constants.py").write_text("STEP = 2")
    assert called() == (42, False)
    (place / "folder" / "inner.py").write_text(INNER.replace("x * 2", "x * 3"))
    assert called() == (62, False)
    assert len(code_in(place)) == 1


def test_code_that_is_damaged_or_could_be_anyones_is_made_again(place: Path, called: Called) -> None:
    called()
    (path,) = code_in(place)
    whole = path.read_bytes()
    for damaged in (b"", b"garbage", whole[:-1], whole[:9000] + bytes([whole[9000] ^ 1]) + whole[9001:]):
        path.write_bytes(damaged)
        assert called() == (41, False)
        assert path.read_bytes() != damaged
    path.chmod(0o666)
    assert called() == (41, False)
    assert called() == (41, True)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
        assert called() == (41, False)
        assert path.stat().st_uid == 0
    path.unlink()
    path.mkdir()  # in the way: the next folder takes it
    assert called() == (41, False)
    assert called() == (41, True)
    assert len(code_in(place / "cache")) == 1


def test_without_a_folder_it_is_said_once(
    place: Path, called: Called, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (place / "file").write_bytes(b"")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(place / "file"))
    assert called() == (41, False)
    assert called() == (41, False)
    out, errors = capfd.readouterr()
    assert out == ""
    assert errors.count("\n") == 1
    assert "NUMBA_CACHE_DIR" in errors
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.delenv(kernels.SAID)
    (place / "folder" / "__pycache__").write_bytes(b"")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/dev/null")
    assert called() == (41, False)
    assert capfd.readouterr().err.count("NUMBA_CACHE_DIR") == 1


def test_processes_that_begin_together(place: Path) -> None:
    """Each keeps and finds the code for its own arguments."""
    for again in (False, True):
        running = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    f"from folder.outer import outer; print(outer({argument}), len(outer.stats.cache_hits))",
                ],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdout=subprocess.PIPE,
                text=True,
            )
            for argument in ("20", "0.5")
        ]
        found = [process.communicate()[0].split() for process in running]
        assert [one[0] for one in found] == ["41", "2.0"]
        assert [one[1] for one in found] == ["1"] * 2 or not again
