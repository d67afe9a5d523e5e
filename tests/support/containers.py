"""Small predictors and containers for the tests of this folder."""

import hashlib
import io
import struct

import numpy as np

from equalinfo.coding import arithmetic
from equalinfo.coding.interleaved import cut_lanes
from equalinfo.container.format import ADAPTIVE, DIGEST_BYTES, M1_ALONE, Head, Header, Index
from equalinfo.container.reading import Container, read_container
from equalinfo.container.writing import cut_blocks, write_container
from equalinfo.predict.base import Predictor
from equalinfo.predict.unigram import Unigram
from tests.support import tiny

UNIGRAM = Unigram(tiny.skewed_frequencies(97, 0.7))
OTHER = Unigram(np.full(256, 64))
MIXED = b"abcabacadabra " * 9 + np.random.default_rng(1).bytes(120) + b"\0\xff" + b"a" * 130


def packed(
    predictor: Predictor | None,
    text: bytes,
    block: int | None = 64,
    context: int | None = 16,
    threads: int | None = None,
    version: int = ADAPTIVE,
) -> bytes:
    """A container of `text`."""
    if version == M1_ALONE:
        assert predictor
        assert block
        assert context
        return by_m1_alone(predictor, text, block, context)
    target = io.BytesIO()
    context = context if predictor else None
    written = write_container(predictor, io.BytesIO(text), target, block, context, threads)
    assert written.source == len(text)
    assert written.container == len(target.getvalue())
    return target.getvalue()


def encode_interleaved(predictor: Predictor, block: bytes, context: int) -> bytes:
    """The code of `block`, whole bytes (zero bits added at the end).

    Args:
        context: bytes in a lane, 1 or more.
    """
    lanes = cut_lanes(len(block), context)
    bounds = np.zeros((len(lanes), context, 2), np.int32)
    for lane, length in enumerate(lanes.tolist()):
        text = block[lane * context : lane * context + length]
        # Frequencies are 256 numbers a byte; only two of them are kept.
        bounds[lane, :length] = arithmetic.spans(
            np.ascontiguousarray(predictor.frequencies(text)), np.frombuffer(text, np.uint8), False
        )
    written = np.arange(context)[:, None] < lanes
    return np.packbits(arithmetic.encode_spans(bounds.transpose(1, 0, 2)[written])).tobytes()


def by_m1_alone(predictor: Predictor, text: bytes, block: int, context: int) -> bytes:
    """As the first version wrote, which is still read."""
    header = Header(predictor.fingerprint, block, context, M1_ALONE)
    parts, lengths, heads = [header.to_bytes()], b"", hashlib.sha256()
    for number, segment in enumerate(cut_blocks(io.BytesIO(text), block)):
        code = encode_interleaved(predictor, segment, context)
        if len(code) >= len(segment):
            code = segment
        head = Head.made(header.digest, number, segment, code)
        parts += [head.to_bytes(), code]
        lengths += struct.pack("<I", head.coded)
        heads.update(head.to_bytes())
    index = Index(len(text), lengths, heads.digest()[:DIGEST_BYTES])
    return b"".join([*parts, index.to_bytes(header.digest)])


def unpacked(
    predictor: Predictor | None, data: bytes, threads: int | None = None, at_once: int | None = None
) -> bytes:
    return b"".join(read_container(predictor, io.BytesIO(data), threads, at_once))


def part(
    predictor: Predictor | None, data: bytes, start: int, length: int, threads: int | None = None
) -> bytes:
    return b"".join(Container(io.BytesIO(data)).read(predictor, start, length, threads))
