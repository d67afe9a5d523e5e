"""Small tokenizers of every EqualInfo variant, made once for the tests of this folder."""

from functools import cache

from equalinfo.tokens.tokenizer import Tokenizer
from tests.support import tiny
from tests.support.building import built

CORPUS = [
    b"the quick brown fox jumps over the lazy dog and 12 lazy dogs sleep, 34 dogs don't\n" * 40,
    "naïve café — 東京 is a city; the dog is at home.\n\n  def f(x):\n\treturn x + 1\n".encode() * 40,
    b"a" * 500 + b"\xff\xfe\x00" * 20,
]

SPECS = [
    *(
        f"EqualInfo[b={b},v={v}]"
        for b, v in (
            (8, "256"),
            (8, "2"),
            (9, "512"),
            (9, "8"),
            (12, "4k"),
            (12, "16"),
            (16, "256"),
            (16, "65k"),
            (17, "128k"),
            (18, "512"),
            (24, "256"),
            (32, "65k"),
            (36, "4k"),
            (48, "65k"),
            (64, "16"),
            (128, "65k"),
            (127, "2"),
        )
    ),
    "EqualInfo[v=512]",
    "EqualInfo[v=700]",
    "EqualInfo[v=512,fewest]",
    "EqualInfo[v=512,fewest,words]",
    "EqualInfo[v=512,unigram,words]",
    "EqualInfo[v=512,unigram,phrases]",
]
DICTIONARIES = [text for text in SPECS if "b=" not in text]


@cache
def model(peaked: bool):
    return tiny.random_model(seed=2, sharpen=6.0) if peaked else tiny.random_model(seed=1, sharpen=2.0)


@cache
def compiled(text: str, peaked: bool = False, threads: int | None = None) -> Tokenizer:
    return built(text, model(peaked), lambda: CORPUS, threads=threads)
