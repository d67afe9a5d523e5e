"""Compiled dictionaries as SentencePiece writes its own: `tokenizer.model`, and the same as `tokenizer.json`.

A Unigram model whose pieces are the entries, U+2581 for the space, and byte fallback for characters without an entry.
Fewest tokens is one whose pieces have one score. The library's own file has 128 pieces beside the v ids, which no text
encodes to: it asks for a piece `<0xNN>` of every byte, and those of ASCII have ordinary pieces already, which its
search may take; and for one that is unknown. `tokenizer.json` needs neither.

Where the ids are not ours: `docs/exports.md`. The library adds scores in float32, so sums are exact below 2^24 units,
which is 16,384 bits of one text.
"""

import json
import struct
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

from equalinfo.tokens.hugging_face import FRAME, ONE_BIT, end_of_text_of, special_token

SPACE = "\u2581"
BYTE_NAMES = [f"<0x{byte:02X}>" for byte in range(256)]
MODEL = "tokenizer.model"


class Kind(IntEnum):
    """Types of pieces, by the library's numbers; those of GGUF files are the same."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    UNUSED = 5
    BYTE = 6


class Piece(NamedTuple):
    """A piece of a model: how it is written, its information in parts of a bit, and what it is."""

    text: str
    score: int
    kind: Kind


def form_pieces(
    entries: Sequence[bytes],
    scores: Sequence[int],
    special: Sequence[str] = (),
    space: str = SPACE,
    never: int | None = None,
) -> list[Piece]:
    """The pieces of a dictionary; the first v have its ids.

    Args:
        entries: by id; id 0 is the end of text, ids 1 to 256 the single bytes in order, the rest valid UTF-8.
        scores: of each entry.
        special: names of special tokens, whose ids come next.
        space: what is written for one.
        never: the score of what no text encodes to, if the library goes by that.
    """
    names = {*BYTE_NAMES, *(["<unk>"] if never is None else [])}
    pieces = [Piece(end_of_text_of(entries), never or 0, Kind.CONTROL)]
    for index in range(1, len(entries)):
        entry, score = entries[index], scores[index]
        if len(entry) == 1 and not 0 < entry[0] < 128:
            pieces.append(Piece(BYTE_NAMES[entry[0]], score, Kind.BYTE))
        elif (text := entry.decode()) in names or "\0" in text or (space != " " and space in text):
            pieces.append(Piece(f"<unused {index}>", never or score, Kind.UNUSED))
        else:
            pieces.append(Piece(text.replace(" ", space), score, Kind.NORMAL))
    return pieces + [Piece(name, never or 0, Kind.CONTROL) for name in special]


def ascii_pieces() -> list[Piece]:
    """Byte pieces of the bytes that have ordinary pieces, for libraries that miss them; no text encodes to them."""
    return [Piece(BYTE_NAMES[byte], 0, Kind.BYTE) for byte in range(1, 128)]


def model_file(pieces: Sequence[Piece]) -> bytes:
    """The file `tokenizer.model`: `ModelProto` of sentencepiece_model.proto, whose numbers of fields these are."""
    pieces = [*pieces, *ascii_pieces(), Piece("<unk>", 0, Kind.UNKNOWN)]
    written = b"".join(
        _field(1, _field(1, text.encode()) + b"\x15" + struct.pack("<f", -score / ONE_BIT) + _field(3, kind))
        for text, score, kind in pieces
    )
    # A Unigram model with byte fallback; no piece begins a text, none pads, and the control piece ends it.
    none = (1 << 64) - 1  # -1
    trainer = [(3, 1), (4, len(pieces)), (35, 1), (40, len(pieces) - 1)]
    trainer += [(41, none), (42, 0), (43, none)]
    trainer_spec = b"".join(_field(number, value) for number, value in trainer)
    trainer_spec += _field(47, pieces[0].text.encode())
    # Nothing is added before a text, no white space removed, and a space is written as U+2581.
    normalizer_spec = _field(1, b"identity") + _field(3, 0) + _field(4, 0) + _field(5, 1)
    return written + _field(2, trainer_spec) + _field(3, normalizer_spec)


def _field(number: int, value: int | bytes) -> bytes:
    """A field of a protocol buffer: bytes with their length, or a whole number."""
    if isinstance(value, bytes):
        return _varint(number << 3 | 2) + _varint(len(value)) + value
    return _varint(number << 3) + _varint(value)


def _varint(number: int) -> bytes:
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])


def tokenizer_json(pieces: Sequence[Piece], score_of: Callable[[str], int]) -> bytes:
    """The file `tokenizer.json` of the same model, for libraries that read that one; it has the v ids alone.

    Args:
        score_of: the least sum of scores of a parse of a text.
    """

    def written(piece: Piece) -> float:
        """The score; of what is no ordinary piece, a bit below its name as text, so that no text becomes it."""
        score = piece.score if piece.kind == Kind.NORMAL else score_of(piece.text) + ONE_BIT
        return -score / ONE_BIT

    return json.dumps(
        {
            **FRAME,
            "added_tokens": [
                special_token(index, piece.text)
                for index, piece in enumerate(pieces)
                if piece.kind == Kind.CONTROL
            ],
            "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
            "pre_tokenizer": None,
            "decoder": {
                "type": "Sequence",
                "decoders": [
                    {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
                    {"type": "ByteFallback"},
                    {"type": "Fuse"},
                ],
            },
            "model": {
                "type": "Unigram",
                # Never given: bytes stand for what has no piece.
                "unk_id": 0,
                "vocab": [[piece.text.replace(" ", SPACE), written(piece)] for piece in pieces],
                "byte_fallback": True,
            },
        },
        ensure_ascii=False,
    ).encode()
