"""Small tokenizers and pages that tests of the report and the playground take."""

from functools import cache
from pathlib import Path

from equalinfo.predict.unigram import Unigram
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from tests.support import tiny
from tests.support.building import coded

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\"'"
CORPUS = [
    b"the quick brown fox jumps over the lazy dog and 12 lazy dogs sleep, 34 dogs don't\n" * 40,
    "naïve café — 東京 is a city; the dog is at home.\n\n  def f(x):\n\treturn x + 1\n".encode() * 40,
    b"windows close when one more byte would need more bits than they hold; equal information\n" * 20,
]
LIVE = (
    "Bytes",
    "SentencePiece[v=1k]",
    "EqualInfo[b=8,v=2]",
    "EqualInfo[b=12,v=4k]",
    "EqualInfo[b=12,v=16]",
    "EqualInfo[v=700]",
    "EqualInfo[v=512,fewest]",
    "EqualInfo[v=512,fewest,words]",
    "EqualInfo[v=512,unigram,words]",
    "EqualInfo[v=512,unigram,phrases]",
)
FIXED = ("EqualInfoAC[b=16,v=256]", "StaticAC[v=256]")


def tokenizers() -> tuple[Tokenizer, ...]:
    """One of each kind that a page runs itself, then some that it cannot."""
    return tuple(tokenizer(text) for text in LIVE + FIXED)


@cache
def tokenizer(text: str) -> Tokenizer:
    """The one of a spec."""
    spec = Spec.parse(text)
    documents = CORPUS
    if text.startswith("SentencePiece"):
        docs = Path(__file__).parents[2] / "docs"
        documents = [*CORPUS, *(one.read_bytes() for one in sorted(docs.glob("*.md")))]
    runs = spec.tokenizer_class.runs_predictor
    predictor = Unigram(tiny.skewed_frequencies()) if runs else tiny.random_model(seed=2, sharpen=6.0)
    return coded(spec, predictor, lambda: documents)
