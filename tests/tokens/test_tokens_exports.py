"""Dictionaries in other libraries' forms: the same ids there, and one line where there is no such form."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo import Tokenizer
from equalinfo.dictionary.trie.automaton import build
from equalinfo.errors import EqualInfoError
from equalinfo.tokens.baselines import BytesTokenizer
from equalinfo.tokens.dictionaries import CompiledTokenizer, ScoredTokenizer
from equalinfo.tokens.export import export_tokenizer
from equalinfo.tokens.sentencepiece_ import SentencePieceTokenizer
from equalinfo.tokens.spec import Spec
from tests.support.methods import tokenizer as small
from tests.tokens.test_tokens_hugging_face import TEXTS, documents, entries_of, tokenizer_of

SPACE = "\u2581"
# Entries that SentencePiece's form cannot write.
ODD = [b"<0x41>", b"<unk>", "a\u2581b".encode(), b"a\0b", b"<|endoftext|>"]


def made(spec: str, odd: Sequence[bytes] = ()) -> CompiledTokenizer:
    parsed = Spec.parse(spec)
    sample = "".join(documents(12))[:30_000] + "é 漢字 мир " * 50
    entries = entries_of(sample, "words" in parsed)
    return tokenizer_of(parsed, [*entries[: len(entries) - len(odd)], *odd])


@pytest.fixture(scope="module", params=["EqualInfo[v=1k,unigram,words]", "EqualInfo[v=1k,fewest]"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return made(request.param)


@pytest.fixture(scope="module")
def exported(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sentencepiece") / "sp"
    export_tokenizer(tokenizer, "sentencepiece", path)
    return path


def same(tokenizer: Tokenizer, exported: Path, text: str) -> None:
    ids = tokenizer.encode(text).tolist()
    library = _processor(exported)
    assert library.encode(text) == ids, text[:80]
    assert library.decode(ids) == text


_OPENED: dict[Path, sentencepiece.SentencePieceProcessor] = {}


def _processor(exported: Path) -> sentencepiece.SentencePieceProcessor:
    if exported not in _OPENED:
        model = str(exported / "tokenizer.model")
        _OPENED[exported] = sentencepiece.SentencePieceProcessor(model_file=model)
    return _OPENED[exported]


def test_sentencepiece_gives_our_ids(tokenizer: Tokenizer, exported: Path) -> None:
    for text in [*documents(150), *TEXTS]:
        same(tokenizer, exported, text.replace(SPACE, ""))
    library = _processor(exported)
    assert (library.eos_id(), library.bos_id(), library.pad_id()) == (0, -1, -1)
    assert library.vocab_size() == tokenizer.vocab + 128


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=60).map(lambda text: text.replace(SPACE, "")))
def test_sentencepiece_gives_our_ids_on_any_text(tokenizer: Tokenizer, exported: Path, text: str) -> None:
    same(tokenizer, exported, text)


def test_what_sentencepiece_reads_otherwise(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """As docs/exports.md says: U+2581 is a space there, and entries that its form cannot write are not taken."""
    tokenizer = made(str(tokenizer.spec), ODD)
    export_tokenizer(tokenizer, "sentencepiece", tmp_path / "sp")
    library = _processor(tmp_path / "sp")
    assert library.encode(f"the{SPACE}word") == library.encode("the word")
    for entry in (b"<0x41>", b"<unk>", b"a\0b"):
        assert len(tokenizer.encode(entry)) == 1
        assert b"".join(map(tokenizer.token_bytes, library.encode(entry.decode()))) == entry
        assert len(library.encode(entry.decode())) > 1


def test_the_same_model_as_tokenizer_json(tokenizer: Tokenizer, exported: Path) -> None:
    """It has the v ids alone, and names of special pieces are text."""
    library = pytest.importorskip("tokenizers").Tokenizer.from_file(str(exported / "tokenizer.json"))
    assert library.get_vocab_size() == tokenizer.vocab
    for text in [*documents(150), *TEXTS, "<0x42> <unk>", "\0", "x\0y<0xC3>"]:
        text = text.replace(SPACE, "")
        ids = tokenizer.encode(text).tolist()
        assert library.encode(text).ids == ids, text[:80]
        assert library.decode(ids, skip_special_tokens=False) == text


def test_transformers_opens_it(tokenizer: Tokenizer, exported: Path) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(str(exported))
    assert (len(theirs), theirs.eos_token_id) == (tokenizer.vocab, 0)
    assert theirs("the word é")["input_ids"] == tokenizer.encode("the word é").tolist()


def test_the_hugging_face_form_is_what_save_pretrained_writes(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path / "tok")
    export_tokenizer(tokenizer, "huggingface", tmp_path / "hf")
    export_tokenizer(tokenizer, "huggingface", tmp_path / "hf")  # replaced
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "hf" / name).read_bytes() == (tmp_path / "tok" / name).read_bytes()
    with pytest.raises(EqualInfoError, match="not a tokenizer"):
        Tokenizer.from_pretrained(tmp_path / "hf")


def test_a_sentencepiece_vocabulary_is_exported_as_it_is(tmp_path: Path) -> None:
    theirs = small("SentencePiece[v=320]")
    assert isinstance(theirs, SentencePieceTokenizer)
    export_tokenizer(theirs, "sentencepiece", tmp_path / "sp")
    assert _processor(tmp_path / "sp").encode("the dog") == theirs.encode("the dog").tolist()


@pytest.mark.parametrize("form", ["sentencepiece", "huggingface", "gguf", "other"])
def test_methods_without_a_form_are_refused(form: str, tmp_path: Path) -> None:
    refused = [BytesTokenizer(Spec.parse("Bytes")), small("EqualInfo[b=12,v=64]")]
    refused += [made("EqualInfo[v=1k]")] if form == "sentencepiece" else []
    refused += [made("EqualInfo[v=1k,fewest]")] if form == "gguf" else []
    for tokenizer in refused:
        with pytest.raises(EqualInfoError):
            export_tokenizer(tokenizer, form, tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_a_gguf_file_has_every_entry(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    for spec in ("EqualInfo[v=1k]", "EqualInfo[v=1k,unigram,words]", "EqualInfo[b=12,v=4k]"):
        tokenizer = made(spec) if "1k" in spec else small(spec)
        told = export_tokenizer(tokenizer, "gguf", tmp_path / "t.gguf")
        fields = gguf.GGUFReader(tmp_path / "t.gguf").fields
        tokens = fields["tokenizer.ggml.tokens"].contents()
        if told["tokenizer_model"] == "rwkv":
            assert len(tokens) == tokenizer.vocab
        else:
            # Bytes that llama.cpp misses, and must not draw.
            more = list(range(tokenizer.vocab, len(tokens)))
            assert fields["tokenizer.ggml.suppress_tokens"].contents() == more
            assert len(more) == 127
        assert fields["tokenizer.ggml.eos_token_id"].contents() == 0


def test_ids_written_by_json_agree_with_scores() -> None:
    """Names that are no text of pieces cost more than their own parse, so none is ever taken."""
    singles = [b"", *(bytes([byte]) for byte in range(256))]
    longer = [f"w{number}x".encode() for number in range(512 - 257)]
    scores = np.full(512, 5 << 10, np.uint16)
    tokenizer = ScoredTokenizer(
        Spec.parse("EqualInfo[v=512,unigram,words]"), build([*singles, *longer]), scores
    )
    vocabulary = json.loads(tokenizer.export_files("sentencepiece")["tokenizer.json"])["model"]["vocab"]
    assert vocabulary[1 + 0x80] == ["<0x80>", -31.0]  # six characters of 5 bits, and one bit
    assert vocabulary[1 + 0x41] == ["A", -5.0]
