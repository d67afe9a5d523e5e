"""The baselines without a predictor: one token per byte (ByT5's view of text), and gzip's DEFLATE (Lester et
al. 2024, A.4).
"""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.coding.bits import bits_to_ids, id_range, ids_to_bits, token_bits
from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.tokens.spec import Options, Spec
from equalinfo.tokens.tokenizer import Advance, Tokenizer, checked_ids


class BytesTokenizer(Tokenizer):
    """Ids are byte values."""

    text_of_ids = True

    @classmethod
    def vocab_of(cls, spec: Spec) -> int:
        return 256

    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        if advance:
            advance(sum(map(len, texts)))
        return [np.frombuffer(text, np.uint8).astype(np.uint16) for text in texts]

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        return [checked_ids(ids, 256).astype(np.uint8).tobytes() for ids in streams]

    def token_bytes(self, token: int) -> bytes:
        return checked_ids([token], 256).astype(np.uint8).tobytes()

    def _segments(self, text: bytes) -> list[tuple[bytes, list[int]]]:
        return [(bytes([byte]), [byte]) for byte in text]

    def page_form(self) -> dict[str, Any]:
        return {"kind": "bytes"}


WITH_HEADER, BARE = 31, -15  # zlib's names for gzip's container and for none


class GZipTokenizer(Tokenizer):
    """A gzip stream as token ids; `bare` leaves out gzip's header and footer."""

    columns = ("none", "DEFLATE", "none", "log2 v bits")
    options = Options({"v": 256}, ("bare",))
    places_in_text = False

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.width = token_bits(self.vocab)
        if self.width not in (8, 16):
            raise EqualInfoError(f"{spec}: GZip takes v=256 or v=65k, whole bytes per token")
        self._container = BARE if "bare" in spec else WITH_HEADER

    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        streams = []
        for text in texts:
            streams.append(bits_to_ids(self._bits(text, zlib.Z_FINISH), self.width))
            if advance:
                advance(len(text))
        return streams

    def _prompt_bounds(self, text: bytes) -> tuple[np.ndarray, np.ndarray]:
        bits = self._bits(text, zlib.Z_SYNC_FLUSH)
        return id_range(bits, bits, self.width)

    def _bits(self, text: bytes, flush: int) -> np.ndarray:
        if not text:
            return np.empty(0, np.uint8)
        compressor = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, self._container)
        stream = compressor.compress(text) + compressor.flush(flush)
        return np.unpackbits(np.frombuffer(stream, np.uint8))

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        return [self._decode(checked_ids(ids, self.vocab), partial) for ids in streams]

    def _decode(self, ids: np.ndarray, partial: bool) -> bytes:
        stream = np.packbits(ids_to_bits(ids, self.width)).tobytes()
        if not stream:
            return b""
        decompressor = zlib.decompressobj(self._container)
        if partial:
            text = b""
            try:
                for start in range(len(stream)):  # byte by byte, to keep what precedes an invalid one
                    text += decompressor.decompress(stream[start : start + 1])
            except zlib.error:
                pass
            return text
        try:
            text = decompressor.decompress(stream)
        except zlib.error as error:
            raise UndecodableTokens(f"the ids are not a gzip stream ({error})") from error
        # A 16-bit token may carry one byte of padding.
        if (
            not decompressor.eof
            or len(decompressor.unused_data) >= self.width // 8
            or any(decompressor.unused_data)
        ):
            raise UndecodableTokens("the ids end before or after the gzip stream does; are they truncated?")
        return text
