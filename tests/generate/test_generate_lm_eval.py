"""M2 inside lm-evaluation-harness, offline: a multiple-choice task and byte perplexity on local files."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("lm_eval", reason="pip install 'equalinfo[interchange]'")

import lm_eval
from lm_eval.api.instance import Instance
from lm_eval.tasks import TaskManager

from equalinfo.corpus.corpus import Corpus
from equalinfo.errors import EqualInfoError
from equalinfo.generate.generator import Generator
from equalinfo.generate.lm_eval import EqualInfoLM
from equalinfo.generate.token_healing import completions
from equalinfo.model.continuations import Branches
from equalinfo.progress import progress_bar
from equalinfo.shards.tokenize_sample import TokenizeConfig, tokenize
from equalinfo.tokens.baselines import BytesTokenizer
from equalinfo.tokens.sentencepiece_ import SentencePieceTokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.config import M2Config
from equalinfo.train.m2 import train_m2

TEXT = "the government said on tuesday that the governor governs a town of naïve cafés and reads the text\n"
QUESTIONS = [
    {"question": "the govern", "choices": ["ment", "or", "s a town"], "answer": 0},
    {"question": "naïve ", "choices": ["cafés", "tuesday"], "answer": 0},
    {"question": "the town of", "choices": [" naïve", " the text", "f"], "answer": 1},
]
PAGES = [{"page": TEXT}, {"page": "a naïve governor reads " + TEXT}]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("harness")
    corpus = [{"text": f"{n} {TEXT * 20}"} for n in range(40)]
    for name, rows in (("corpus", corpus), ("questions", QUESTIONS), ("pages", PAGES)):
        (path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tokenizers: dict[str, Tokenizer] = {
        "bytes": BytesTokenizer(Spec.parse("Bytes")),
        "pieces": SentencePieceTokenizer.trained_on(Spec.parse("SentencePiece[v=285]"), [TEXT.encode() * 30]),
    }
    with progress_bar(quiet=True) as progress:
        for name, tokenizer in tokenizers.items():
            plan = TokenizeConfig(example_bytes=2048, max_tokens=4000)
            tokenize(tokenizer, Corpus(str(path / "corpus.jsonl")), plan, path / f"tokens-{name}", progress)
            config = M2Config(
                size="65k", sequence_length=64, steps=20, batch_size=2, learning_rate=0.02,
                precision="float32", threads=1,
            )  # fmt: skip
            train_m2(path / f"tokens-{name}", config, path / name, progress)
    return path


def tasks(work: Path) -> TaskManager:
    folder = work / "tasks"
    folder.mkdir(exist_ok=True)
    common = "dataset_path: json\ntest_split: test\n"
    (folder / "questions.yaml").write_text(
        f"task: local_questions\n{common}output_type: multiple_choice\n"
        f"dataset_kwargs:\n  data_files:\n    test: {work / 'questions.jsonl'}\n"
        'doc_to_text: "{{question}}"\ndoc_to_choice: choices\ndoc_to_target: answer\ntarget_delimiter: ""\n'
        "metric_list:\n  - metric: acc\n"
    )
    (folder / "pages.yaml").write_text(
        f"task: local_pages\n{common}output_type: loglikelihood_rolling\n"
        f"dataset_kwargs:\n  data_files:\n    test: {work / 'pages.jsonl'}\n"
        'doc_to_text: ""\ndoc_to_target: "{{page}}"\n'
        "metric_list:\n  - metric: byte_perplexity\n  - metric: bits_per_byte\n"
    )
    return TaskManager(include_path=str(folder), include_defaults=False)


@pytest.mark.parametrize("name", ["bytes", "pieces"])
def test_tasks_give_what_is_computed_directly(work: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(work / "cache"))
    found = lm_eval.simple_evaluate(
        model="equalinfo",
        model_args={"m2": str(work / name)},
        tasks=["local_questions", "local_pages"],
        task_manager=tasks(work),
        bootstrap_iters=0,
    )
    made = Generator.load(work / name)
    right = 0
    for question in QUESTIONS:
        scores = [begins_with(made, question["question"] + choice) for choice in question["choices"]]
        right += scores.index(max(scores)) == question["answer"]
    assert found["results"]["local_questions"]["acc,none"] == pytest.approx(right / len(QUESTIONS))
    nats = sum(of_ids(made, made.tokenizer.encode(page["page"]).tolist()) for page in PAGES)
    size = sum(len(page["page"].encode()) for page in PAGES)
    pages = found["results"]["local_pages"]
    assert pages["bits_per_byte,none"] == pytest.approx(-nats / size / math.log(2), rel=1e-4)
    assert pages["byte_perplexity,none"] == pytest.approx(math.exp(-nats / size), rel=1e-4)


def of_ids(made: Generator, ids: list[int]) -> float:
    """log P of ids, each in a pass of its own; the texts are shorter than M2's sequences."""
    return sum(
        float(Branches(made.model, ids[:at], 64).after([[]])[0][token]) for at, token in enumerate(ids)
    )


def begins_with(made: Generator, text: str) -> float:
    """log P that a text begins with `text`, over every way to cut all of it into tokens."""
    assert made.strings is not None
    return completions(
        made.strings, Branches(made.model, [], 64), text.encode(), 1e-12, 10_000
    ).log_probability


def score(model: EqualInfoLM, context: str, continuation: str) -> tuple[float, bool]:
    request = Instance("loglikelihood", {}, (context, continuation), 0)
    return model.loglikelihood([request], disable_tqdm=True)[0]


def test_bytes_are_exact(work: Path) -> None:
    model = EqualInfoLM(str(work / "bytes"))
    for context, continuation in (("the govern", "ment"), ("", "the"), ("naïve ", "cafés"), ("a", "")):
        both = list((context + continuation).encode())
        expected = of_ids(model.generator, both) - of_ids(model.generator, list(context.encode()))
        assert score(model, context, continuation)[0] == pytest.approx(expected, abs=1e-4)


def test_a_token_may_span_the_join(work: Path) -> None:
    """Where a token covers the end of the context and the continuation, the score is that of the bytes."""
    model = EqualInfoLM(str(work / "pieces"))
    tokenizer = model.generator.tokenizer
    spanning = 0
    for at in range(1, 60):
        context, continuation = TEXT[:at], TEXT[at : at + 4]
        before, both = tokenizer.encode(context).tolist(), tokenizer.encode(context + continuation).tolist()
        spanning += both[: len(before)] != before
        if at < 20:
            exact = begins_with(model.generator, context + continuation) - begins_with(
                model.generator, context
            )
            assert score(model, context, continuation)[0] == pytest.approx(exact, abs=0.7)
    assert spanning > 10


@pytest.mark.parametrize("name", ["bytes", "pieces"])
def test_the_next_bytes_share_no_more_than_all_probability(work: Path, name: str) -> None:
    model = EqualInfoLM(str(work / name))
    for context in ("the gov", "the government"):
        scorer = model.scorer
        total = sum(math.exp(scorer.continuation(context.encode(), bytes([byte]))) for byte in range(256))
        assert 0.9 < total <= 1 + 1e-3


def test_the_likeliest_continuation_is_greedy(work: Path) -> None:
    model = EqualInfoLM(str(work / "pieces"))
    request = Instance("generate_until", {}, ("the gov", {"until": ["\n"], "max_gen_toks": 6}), 0)
    (text,) = model.generate_until([request], disable_tqdm=True)
    assert "\n" not in text
    if text and "\ufffd" not in text:
        assert score(model, "the gov", text)[1]
    assert not score(model, "the gov", "zq")[1]


def generated(model: EqualInfoLM, repeats: int = 1, prompt: str = "the gov", **options: Any) -> list[str]:
    """As the harness asks: each request once for every repeat."""
    request = Instance("generate_until", {}, (prompt, {"until": [], **options}), 0)
    return model.generate_until([request] * repeats, disable_tqdm=True)


def test_repeats_are_samples_of_their_own_and_the_same_for_a_seed(work: Path) -> None:
    model = EqualInfoLM(str(work / "bytes"))
    torch.manual_seed(3)  # as the harness does with --seed
    samples = generated(model, 8, temperature=1.0, max_gen_toks=8)
    assert len(set(samples)) > 4
    assert generated(model, 8, temperature=1.0, max_gen_toks=8) == samples
    assert generated(model, 3, temperature=1.0, max_gen_toks=8) == samples[:3]
    torch.manual_seed(4)
    assert generated(model, 8, temperature=1.0, max_gen_toks=8) != samples
    assert generated(EqualInfoLM(str(work / "bytes"), seed=3), 8, temperature=1.0, max_gen_toks=8) == samples


@pytest.mark.parametrize("name", ["max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens"])
def test_the_most_tokens_under_each_of_its_names(work: Path, name: str) -> None:
    model = EqualInfoLM(str(work / "bytes"), max_gen_toks=9)
    whole = generated(model)[0].encode()
    assert len(whole) == 9
    assert generated(model, **{name: 5})[0].encode() == whole[:5]


def test_temperature_and_do_sample(work: Path) -> None:
    model = EqualInfoLM(str(work / "bytes"), max_gen_toks=12)
    likeliest = generated(model)
    assert generated(model, temperature=0.0, do_sample=True) == likeliest
    assert generated(model, temperature=5.0, do_sample=False) == likeliest
    assert generated(model, temperature=5.0) == generated(model, temperature=5.0, do_sample=True) != likeliest
    assert generated(model, temperature=5.0, do_sample=True, top_k=1) == likeliest


def test_what_has_no_meaning_here_is_said(work: Path) -> None:
    path = str(work / "bytes")
    model = EqualInfoLM(path, device="cpu", max_batch_size=4, max_gen_toks=2)
    assert generated(model, num_beams=1) == generated(model)
    for unknown in ({"num_beams": 4}, {"repetition_penalty": 1.2}, {"max_length": 9}):
        with pytest.raises(EqualInfoError, match=next(iter(unknown))):
            generated(model, **unknown)
    with pytest.raises(EqualInfoError, match="dtype"):
        EqualInfoLM(path, dtype="float16")
    for device in ("cuda:99", "warp"):
        with pytest.raises(EqualInfoError, match=device):
            EqualInfoLM(path, device=device)
