"""`train-m2 --spelled-tables`: another M2 than without it, the same again, and refused where tokens have no text."""

from pathlib import Path

import pytest
import torch

from equalinfo.corpus.corpus import Corpus
from equalinfo.errors import EqualInfoError
from equalinfo.model.decoder import Decoder
from equalinfo.progress import progress_bar
from equalinfo.shards.tokenize_sample import TokenizeConfig, tokenize
from equalinfo.sizes import Size
from equalinfo.train.config import M2Config
from equalinfo.train.m2 import train_m2
from equalinfo.train.spelled_tables import spell_tables, sums_of_spelling
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
        for spec in SPECS:
            tokenize(tokenizer(spec), corpus, TokenizeConfig(512, max_tokens=600), path / spec, progress)
    return path


def trained(work: Path, spec: str, out: Path, spelled: bool) -> float:
    with progress_bar(quiet=True) as progress:
        measured = train_m2(work / spec, M2Config(sequence_length=16, **PLAN), out, progress, None, spelled)
    assert measured is not None
    return measured.bits_per_byte


@pytest.mark.parametrize("spec", SPECS[:-1])
def test_another_start_and_the_same_again(spec: str, work: Path, tmp_path: Path) -> None:
    plain = trained(work, spec, tmp_path / "plain", False)
    started = [trained(work, spec, tmp_path / f"started-{n}", True) for n in range(2)]
    assert started[0] == started[1] != plain
    assert "spelled_tables" in (tmp_path / "started-0" / "config.json").read_text()
    assert "spelled_tables" not in (tmp_path / "plain" / "config.json").read_text()


def test_what_has_no_text_of_its_own_is_refused(work: Path, tmp_path: Path) -> None:
    with pytest.raises(EqualInfoError, match=r"AC\[v=256\] have no text"):
        trained(work, "AC[v=256]", tmp_path / "out", True)
    assert not (tmp_path / "out").exists()


def test_texts_that_are_spelled_alike_start_alike() -> None:
    texts = [b" window", b" windows", b" text", b"x" * 80, *(bytes([n, 255 - n]) for n in range(60))]
    sums = sums_of_spelling(texts, 64)
    assert torch.equal(sums, sums_of_spelling(texts, 64))
    assert sums.mean(0).abs().max() < 1e-6
    near, far = (torch.nn.functional.cosine_similarity(sums[0], sums[other], dim=0) for other in (1, 2))
    assert near > 0.8 > 0.5 > far


@pytest.mark.parametrize("preset", ["paper", "llama"])
def test_rows_of_the_ids_change_and_stay_as_wide(preset: str) -> None:
    drawn, model = (Decoder(Size(32, 2, 1, 16, 64, 1), 100, preset) for _ in range(2))
    drawn.init_weights(3)
    model.init_weights(3)
    texts = {token: b"%d" % token for token in range(40, 100)}
    spell_tables(texts, model)
    sums = sums_of_spelling(list(texts.values()), 32)
    known = torch.nn.functional.cosine_similarity(sums[:30], sums[30:])
    for before, after in (
        (drawn.embedding.weight, model.embedding.weight),
        (drawn.lm_head.weight, model.lm_head.weight),
    ):
        assert torch.equal(before[:40], after[:40])
        assert not torch.isclose(before[40:100], after[40:100]).all(1).any()
        assert after[40:100].std().item() == pytest.approx(before.std().item(), rel=0.05)
        angles = torch.nn.functional.cosine_similarity(after[40:70], after[70:100])
        assert torch.allclose(angles, known, atol=1e-4)
