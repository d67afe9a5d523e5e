"""Byte pair encoding (Sennrich et al. 2016) over bytes, trained by Hugging Face's library; SuperBPE (Liu et al. 2025).

Id 0 is EOS, ids 1 to 256 are single bytes. Words are cut as GPT-2 cuts them, or with `words` as our dictionaries do.
SuperBPE has nine tenths of its ids from such a training. The others then join tokens over words too, at most four words
and within a line, and text is cut at line ends only.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from equalinfo.dictionary.train.bpe_merges import merges_across
from equalinfo.dictionary.train.word_boundaries import SPLIT_PATTERN
from equalinfo.errors import EqualInfoError
from equalinfo.extras import needed
from equalinfo.tokens.foreign import HuggingFaceTokenizer
from equalinfo.tokens.hugging_face import (
    DECODER,
    END_OF_TEXT,
    FRAME,
    TOKENIZER,
    TOKENIZER_CONFIG,
    byte_alphabet,
    pre_tokenizer,
    tokenizer_config,
)
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Options, Spec

# Radford et al. 2019: contractions, then letters, digits or signs with the space before, then white space.
GPT2_SPLIT = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LINES = r"[\r\n]+|[^\r\n]+"
WITHIN_WORDS = 0.9  # of SuperBPE's ids
MOST_WORDS = 4
SECOND_STAGE_BYTES = 16_000_000  # of the corpus; the pairs of so much text are held in memory


class BPETokenizer(HuggingFaceTokenizer):
    """Merges of neighbouring tokens in the order in which training found them."""

    columns = ("none", "BPE", "none", "one token")
    options = Options({"v": None}, ("words",))
    needs_corpus = True

    @classmethod
    def build(cls, spec: Spec, sources: Sources) -> "BPETokenizer":
        """Trains on the UTF-8 parts of the corpus.

        Raises:
            EqualInfoError: no corpus, or one that is too small for the vocabulary.
        """
        documents = sources.corpus(spec)
        trained = _trained(spec["v"], [_pattern(spec)], documents())
        _check_size(spec, len(trained["model"]["vocab"]))
        return cls(spec, _files(trained))


class SuperBPETokenizer(BPETokenizer):
    """A BPE whose last tenth of merges may join words."""

    columns = ("none", "BPE in two stages", "none", "one token")

    @classmethod
    def build(cls, spec: Spec, sources: Sources) -> "SuperBPETokenizer":
        documents, vocab = sources.corpus(spec), spec["v"]
        first = max(int(vocab * WITHIN_WORDS), 257)
        trained = _trained(first, [LINES, _pattern(spec)], documents())
        model = trained["model"]
        trained["pre_tokenizer"] = pre_tokenizer(LINES)
        names = sorted(model["vocab"], key=model["vocab"].__getitem__)
        ids = _encoded(trained, documents())
        byte_of = {character: byte for byte, character in enumerate(byte_alphabet())}
        entries = [b"", *(bytes(map(byte_of.__getitem__, name)) for name in names[1:])]
        for left, right in merges_across(ids, entries, vocab, MOST_WORDS):
            model["merges"].append([names[left], names[right]])
            joined = names[left] + names[right]
            if joined not in model["vocab"]:
                model["vocab"][joined] = len(names)
                names.append(joined)
        _check_size(spec, len(names))
        return cls(spec, _files(trained))


def _check_size(spec: Spec, size: int) -> None:
    if size < spec["v"]:
        raise EqualInfoError(
            f"{spec}: the corpus is too small for {spec['v']} ids; the largest v it supports is {size}"
        )


def _pattern(spec: Spec) -> str:
    return SPLIT_PATTERN if "words" in spec else GPT2_SPLIT


def _trained(vocab: int, patterns: list[str], documents: Iterable[bytes]) -> dict[str, Any]:
    """The library's tokenizer.json, as an object."""
    with needed("training a BPE"):
        from tokenizers import Tokenizer, models, trainers
    frame = {"model": json.loads(Tokenizer(models.BPE()).to_str())["model"]}
    around = {**FRAME, "pre_tokenizer": pre_tokenizer(*patterns), "decoder": DECODER}
    library = Tokenizer.from_str(json.dumps({**around, **frame}))
    trainer = trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=[END_OF_TEXT], initial_alphabet=byte_alphabet(), show_progress=False
    )
    library.train_from_iterator((document.decode("utf-8", "ignore") for document in documents), trainer)
    return json.loads(library.to_str())


def _files(definition: dict[str, Any]) -> dict[str, bytes]:
    return {
        TOKENIZER: json.dumps(definition, ensure_ascii=False).encode(),
        TOKENIZER_CONFIG: tokenizer_config(END_OF_TEXT),
    }


def _encoded(definition: dict[str, Any], documents: Iterable[bytes]) -> np.ndarray:
    """Ids of the lines of the first documents, -1 after each; [ids] int64."""
    from tokenizers import Tokenizer

    library = Tokenizer.from_str(json.dumps(definition))
    library.encode_special_tokens = True
    parts: list[int] = []
    lines = _lines(documents)
    while batch := list(islice(lines, 20_000)):
        for encoding in library.encode_batch(batch, add_special_tokens=False):
            parts += encoding.ids
            parts.append(-1)
    return np.array(parts, np.int64)


def _lines(documents: Iterable[bytes]) -> Iterator[str]:
    read = 0
    for document in documents:
        if read > SECOND_STAGE_BYTES:
            return
        read += len(document)
        yield from filter(None, document.decode("utf-8", "ignore").replace("\r", "\n").split("\n"))
