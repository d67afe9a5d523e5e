"""`train-m2 --tables-from`: another M2 than without it, the same again, and refused where tokens have no text."""

from pathlib import Path

import pytest

from equalinfo.corpus.corpus import Corpus
from equalinfo.errors import EqualInfoError
from equalinfo.progress import progress_bar
from equalinfo.shards.tokenize_sample import TokenizeConfig, tokenize
from equalinfo.train.config import M1Config, M2Config
from equalinfo.train.m1 import train_m1
from equalinfo.train.m2 import train_m2
from equalinfo.train.table_init import SPELLING
from tests.support.untrained import TEXT, tokenizer

PLAN = {"steps": 2, "batch_size": 2, "precision": "float32", "threads": 1, "size": "65k"}
SPECS = [
    "Bytes",
    "SentencePiece[v=295]",
    "EqualInfo[v=600,fewest,words]",
    "EqualInfo[b=12,v=4k]",
    "AC[v=256]",
]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables")
    (path / "corpus.txt").write_text("\n\n".join(f"{n} {TEXT * 20}" for n in range(40)))
    corpus = Corpus(str(path / "corpus.txt"))
    with progress_bar(quiet=True) as progress:
        train_m1(corpus, M1Config(context=32, **PLAN), path / "m1", progress)
        for spec in SPECS:
            tokenize(tokenizer(spec), corpus, TokenizeConfig(512, max_tokens=600), path / spec, progress)
    return path


def trained(work: Path, spec: str, out: Path, start: str | None) -> float:
    with progress_bar(quiet=True) as progress:
        measured = train_m2(work / spec, M2Config(sequence_length=16, **PLAN), out, progress, None, start)
    assert measured is not None
    return measured.bits_per_byte


@pytest.mark.parametrize("spec", SPECS[:-1])
@pytest.mark.parametrize("source", ["m1", SPELLING])
def test_another_start_and_the_same_again(source: str, spec: str, work: Path, tmp_path: Path) -> None:
    plain = trained(work, spec, tmp_path / "plain", None)
    start = str(work / source) if source == "m1" else source
    started = [trained(work, spec, tmp_path / f"started-{n}", start) for n in range(2)]
    assert started[0] == started[1] != plain
    config = (tmp_path / "started-0" / "config.json").read_text()
    assert "tables_from" in config
    assert str(work) not in config
    assert "tables_from" not in (tmp_path / "plain" / "config.json").read_text()


def test_what_has_no_text_of_its_own_is_refused(work: Path, tmp_path: Path) -> None:
    with pytest.raises(EqualInfoError, match=r"AC\[v=256\] have no text"):
        trained(work, "AC[v=256]", tmp_path / "out", SPELLING)
    with pytest.raises(EqualInfoError, match="no such m1"):
        trained(work, "Bytes", tmp_path / "out", "absent")
    with pytest.raises(EqualInfoError, match="english-m1 has no float weights"):
        trained(work, "Bytes", tmp_path / "out", "english-m1")
    assert not (tmp_path / "out").exists()
