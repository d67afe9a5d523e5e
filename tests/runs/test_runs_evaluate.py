"""Bits/byte of an M2 directory from its raw logits and the source's bytes, and groups of seeds compared."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from equalinfo.corpus.corpus import Corpus
from equalinfo.errors import EqualInfoError
from equalinfo.model.scoring import cut_windows, nats_of_ids
from equalinfo.progress import progress_bar
from equalinfo.runs.config import EvaluationConfig
from equalinfo.runs.evaluate import Evaluated, Evaluation, compare, verdict
from equalinfo.score.significance import welch
from equalinfo.shards.tokenize_sample import TokenizeConfig, tokenize
from equalinfo.train.config import M2Config
from equalinfo.train.m2 import load_m2, train_m2
from tests.support.untrained import TEXT, tokenizer

LENGTH = 16


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of three documents, and M2s of two methods with three seeds each."""
    path = tmp_path_factory.mktemp("evaluating")
    documents = [{"text": f"{n} {TEXT * 20}"} for n in range(40)]
    (path / "corpus.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))
    (path / "small.jsonl").write_text("".join(json.dumps({"text": f"{n}: {TEXT}"}) + "\n" for n in range(3)))
    with progress_bar(quiet=True) as progress:
        for name, spec in (("bytes", "Bytes"), ("words", "EqualInfo[v=600,fewest,words]")):
            plan = TokenizeConfig(example_bytes=2048, max_tokens=3000)
            tokenize(tokenizer(spec), Corpus(str(path / "corpus.jsonl")), plan, path / name, progress)
            for seed in range(3):
                config = M2Config(
                    size="65k",
                    sequence_length=LENGTH,
                    steps=3,
                    batch_size=2,
                    seed=seed,
                    precision="float32",
                    threads=1,
                )
                train_m2(path / name, config, path / f"{name}-{seed}", progress)
    return path


def evaluated(work: Path, name: str, plan: EvaluationConfig) -> Evaluated:
    with progress_bar(quiet=True) as progress:
        return Evaluation(Corpus(str(work / "small.jsonl")), plan, progress).measure(work / name)


@pytest.mark.parametrize("name", ["bytes-0", "words-1"])
@pytest.mark.parametrize("stride", [None, 1, 5, 8, 16])
def test_bits_per_byte_from_raw_logits(work: Path, name: str, stride: int | None) -> None:
    """Each token's logits come from a pass of its own over exactly the context that it may have."""
    model, tok, _ = load_m2(work / name)
    documents = [f"{n}: {TEXT}".encode() for n in range(3)]
    zero = tok.encode(b"\0").tolist() if tok.eos is None else [tok.eos]
    ids = [token for document in documents for token in (*tok.encode(document).tolist(), *zero)]
    nats, step = 0.0, stride or LENGTH
    for position in range(len(ids)):
        start = 0 if position < LENGTH else -(-(position - LENGTH + 1) // step) * step
        logits = model(torch.tensor([[*ids[start:position], 0]]))[0, -1].double()
        nats -= torch.log_softmax(logits, 0)[ids[position]].item()
    expected = nats / math.log(2) / sum(map(len, documents))
    plan = EvaluationConfig(windows="sliding" if stride else "disjoint", stride=stride or 0)
    found = evaluated(work, name, plan)
    assert found.bits_per_byte == pytest.approx(expected, rel=1e-5)
    assert found.eval_tokens == len(ids)
    assert found.eval_source_bytes == sum(map(len, documents))


def test_each_id_is_scored_once_in_a_long_enough_context() -> None:
    for count in (0, 1, 7, 8, 9, 40):
        for length, stride in ((8, 8), (8, 3), (8, 1), (1, 1)):
            scored = [i for ids, read in cut_windows(np.arange(count), length, stride) for i in ids[read:]]
            assert scored == list(range(count))
            for ids, read in cut_windows(np.arange(count), length, stride)[1:]:
                assert read == length - stride
                assert len(ids) <= length


def test_nats_of_ids_add_up(work: Path) -> None:
    model, tok, _ = load_m2(work / "words-0")
    ids = tok.encode(TEXT)
    alone = [nats_of_ids(model, ids[:16], 16, 8), nats_of_ids(model, ids[8:24], 16, 8)[8:]]
    np.testing.assert_allclose(nats_of_ids(model, ids, 16, 8)[:24], np.concatenate(alone), rtol=1e-5)


def test_two_groups_of_seeds(work: Path) -> None:
    groups = [[work / f"{name}-{seed}" for seed in range(3)] for name in ("bytes", "words")]
    with progress_bar(quiet=True) as progress:
        result = compare(Corpus(str(work / "small.jsonl")), EvaluationConfig(), groups, progress)
    values = [
        [evaluated(work, path.name, EvaluationConfig()).bits_per_byte for path in paths] for paths in groups
    ]
    assert [group.bits_per_byte for group in result.groups] == values
    for group, own in zip(result.groups, values, strict=True):
        assert group.mean == pytest.approx(np.mean(own))
        assert group.deviation == pytest.approx(np.std(own, ddof=1))
        assert group.seeds == [0, 1, 2]
    assert result.welch
    assert result.welch.p == welch(*values).p
    assert "Welch's t" in verdict(result)
    json.dumps(asdict(result))


def test_groups_that_do_not_compare(work: Path) -> None:
    with progress_bar(quiet=True) as progress:
        corpus = Corpus(str(work / "small.jsonl"))
        with pytest.raises(EqualInfoError, match="one method"):
            compare(corpus, EvaluationConfig(), [[work / "bytes-0", work / "words-0"]], progress)
        with pytest.raises(EqualInfoError, match="twice"):
            compare(corpus, EvaluationConfig(), [[work / "bytes-0", work / "bytes-0"]], progress)
        single = compare(corpus, EvaluationConfig(), [[work / "bytes-0"], [work / "words-0"]], progress)
    assert single.welch is None
    assert "no test" in verdict(single)
    with pytest.raises(ValidationError, match="sliding"):
        EvaluationConfig(stride=3)
    with pytest.raises(EqualInfoError, match="at most"):
        evaluated(work, "bytes-0", EvaluationConfig(windows="sliding", stride=LENGTH + 1))
