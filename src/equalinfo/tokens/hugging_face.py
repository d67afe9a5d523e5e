"""Compiled dictionaries as Hugging Face `tokenizer.json`, which needs none of our code to load.

All are models over the byte-level alphabet whose vocabulary is the entries. Greedy longest match is a `Split` by one
pattern, the trie of the entries, whose matches a BPE model without merges looks up whole; it writes as bytes the
characters that no entry begins with. Fewest tokens is a Unigram model with all scores equal; `fewest` breaks ties as
that model does. The likeliest parse is one with the negatives of our scores, multiples of 2^-10 that float64 adds
without rounding. Exact on any valid UTF-8; Hugging Face tokenizers take str, so other bytes cannot be given to them at
all. The one text that reads differently holds the name of the end-of-text token, unless `split_special_tokens` is set.
What else an export cannot do, and transformers' own tests on it: `docs/dictionaries.md`.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Literal

from equalinfo.files import parse_json

END_OF_TEXT = "<|endoftext|>"
TOKENIZER, TOKENIZER_CONFIG = FILES = "tokenizer.json", "tokenizer_config.json"

Parse = Literal["greedy", "fewest", "likeliest"]
# The score of a bit; `dictionary.parse.viterbi` says so too, and is not imported because it brings in Numba.
ONE_BIT = 1 << 10
# The score of the end of text, below that of its name written in single bytes, whatever their scores.
NEVER = -float(1 << 20)


def tokenizer_json(
    entries: Sequence[bytes], parse: Parse, split: str | None = None, scores: Sequence[int] | None = None
) -> bytes:
    """The file `tokenizer.json`.

    Args:
        entries: by id; id 0 is the empty string (end of text), ids 1 to 256 the single bytes in order,
            the rest valid UTF-8.
        split: a pattern whose matches no entry crosses; only speeds up a Unigram model.
        scores: of each entry, for the likeliest parse.
    """
    alphabet = byte_alphabet()
    end_of_text = end_of_text_of(entries)
    names = [end_of_text, *("".join(alphabet[byte] for byte in entry) for entry in entries[1:])]
    model = _greedy(entries, names) if parse == "greedy" else _unigram(names, split, scores)
    frame = {**FRAME, "decoder": DECODER, "added_tokens": [special_token(0, end_of_text)]}
    return json.dumps(frame | model, ensure_ascii=False).encode()


def special_token(index: int, name: str) -> dict[str, Any]:
    """An entry of the added tokens of a tokenizer.json."""
    token: dict[str, Any] = {"id": index, "content": name, "special": True, "normalized": False}
    return token | {"single_word": False, "lstrip": False, "rstrip": False}


def with_special(file: bytes, names: Sequence[str], first: int) -> bytes:
    """A file `tokenizer.json` with special tokens from id `first` on."""
    if not names:
        return file
    fields = parse_json(file)
    fields["added_tokens"] += [special_token(first + number, name) for number, name in enumerate(names)]
    return json.dumps(fields, ensure_ascii=False).encode()


def end_of_text_of(entries: Sequence[bytes]) -> str:
    """The name of id 0; a corpus may have made an entry of the usual one."""
    name = END_OF_TEXT
    while name.encode() in entries:
        name = f"<{name}>"
    return name


def tokenizer_config(end_of_text: str) -> bytes:
    """The file `tokenizer_config.json`."""
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": end_of_text,
        "clean_up_tokenization_spaces": False,
        "model_max_length": int(1e30),  # Hugging Face's number for "no limit"
        # Without it transformers before 5 adds token_type_ids, which most models refuse.
        "model_input_names": ["input_ids", "attention_mask"],
    }
    return (json.dumps(config, indent=1) + "\n").encode()


def same_vocabulary(file: bytes, other: bytes) -> bool:
    """Whether two files `tokenizer.json` give the same ids (and scores) to the same entries and added tokens."""
    return _vocabulary(file) == _vocabulary(other)


def _vocabulary(file: bytes) -> Any:
    try:
        fields = parse_json(file)
        return fields["model"]["vocab"], [(token["id"], token["content"]) for token in fields["added_tokens"]]
    except (ValueError, KeyError, TypeError):
        return None


FRAME: dict[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "normalizer": None,
    "post_processor": None,
    "decoder": None,
    "added_tokens": [],
}
DECODER = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}


def pre_tokenizer(*patterns: str) -> dict[str, Any]:
    """Cuts at the matches of each pattern in turn, then writes bytes in the alphabet."""
    alphabet: dict[str, Any] = {**DECODER, "add_prefix_space": False, "use_regex": False}
    if not patterns:
        return alphabet
    cuts = [
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        for pattern in patterns
    ]
    return {"type": "Sequence", "pretokenizers": [*cuts, alphabet]}


def _greedy(entries: Sequence[bytes], names: Sequence[str]) -> dict[str, Any]:
    model: dict[str, Any] = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": True,
        "vocab": {name: index for index, name in enumerate(names)},
        "merges": [],
    }
    return {"model": model, "pre_tokenizer": pre_tokenizer(longest_match(entries))}


def longest_match(entries: Sequence[bytes]) -> str:
    """A pattern that matches, anywhere, the longest entry of two bytes or more, or else one character.

    It is the trie of those entries: a search takes one path, and ends where it last passed an entry's end.
    """
    trie: dict[str, Any] = {}
    for entry in entries:
        if len(entry) > 1:
            node = trie
            for character in entry.decode():
                node = node.setdefault(character, {})
            node[""] = {}
    return _alternatives(trie) + r"|[\s\S]"


def _alternatives(node: dict[str, Any]) -> str:
    """A pattern of what may follow at a node of the trie; "" there marks an entry's end."""
    ways, last = [], []
    for character, below in node.items():
        if not character:
            continue
        written, optional = re.escape(character), "?" if "" in below else ""
        if below.keys() == {""}:
            last.append(written)
        else:
            ways.append(f"{written}(?:{_alternatives(below)}){optional}")
    if last:
        ways.append(f"[{''.join(last)}]")
    return "|".join(ways)


def _unigram(names: Sequence[str], split: str | None, scores: Sequence[int] | None) -> dict[str, Any]:
    scores = scores or [ONE_BIT] * len(names)
    pieces = [[name, -score / ONE_BIT] for name, score in zip(names, scores, strict=True)]
    pieces[0][1] = NEVER
    return {
        "model": {"type": "Unigram", "unk_id": 0, "vocab": pieces, "byte_fallback": False},
        "pre_tokenizer": pre_tokenizer(*([split] if split else [])),
    }


def byte_alphabet() -> list[str]:
    """The printable character that Hugging Face's byte-level steps write for each byte.

    Printable bytes of Latin-1 stand for themselves, the others follow from U+0100 on (Radford et al. 2019).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
