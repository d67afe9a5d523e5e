"""Untrained M2s over tokenizers of several kinds, made in a moment."""

from functools import cache

from equalinfo.dictionary.trie.automaton import build
from equalinfo.model.decoder import Decoder
from equalinfo.sizes import Size
from equalinfo.tokens.case import CaseTokenizer, dictionary_of
from equalinfo.tokens.dictionaries import FewestTokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from tests.support import tiny
from tests.support.building import coded

TEXT = (
    "the government said on tuesday that the governor governs a town of naïve cafés, and the window of the text "
    "was read as it stood when the model learned it\n"
)
CORPUS = [TEXT.encode() * 30]
LISTED = ["SentencePiece[v=295]", "EqualInfo[v=600]", "EqualInfo[v=600,fewest,words]", "EqualInfo[b=12,v=4k]"]
SEVERAL_IDS = ["EqualInfo[b=12,v=64]", "EqualInfoHuffman[b=10,v=32]", "EqualInfoAC[b=14,v=128]"]
WITHOUT_UNITS = ["AC[v=256]", "GZip[v=256]", "EqualInfoAC[b=24,v=256]", "EqualInfo[b=32,v=256]"]
CASE = "EqualInfo[v=600,fewest,words,case]"
SPECS = ["Bytes", *LISTED, *SEVERAL_IDS, *WITHOUT_UNITS, CASE]
MORE = [
    "AC[v=2]",
    "AC[v=65k]",
    "StaticAC[v=256]",
    "EqualText[n=3,v=8]",
    "Huffman[v=256]",
    "StaticHuffman[v=65k]",
    "ANS[v=256]",
    "StaticANS[v=2]",
    "GZip[v=65k]",
    "BPE[v=320]",
    "SuperBPE[v=320]",
    "EqualInfoAC[b=17,v=65k]",
    "EqualInfoAC[b=16,v=256,reset=never,delay]",
    "EqualInfoHuffman[b=17,v=16]",
]


@cache
def tokenizer(text: str) -> Tokenizer:
    spec = Spec.parse(text)
    if "words" in spec:
        # Entries by hand: an untrained M1 would know no words.
        words = sorted({word[:n] for word in TEXT.split() for n in range(2, len(word) + 1)})
        entries = [*words, *(" " + word for word in words)]
        entries += [f"w{number}x" for number in range(spec["v"] - 257 - len(entries))]
        singles = [b"", *(bytes([byte]) for byte in range(256))]
        automaton = build([*singles, *(entry.encode() for entry in entries)])
        if "case" in spec:
            return CaseTokenizer(spec, FewestTokenizer(dictionary_of(spec), automaton))
        return FewestTokenizer(spec, automaton)
    return coded(spec, tiny.random_model(seed=2, sharpen=4.0), lambda: CORPUS)


@cache
def model(vocab: int) -> Decoder:
    made = Decoder(Size(32, 2, 2, 16, 64, 1), vocab)
    made.init_weights(1)
    return made.eval()
