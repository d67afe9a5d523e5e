"""Compiled dictionaries as Hugging Face `tokenizer.json`, which needs none of our code to load.

Greedy longest match becomes a BPE model with no merges whose byte tokens catch what no entry covers, and
every longer entry an added token: added tokens are found leftmost-longest, which is greedy longest match.
Fewest tokens becomes a Unigram model over the byte-level alphabet with all scores equal; `fewest` breaks ties
as that model does. The likeliest parse becomes one whose scores are the costs, multiples of 2^-10 that float64 adds
without rounding. Exact on any valid UTF-8; Hugging Face tokenizers take str, so other bytes cannot be given
to them at all. The one text that reads differently holds the name of the end-of-text token. What else an export
cannot do, and transformers' own tests on it: `docs/dictionaries.md`.
"""

import json
from collections.abc import Sequence
from typing import Any, Literal

END_OF_TEXT = "<|endoftext|>"

Parse = Literal["greedy", "fewest", "likeliest"]
ONE_BIT = (
    1 << 10
)  # a cost of a bit; `dictionary.likeliest` says so too, and is not imported because it brings in Numba


def tokenizer_json(
    entries: Sequence[bytes], parse: Parse, split: str | None = None, costs: Sequence[int] | None = None
) -> bytes:
    """The file `tokenizer.json`.

    Args:
        entries: by id; id 0 is the empty string (end of text), ids 1 to 256 the single bytes in order,
            the rest valid UTF-8.
        split: a pattern whose matches no entry crosses; only speeds up a Unigram model.
        costs: of each entry, for the likeliest parse.
    """
    made = (
        _greedy(entries) if parse == "greedy" else _unigram(entries, split, costs or [ONE_BIT] * len(entries))
    )
    end = {"id": 0, "content": END_OF_TEXT, "special": True, "normalized": False}
    made["added_tokens"].insert(0, {**_PLAIN_TOKEN, **end})
    return json.dumps({**_FRAME, **made}, ensure_ascii=False).encode()


def tokenizer_config() -> bytes:
    """The file `tokenizer_config.json`."""
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END_OF_TEXT,
        "clean_up_tokenization_spaces": False,
        "model_max_length": int(1e30),  # Hugging Face's number for "no limit"
    }
    return (json.dumps(config, indent=1) + "\n").encode()


_FRAME: dict[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": None,
    "post_processor": None,
    "decoder": None,
    "model": None,
}
_PLAIN_TOKEN = {"single_word": False, "lstrip": False, "rstrip": False}


def _greedy(entries: Sequence[bytes]) -> dict[str, Any]:
    vocab = {END_OF_TEXT: 0} | {f"<0x{byte:02X}>": byte + 1 for byte in range(256)}
    added = [
        {**_PLAIN_TOKEN, "id": index, "content": entry.decode(), "special": False, "normalized": False}
        for index, entry in enumerate(entries)
        if len(entry) > 1
    ]
    model: dict[str, Any] = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": True,
        "ignore_merges": False,
        "vocab": vocab,
        "merges": [],
    }
    return {
        "model": model,
        "added_tokens": added,
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
    }


def _unigram(entries: Sequence[bytes], split: str | None, costs: Sequence[int]) -> dict[str, Any]:
    alphabet = byte_alphabet()
    names = [END_OF_TEXT, *("".join(alphabet[byte] for byte in entry) for entry in entries[1:])]
    pieces = [[name, -cost / ONE_BIT] for name, cost in zip(names, costs, strict=True)]
    before: dict[str, Any] = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": False,
    }
    if split is not None:
        cut = {"type": "Split", "pattern": {"Regex": split}, "behavior": "Isolated", "invert": False}
        before = {"type": "Sequence", "pretokenizers": [cut, before]}
    return {
        "model": {"type": "Unigram", "unk_id": 0, "vocab": pieces, "byte_fallback": False},
        "added_tokens": [],
        "pre_tokenizer": before,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    }


def byte_alphabet() -> list[str]:
    """The printable character that Hugging Face's byte-level steps write for each byte.

    Printable bytes of Latin-1 stand for themselves, the others follow from U+0100 on (Radford et al. 2019).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
