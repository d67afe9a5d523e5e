"""Each command given what it cannot use: one line, a non-zero status, nothing written."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.support.command import Run, run_quietly


@pytest.fixture(scope="module")
def bad(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("bad")
    (directory / "empty.txt").write_bytes(b"")
    (directory / "small.txt").write_text("too small")
    (directory / "no-recipe.toml").write_text("title = 3 [")
    (directory / "wrong-recipe.toml").write_text('title = "x"\ncorpus = "y"\nmethods = ["Nonsense"]\n')
    (directory / "not.npy").write_bytes(b"not an array")
    (directory / "results.jsonl").write_text("{}\n{}\n")
    np.save(directory / "ids.npy", np.array([1, 2, 70000]))
    np.save(directory / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (directory / "foreign").mkdir()
    (directory / "foreign" / "precious.txt").write_text("keep me")
    run_quietly("compile", "AC[v=256]", "--m1", work / "m1", "--out", directory / "tok")
    run_quietly("compile", "Bytes", "--out", directory / "bytes")
    run_quietly("compile", "AC[v=256]", "--m1", work / "m1", "--out", directory / "damaged")
    path = directory / "damaged" / "exact.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    np.save(directory / "cut.npy", np.array([200, 1]))
    return directory


CASES = [
    ("train-m1 {bad}/missing.txt --steps 1 --out {out}", "missing.txt"),
    ("train-m1 {bad}/empty.txt --steps 1 --out {out}", "empty.txt"),
    ("train-m1 {bad}/small.txt --steps 1 --out {out}", "small.txt"),
    ("train-m1 hf:allenai/c4 --steps 1 --out {out}", "hf:allenai/c4"),
    ("train-m1 hf: --steps 1 --out {out}", "hf:NAME"),
    ("tokenize {bad}/bytes hf:allenai/c4 --out {out}", "hf:allenai/c4"),
    ("tokenize {bad}/bytes memory://nowhere.txt --out {out}", "memory://nowhere.txt"),
    ("tokenize {bad}/bytes nonsense://x --out {out}", "nonsense://x"),
    ("tokenize {bad}/bytes {bad}/missing.parquet --out {out}", "missing.parquet"),
    ("tokenize {bad}/bytes {work}/corpus.txt --engine spark --out {out}", "local or ray"),
    ("tokenize {bad}/bytes {work}/corpus.txt --bad-documents drop --out {out}", "stop or skip"),
    ("tokenize {bad}/bytes {work}/corpus.txt --out {bad}/foreign", "foreign"),
    ("verify {bad}/bytes", "not a tokens"),
    ("verify {bad}/bytes --decode some", "a number, or all"),
    ("export {bad}/bytes --format megatron --out {out}", "not a tokens"),
    ("train-m1 {work}/corpus.txt --steps 1 --size 7x --out {out}", "size"),
    ("train-m1 {work}/corpus.txt --steps 1 --optimizer sgd --out {out}", "optimizer"),
    ("train-m1 {work}/corpus.txt --steps 1 --precision half --out {out}", "precision"),
    ("train-m1 {work}/corpus.txt --steps 0 --out {out}", "--steps"),
    ("train-m1 {work}/corpus.txt --steps 1 --out {bad}/foreign", "foreign"),
    ("compile Nonsense --out {out}", "Nonsense"),
    ("compile EqualInfoAC[v=256] --m1 {work}/m1 --out {out}", "b"),
    ("compile EqualInfoAC[b=8,v=256] --m1 {work}/m1 --out {out}", "b=8 is too small"),
    ("compile EqualInfoAC[b=16,v=300] --m1 {work}/m1 --out {out}", "power of two"),
    ("compile EqualInfoAC[b=16,v=256] --out {out}", "--m1"),
    ("compile StaticAC --out {out}", "--corpus"),
    ("compile SentencePiece[v=32k] --corpus {work}/corpus.txt --out {out}", "SentencePiece"),
    ("compile AC --m1 {bad}/tok --out {out}", "not a m1"),
    ("compile AC --m1 {bad}/nowhere --out {out}", "nowhere"),
    ("compile Bytes --out {bad}/foreign", "foreign"),
    ("encode {bad}/nowhere {bad}/small.txt --out {out}", "nowhere"),
    ("encode {bad}/foreign {bad}/small.txt --out {out}", "not an equalinfo"),
    ("encode {bad}/damaged {bad}/small.txt --out {out}", "damaged"),
    ("encode {bad}/bytes {bad}/missing.txt --out {out}", "missing.txt"),
    ("decode {bad}/bytes {bad}/not.npy --out {out}", "not.npy"),
    ("decode {bad}/bytes {bad}/objects.npy --out {out}", "objects.npy"),
    ("decode {bad}/bytes {bad}/ids.npy --out {out}", "outside the vocabulary"),
    ("decode {bad}/tok {bad}/cut.npy --out {out}", "truncated"),
    ("tokenize {bad}/bytes {bad}/missing.txt --out {out}", "missing.txt"),
    ("tokenize {bad}/bytes {bad}/small.txt --out {out}", "split"),
    ("train-m2 {bad}/bytes --steps 1 --out {out}", "not a tokens"),
    ("train-m2 {bad}/nowhere --steps 1 --out {out}", "nowhere"),
    ("evaluate {bad}/bytes {work}/corpus.txt", "not a m2"),
    ("evaluate {bad}/nowhere {work}/corpus.txt --split half", "half"),
    ("evaluate {bad}/nowhere {work}/corpus.txt --windows round", "round"),
    ("evaluate {bad}/nowhere {work}/corpus.txt --stride 5", "sliding"),
    ("generate {bad}/nowhere hello", "nowhere"),
    ("generate {bad}/nowhere", "--prompt-file"),
    ("generate {bad}/nowhere hello --top-p 0", "top-p"),
    ("show {bad}/bytes", "--text"),
    ("show {bad}/nowhere --text x", "nowhere"),
    ("run {bad}/missing.toml --out {out}", "missing.toml"),
    ("run {bad}/no-recipe.toml --out {out}", "not TOML"),
    ("run {bad}/wrong-recipe.toml --out {out}", "methods"),
    ("report {bad}/results.jsonl --out {out}", "results.jsonl"),
    ("report {bad}/nowhere.jsonl --out {out}", "nowhere.jsonl"),
    ("report {bad}/foreign --out {out}", "no .jsonl file"),
    ("report {bad}/nowhere.jsonl --text x --out {out}", "--tokenizer"),
    (
        "report {bad}/nowhere.jsonl --tokenizer {bad}/bytes --file {bad}/missing.txt --out {out}",
        "missing.txt",
    ),
    ("demo --nonsense", "--nonsense"),
    ("nonsense", "nonsense"),
]


@pytest.mark.parametrize(("command", "words"), CASES, ids=[command for command, _ in CASES])
def test_one_line_says_what_is_wrong(
    command: str, words: str, work: Path, bad: Path, tmp_path: Path, run: Run
) -> None:
    out = tmp_path / "out"
    status, printed, errors = run(*command.format(work=work, bad=bad, out=out).split())
    assert status != 0
    assert printed == ""
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, errors
    assert words in lines[0]
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
    assert (bad / "foreign" / "precious.txt").read_text() == "keep me"


def test_a_full_disk_leaves_the_old_file(
    bad: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "ids.npy"
    out.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    status, _, errors = run("encode", bad / "bytes", bad / "small.txt", "--out", out)
    assert status == 1
    assert "No space left on device" in errors
    assert out.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["ids.npy"]
