"""Tokenizers of one's own text, and what people of other libraries expect of one."""

import json
from pathlib import Path

import numpy as np
import pytest

from equalinfo import Tokenizer
from equalinfo.cli import app
from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.splits import only
from equalinfo.errors import EqualInfoError
from equalinfo.progress import progress_bar
from equalinfo.tokens.compile import compile_tokenizer
from equalinfo.tokens.spec import Spec

SPECS = (
    "EqualInfo[v=512,unigram,words]",
    "EqualInfo[v=512,fewest,words]",
    "EqualInfo[v=512,unigram,phrases]",
)
STEMS = "tide lantern harbour gull rope anchor salt wind letter brass cloud garden window silver".split()
ENDINGS = ["", "s", "ed", "ing", "like", "less", "ward"]
WORDS = [stem + ending for stem in STEMS for ending in ENDINGS]
TEXTS = [
    " ".join(
        f"{WORDS[k % 97]} {WORDS[k * 7 % 98]} and {WORDS[k * 31 % 89]}" for k in range(first, first + 40)
    )
    for first in range(0, 4000, 40)
]


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, Tokenizer]:
    return {spec: Tokenizer.train(spec, TEXTS, quiet=True) for spec in SPECS}


@pytest.mark.parametrize("spec", SPECS)
def test_text_is_enough(tokenizers: dict[str, Tokenizer], spec: str, tmp_path: Path) -> None:
    tokenizer = tokenizers[spec]
    assert len(tokenizer) == tokenizer.vocab_size == 512
    for text in (TEXTS[3].encode(), bytes(range(256)), "é東😀".encode(), b""):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.count(TEXTS[3]) < len(TEXTS[3]) / 2
    tokenizer.save_pretrained(tmp_path / "tok")
    assert (
        Tokenizer.from_pretrained(tmp_path / "tok").encode(TEXTS[5]).tolist()
        == tokenizer.encode(TEXTS[5]).tolist()
    )
    assert Tokenizer.train(Spec.parse(spec), iter(TEXTS), quiet=True).fingerprint == tokenizer.fingerprint


def test_a_path_is_a_corpus_of_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    made = Tokenizer.train(SPECS[0], path, quiet=True)
    training = only([text.encode() for text in TEXTS], "train")
    assert made.fingerprint == Tokenizer.train(SPECS[0], training, quiet=True).fingerprint
    app(
        ["compile", SPECS[0], "--corpus", str(path), "--out", str(tmp_path / "tok"), "--quiet"],
        standalone_mode=False,
    )
    assert Tokenizer.from_pretrained(tmp_path / "tok").fingerprint == made.fingerprint


def test_an_m1_adds_its_strings(tokenizers: dict[str, Tokenizer]) -> None:
    with_m1 = Tokenizer.train("EqualInfo[v=512,order=2,fewest,words]", TEXTS, quiet=True)
    assert with_m1.get_vocab().keys() != tokenizers[SPECS[1]].get_vocab().keys()


def test_what_training_refuses(tmp_path: Path) -> None:
    with pytest.raises(EqualInfoError, match=r"largest v|give more text"):
        Tokenizer.train("EqualInfo[v=4k,unigram,words]", TEXTS[:20], quiet=True)
    for spec in ("EqualInfo[v=512]", "EqualInfo[v=512,fewest]"):
        with pytest.raises(EqualInfoError, match="needs an M1"):
            Tokenizer.train(spec, TEXTS, quiet=True)
    with pytest.raises(EqualInfoError, match="no such file"):
        Tokenizer.train(SPECS[0], tmp_path / "none.jsonl", quiet=True)
    with pytest.raises(EqualInfoError, match="text 1 must be str or bytes"):
        Tokenizer.train(SPECS[0], ["a", 1], quiet=True)  # type: ignore[list-item]


def test_what_people_expect(tokenizers: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers[SPECS[0]]
    ids = tokenizer("salt and rope")
    assert ids.tolist() == tokenizer.encode("salt and rope").tolist()
    assert [one.tolist() for one in tokenizer(["salt", b"rope"])] == [
        tokenizer.encode("salt").tolist(),
        tokenizer.encode("rope").tolist(),
    ]
    assert tokenizer.decode_text(ids) == "salt and rope"
    assert tokenizer.decode_text(tokenizer.encode(b"\xff")) == "\N{REPLACEMENT CHARACTER}"
    with pytest.raises(UnicodeDecodeError):
        tokenizer.decode_text(tokenizer.encode(b"\xff"), errors="strict")
    assert SPECS[0] in repr(tokenizer)
    assert tokenizer
    vocabulary = tokenizer.get_vocab()
    assert len(vocabulary) == 512
    assert all(tokenizer.token_bytes(token) == entry for entry, token in vocabulary.items())


def test_hugging_face_without_the_disk(tokenizers: dict[str, Tokenizer]) -> None:
    pytest.importorskip("transformers")
    tokenizer = tokenizers[SPECS[0]]
    fast = tokenizer.to_hugging_face()
    for text in (*TEXTS[:3], "é東😀\n  x"):
        assert fast(text)["input_ids"] == tokenizer.encode(text).tolist()
        assert fast.decode(tokenizer.encode(text)) == text
    with pytest.raises(EqualInfoError):
        Tokenizer.from_pretrained("english-4k-exact").to_hugging_face()


def test_numbers_of_a_vocabulary_hold_in_every_type(tokenizers: dict[str, Tokenizer]) -> None:
    assert tokenizers[SPECS[0]].encode("salt", dtype=np.int64).dtype == np.int64


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    app(["--version"], standalone_mode=False)
    assert capsys.readouterr().out.startswith("equalinfo ")


def test_compile_makes_what_train_makes(tokenizers: dict[str, Tokenizer], tmp_path: Path) -> None:
    class Held(Corpus):
        def documents(self, split: object) -> list[bytes]:
            return [text.encode() for text in TEXTS]

    with progress_bar(quiet=True) as progress:
        made = compile_tokenizer(Spec.parse(SPECS[0]), None, Held("held"), tmp_path / "tok", progress)
    assert made.fingerprint == tokenizers[SPECS[0]].fingerprint
