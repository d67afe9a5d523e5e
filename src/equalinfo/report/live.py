"""What a page needs to tokenize by itself, for the methods that run without a model.

Dictionaries, listed windows (up to 16 bits), Bytes and SentencePiece vocabularies are entries and a parse, which
`tokens.js` does as `tests.oracles.dictionary_reference` and the SentencePiece library do. Methods that code
with a predictor are not live: the page shows them for the texts that it was made with.
"""

import base64
import gzip
from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.tokens.dictionaries import CompiledTokenizer, CompiledWindows, ScoredTokenizer
from equalinfo.tokens.tokenizer import Tokenizer

# A page with more entries than these would be slow to open.
MOST_ENTRIES = 1 << 17

Data = dict[str, Any]


def packed(data: bytes) -> str:
    """Bytes as the page holds them: gzip, then base64; the same for the same bytes."""
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


def live_data(tokenizer: Tokenizer) -> Data | None:
    """What the page's script tokenizes with; None for methods that it cannot run.

    Returns:
        kind: bytes, dictionary or sentencepiece; for a dictionary also how it is parsed and how entries become ids.
    """
    if tokenizer.spec.method == "Bytes":
        return {"kind": "bytes"}
    if tokenizer.spec.method == "SentencePiece":
        from equalinfo.tokens.sentencepiece_ import SentencePieceTokenizer

        assert isinstance(tokenizer, SentencePieceTokenizer)
        return _sentencepiece(*tokenizer.unigram_model())
    if isinstance(tokenizer, CompiledTokenizer) and len(tokenizer.automaton) <= MOST_ENTRIES:
        data: Data = {"kind": "dictionary", "entries": _packed_entries(tokenizer.automaton.entries())}
        data |= {"parse": tokenizer.parse, "first": 0, "perWindow": 1}
        if isinstance(tokenizer, ScoredTokenizer):
            data["costs"] = packed(tokenizer.scores.astype("<u2").tobytes())
        if isinstance(tokenizer, CompiledWindows):
            first = int(tokenizer.spec["b"] == 8)
            data |= {"first": first, "perWindow": tokenizer.per_window, "width": tokenizer.width}
        return data
    return None


def _sentencepiece(pieces: Sequence[bytes], scores: np.ndarray, id_of_byte: Sequence[int]) -> Data:
    return {
        "kind": "sentencepiece",
        "entries": _packed_entries(pieces),
        "scores": packed(scores.astype("<f4").tobytes()),
        "idOfByte": list(id_of_byte),
    }


def _packed_entries(entries: Sequence[bytes]) -> str:
    """Lengths (uint16, little-endian), then all entries without a gap; the number of them comes first (uint32)."""
    lengths = np.array([len(entry) for entry in entries], "<u2")
    return packed(np.uint32(len(entries)).astype("<u4").tobytes() + lengths.tobytes() + b"".join(entries))
