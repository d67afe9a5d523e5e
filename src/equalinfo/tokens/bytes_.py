"""The byte baseline: one token per byte (ByT5's view of text)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from equalinfo.tokens.base import Advance, Tokenizer, checked_ids
from equalinfo.tokens.spec import Spec


class BytesTokenizer(Tokenizer):
    """Ids are byte values."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, 256)

    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        if advance:
            advance(sum(map(len, texts)))
        return [np.frombuffer(text, np.uint8).astype(np.uint16) for text in texts]

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        return [checked_ids(ids, 256).astype(np.uint8).tobytes() for ids in streams]

    def token_bytes(self, token: int) -> bytes:
        return checked_ids([token], 256).astype(np.uint8).tobytes()

    def _pieces(self, text: bytes) -> list[tuple[bytes, list[int]]]:
        return [(bytes([byte]), [byte]) for byte in text]

    def _made_of(self) -> tuple[Any, ...]:
        return ()

    def save_files(self, directory: Path) -> None:
        pass

    def state_identity(self) -> str:
        return ""
