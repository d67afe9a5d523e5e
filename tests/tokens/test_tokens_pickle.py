"""A tokenizer's pickle, which `datasets` makes its hash of, is small and stays as it is while it is used."""

import pickle
from pathlib import Path

import pytest

from equalinfo import Tokenizer
from tests.support import methods

TEXT = "the quick brown fox — naïve, and 12 lazy dogs\n" * 3


def used(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(TEXT)
    assert tokenizer.decode(ids) == TEXT.encode()
    tokenizer.encode_batch([TEXT, b"", TEXT])
    tokenizer.encode_prompt(TEXT)
    tokenizer.count(TEXT)
    tokenizer.offsets(TEXT)
    tokenizer.segments(TEXT)
    list(tokenizer.decode_stream(ids.tolist()))
    _ = tokenizer.fingerprint


@pytest.mark.parametrize(
    "spec",
    [
        "Bytes",
        "SentencePiece[v=320]",
        "GZip[v=256]",
        "StaticAC[v=256]",
        "Huffman[v=65k,order=2]",
        "EqualInfoAC[b=16,v=256]",
        "ANS[v=256]",
        *methods.COMPILED,
    ],
)
def test_a_pickle_does_not_change_with_use(spec: str, tmp_path: Path) -> None:
    methods.tokenizer(spec).save_pretrained(tmp_path / "tok")
    tokenizer = Tokenizer.from_pretrained(tmp_path / "tok")
    before = pickle.dumps(tokenizer)
    used(tokenizer)
    assert pickle.dumps(tokenizer) == before
    again = pickle.loads(before)
    assert pickle.dumps(again) == before
    assert (again.spec, again.vocab, again.eos) == (tokenizer.spec, tokenizer.vocab, tokenizer.eos)
    assert again.fingerprint == tokenizer.fingerprint
    assert again.encode(TEXT).tolist() == tokenizer.encode(TEXT).tolist()
    # Made, and loaded from its compact form, it is the same tokenizer.
    assert pickle.dumps(methods.tokenizer(spec)) == before


def test_a_shipped_tokenizer_has_one_hash() -> None:
    tokenizer = Tokenizer.from_pretrained("english-4k-exact")
    before = pickle.dumps(tokenizer)
    used(tokenizer)
    assert pickle.dumps(tokenizer) == before == pickle.dumps(Tokenizer.from_pretrained("english-4k-exact"))
    assert len(before) < 200_000


def test_datasets_gives_it_one_hash() -> None:
    fingerprint = pytest.importorskip("datasets.fingerprint", reason="pip install 'equalinfo[interchange]'")
    tokenizer = Tokenizer.from_pretrained("english-65k")
    before = fingerprint.Hasher.hash(tokenizer)
    used(tokenizer)
    assert fingerprint.Hasher.hash(tokenizer) == before
