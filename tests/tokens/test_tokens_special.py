"""Special tokens: reserved ids that text becomes only where it is allowed to."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo import Tokenizer
from equalinfo.cli import app
from equalinfo.errors import DamagedArtifact, EqualInfoError, UndecodableTokens
from equalinfo.tokens.export import export_tokenizer
from tests.tokens.test_tokens_train import SPECS as SPECS_OF_512
from tests.tokens.test_tokens_train import TEXTS

SPECS = [spec.replace("512", "520") for spec in SPECS_OF_512]
SPECIAL = ("<|user|>", "<|user|>2", "<é>")


@pytest.fixture(scope="module", params=SPECS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return Tokenizer.train(request.param, TEXTS, special=SPECIAL, quiet=True)


@pytest.fixture(scope="module")
def one() -> Tokenizer:
    return Tokenizer.train(SPECS[0], TEXTS, special=SPECIAL, quiet=True)


def test_they_take_the_last_ids(tokenizer: Tokenizer) -> None:
    assert tokenizer.vocab == 520
    assert tokenizer.special_tokens == {"<|user|>": 517, "<|user|>2": 518, "<é>": 519}
    assert tokenizer.vocab_entries()[517:] == [name.encode() for name in SPECIAL]
    assert tokenizer.token_bytes(519) == "<é>".encode()
    with pytest.raises(UndecodableTokens):
        tokenizer.decode([520])


fragments = st.sampled_from([*SPECIAL, "<|", "user", "|>", " salt", "é", "2"]) | st.text(max_size=5)


@settings(max_examples=100, deadline=None)
@given(parts=st.lists(fragments, max_size=8))
def test_text_becomes_them_only_where_allowed(one: Tokenizer, parts: list[str]) -> None:
    text = "".join(parts)
    plain = one.encode(text)
    assert not plain.size or plain.max() < 517
    marked = one.encode(text, allowed_special="all")
    for ids in (plain, marked):
        assert one.decode(ids) == text.encode()
        for end in range(len(ids)):
            assert text.encode().startswith(one.decode(ids[:end], partial=True))
    without = text
    for name in sorted(SPECIAL, key=len, reverse=True):
        without = without.replace(name, "\0")
    assert (marked >= 517).sum() == without.count("\0") - text.count("\0")
    if "\0" not in text:
        assert one.decode(marked, skip_special=True) == without.replace("\0", "").encode()


def test_some_are_allowed(one: Tokenizer) -> None:
    ids = one.encode("<|user|>salt<é>", allowed_special={"<é>"}, dtype=np.int64)
    assert ids[-1] == 519
    assert 517 not in ids
    with pytest.raises(EqualInfoError, match="no special token '<x>'"):
        one.encode("a", allowed_special={"<x>"})
    with pytest.raises(EqualInfoError, match="there are none"):
        Tokenizer.from_pretrained("english-65k").encode("a", allowed_special=["<é>"])


def test_directories_and_pickles(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path / "tok")
    for again in (Tokenizer.from_pretrained(tmp_path / "tok"), pickle.loads(pickle.dumps(tokenizer))):
        assert again.special_tokens == tokenizer.special_tokens
        assert again.fingerprint == tokenizer.fingerprint
        text = f"<|user|> {TEXTS[4]}"
        assert (
            again.encode(text, allowed_special="all").tolist()
            == tokenizer.encode(text, allowed_special="all").tolist()
        )
    flat, bounds = tokenizer.encode_batch(TEXTS[:3], form="flat")
    assert flat[bounds[1] : bounds[2]].tolist() == tokenizer.encode(TEXTS[1]).tolist()
    manifest = tmp_path / "tok" / "equalinfo.json"
    manifest.write_text(manifest.read_text().replace("<|user|>2", "<|user|>"))
    with pytest.raises((DamagedArtifact, EqualInfoError)):
        Tokenizer.from_pretrained(tmp_path / "tok")


def test_other_libraries_know_them(tokenizer: Tokenizer, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer.save_pretrained(tmp_path / "tok")
    fast = transformers.AutoTokenizer.from_pretrained(tmp_path / "tok")
    text = f"<|user|>{TEXTS[2]}<é> x"
    assert fast(text)["input_ids"] == tokenizer.encode(text, allowed_special="all").tolist()
    assert fast.decode(fast(text)["input_ids"], skip_special_tokens=True) == f"{TEXTS[2]} x"
    assert len(fast) == 520
    fast.save_pretrained(tmp_path / "tok")
    assert Tokenizer.from_pretrained(tmp_path / "tok").fingerprint == tokenizer.fingerprint


@pytest.mark.parametrize("special", [["a", "a"], [""], ["a\nb"]])
def test_names_that_are_refused(special: list[str]) -> None:
    with pytest.raises(EqualInfoError, match="special token"):
        Tokenizer.train(SPECS[0], TEXTS, special=special, quiet=True)


def test_methods_without_text_of_ids() -> None:
    with pytest.raises(EqualInfoError, match="take a dictionary"):
        Tokenizer.train("StaticAC[v=256]", TEXTS, special=["<|user|>"], quiet=True)


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "my.txt").write_text("\n\n".join(TEXTS))
    command = [
        "compile",
        SPECS[0],
        "--corpus",
        str(tmp_path),
        "--special",
        "<|user|>",
        "--special",
        "<é>",
        "--quiet",
    ]
    app([*command, "--out", str(tmp_path.with_name("tok"))], standalone_mode=False)
    assert list(Tokenizer.from_pretrained(tmp_path.with_name("tok")).special_tokens) == ["<|user|>", "<é>"]


TEMPLATE = "{% for message in messages %}<|user|>{{ message.content }}{% endfor %}{{ eos_token }}"


@pytest.fixture(scope="module")
def chat() -> Tokenizer:
    names = {"special": ["<|user|>"], "bos": "<|bos|>", "pad": "<|pad|>"}
    return Tokenizer.train(SPECS[0], TEXTS, **names, chat_template=TEMPLATE, quiet=True)


def test_roles_and_template_travel(chat: Tokenizer, tmp_path: Path) -> None:
    assert chat.special_tokens == {"<|user|>": 517, "<|bos|>": 518, "<|pad|>": 519}
    chat.save_pretrained(tmp_path / "tok")
    for again in (Tokenizer.from_pretrained(tmp_path / "tok"), pickle.loads(pickle.dumps(chat))):
        assert (again.bos, again.pad) == (518, 519)
        again.save_pretrained(tmp_path / "again")
        names = {path.name for path in (tmp_path / "tok").iterdir()}
        for name in names:
            assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "tok" / name).read_bytes()
    assert "<|user|>, <|bos|>, <|pad|>" in repr(chat)
    one = Tokenizer.train(SPECS[0], TEXTS, special=["<|a|>"], bos="<|a|>", quiet=True)
    assert (one.special_tokens, one.bos, one.pad) == ({"<|a|>": 519}, 519, None)


def test_transformers_applies_the_template(chat: Tokenizer, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("jinja2")
    chat.save_pretrained(tmp_path / "tok")
    fast = transformers.AutoTokenizer.from_pretrained(tmp_path / "tok")
    assert (fast.bos_token_id, fast.pad_token_id, fast.eos_token_id) == (518, 519, 0)
    messages = [{"role": "user", "content": "a statement"}]
    text = f"<|user|>a statement{fast.eos_token}"
    assert fast.apply_chat_template(messages, tokenize=False) == text
    ids = fast(fast.apply_chat_template(messages, tokenize=False))["input_ids"]
    assert ids == [517, *chat.encode("a statement").tolist(), 0]
    fast.save_pretrained(tmp_path / "tok")
    assert Tokenizer.from_pretrained(tmp_path / "tok").pad == 519


@pytest.mark.parametrize("spec", [spec for spec in SPECS if "fewest" in spec or "unigram" in spec])
def test_sentencepiece_knows_them(spec: str, tmp_path: Path) -> None:
    library = pytest.importorskip("sentencepiece")
    transformers = pytest.importorskip("transformers")
    tokenizer = Tokenizer.train(spec, TEXTS, special=SPECIAL, quiet=True)
    export_tokenizer(tokenizer, "sentencepiece", tmp_path / "out")
    processor = library.SentencePieceProcessor(model_file=str(tmp_path / "out" / "tokenizer.model"))
    fast = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    for text in (*TEXTS[:20], f"{TEXTS[0]} <|user|> and <é>"):
        assert processor.encode(text) == tokenizer.encode(text).tolist()  # never from text
        assert fast(text)["input_ids"] == tokenizer.encode(text, allowed_special="all").tolist()
    assert [processor.id_to_piece(517 + n) for n in range(3)] == list(SPECIAL)
    assert all(processor.is_control(517 + n) for n in range(3))


def test_a_form_without_them_says_so() -> None:
    tokenizer = Tokenizer.train(
        next(spec for spec in SPECS if "fewest" in spec), TEXTS, special=SPECIAL, quiet=True
    )
    with pytest.raises(EqualInfoError, match=r"llama\.cpp breaks ties"):
        tokenizer.gguf_vocabulary()


def test_a_template_is_read_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "my.txt").write_text("\n\n".join(TEXTS))
    (tmp_path / "chat.jinja").write_text(TEMPLATE)
    command = [
        "compile",
        SPECS[0],
        "--corpus",
        str(tmp_path / "my.txt"),
        "--quiet",
        "--out",
        str(tmp_path / "tok"),
    ]
    more = ["--pad", "<|pad|>", "--chat-template", str(tmp_path / "chat.jinja")]
    app([*command, *more], standalone_mode=False)
    made = Tokenizer.from_pretrained(tmp_path / "tok")
    assert (made.bos, made.pad) == (None, 519)
    assert TEMPLATE in json.loads((tmp_path / "tok" / "tokenizer_config.json").read_text())["chat_template"]
    (tmp_path / "chat.jinja").write_bytes(b"\xff")
    with pytest.raises(EqualInfoError, match="not UTF-8"):
        app([*command, *more], standalone_mode=False)
    (tmp_path / "chat.jinja").unlink()
    with pytest.raises(EqualInfoError, match="cannot read"):
        app([*command, *more], standalone_mode=False)
