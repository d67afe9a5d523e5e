"""The methods by the names that specs use; the class of each says the rest. Tokenizers of other libraries by theirs.

A package adds one by the entry point group `equalinfo.methods` (`examples/`), a predictor that any method with
`order` takes as a flag by `equalinfo.predictors`, and a parser that dictionaries take as a flag by `equalinfo.parsers`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from equalinfo.predict.base import Predictor
from equalinfo.registry import Registry

if TYPE_CHECKING:
    from equalinfo.dictionary.parse.parser import Parser  # brings in Numba
    from equalinfo.dictionary.trie.automaton import Automaton

# Classes of tokenizers: not their type, because they import what imports this file (`tokens.spec.Method`).
METHODS: Registry[Any] = Registry(
    "equalinfo.methods",
    {
        "Bytes": "equalinfo.tokens.baselines:BytesTokenizer",
        "SentencePiece": "equalinfo.tokens.sentencepiece_:SentencePieceTokenizer",
        "BPE": "equalinfo.tokens.bpe:BPETokenizer",
        "SuperBPE": "equalinfo.tokens.bpe:SuperBPETokenizer",
        "GZip": "equalinfo.tokens.baselines:GZipTokenizer",
        "AC": "equalinfo.tokens.blocks:ACTokenizer",
        "StaticAC": "equalinfo.tokens.blocks:StaticACTokenizer",
        "Huffman": "equalinfo.tokens.huffman:HuffmanTokenizer",
        "StaticHuffman": "equalinfo.tokens.huffman:StaticHuffmanTokenizer",
        "ANS": "equalinfo.tokens.ans:ANSTokenizer",
        "StaticANS": "equalinfo.tokens.ans:StaticANSTokenizer",
        "EqualText": "equalinfo.tokens.blocks:EqualTextTokenizer",
        "EqualInfo": "equalinfo.tokens.equal_info:EqualInfo",
        "EqualInfoAC": "equalinfo.tokens.windows:EqualInfoACTokenizer",
        "EqualInfoHuffman": "equalinfo.tokens.huffman:EqualInfoHuffmanTokenizer",
    },
)
# Before a colon and a file, directory or name of another library: `hf:DIRECTORY`.
FOREIGN: Registry[Any] = Registry(
    "equalinfo.foreign",
    {
        "hf": "equalinfo.tokens.foreign:HuggingFaceTokenizer",
        "tiktoken": "equalinfo.tokens.foreign:TiktokenTokenizer",
        "sentencepiece": "equalinfo.tokens.foreign:SentencePieceModel",
    },
)
# What a method becomes with special tokens.
SPECIAL: Registry[Any] = Registry(
    "equalinfo.special", {"tokens": "equalinfo.tokens.special:SpecialTokenizer"}
)
PREDICTORS: Registry[type[Predictor]] = Registry("equalinfo.predictors")
PARSERS: Registry[Callable[["Automaton"], "Parser"]] = Registry("equalinfo.parsers")
