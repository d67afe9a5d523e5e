"""An M2 of preset `llama` in llama.cpp itself: same ids, same greedy continuation."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks._runtimes import llama_cpp
from equalinfo.dictionary.trie.automaton import build
from equalinfo.errors import EqualInfoError
from equalinfo.tokens.baselines import BytesTokenizer
from equalinfo.tokens.dictionaries import CompiledTokenizer, ScoredTokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.special import SpecialTokenizer
from equalinfo.tokens.special_tokens import SpecialTokens
from equalinfo.train.m2 import load_m2
from equalinfo.train.m2_gguf import export_m2
from tests.train.test_train_hugging_face import dictionary, trained

pytest.importorskip("gguf", reason="pip install 'equalinfo[gguf]'")
COUNT = 12
TEXTS = ["the window of text", "a 漢字 é\n\t <0x41> \\n the  room.", "", "text\0room", " \u2581window"]


def scored() -> CompiledTokenizer:
    greedy = dictionary()
    scores = np.random.default_rng(0).integers(3 << 10, 9 << 10, 512)
    scores[1:257] = 10 << 10
    return ScoredTokenizer(
        Spec.parse("EqualInfo[v=512,unigram,words]"), build(greedy.vocab_entries()), scores.astype(np.uint16)
    )


@pytest.mark.parametrize("kind", ["greedy", "likeliest"])
def test_llama_cpp_gives_our_ids_and_continuation(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="pip install 'equalinfo[runtimes]'")
    m2 = trained(tmp_path, dictionary() if kind == "greedy" else scored(), "llama")
    export_m2(m2, tmp_path / "m2.gguf")
    model, tokenizer, _ = load_m2(m2)
    prompt = tokenizer.encode(TEXTS[0]).tolist()
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(COUNT):
            ids.append(int(model(torch.tensor([[*ids, 0]]))[0, -1].argmax()))
    # Where llama.cpp puts no start symbol before a text, the prompt does.
    start = "<|endoftext|>" if kind == "greedy" else ""
    draw = {"prompt": [0, *prompt], "n_predict": COUNT, "temperature": 0, "return_tokens": True}
    asked: list[tuple[str, dict[str, Any]]] = [("/tokenize", {"content": text}) for text in TEXTS]
    asked += [("/detokenize", {"tokens": tokenizer.encode(text).tolist()}) for text in TEXTS]
    asked += [("/completion", draw), ("/completion", {**draw, "prompt": start + TEXTS[0]})]
    answers = llama_cpp(tmp_path / "m2.gguf", asked)
    for text, told, back in zip(TEXTS, answers, answers[len(TEXTS) :], strict=False):
        assert told["tokens"] == tokenizer.encode(text).tolist(), text
        assert back["content"] == text
    for told in answers[-2:]:
        assert told["tokens"] == ids[len(prompt) :]
        assert told["content"] == tokenizer.decode(told["tokens"]).decode()


@pytest.mark.parametrize("kind", ["greedy", "likeliest"])
def test_llama_cpp_knows_special_tokens(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="pip install 'equalinfo[runtimes]'")
    base = dictionary() if kind == "greedy" else scored()
    special = SpecialTokens.of(["<|user|>"], pad="<|pad|>", chat_template="{{ messages[0].content }}")
    spec = replace(base.spec, numbers=(("v", base.vocab + 2),))
    tokenizer = SpecialTokenizer(spec, base, special)
    m2 = trained(tmp_path, tokenizer, "llama")
    config = json.loads((m2 / "config.json").read_text())
    assert (config["bos_token_id"], config["pad_token_id"]) == (0, tokenizer.pad)
    export_m2(m2, tmp_path / "m2.gguf")
    text = f"{TEXTS[0]}<|user|>{TEXTS[0]}"
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/tokenize", {"content": text, "parse_special": True}),
        ("/tokenize", {"content": text, "parse_special": False}),
    ]
    marked, plain = (answer["tokens"] for answer in llama_cpp(tmp_path / "m2.gguf", asked))
    assert marked == tokenizer.encode(text, allowed_special="all").tolist()
    # Its greedy vocabulary makes them of any text: docs/exports.md.
    assert plain == (marked if kind == "greedy" else tokenizer.encode(text).tolist())


def test_other_presets_are_refused(tmp_path: Path) -> None:
    m2 = trained(tmp_path, dictionary(), "paper")
    with pytest.raises(EqualInfoError, match="preset paper"):
        export_m2(m2, tmp_path / "m2.gguf")
    assert not (tmp_path / "m2.gguf").exists()


def test_methods_that_llama_cpp_cannot_parse_are_refused(tmp_path: Path) -> None:
    m2 = trained(tmp_path, BytesTokenizer(Spec.parse("Bytes")), "llama")
    with pytest.raises(EqualInfoError, match="Bytes"):
        export_m2(m2, tmp_path / "m2.gguf")
