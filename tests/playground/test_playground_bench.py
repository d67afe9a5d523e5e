"""The playground's work without its page."""

import threading
from pathlib import Path

import pytest

from equalinfo.errors import EqualInfoError
from equalinfo.playground.bench import Bench, ContinuationRequest, Stopped
from tests.support.pages import EVIL, tokenizer
from tests.support.playing import m2_directory


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(
        [tokenizer("Bytes"), tokenizer("EqualInfo[b=8,v=2]")],
        m2_directory(tmp_path_factory.mktemp("playing")),
    )


def test_texts_are_cut_and_escaped(bench: Bench) -> None:
    first, second = bench.cuts("a naïve text " + EVIL)
    assert first.count("<li") == len(("a naïve text " + EVIL).encode())
    assert "<script" not in first + second
    assert bench.cuts("")[0].count("<li") == 0
    with pytest.raises(EqualInfoError, match="surrogate"):
        bench.cuts("\ud800")


def test_a_text_goes_on_the_same_with_the_same_seed(bench: Bench) -> None:
    parts: list[bytes] = []
    one = bench.go_on("The window", ContinuationRequest(8, seed=3), parts.append)
    assert b"".join(parts).decode("utf-8", "replace") == one
    assert one
    assert bench.go_on("The window", ContinuationRequest(8, seed=3), lambda part: None) == one


def test_a_continuation_can_be_stopped(bench: Bench) -> None:
    def stop(_: bytes) -> None:
        raise Stopped

    assert len(bench.go_on("The window", ContinuationRequest(400), stop)) < 100
    assert bench.cuts("x")  # nothing stays locked


def test_two_readers_wait_for_each_other(bench: Bench) -> None:
    found: list[str] = []
    work = [
        threading.Thread(
            target=lambda: found.append(bench.go_on("a", ContinuationRequest(5), lambda part: None))
        )
        for _ in "12"
    ]
    for one in work:
        one.start()
    for one in work:
        one.join()
    assert found[0] == found[1]


def test_what_it_refuses() -> None:
    for wrong in (
        {"tokens": 0},
        {"tokens": 10_000},
        {"temperature": -1},
        {"temperature": float("nan")},
        {"seed": -1},
    ):
        with pytest.raises(EqualInfoError):
            ContinuationRequest(**wrong)
    with pytest.raises(EqualInfoError, match="--m2"):
        Bench([]).go_on("x", ContinuationRequest(), lambda part: None)
    with pytest.raises(EqualInfoError, match="nowhere"):
        Bench([], Path("nowhere"))
