"""Tokenizers of other libraries: their own ids, read back exactly or refused, saved, compared."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece

from equalinfo import Tokenizer
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.runs.compare import Sample, compare
from equalinfo.tokens.foreign import ForeignTokenizer
from equalinfo.tokens.spec import Spec
from tests.support.methods import TRAINING_TEXT

tokenizers = pytest.importorskip("tokenizers", reason="pip install 'equalinfo[peers]'")
TEXT = "The lazy dog, 12345 naïve 東京 — <|endoftext|> ▁ <s> \x00\r\n  end"
BYTES = TEXT.encode() + b"\xff\xc3 cut \xe6\x9d"


def byte_level(path: Path, **changes: Any) -> Path:
    """A BPE over bytes as a directory with tokenizer.json, with parts of it replaced."""
    library = tokenizers.Tokenizer(tokenizers.models.BPE())
    library.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=350,
        special_tokens=["<|pad|>", "<|endoftext|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library.train_from_iterator((text.decode() for text in TRAINING_TEXT), trainer)
    path.mkdir()
    made = json.loads(library.to_str()) | changes
    (path / "tokenizer.json").write_text(json.dumps(made))
    (path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|endoftext|>"}))
    return path


def test_a_tokenizer_json(tmp_path: Path) -> None:
    path = byte_level(tmp_path / "bpe")
    ours = Tokenizer.from_pretrained(f"hf:{path}")
    library = tokenizers.Tokenizer.from_file(str(path / "tokenizer.json"))
    library.encode_special_tokens = True
    assert ours.encode(TEXT).tolist() == library.encode(TEXT).ids
    assert ours.decode(ours.encode(BYTES)) == BYTES
    assert (ours.vocab, ours.eos, ours.special_names()) == (350, 1, ["<|pad|>", "<|endoftext|>"])
    assert ours.decode([1]) == b""
    assert b"".join(piece for piece, _ in ours.segments(BYTES)) == BYTES
    assert str(ours.spec) == f"hf:{path}"
    alone = Tokenizer.from_pretrained(f"hf:{path / 'tokenizer.json'}")
    assert alone.encode(TEXT).tolist() == ours.encode(TEXT).tolist()


def test_saved_it_needs_its_source_no_more(tmp_path: Path) -> None:
    path = byte_level(tmp_path / "bpe")
    ours = Tokenizer.from_pretrained(f"hf:{path}")
    ours.save_pretrained(tmp_path / "tok")
    (path / "tokenizer.json").unlink()
    again = Tokenizer.from_pretrained(tmp_path / "tok")
    assert again.fingerprint == ours.fingerprint
    assert again.encode(BYTES).tolist() == ours.encode(BYTES).tolist()
    (tmp_path / "tok" / "tokenizer.json").write_text("{}")
    with pytest.raises(DamagedArtifact):
        Tokenizer.from_pretrained(tmp_path / "tok")


def test_what_does_not_read_back_is_refused_and_counted(tmp_path: Path) -> None:
    path = byte_level(tmp_path / "lower", normalizer={"type": "Lowercase"})
    ours = Tokenizer.from_pretrained(f"hf:{path}")
    assert ours.decode(ours.encode("the dog")) == b"the dog"
    with pytest.raises(EqualInfoError, match=r"does not read back text 0, from byte 4 on"):
        ours.encode("the Dog")
    sample = Sample.of([b"the dog", b"the Dog", b"a dog", b"DOG"])
    (row,) = compare([("lower", ours)], sample)
    assert row.read_back == 0.5
    assert row.unigram_bits_per_byte is None
    assert row.bytes_per_token > 1


def test_tiktoken(tmp_path: Path) -> None:
    pytest.importorskip("tiktoken", reason="pip install 'equalinfo[peers]'")
    bpe_openai = pytest.importorskip("bpe_openai", reason="a wheel with published vocabularies")
    splintr = pytest.importorskip("splintr", reason="a wheel with published vocabularies")
    packed = Path(bpe_openai.__file__).parent / "data" / "cl100k_base.tiktoken.gz"
    path = tmp_path / "cl100k_base.tiktoken"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    ours = Tokenizer.from_pretrained(f"tiktoken:{path}")
    theirs = splintr.Tokenizer.from_pretrained("cl100k_base")
    for text in (TEXT, *(text.decode() for text in TRAINING_TEXT)):
        assert ours.encode(text).tolist() == theirs.encode_ordinary(text)
    assert ours.decode(ours.encode(BYTES)) == BYTES
    assert (ours.vocab, ours.eos) == (100_277, 100_257)
    ours.save_pretrained(tmp_path / "tok")
    assert Tokenizer.from_pretrained(tmp_path / "tok").encode(BYTES).tolist() == ours.encode(BYTES).tolist()
    path.rename(tmp_path / "words.txt")
    with pytest.raises(EqualInfoError, match="cl100k_base"):
        Tokenizer.from_pretrained(f"tiktoken:{tmp_path / 'words.txt'}")


@pytest.mark.parametrize("prefix", [True, False])
def test_sentencepiece(prefix: bool, tmp_path: Path) -> None:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([text.decode() for text in TRAINING_TEXT]),
        model_prefix=str(tmp_path / "m"),
        vocab_size=325,
        byte_fallback=True,
        add_dummy_prefix=prefix,
        normalization_rule_name="nmt_nfkc",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    path = tmp_path / "m.model"
    ours = Tokenizer.from_pretrained(f"sentencepiece:{path}")
    library = sentencepiece.SentencePieceProcessor(model_file=str(path))
    for text in ("the lazy dog", " a  b", "naïve 東京 é"):
        assert ours.encode(text).tolist() == library.encode(text)
        assert ours.decode(ours.encode(text)) == text.encode()
        assert b"".join(piece for piece, _ in ours.segments(text)) == text.encode()
    with pytest.raises(EqualInfoError, match="does not read back"):
        ours.encode("ﬁ")  # a ligature, which normalisation takes apart
    assert ours.text_of_ids is not prefix
    assert (ours.eos, ours.special_names()) == (2, ["<s>", "</s>"])


def test_entries_are_the_bytes_of_ids(tmp_path: Path) -> None:
    ours = Tokenizer.from_pretrained(f"hf:{byte_level(tmp_path / 'bpe')}")
    entries = ours.vocab_entries()
    ids = ours.encode(BYTES).tolist()
    assert b"".join(entries[index] for index in ids) == BYTES
    assert [ours.token_bytes(index) for index in ids[:5]] == [entries[index] for index in ids[:5]]
    assert np.array_equal(np.concatenate(ours.encode_batch([BYTES, b""])), ids)


@pytest.mark.parametrize(
    "source",
    ["hf:./nowhere", "hf:/nowhere/tokenizer.json", "tiktoken:nowhere", "sentencepiece:nowhere", "hf:"],
)
def test_what_is_not_there(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EqualInfoError):
        Tokenizer.from_pretrained(source)


def test_what_is_no_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("[]")
    (tmp_path / "cl100k_base.tiktoken").write_text("none")
    (tmp_path / "m.model").write_bytes(b"none")
    (tmp_path / "dir").mkdir()
    for source in ("hf:tokenizer.json", "tiktoken:cl100k_base.tiktoken", "sentencepiece:m.model", "hf:dir"):
        kind, _, name = source.partition(":")
        with pytest.raises(EqualInfoError):
            Tokenizer.from_pretrained(f"{kind}:{tmp_path / name}")


def test_specs_of_other_libraries() -> None:
    spec = Spec.parse("hf:some/dir")
    assert (spec.method, spec.source, str(spec)) == ("hf", "some/dir", "hf:some/dir")
    assert issubclass(spec.tokenizer_class, ForeignTokenizer)
    assert not spec.needs_m1
    assert not spec.needs_corpus
    assert spec.slug == "hf-some-dir"
    with pytest.raises(EqualInfoError, match="hf:DIRECTORY"):
        Spec.parse("hf")
