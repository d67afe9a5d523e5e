"""Other libraries' ids of texts by exported tokenizers, each asked in a process that cannot import equalinfo."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# What each does with `directory`: defines `encode(text) -> ids` and `decode(ids) -> text`.
PYTHON = {
    "transformers": """
from transformers import AutoTokenizer
t = AutoTokenizer.from_pretrained(directory)
encode = lambda text: t(text, add_special_tokens=False)["input_ids"]
decode = lambda ids: t.decode(ids)
""",
    "sentencepiece": """
import sentencepiece
t = sentencepiece.SentencePieceProcessor(model_file=directory + "/tokenizer.model")
encode, decode = t.encode, t.decode
""",
    "splintr": """
import splintr
t = splintr.from_json(directory + "/tokenizer.json")
encode, decode = t.encode_ordinary, t.decode
""",
    "tokie": """
import tokie
t = tokie.Tokenizer.from_json(directory + "/tokenizer.json")
encode, decode = lambda text: t.encode(text, add_special_tokens=False).ids, t.decode
""",
    "kitoken": """
import kitoken
t = kitoken.Kitoken.from_tokenizers_file(directory + "/tokenizer.json")
encode, decode = lambda text: t.encode(text, False), lambda ids: t.decode(ids).decode()
""",
    "kitoken (.model)": """
import kitoken
t = kitoken.Kitoken.from_sentencepiece_file(directory + "/tokenizer.model")
encode, decode = lambda text: t.encode(text, False), lambda ids: t.decode(ids).decode()
""",
    "gigatoken": """
import gigatoken
t = gigatoken.Tokenizer(directory + "/tokenizer.json")
encode, decode = lambda text: t.encode(text).tolist(), lambda ids: t.decode(ids)
""",
    "fastokens": """
import fastokens
t = fastokens.Tokenizer.from_file(directory + "/tokenizer.json")
encode, decode = lambda text: t.encode(text).ids, t.decode
""",
}
ELSEWHERE = """
import json, sys
sys.modules["equalinfo"] = None
directory, texts_file, ids_file = sys.argv[1:]
{code}
def read_back(ids, text):
    try:
        back = decode(ids)
    except Exception:
        return False
    return back == text or back == text.encode()
texts = json.load(open(texts_file, encoding="utf-8"))
ids = [list(map(int, encode(text))) for text in texts]
json.dump([ids, [read_back(*pair) for pair in zip(ids, texts)]], open(ids_file, "w"))
"""
JAVASCRIPT = """
const fs = require("fs");
const { Tokenizer } = require("@huggingface/tokenizers");
const [directory, textsFile, idsFile] = process.argv.slice(1);
const read = file => JSON.parse(fs.readFileSync(file, "utf8"));
const t = new Tokenizer(read(directory + "/tokenizer.json"), read(directory + "/tokenizer_config.json"));
const texts = read(textsFile);
const ids = texts.map(text => t.encode(text, { add_special_tokens: false }).ids);
const exact = ids.map((row, k) => t.decode(row, { clean_up_tokenization_spaces: false }) === texts[k]);
fs.writeFileSync(idsFile, JSON.stringify([ids, exact]));
"""
LLAMA_CPP = """
import json, sys, urllib.request
sys.modules["equalinfo"] = None
import xllamacpp
model, requests_file, answers_file = sys.argv[1:]
settings = xllamacpp.CommonParams()
settings.model.path, settings.n_ctx, settings.warmup, settings.n_parallel = model, 256, False, 1
server = xllamacpp.Server(settings)
def answer(path, body):
    asked = urllib.request.Request(
        server.listening_address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    return json.load(urllib.request.urlopen(asked))
json.dump([answer(*one) for one in json.load(open(requests_file))], open(answers_file, "w"))
"""
RUNTIMES = (*PYTHON, "tokenizers.js")


class Refused(Exception):
    """The library does not open the files; its last line says why."""


def encoded(runtime: str, directory: Path, texts: list[str]) -> tuple[list[list[int]], list[bool]]:
    """Ids of each text, and whether they decode to it.

    Args:
        directory: of an export; for "llama.cpp" a GGUF file with a model.

    Raises:
        Refused: the library is not installed, or does not open what is there.
    """
    if runtime == "llama.cpp":
        asked = [("/tokenize", {"content": text}) for text in texts]
        ids = [answer["tokens"] for answer in llama_cpp(directory, asked)]
        asked = [("/detokenize", {"tokens": row}) for row in ids]
        backs = [answer["content"] for answer in llama_cpp(directory, asked)]
        return ids, [back == text for back, text in zip(backs, texts, strict=True)]
    if runtime == "tokenizers.js":
        return _run(["node", "-e", JAVASCRIPT], directory, texts)  # type: ignore[return-value]
    code = ELSEWHERE.replace("{code}", PYTHON[runtime])
    return _run([sys.executable, "-c", code], directory, texts)  # type: ignore[return-value]


def llama_cpp(model: Path, requests: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """What a server of llama.cpp with a GGUF file answers to requests: endpoint and body."""
    answers: list[Any] = _run([sys.executable, "-c", LLAMA_CPP], model, requests)
    return answers


def _run(command: list[str], source: Path, given: Any) -> Any:
    with tempfile.TemporaryDirectory() as work:
        asked, answered = Path(work) / "asked.json", Path(work) / "answered.json"
        asked.write_text(json.dumps(given), encoding="utf-8")
        done = subprocess.run(
            [*command, str(source), str(asked), str(answered)],
            capture_output=True,
            text=True,
            errors="replace",
            cwd=os.environ.get("NODE_PROJECT") if command[0] == "node" else work,
        )
        if done.returncode or not answered.is_file():
            lines = [line for line in (done.stderr or done.stdout).strip().split("\n") if line.strip()]
            why = next((line for line in reversed(lines) if "rror" in line), (lines or ["no answer"])[-1])
            raise Refused(why[:200])  # one names the pattern of all entries
        return json.loads(answered.read_text(encoding="utf-8"))
