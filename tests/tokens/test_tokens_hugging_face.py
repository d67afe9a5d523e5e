"""Exported dictionaries open with AutoTokenizer, without this package, with the same ids and exact decoding."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equalinfo import Tokenizer
from equalinfo.corpus.readers import read_documents
from equalinfo.dictionary.trie.automaton import build
from equalinfo.errors import DamagedArtifact
from equalinfo.tokens.dictionaries import CompiledTokenizer, ScoredTokenizer
from equalinfo.tokens.spec import Spec

transformers = pytest.importorskip("transformers", reason="pip install 'equalinfo[hf]'")

SPECS = [
    "EqualInfo[v=1k]",
    "EqualInfo[v=1k,fewest]",
    "EqualInfo[v=1k,fewest,words]",
    "EqualInfo[v=1k,unigram,words]",
    "EqualInfo[v=1k,unigram,phrases]",
]
TEXTS = [
    "héllo ▁▁ wörld 漢字 ﷽ é e\u0301",
    "  \n\n\t a  b \r\n ",
    "<0x41> <|x|> <s> [UNK]",
    "\u0000\u0001 x\u0085\u2028y",
    "🙂🙃 \u200d 12.5 % 3rd",
    "Привет мир. שלום عالم",
    "",
]


def documents(count: int) -> list[str]:
    every_fortieth = (
        document for number, document in enumerate(read_documents("embedded")) if number % 40 == 7
    )
    return [
        document.decode("utf-8", "ignore") for document, _ in zip(every_fortieth, range(count), strict=False)
    ]


def entries_of(text: str, split: bool) -> list[bytes]:
    """Frequent strings of a text, those across spaces left out if `split`; a stand-in for M1's dictionary."""
    counts: dict[bytes, int] = {}
    for length in range(2, 7):
        for start in range(0, len(text) - length):
            piece = text[start : start + length]
            if not split or (
                piece[0] in " " + piece[1] and piece.lstrip().isalpha() and " " not in piece[1:]
            ):
                counts[piece.encode()] = counts.get(piece.encode(), 0) + 1
    frequent = sorted(counts, key=lambda entry: (-counts[entry], entry))
    return [b"", *(bytes([byte]) for byte in range(256)), *frequent[: 1024 - 257]]


def tokenizer_of(spec: Spec, entries: list[bytes]) -> CompiledTokenizer:
    if "unigram" not in spec:
        return spec.tokenizer_class(spec, build(entries))
    # Few different costs, so that many parses cost the same.
    costs = np.random.default_rng(0).integers(8, 12, len(entries)) * 512
    return ScoredTokenizer(spec, build(entries), costs.astype(np.uint16))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return documents(250)


@pytest.fixture(scope="module", params=SPECS)
def exported(
    request: pytest.FixtureRequest, texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("hf") / "tok"
    sample = "".join(texts[:20])[:40_000] + "é 漢字 мир " * 50
    spec = Spec.parse(request.param)
    tokenizer_of(spec, entries_of(sample, "words" in spec)).save_pretrained(path)
    return path


def test_same_ids_and_exact_decoding(exported: Path, texts: list[str]) -> None:
    ours, theirs = (
        Tokenizer.from_pretrained(exported),
        transformers.AutoTokenizer.from_pretrained(str(exported)),
    )
    assert len(theirs) == ours.vocab
    assert theirs.eos_token_id == 0
    for text in [*texts, *TEXTS]:
        ids = theirs(text, add_special_tokens=False)["input_ids"]
        assert ids == ours.encode(text).tolist(), text[:80]
        assert theirs.decode(ids) == text


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60))
def test_same_ids_on_any_text(exported: Path, text: str) -> None:
    ours, theirs = Tokenizer.from_pretrained(exported), _opened(exported)
    assume(theirs.eos_token not in text)  # which there becomes the special token
    ids = theirs(text, add_special_tokens=False)["input_ids"]
    assert ids == ours.encode(text).tolist()
    assert theirs.decode(ids) == text


_OPENED: dict[Path, Any] = {}


def _opened(path: Path) -> Any:
    if path not in _OPENED:
        _OPENED[path] = transformers.AutoTokenizer.from_pretrained(str(path))
    return _OPENED[path]


ELSEWHERE = """
import sys, json
sys.modules["equalinfo"] = None
from transformers import AutoTokenizer
for path in sys.stdin:
    print(json.dumps(AutoTokenizer.from_pretrained(path.rstrip())("the word")["input_ids"]), flush=True)
"""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[subprocess.Popen[str]]:
    """A process without equalinfo that opens the directories it is told of; one, because it takes seconds to start."""
    command = [sys.executable, "-c", ELSEWHERE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_opens_where_equalinfo_is_not_installed(exported: Path, elsewhere: subprocess.Popen[str]) -> None:
    assert elsewhere.stdin
    assert elsewhere.stdout
    print(exported, file=elsewhere.stdin, flush=True)
    ids = json.loads(elsewhere.stdout.readline())
    assert ids == Tokenizer.from_pretrained(exported).encode("the word").tolist()


def test_what_an_export_says_of_itself(exported: Path) -> None:
    ours, theirs = Tokenizer.from_pretrained(exported), _fresh(exported)
    assert theirs.vocab_size == len(theirs) == ours.vocab
    # Without this, transformers before 5 adds token_type_ids, which a Llama refuses.
    told = json.loads((exported / "tokenizer_config.json").read_bytes())
    assert told["model_input_names"] == ["input_ids", "attention_mask"] == list(theirs("the word"))


def test_tokens_can_be_added(exported: Path) -> None:
    ours, theirs = Tokenizer.from_pretrained(exported), _fresh(exported)
    assert theirs.add_tokens(["<the new>", "ing th"]) == 2
    ids = theirs("at<the new>ing the")["input_ids"]
    assert ids == [*ours.encode("at"), ours.vocab, ours.vocab + 1, *ours.encode("e")]
    assert theirs.decode(ids) == "at<the new>ing the"


ASCII = [chr(code) for code in range(128)]


@pytest.fixture(scope="module", params=["EqualInfo[v=4k]", "EqualInfo[v=4k,fewest]"])
def signs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Entries of every sign that a pattern could take for something else, and of parts of a reserved name."""
    name = "<|endoftext|>"
    entries = [name[i:j] for i in range(len(name)) for j in range(i + 2, len(name) + 1)]
    entries += [first + second for first in "aé-]\\\n" for second in [*ASCII, "é", "\u2028", "漢", "🙂"]]
    entries += [first + second + "a" for first in ASCII for second in "a^-&\0"]
    entries += [f"w{number}x" for number in range(4096)]
    singles = [b"", *(bytes([byte]) for byte in range(256))]
    longer = [entry.encode() for entry in dict.fromkeys(entries)]
    path = tmp_path_factory.mktemp("signs") / "tok"
    tokenizer_of(Spec.parse(request.param), [*singles, *longer][:4096]).save_pretrained(path)
    return path


@settings(max_examples=200, deadline=None)
@given(text=st.text([*"aé-]\\\n^&\0<|>endoftx\u2028🙂"], max_size=40) | st.text(ASCII, max_size=40))
def test_no_sign_and_no_name_is_special(signs: Path, text: str) -> None:
    """Not even that of the end of text, here an entry too, and in parts, with `split_special_tokens`."""
    ours, theirs = Tokenizer.from_pretrained(signs), _opened(signs)
    for own in (text, f"{text}<|endoftext|>{text}<<|endoftext|>>"):
        ids = theirs(own, split_special_tokens=True)["input_ids"]
        assert ids == ours.encode(own).tolist()
        assert theirs.decode(ids) == own


def test_id_0_has_a_name_that_no_entry_has(signs: Path, exported: Path) -> None:
    theirs = _opened(signs)
    assert (theirs.eos_token_id, theirs.eos_token) == (0, "<<|endoftext|>>")
    assert (
        theirs("<|endoftext|>")["input_ids"]
        == Tokenizer.from_pretrained(signs).encode("<|endoftext|>").tolist()
    )
    assert _opened(exported).eos_token == "<|endoftext|>"


def test_a_directory_that_transformers_saved_again_opens(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "tok"
    shutil.copytree(exported, path)
    theirs, before = _fresh(path), Tokenizer.from_pretrained(path)
    theirs.pad_token = theirs.eos_token
    theirs("padded", padding="max_length", max_length=9, truncation=True)
    theirs.save_pretrained(path)
    assert (path / "tokenizer.json").read_bytes() != (exported / "tokenizer.json").read_bytes()
    again = Tokenizer.from_pretrained(path)
    assert again.fingerprint == before.fingerprint
    assert again.encode("the word").tolist() == before.encode("the word").tolist()
    theirs.add_tokens(["<the new>"])
    theirs.save_pretrained(path)
    with pytest.raises(DamagedArtifact, match=r"tokenizer\.json"):
        Tokenizer.from_pretrained(path)
    for content in (b"", b"{}", b"[1]", (exported / "tokenizer.json").read_bytes().replace(b"e", b"x", 400)):
        (path / "tokenizer.json").write_bytes(content)
        with pytest.raises(DamagedArtifact, match=r"tokenizer\.json"):
            Tokenizer.from_pretrained(path)


def _fresh(path: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(str(path))
