"""Trainings in processes of their own give what they give one after the other, and fail in one line."""

import io
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from equalinfo.corpus.corpus import Corpus
from equalinfo.errors import EqualInfoError
from equalinfo.files import sha256_file
from equalinfo.parallel import VARIABLE
from equalinfo.processes import Driver
from equalinfo.progress import progress_bar
from equalinfo.runs import side_by_side
from equalinfo.runs.side_by_side import Training, train_all
from equalinfo.shards.tokenize_sample import TokenizeConfig, tokenize
from equalinfo.train.config import M1Config, M2Config
from tests.support import methods


class Heard(Progress):
    """Bars that nobody sees, and what became of them."""

    def __init__(self) -> None:
        super().__init__(disable=True)
        self.names: list[str] = []

    def add_task(self, description: str, *arguments: Any, **fields: Any) -> Any:
        self.names.append(description)
        return super().add_task(description, *arguments, **fields)


@pytest.fixture
def trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Training]:
    """An M1 and two M2s of one thread each, on a machine of two cores."""
    monkeypatch.setenv(VARIABLE, "2")
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n\n".join(f"Sentence {i} of a small corpus. " * 40 for i in range(60)))
    with progress_bar(quiet=True) as progress:
        config = TokenizeConfig(example_bytes=512, validation_examples=2)
        tokenize(methods.tokenizer("Bytes"), Corpus(str(corpus)), config, tmp_path / "tokens", progress)
    common: dict[str, Any] = {"size": "65k", "batch_size": 2, "threads": 1}
    return [
        Training(M1Config(steps=40, context=32, **common), Corpus(str(corpus)), tmp_path / "m1"),
        *(
            Training(
                M2Config(steps=4, sequence_length=32, seed=seed, **common),
                tmp_path / "tokens",
                tmp_path / f"m2-{seed}",
            )
            for seed in (0, 1)
        ),
    ]


def weights(trainings: list[Training]) -> list[str]:
    return [sha256_file(one.out / "model.safetensors") for one in trainings]


def test_side_by_side_is_the_same_as_one_after_the_other(
    trainings: list[Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = Heard()
    ended = list(train_all(trainings, progress))
    assert {one.out for one in ended} == {one.out for one in trainings}
    assert not progress.tasks  # what is done stands in rows
    assert "M1 65k: m1" in progress.names
    monkeypatch.setenv(VARIABLE, "1")
    alone = [
        Training(one.config, one.source, one.out.with_name(f"alone-{one.out.name}")) for one in trainings
    ]
    assert list(train_all(alone, progress)) == alone
    assert weights(alone) == weights(trainings)


def test_an_error_is_the_drivers_and_ends_the_others(trainings: list[Training], tmp_path: Path) -> None:
    absent = Training(trainings[1].config, tmp_path / "absent", tmp_path / "none")
    with pytest.raises(EqualInfoError, match="absent"):
        list(train_all([trainings[0], absent], Heard()))
    assert not absent.out.exists()


def test_a_killed_process_is_one_line(trainings: list[Training], monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[side_by_side._Worker] = []
    start = side_by_side._Trainings._start

    def killing(self: side_by_side._Trainings) -> None:
        start(self)
        begun.extend(self._running)
        os.kill(begun[0].process.pid, signal.SIGKILL)

    monkeypatch.setattr(side_by_side._Trainings, "_start", killing)
    with pytest.raises(EqualInfoError, match=r"ended by signal 9; .* the same command resumes here"):
        list(train_all(trainings, Heard()))
    assert all(worker.process.poll() is not None for worker in begun)


def test_whoever_stops_asking_ends_the_processes(trainings: list[Training]) -> None:
    running: Iterator[Training] = train_all(trainings, Heard())
    next(running)
    running.close()  # type: ignore[attr-defined]
    assert sum(one.out.exists() for one in trainings) < 3


def test_each_is_prepared_when_it_is_its_turn(
    trainings: list[Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the second worker, which is the first to be done, trains the third."""
    events: list[str] = []
    begin = side_by_side._Worker.begin
    workers: list[int] = []

    def beginning(self: side_by_side._Worker, training: Training) -> None:
        events.append(f"begin {training.out.name}")
        workers.append(self.process.pid)
        begin(self, training)

    monkeypatch.setattr(side_by_side._Worker, "begin", beginning)
    names = [one.out.name for one in trainings]
    prepared = [replace(one, prepare=partial(events.append, f"prepare {one.out.name}")) for one in trainings]
    list(train_all(prepared, Heard()))
    assert events == [f"{what} {name}" for name in names for what in ("prepare", "begin")]
    assert workers[0] != workers[1]
    assert workers[2] in workers[:2]


def test_what_nobody_hears_is_not_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # a write that would wait is an error
    driver = Driver.__new__(Driver)
    driver._answers = os.fdopen(writing, "w")
    for _ in range(5000):
        driver.mention({"bar": 1, "completed": 12345})
    assert os.read(reading, 100).startswith(b'{"bar": 1, "completed": 12345}\n')  # what there was room for
    driver._answers.close()
    os.close(reading)


def test_what_a_worker_hears_is_what_was_asked(trainings: list[Training]) -> None:
    for one in trainings:
        heard = Training.from_message(one.message())
        assert (heard.config, heard.out) == (one.config, one.out)
        for source, asked in ((heard.source, one.source),):
            if isinstance(asked, Corpus):
                assert isinstance(source, Corpus)
                assert (source.source, source.field) == (asked.source, asked.field)
            else:
                assert source == asked


def test_a_corpus_from_a_pipe_is_read_here_and_once(
    trainings: list[Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (trainings[0].out.parent / "corpus.txt").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    piped = Training(trainings[0].config, Corpus("-"), trainings[0].out.with_name("piped"))
    assert isinstance(piped.source, Corpus)
    assert list(piped.source.documents("all"))  # a run has read it before, for its key
    assert list(train_all([piped, *trainings], Heard())) == [piped, *trainings]
    assert weights([piped]) == weights(trainings[:1])
