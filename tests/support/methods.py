"""A small tokenizer of each method, for the tests of this folder."""

from functools import cache

import numpy as np
import pytest

from equalinfo.predict.context import count_contexts
from equalinfo.predict.unigram import Unigram
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from tests.support import tiny
from tests.support.building import coded

BLOCK_BYTES = 37  # instead of 10,240, so that short texts have several blocks

TRAINING_TEXT = [
    b"the quick brown fox jumps over the lazy dog and the lazy dog sleeps all day long\n" * 4,
    "Information, equal information; entropy and tokens. Na\u00efve \u6771\u4eac \u2014 caf\u00e9!\n".encode()
    * 4,
    b"while windows close when one more byte would need more bits than they hold\n" * 4,
]

BLOCKS = ("AC", "StaticAC", "Huffman", "StaticHuffman", "ANS", "StaticANS")

SPECS = [
    "Bytes",
    "SentencePiece[v=320]",
    "BPE[v=320]",
    "BPE[v=320,words]",
    "SuperBPE[v=320]",
    "GZip[v=256]",
    "GZip[v=65k]",
    "GZip[v=256,bare]",
    "GZip[v=65k,bare]",
    "AC[v=2]",
    "AC[v=16]",
    "AC[v=256]",
    "AC[v=65k]",
    "StaticAC[v=2]",
    "StaticAC[v=256]",
    "StaticAC[v=65k]",
    "EqualText[n=1,v=65k]",
    "EqualText[n=3,v=8]",
    "EqualText[n=8,v=256]",
    *(f"EqualInfoAC[b={b},v={v}]" for b in (16, 24, 32, 48, 64, 96, 128) for v in ("256", "65k")),
    "EqualInfoAC[b=14,v=2]",
    "EqualInfoAC[b=17,v=65k]",
    *(
        f"EqualInfoAC[b=16,v=256{options}]"
        for options in (",delay", ",reset=2", ",reset=never", ",reset=2,delay")
    ),
    "EqualInfoAC[b=24,v=65k,reset=never,delay]",
    "EqualInfoAC[b=64,v=65k,delay]",
    "Huffman[v=2]",
    "Huffman[v=256]",
    "Huffman[v=65k,order=2]",
    "StaticHuffman[v=16]",
    "StaticHuffman[v=256]",
    "ANS[v=8]",
    "ANS[v=256]",
    "ANS[v=65k,order=2]",
    "StaticANS[v=2]",
    "StaticANS[v=256]",
    "AC[v=256,order=1]",
    "AC[v=256,order=5]",
    "EqualText[n=3,v=256,order=2]",
    "EqualInfoAC[b=16,v=256,order=0]",
    "EqualInfoAC[b=24,v=65k,order=2,reset=never]",
    "EqualInfoHuffman[b=9,v=512]",
    "EqualInfoHuffman[b=16,v=65k]",
    "EqualInfoHuffman[b=16,v=256,order=0]",
    "EqualInfoHuffman[b=17,v=16]",
    "EqualInfoHuffman[b=20,v=65k,order=2]",
    "EqualInfoHuffman[b=128,v=256]",
]

# Sizes of windows between others: `make test-all`.
BETWEEN = {f"EqualInfoAC[b={b},v={v}]" for b in (32, 48, 64, 96) for v in ("256", "65k")} - {
    "EqualInfoAC[b=32,v=256]",
    "EqualInfoAC[b=64,v=65k]",
}

COMPILED = [
    "EqualInfo[b=8,v=16]",
    "EqualInfo[b=12,v=4k]",
    "EqualInfo[b=12,v=64]",
    "EqualInfo[b=16,v=2]",
    "EqualInfo[b=24,v=256]",
    "EqualInfo[b=128,v=65k]",
    "EqualInfo[b=127,v=2]",
    "EqualInfo[v=512]",
    "EqualInfo[v=512,fewest]",
    "EqualInfo[v=512,fewest,words]",
    "EqualInfo[v=512,unigram,words]",
    "EqualInfo[v=512,unigram,words,case]",
]


def each(*specs: str) -> pytest.MarkDecorator:
    """Runs a test with every spec; those that stand between others are slow."""
    marked = [pytest.param(one, marks=[pytest.mark.slow] * (one in BETWEEN)) for one in specs]
    return pytest.mark.parametrize("spec", marked)


@cache
def tokenizer(text: str, peaked: bool = False) -> Tokenizer:
    spec = Spec.parse(text)
    predictor = model(peaked)
    if spec.tokenizer_class.runs_predictor and spec.order == 0:
        predictor = Unigram(tiny.skewed_frequencies() if peaked else np.full(256, 64))
    elif spec.order:
        predictor = contexts(spec.order, peaked)
    made = coded(spec, predictor, lambda: TRAINING_TEXT)
    if spec.method in BLOCKS:
        made.block_bytes = BLOCK_BYTES
    return made


@cache
def model(peaked: bool):
    return tiny.random_model(seed=2, sharpen=6.0) if peaked else tiny.random_model(seed=1)


@cache
def contexts(order: int, peaked: bool):
    return count_contexts(
        order, lambda: [b"abracadabra " * 300 + bytes(range(200))] if peaked else TRAINING_TEXT
    )
