"""`compress` and `decompress` as a shell runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import Run, run_quietly

HARD = "Plain text, naïve café ▁ 漢字\r\n\0".encode() + bytes(range(256)) + b"the window of text " * 60
SIZES = ("--block", "500", "--context", "50", "--quiet")


@pytest.fixture(scope="module")
def packed(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text, its container, and another M1."""
    folder = tmp_path_factory.mktemp("packed")
    (folder / "hard").write_bytes(HARD)
    run_quietly("compress", folder / "hard", "--m1", work / "m1", "--out", folder / "hard.eqi", *SIZES)
    run_quietly("compress", folder / "hard", "--out", folder / "alone.eqi", "--block", "500", "--quiet")
    options = "--size 65k --context 64 --batch 4 --steps 2 --quiet".split()
    run_quietly("train-m1", work / "corpus.txt", "--out", folder / "other-m1", *options)
    data = bytearray((folder / "hard.eqi").read_bytes())
    (folder / "cut.eqi").write_bytes(data[:-3])
    (folder / "later.eqi").write_bytes(bytes([*data[:8], 3, *data[9:]]))
    data[58 + 30] ^= 4
    (folder / "damaged.eqi").write_bytes(data)
    (folder / "folder").mkdir()
    return folder


def test_a_file_and_back(packed: Path, work: Path, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "a.eqi"
    status, printed, _ = run("compress", packed / "hard", "--m1", work / "m1", "--out", out, "--json", *SIZES)
    assert status == 0
    figures = json.loads(printed)
    assert figures["source_bytes"] == len(HARD)
    assert figures["container_bytes"] == out.stat().st_size
    assert figures["blocks"] == 3
    assert out.read_bytes() == (packed / "hard.eqi").read_bytes()
    for threads in (1, 2):
        options = ("--m1", work / "m1", "--out", tmp_path / "back", "--threads", threads, "--quiet")
        assert run("decompress", out, *options)[0] == 0
        assert (tmp_path / "back").read_bytes() == HARD


def test_parts_and_facts(packed: Path, work: Path, tmp_path: Path, run: Run) -> None:
    def part(*options: object) -> bytes:
        given = ("--m1", work / "m1", "--out", tmp_path / "part", "--quiet", *options)
        assert run("decompress", packed / "hard.eqi", *given)[0] == 0
        return (tmp_path / "part").read_bytes()

    assert part("--block", 1) == HARD[500:1000]
    assert part("--start", 490, "--length", 20) == HARD[490:510]
    assert part("--start", 1300) == HARD[1300:]
    assert part("--length", 3) == HARD[:3]
    status, printed, _ = run("decompress", packed / "hard.eqi", "--list", "--json")
    assert status == 0
    facts = json.loads(printed)
    assert (facts["blocks"], facts["source_bytes"]) == (3, len(HARD))
    assert facts["predictor"] == "adaptive and M1"
    assert facts["model"] == json.loads((work / "m1" / "exact.json").read_text())["identity"]


def test_without_an_m1(packed: Path, work: Path, tmp_path: Path, run: Run) -> None:
    """Nothing but the file is needed to read it back; an M1 that is given all the same does no harm."""
    facts = json.loads(run("decompress", packed / "alone.eqi", "--list", "--json")[1])
    assert facts["predictor"] == "adaptive"
    assert "model" not in facts
    for options in ((), ("--threads", 1), ("--m1", work / "m1")):
        assert (
            run("decompress", packed / "alone.eqi", "--out", tmp_path / "back", "--quiet", *options)[0] == 0
        )
        assert (tmp_path / "back").read_bytes() == HARD
    part = ("--out", tmp_path / "part", "--start", 490, "--length", 20, "--quiet")
    assert run("decompress", packed / "alone.eqi", *part)[0] == 0
    assert (tmp_path / "part").read_bytes() == HARD[490:510]
    whole = tmp_path / "whole.eqi"
    assert run("compress", packed / "hard", "--out", whole, "--quiet")[0] == 0
    assert whole.stat().st_size < (packed / "alone.eqi").stat().st_size


def test_through_pipes(packed: Path, work: Path) -> None:
    def call(command: str, given: bytes, *options: str) -> bytes:
        arguments = [command, "-", "--m1", str(work / "m1"), "--out", "-", "--quiet", *options]
        whole = [sys.executable, "-m", "equalinfo", *arguments]
        return subprocess.run(whole, input=given, capture_output=True, check=True).stdout

    container = call("compress", HARD, "--block", "500", "--context", "50")
    assert container == (packed / "hard.eqi").read_bytes()
    assert call("decompress", container) == HARD
    assert call("decompress", call("compress", b"")) == b""


def test_damage_in_a_pipe_gives_only_blocks_that_passed(packed: Path, work: Path) -> None:
    container = (packed / "hard.eqi").read_bytes()
    command = [sys.executable, "-m", "equalinfo", "decompress", "-", "--m1", str(work / "m1"), "--out", "-"]
    cut = subprocess.run([*command, "--quiet"], input=container[:-3], capture_output=True)
    assert cut.returncode == 1
    assert HARD.startswith(cut.stdout)
    assert cut.stderr.startswith(b"error: -: it is cut off")


CASES = [
    ("compress {packed}/missing --m1 {work}/m1 --out {out}", "missing"),
    ("compress {packed}/folder --m1 {work}/m1 --out {out}", "folder"),
    ("compress {packed}/hard --m1 {packed}/nowhere --out {out}", "nowhere"),
    ("compress {packed}/hard --m1 {packed}/folder --out {out}", "not an equalinfo m1"),
    ("compress {packed}/hard --m1 {work}/m1 --out {packed}/folder", "is a directory"),
    ("compress {packed}/hard --m1 {work}/m1 --out {packed}/hard", "the file to be read"),
    ("compress {packed}/hard --m1 {work}/m1 --out {out} --block 0", "--block"),
    ("compress {packed}/hard --m1 {work}/m1 --out {out} --block 999999999", "take 1 to"),
    ("compress {packed}/hard --m1 {work}/m1 --out {out} --context 1", "more than 1024 contexts"),
    ("compress {packed}/hard --out {out} --context 5", "without an M1"),
    ("compress {packed}/hard --out {out} --block 999999999", "take 1 to"),
    ("compress {packed}/hard --m1 {work}/m1 --out {out} --block 9999999", "with an M1"),
    ("decompress {packed}/hard.eqi --out {out} --block 1", "give that as --m1"),
    ("decompress {packed}/alone.eqi --out {packed}/alone.eqi", "the file to be read"),
    ("decompress {packed}/hard --m1 {work}/m1 --out {out}", "not a file that equalinfo compressed"),
    ("decompress {packed}/cut.eqi --m1 {work}/m1 --out {out}", "cut off"),
    ("decompress {packed}/later.eqi --m1 {work}/m1 --out {out}", "version 3"),
    ("decompress {packed}/damaged.eqi --m1 {work}/m1 --out {out}", "damaged.eqi: block 0 is damaged"),
    ("decompress {packed}/hard.eqi --m1 {packed}/other-m1 --out {out}", "compressed with the M1"),
    ("decompress {packed}/hard.eqi --m1 {packed}/other-m1 --out {out} --start 3", "compressed with the M1"),
    ("decompress {packed}/hard.eqi --m1 {work}/m1 --out {packed}/hard.eqi", "the file to be read"),
    ("decompress {packed}/hard.eqi --m1 {work}/m1 --out {out} --block 3", "3 blocks"),
    ("decompress {packed}/hard.eqi --m1 {work}/m1 --out {out} --start 9999", "bytes"),
    ("decompress {packed}/hard.eqi --m1 {work}/m1 --out {out} --block 1 --start 3", "either"),
    ("decompress {packed}/hard.eqi --m1 {work}/m1", "--out"),
    ("decompress {packed}/hard.eqi --out {out}", "give that as --m1"),
    ("decompress {packed}/cut.eqi --list", "cut off"),
    ("decompress - --list", "from a file"),
    ("decompress {packed}/missing --list", "missing"),
]


@pytest.mark.parametrize(("command", "words"), CASES, ids=[command for command, _ in CASES])
def test_one_line_says_what_is_wrong(
    command: str, words: str, packed: Path, work: Path, tmp_path: Path, run: Run
) -> None:
    before = {path: path.read_bytes() for path in packed.iterdir() if path.is_file()}
    status, printed, errors = run(*command.format(packed=packed, work=work, out=tmp_path / "out").split())
    assert status != 0
    assert printed == ""
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, errors
    assert words in lines[0]
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
    assert {path: path.read_bytes() for path in packed.iterdir() if path.is_file()} == before


def test_a_full_disk(packed: Path, work: Path, tmp_path: Path, run: Run, monkeypatch) -> None:
    (tmp_path / "old").write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for command, file in (("compress", "hard"), ("decompress", "hard.eqi")):
        status, _, errors = run(
            command, packed / file, "--m1", work / "m1", "--out", tmp_path / "old", "--quiet"
        )
        assert status == 1
        assert "No space left on device" in errors
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("old", b"old")]
