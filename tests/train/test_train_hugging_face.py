"""An M2 directory of preset `llama` opened by transformers alone: same logits, same greedy text."""

import json
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.progress import Progress

from equalinfo.corpus.corpus import Corpus
from equalinfo.dictionary.trie.automaton import build
from equalinfo.errors import DamagedArtifact
from equalinfo.shards.tokenize_sample import TokenizeConfig, tokenize
from equalinfo.tokens.baselines import BytesTokenizer
from equalinfo.tokens.dictionaries import CompiledTokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.train.config import M2Config
from equalinfo.train.m2 import load_m2, train_m2

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
    "inputs": list(inputs),
    "cut": tokenizer(prompt * 9, truncation=True)["input_ids"],
    "size": [tokenizer.vocab_size, len(tokenizer)],
    "plain": tokenizer(prompt, add_special_tokens=False)["input_ids"],
    "text": tokenizer.decode(made[0], skip_special_tokens=True),
    "logits": logits.tolist(),
}))
"""


def trained(folder: Path, tokenizer: CompiledTokenizer | BytesTokenizer, preset: str) -> Path:
    corpus = folder / "corpus.txt"
    corpus.write_text("\n\n".join(f"the window of text {n} is a small room. " * 30 for n in range(40)))
    config = M2Config(
        size="65k", sequence_length=32, preset=preset, steps=25, batch_size=4, optimizer="adamw",
        precision="float32", threads=1,
    )  # fmt: skip
    with Progress(disable=True) as progress:
        tokenize(tokenizer, Corpus(str(corpus)), TokenizeConfig(), folder / "tokens", progress)
        train_m2(folder / "tokens", config, folder / "m2", progress)
    return folder / "m2"


def dictionary(flags: str = "") -> CompiledTokenizer:
    words = [f"{space}{word}".encode() for word in ("the", "text", "window", "room") for space in ("", " ")]
    numbered = [f"w{number}x".encode() for number in range(512 - 257 - len(words))]
    automaton = build([b"", *(bytes([byte]) for byte in range(256)), *words, *numbered])
    spec = Spec.parse(f"EqualInfo[v=512{flags}]")
    return spec.tokenizer_class(spec, automaton)


@pytest.fixture(scope="module", params=["", pytest.param(",fewest,words", marks=pytest.mark.slow)])
def m2(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("llama"), dictionary(request.param), "llama")


def run_elsewhere(python: Path | str, m2: Path) -> dict[str, Any]:
    done = subprocess.run(
        [python, "-c", ELSEWHERE, str(m2), PROMPT, str(COUNT)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def check(elsewhere: dict[str, Any], m2: Path) -> None:
    """What transformers told of a model directory against what we make of it."""
    assert elsewhere["class"] == "LlamaForCausalLM"
    assert elsewhere["inputs"] == ["input_ids", "attention_mask"]
    assert elsewhere["size"] == [512, 512]

    model, tokenizer, config = load_m2(m2)
    # Documents ended with it in training.
    assert config["eos"] == config["eos_token_id"] == 0
    assert elsewhere["cut"] == [0, *tokenizer.encode(PROMPT * 9).tolist()[: config["sequence_length"] - 1]]
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


def test_transformers_generates_what_we_do(m2: Path) -> None:
    check(run_elsewhere(sys.executable, m2), m2)


@pytest.mark.slow
def test_the_oldest_transformers_generates_what_we_do(m2: Path, tmp_path: Path) -> None:
    """The one that pyproject.toml names, with the torch of this environment."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    (oldest,) = project["optional-dependencies"]["hf"]
    venv.create(tmp_path, with_pip=True)
    python = tmp_path / "bin" / "python"
    version = oldest.replace(">=", "==") + ".*"
    subprocess.run([python, "-m", "pip", "install", "--quiet", version], check=True)
    packages = next(tmp_path.glob("lib/*/site-packages"))
    (packages / "torch.pth").write_text(str(Path(torch.__file__).parents[1]))  # after the environment's own
    told = subprocess.run(
        [python, "-c", "import transformers; print(transformers.__version__)"], capture_output=True, text=True
    )
    assert told.stdout.startswith(version.removesuffix("*").partition("==")[2])
    check(run_elsewhere(python, m2), m2)


def test_a_directory_that_transformers_saved_again_opens(m2: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    path = tmp_path / "m2"
    shutil.copytree(m2, path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    tokenizer.save_pretrained(path)
    transformers.AutoModelForCausalLM.from_pretrained(path).save_pretrained(path)
    config = path / "config.json"
    assert config.read_bytes() != (m2 / "config.json").read_bytes()
    (before, _, told), (after, _, again) = load_m2(m2), load_m2(path)
    assert {key: again[key] for key in ("size", "sequence_length", "preset", "measured")} == {
        key: told[key] for key in ("size", "sequence_length", "preset", "measured")
    }
    ids = torch.arange(40)[None]
    with torch.no_grad():
        assert torch.equal(before(ids), after(ids))
    check(run_elsewhere(sys.executable, path), path)

    tokenizer.add_tokens(["<the new>"])
    tokenizer.save_pretrained(path)
    with pytest.raises(DamagedArtifact, match=r"tokenizer\.json"):
        load_m2(path)
    shutil.copy(m2 / "tokenizer.json", path)
    config.write_text(json.dumps(json.loads(config.read_bytes()) | {"sequence_length": 31}))
    with pytest.raises(DamagedArtifact, match=r"config\.json"):
        load_m2(path)


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
    assert (model.preset, model.bos_id, config["preset"]) == ("paper", 256, "paper")
    # Directories made before there were presets name none.
    config.pop("preset")
    (path / "config.json").write_text(json.dumps(config))
    manifest = json.loads((path / "equalinfo.json").read_text())
    del manifest["files"]["config.json"]
    (path / "equalinfo.json").write_text(json.dumps(manifest))
    assert load_m2(path)[0].preset == "paper"
