"""An M2 directory of preset `llama` opened by transformers alone: same logits, same greedy text."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.progress import Progress

from equalinfo.dictionary.automaton import build
from equalinfo.model.training import TrainingPlan
from equalinfo.pipeline.corpora import Corpus
from equalinfo.pipeline.m2 import M2Plan, load_m2, train_m2
from equalinfo.pipeline.tokenizing import TokenizePlan, tokenize
from equalinfo.tokens.bytes_ import BytesTokenizer
from equalinfo.tokens.compiled import CompiledTokenizer
from equalinfo.tokens.spec import Spec

pytest.importorskip("transformers", reason="pip install 'equalinfo[hf]'")
PROMPT, COUNT = "the window of text", 12
ELSEWHERE = """
import json, sys
sys.modules["equalinfo"] = None
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
path, prompt, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModelForCausalLM.from_pretrained(path)
inputs = tokenizer(prompt, return_tensors="pt")
made = model.generate(**inputs, max_new_tokens=count, do_sample=False)
with torch.no_grad():
    logits = model(**inputs).logits[0]
print(json.dumps({
    "class": type(model).__name__,
    "ids": made[0].tolist(),
    "plain": tokenizer(prompt, add_special_tokens=False)["input_ids"],
    "text": tokenizer.decode(made[0], skip_special_tokens=True),
    "logits": logits.tolist(),
}))
"""


def trained(folder: Path, tokenizer: CompiledTokenizer | BytesTokenizer, preset: str) -> Path:
    corpus = folder / "corpus.txt"
    corpus.write_text("\n\n".join(f"the window of text {n} is a small room. " * 30 for n in range(40)))
    plan = TrainingPlan(25, 4, optimizer="adamw", precision="float32", threads=1)
    with Progress(disable=True) as progress:
        tokenize(tokenizer, Corpus(str(corpus)), TokenizePlan(), folder / "tokens", progress)
        train_m2(folder / "tokens", M2Plan("65k", 32, plan, preset=preset), folder / "m2", progress)
    return folder / "m2"


@pytest.fixture(scope="module")
def m2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = [f"{space}{word}".encode() for word in ("the", "text", "window", "room") for space in ("", " ")]
    numbered = [f"w{number}x".encode() for number in range(512 - 257 - len(words))]
    automaton = build([b"", *(bytes([byte]) for byte in range(256)), *words, *numbered])
    tokenizer = CompiledTokenizer(Spec.parse("EqualInfo[v=512,fewest,words]"), automaton)
    return trained(tmp_path_factory.mktemp("llama"), tokenizer, "llama")


def test_transformers_generates_what_we_do(m2: Path) -> None:
    command = [sys.executable, "-c", ELSEWHERE, str(m2), PROMPT, str(COUNT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    elsewhere = json.loads(done.stdout)
    assert elsewhere["class"] == "LlamaForCausalLM"

    model, tokenizer, _ = load_m2(m2)
    prompt = tokenizer.encode(PROMPT).tolist()
    assert elsewhere["plain"] == prompt
    ids = list(prompt)
    with torch.no_grad():
        # One id more than known: the last row does not read it.
        logits = model(torch.tensor([[*prompt, 0]]))[0]
        for _ in range(COUNT):
            ids.append(int(model(torch.tensor([[*ids, 0]]))[0, -1].argmax()))
    assert elsewhere["ids"] == [0, *ids]
    assert elsewhere["text"] == tokenizer.decode(ids).decode()
    torch.testing.assert_close(torch.tensor(elsewhere["logits"]), logits, atol=2e-5, rtol=1e-4)


def test_methods_without_an_export_are_llamas_without_a_tokenizer(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    path = trained(tmp_path, BytesTokenizer(Spec.parse("Bytes")), "llama")
    assert not (path / "tokenizer.json").exists()
    theirs, (model, _, config) = transformers.AutoModelForCausalLM.from_pretrained(path), load_m2(path)
    assert config["preset"] == "llama"
    assert config["measured"]["method"] == "Bytes"
    ids = torch.arange(40)[None]
    with torch.no_grad():
        ours = model(ids)
        torch.testing.assert_close(theirs(model.shifted(ids)).logits, ours, atol=2e-5, rtol=1e-4)


def test_paper_directories_load_through_our_class(tmp_path: Path) -> None:
    path = trained(tmp_path, BytesTokenizer(Spec.parse("Bytes")), "paper")
    model, _, config = load_m2(path)
    assert (model.preset, model.start, config["preset"]) == ("paper", 256, "paper")
    # Directories made before there were presets name none.
    config.pop("preset")
    (path / "config.json").write_text(json.dumps(config))
    manifest = json.loads((path / "equalinfo.json").read_text())
    del manifest["files"]["config.json"]
    (path / "equalinfo.json").write_text(json.dumps(manifest))
    assert load_m2(path)[0].preset == "paper"
