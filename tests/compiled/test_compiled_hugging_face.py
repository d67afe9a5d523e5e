"""Exported dictionaries open with AutoTokenizer, without this package, with the same ids and exact decoding."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo import Tokenizer
from equalinfo.corpus.readers import read_documents
from equalinfo.dictionary.automaton import build
from equalinfo.tokens.compiled import CompiledTokenizer, CostedTokenizer
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
        return CompiledTokenizer(spec, build(entries))
    # Few different costs, so that many parses cost the same.
    costs = np.random.default_rng(0).integers(8, 12, len(entries)) * 512
    return CostedTokenizer(spec, build(entries), costs.astype(np.uint16))


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
    tokenizer_of(spec, entries_of(sample, spec.within_words)).save_pretrained(path)
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
    ids = theirs(text, add_special_tokens=False)["input_ids"]
    assert ids == ours.encode(text).tolist()
    assert theirs.decode(ids) == text


_OPENED: dict[Path, object] = {}


def _opened(path: Path) -> object:
    if path not in _OPENED:
        _OPENED[path] = transformers.AutoTokenizer.from_pretrained(str(path))
    return _OPENED[path]


def test_opens_where_equalinfo_is_not_installed(exported: Path) -> None:
    code = (
        "import sys; sys.modules['equalinfo'] = None; from transformers import AutoTokenizer; import json;"
        f"t = AutoTokenizer.from_pretrained({str(exported)!r}); print(json.dumps(t('the word')['input_ids']))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(out) == Tokenizer.from_pretrained(exported).encode("the word").tolist()
