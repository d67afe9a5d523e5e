import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pydantic
import pytest

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.score.machine import environment
from equalinfo.score.results import append_rows, read_results
from tests.support.score_rows import row


def test_rows_come_back_and_the_last_of_a_cell_wins(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.jsonl"
    rows = [row(seed=0, extra={"lr": 0.1, "preset": "llama"}), row(seed=1), row(seed=0, bits_per_byte=2.0)]
    for one in rows:
        append_rows(path, [one])
    assert path.read_bytes().count(b"\n") == 3
    assert read_results(path) == [rows[2], rows[1]]


def test_every_torn_last_line_is_ignored_and_then_replaced(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    first, second, third = row(seed=0), row(seed=1), row(seed=2)
    append_rows(path, [first])
    start = path.stat().st_size
    append_rows(path, [second])
    whole = path.read_bytes()
    for cut in range(start, len(whole) + 1, 7):
        path.write_bytes(whole[:cut])
        assert read_results(path) == [first, second][: 2 if cut >= len(whole) - 1 else 1]
        append_rows(path, [third])
        assert read_results(path) == ([first, second, third] if cut >= len(whole) - 1 else [first, third])


def test_a_row_that_lacks_only_its_newline_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_rows(path, [row(seed=0)])
    path.write_bytes(path.read_bytes()[:-1])
    assert read_results(path) == [row(seed=0)]
    append_rows(path, [row(seed=1)])
    assert read_results(path) == [row(seed=0), row(seed=1)]


def test_a_file_of_something_else_is_not_cut(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("line\nwithout newline")
    with pytest.raises(DamagedArtifact, match="another file"):
        append_rows(path, [row()])
    assert path.read_text() == "line\nwithout newline"


@pytest.mark.parametrize("damage", [b'{"method":"x"', b"{}", b"\xff\xfe", b"[1]", b'{"bits_per_byte": NaN}'])
def test_a_damaged_line_is_named(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "results.jsonl"
    line = row().model_dump_json().encode()
    path.write_bytes(line + b"\n\n" + damage + b"\n" + line + b"\n")
    with pytest.raises(DamagedArtifact, match=r"results\.jsonl, line 3: ") as caught:
        read_results(path)
    assert "\n" not in str(caught.value)


def test_missing_and_unwritable_files(tmp_path: Path) -> None:
    with pytest.raises(EqualInfoError, match="no such results file"):
        read_results(tmp_path / "none.jsonl")
    with pytest.raises(EqualInfoError, match="cannot read"):
        read_results(tmp_path)
    with pytest.raises(EqualInfoError, match="cannot write"):
        append_rows(tmp_path, [row()])
    with pytest.raises(EqualInfoError, match="cannot write"):
        append_rows(Path(os.devnull), [row()])  # a device: reading its end first could take forever


def test_a_short_write_leaves_the_old_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.jsonl"
    append_rows(path, [row(seed=0)])
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:10]))
    with pytest.raises(EqualInfoError, match="disk is full"):
        append_rows(path, [row(seed=1)])
    assert path.read_bytes().endswith(b"\n")
    assert read_results(path) == [row(seed=0)]


def _append_many(path: Path, worker: int) -> None:
    for seed in range(20):
        append_rows(path, [row(method=f"m{worker}", seed=seed)])


@pytest.mark.skipif(sys.platform == "win32", reason="no file locks there")
def test_processes_append_beside_each_other(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append_many, args=(path, worker)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(read_results(path)) == 80


def test_rows_refuse_nonsense() -> None:
    for wrong in ({"bits_per_byte": float("nan")}, {"windows_changed": 1.5}, {"steps": -1}, {"surprise": 1}):
        with pytest.raises(pydantic.ValidationError):
            row(**wrong)


def test_environment_says_what_ran_and_not_where() -> None:
    machine, versions = environment()
    assert "cores" in machine
    assert {"python", "equalinfo", "numpy"} <= versions.keys()
    import platform

    assert not platform.node() or platform.node() not in json.dumps([machine, versions])
    assert "/" not in json.dumps(versions)


def test_the_room_does_not_import_torch() -> None:
    program = (
        "import sys, equalinfo.score.machine, equalinfo.score.table; "
        "equalinfo.score.machine.environment(); "
        "rooms = {n.split('.')[1] for n in sys.modules if n.startswith('equalinfo.')}; "
        "assert rooms <= {'score', 'errors', 'files'}, rooms; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
