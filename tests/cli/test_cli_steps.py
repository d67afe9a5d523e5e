"""Every step as a user runs it, on a small corpus."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from equalinfo import Tokenizer
from tests.support.command import Run, run_quietly

SPECS = [
    "Bytes",
    "SentencePiece[v=320]",
    "GZip[v=256]",
    "GZip[v=65k,bare]",
    "AC[v=256]",
    "AC[v=65k]",
    "AC[v=2]",
    "StaticAC[v=256]",
    "StaticAC[v=65k]",
    "EqualText[n=8,v=256]",
    *(f"EqualInfoAC[b={b},v={v}]" for b in (16, 24, 32, 48, 64, 96, 128) for v in ("256", "65k")),
    "EqualInfoAC[b=16,v=256,delay]",
    "EqualInfoAC[b=32,v=256,reset=2]",
    "EqualInfoAC[b=32,v=256,reset=never]",
    "EqualInfo[b=12,v=4k]",
    "EqualInfo[b=16,v=65k]",
    "EqualInfo[b=32,v=256]",
    "EqualInfo[v=1k]",
    "EqualInfo[v=512,fewest]",
    "EqualInfo[v=512,fewest,words]",
    "EqualInfo[v=512,unigram,words]",
    "EqualInfo[v=512,unigram,phrases]",
]
HARD = "Plain text, naïve café ▁ 漢字\r\n\0".encode() + bytes(range(256)) + b"aaaa" * 30 + b"\xff\xfe end"


@pytest.mark.parametrize("spec", SPECS)
def test_each_method_round_trips_through_the_command_line(
    spec: str, work: Path, tmp_path: Path, run: Run
) -> None:
    status, out, _ = run(
        "compile",
        spec,
        "--m1",
        work / "m1",
        "--corpus",
        work / "corpus.txt",
        "--out",
        tmp_path / "tok",
        "--json",
    )
    assert status == 0
    assert json.loads(out)["spec"] == spec
    (tmp_path / "hard").write_bytes(HARD)
    assert run("encode", tmp_path / "tok", tmp_path / "hard", "--out", tmp_path / "ids.npy")[0] == 0
    assert run("decode", tmp_path / "tok", tmp_path / "ids.npy", "--out", tmp_path / "back")[0] == 0
    assert (tmp_path / "back").read_bytes() == HARD


@pytest.fixture(scope="module")
def tokenizer(work: Path) -> Path:
    path = work / "tok16"
    run_quietly("compile", "EqualInfoAC[b=16,v=256]", "--m1", work / "m1", "--out", path)
    return path


@pytest.fixture(scope="module")
def m2(work: Path, tokenizer: Path) -> Path:
    run_quietly(
        "tokenize",
        tokenizer,
        work / "corpus.txt",
        "--out",
        work / "tokens",
        "--example-bytes",
        2048,
        "--quiet",
    )
    options = ["--size", "65k", "--sequence", "64", "--batch", "4", "--steps", "8", "--quiet"]
    run_quietly("train-m2", work / "tokens", "--out", work / "m2", *options)
    return work / "m2"


def test_shards_are_arrow_with_ids_and_source_bytes(m2: Path, work: Path, tokenizer: Path) -> None:
    with pa.memory_map(str(work / "tokens" / "train-00000.arrow")) as file:
        table = pa.ipc.open_stream(file).read_all()
    assert table.schema.field("ids").type == pa.list_(pa.uint8())
    opened = Tokenizer.from_pretrained(tokenizer)
    text = b"".join(opened.decode(ids) for ids in table.column("ids").to_pylist())
    assert sum(table.column("bytes").to_pylist()) == len(text)
    documents = text.count(b"\0")
    assert sum(table.column("source_bytes").to_pylist()) == len(text) - documents
    assert documents > 50


def test_training_reports_bits_per_byte_as_defined(m2: Path) -> None:
    measured = json.loads((m2 / "config.json").read_text())["measured"]
    expected = (
        measured["eval_tokens"] / measured["eval_source_bytes"] * measured["loss_nats"] / 0.6931471805599453
    )
    assert measured["bits_per_byte"] == pytest.approx(expected)
    assert measured["bits_per_byte"] < measured["uniform_bits_per_byte"] * 1.2


def test_evaluate_agrees_with_training_on_the_same_documents(m2: Path, work: Path, run: Run) -> None:
    status, out, _ = run("evaluate", m2, work / "corpus.txt", "--split", "validation", "--json", "--quiet")
    assert status == 0
    measured = json.loads((m2 / "config.json").read_text())["measured"]
    # Training cut examples of 2,048 bytes and evaluate cuts 10,240: the same text, other sequence bounds.
    assert json.loads(out)["bits_per_byte"] == pytest.approx(measured["bits_per_byte"], rel=0.05)
    assert json.loads(out)["eval_source_bytes"] == measured["eval_source_bytes"]


def test_generate_continues_the_prompt(m2: Path, run: Run) -> None:
    status, out, rate = run("generate", m2, "the window", "--tokens", 20, "--seed", 3)
    assert status == 0
    assert out.startswith("the window")
    assert "20 tokens" in rate  # with the time it took, which differs from run to run
    assert run("generate", m2, "the window", "--tokens", 20, "--seed", 3)[:2] == (status, out)


def test_generate_tells_its_rate_and_stops(m2: Path, tmp_path: Path, run: Run) -> None:
    status, out, errors = run("generate", m2, "the win", "--tokens", 40, "--seed", 1)
    assert status == 0
    assert re.search(r"^40 tokens, \d+ bytes in .* tokens/s, \d+ bytes/s$", errors, re.M)
    stop = out.removeprefix("the win").rstrip("\n")[3:5]
    stopped = run("generate", m2, "the win", "--tokens", 40, "--seed", 1, "--stop", stop, "--quiet")
    assert stopped == (0, out[: out.index(stop, len("the win"))] + "\n", "")
    (tmp_path / "prompt").write_bytes(b"the \xff")
    options = ("--samples", 2, "--max-bytes", 9, "--top-k", 40, "--top-p", 0.9, "--json", "--quiet")
    status, out, _ = run("generate", m2, "the win", "--prompt-file", tmp_path / "prompt", *options)
    found = json.loads(out)
    assert [one["prompt"] for one in found] == ["the win", "the win", "the \ufffd", "the \ufffd"]
    for one in found:
        assert base64.b64decode(one["bytes"]).decode("utf-8", "replace") == one["text"]
        assert len(base64.b64decode(one["bytes"])) <= 9


def test_generate_prints_valid_text_or_raw_bytes(m2: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "prompt").write_bytes(b"caf\xc3\xa9 \xff")
    command = ["generate", m2, "--temperature", 4, "--tokens", 60]
    command += ["--prompt-file", tmp_path / "prompt", "--no-end", "--quiet"]
    text = run(*command)[1]
    assert text.startswith("café \ufffd")
    text.encode()
    raw = [sys.executable, "-m", "equalinfo", *map(str, command), "--raw"]
    assert subprocess.run(raw, capture_output=True, check=True).stdout.startswith(b"caf\xc3\xa9 \xff")


def test_evaluate_windows_and_groups(m2: Path, work: Path, run: Run) -> None:
    corpus = (work / "corpus.txt", "--split", "test", "--max-examples", 1, "--quiet")
    disjoint, sliding = (
        json.loads(run("evaluate", m2, *corpus, "--windows", name, "--json")[1])
        for name in ("disjoint", "sliding")
    )
    assert disjoint["eval_tokens"] == sliding["eval_tokens"]
    assert disjoint["bits_per_byte"] != sliding["bits_per_byte"]
    status, out, _ = run("evaluate", m2, *corpus, "--against", m2)
    assert status == 0
    assert out.count("EqualInfoAC[b=16,v=256]") >= 2
    assert "no test" in out


def test_show_in_the_terminal_and_as_html(tokenizer: Path, tmp_path: Path, run: Run) -> None:
    status, out, _ = run("show", tokenizer, tokenizer, "--text", "the window\nof text")
    assert status == 0
    assert out.count("EqualInfoAC[b=16,v=256]") == 2
    assert run("show", tokenizer, "--text", "a <b> c", "--html", tmp_path / "show.html")[0] == 0
    page = (tmp_path / "show.html").read_text()
    assert "&lt;" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    status, out, _ = run("show", tokenizer, tokenizer, "--text", "the window", "--json")
    found = json.loads(out)
    assert [one["tokenizer"] for one in found] == [
        str(tokenizer)
    ] * 2  # none is dropped for having another's spec
    for one in found:
        assert one["spec"] == "EqualInfoAC[b=16,v=256]"
        assert "".join(piece for piece, _ in one["pieces"]) == "the window"


def test_standard_input_and_output(tokenizer: Path, tmp_path: Path) -> None:
    def call(*arguments: str, given: bytes = b"") -> bytes:
        command = [sys.executable, "-m", "equalinfo", *arguments]
        return subprocess.run(command, input=given, capture_output=True, check=True).stdout

    ids = str(tmp_path / "ids.npy")
    call("encode", str(tokenizer), "-", "--out", ids, given=b"through a pipe \xff")
    assert call("decode", str(tokenizer), ids, "--out", "-") == b"through a pipe \xff"
