"""Tokenizers that `tokenizer_speed` times: ours with every parse, and other libraries.

Byte-level BPEs are trained once, on the text that everyone is warmed on, and read by every library that reads such a
file. Those that do not are timed with a vocabulary of their own, which their rows say.
"""

import importlib.metadata
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._common import train_bpe
from equalinfo.files import atomic_file
from equalinfo.parallel import VARIABLE
from equalinfo.tokens.tokenizer import Tokenizer

# Llama 3's split of text into words, as libraries know it by its spelling.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
SHIPPED = ("english-{}", "english-{}-fewest", "english-{}-greedy")
SIZES = {"65k": 65536, "32k": 32000}


@dataclass
class Contender:
    """One tokenizer: many texts at once in one thread, one text, ids back to bytes, and the ids that are right.

    `right` is a slower way to the same ids; None where there is none.
    """

    name: str
    entries: int
    batch: Callable[[list[str]], Any]
    one: Callable[[str], Any]
    decode: Callable[[list[int]], bytes]
    right: Callable[[str], list[int]] | None = None
    slow: bool = False


def ours(name: str, entries: int) -> Contender:
    tokenizer: Any = Tokenizer.from_pretrained(name)
    parser = tokenizer.parser
    plain = getattr(parser, "_parser", parser)  # what a parser by words stands in for

    def right(text: str) -> list[int]:
        ids: list[int] = plain.encode(bytearray(text.encode())).tolist()  # not by the call for short texts
        return ids

    return Contender(
        f"equalinfo {name}", entries, tokenizer.encode_batch, tokenizer.encode, tokenizer.decode, right
    )


def bpe_file(documents: list[str], size: int, work: Path) -> Path:
    train_bpe([text.encode() for text in documents], size, work, pattern=SPLIT, name="speed")
    return work / f"bpe-{size}-speed.json"


def hugging_face(saved: Path, size: int) -> Contender:
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(saved))
    return Contender(
        "tokenizers",
        size,
        lambda texts: tokenizer.encode_batch_fast(texts, add_special_tokens=False),
        lambda text: tokenizer.encode(text, add_special_tokens=False),
        lambda ids: tokenizer.decode(ids, skip_special_tokens=False).encode(),
        slow=True,
    )


def same_as(saved: Path) -> Callable[[str], list[int]]:
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(saved))
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def gigatoken_bpe(saved: Path, size: int) -> Contender:
    import gigatoken

    tokenizer = gigatoken.Tokenizer(str(saved))
    return Contender(
        "gigatoken",
        size,
        lambda texts: tokenizer.encode_batch(texts, parallel=False),
        tokenizer.encode,
        tokenizer.decode,
        same_as(saved),
    )


def splintr_bpe(saved: Path, size: int) -> Contender:
    import splintr

    tokenizer = splintr.from_json(str(saved))
    return Contender(
        "splintr",
        size,
        lambda texts: [tokenizer.encode_raw(text) for text in texts],  # its batches take all cores
        tokenizer.encode_raw,
        lambda ids: tokenizer.decode(ids).encode(),
        same_as(saved),
    )


def tiktoken_bpe(saved: Path, size: int) -> Contender:
    import tiktoken

    # A byte-level token spells each byte as one character: printable Latin-1 as itself, the rest from 256 on.
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    byte_of = {chr(b): b for b in shown} | {chr(256 + i): b for i, b in enumerate(hidden)}
    vocabulary = json.loads(saved.read_text())["model"]["vocab"]
    ranks = {bytes(byte_of[c] for c in token): rank for token, rank in vocabulary.items()}
    encoding = tiktoken.Encoding("bench", pat_str=SPLIT, mergeable_ranks=ranks, special_tokens={})
    return Contender(
        "tiktoken",
        size,
        lambda texts: [encoding.encode_ordinary(text) for text in texts],
        encoding.encode_ordinary,
        encoding.decode_bytes,
        same_as(saved),
    )


def quicktok_own() -> Contender:
    import quicktok

    encoding = quicktok.get_encoding("cl100k_base")
    return Contender(
        "quicktok, cl100k",
        encoding.n_vocab,
        lambda texts: [encoding.encode_ordinary(text) for text in texts],
        encoding.encode_ordinary,
        encoding.decode_bytes,
    )


def bpe_openai_own() -> Contender:
    import bpe_openai

    encoding = bpe_openai.get_encoding("cl100k_base")
    return Contender(
        "bpe-openai, cl100k",
        encoding.n_vocab,
        lambda texts: [encoding.encode_ordinary(text) for text in texts],
        encoding.encode_ordinary,
        encoding.decode_bytes,
    )


def sentencepiece_unigram(documents: list[str], size: int, work: Path) -> Contender:
    import sentencepiece

    saved = work / f"unigram-{size}-speed.model"
    if not saved.is_file():
        lines = (line for text in documents for line in text.splitlines())
        with atomic_file(saved) as stream:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=lines,
                model_writer=stream,
                vocab_size=size,
                hard_vocab_limit=False,
                model_type="unigram",
                byte_fallback=True,
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                add_dummy_prefix=False,
                minloglevel=2,
            )
    processor = sentencepiece.SentencePieceProcessor(model_file=str(saved))
    return Contender(
        "sentencepiece",
        size,
        lambda texts: processor.encode(texts, num_threads=1),
        processor.encode,
        lambda ids: processor.decode(ids).encode(),
        slow=True,
    )


def contenders(documents: list[str], work: Path, sizes: list[str]) -> tuple[list[Contender], list[str]]:
    """All that are installed, and a sentence for each that is not; `documents` are what peers are trained on."""
    os.environ[VARIABLE] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    found, skipped = [], []
    for size in sizes:
        found += [ours(name.format(size), SIZES[size]) for name in SHIPPED]
        print(f"preparing peers of {size}", flush=True)
        saved = bpe_file(documents, SIZES[size], work)
        makers: list[Callable[[], Contender]] = [
            partial(make, saved, SIZES[size])
            for make in (gigatoken_bpe, splintr_bpe, tiktoken_bpe, hugging_face)
        ]
        if size == sizes[0]:
            makers += [
                quicktok_own,
                bpe_openai_own,
                partial(sentencepiece_unigram, documents, SIZES[size], work),
            ]
        for make in makers:
            try:
                found.append(make())
            except ModuleNotFoundError as error:
                skipped.append(f"left out: {error.name} is not installed; pip install 'equalinfo[bench]'")
    return found, sorted(set(skipped))


def plain_ids(encoded: Any) -> list[int]:
    """What a library's decoder takes, out of what its encoder returned."""
    ids = getattr(encoded, "ids", encoded)
    found: list[int] = np.asarray(ids).tolist()
    return found


def versions() -> dict[str, str]:
    found = {}
    for name in (
        "gigatoken",
        "quicktok-v1",
        "splintr-rs",
        "bpe-openai",
        "tiktoken",
        "tokenizers",
        "sentencepiece",
    ):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def rows_of(encoded: Any) -> Sequence[Any]:
    """Ids of each text of a batch."""
    rows: Sequence[Any] = encoded.to_list() if hasattr(encoded, "to_list") else encoded
    return rows
