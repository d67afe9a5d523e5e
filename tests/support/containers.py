"""Small predictors and containers for the tests of this folder."""

import io

import numpy as np

from equalinfo.container.reading import Container, read_container
from equalinfo.container.writing import write_container
from equalinfo.predict.base import Predictor
from equalinfo.predict.unigram import Unigram
from tests.support import tiny

UNIGRAM = Unigram(tiny.skewed_frequencies(97, 0.7))
OTHER = Unigram(np.full(256, 64))
MIXED = b"abcabacadabra " * 9 + np.random.default_rng(1).bytes(120) + b"\0\xff" + b"a" * 130


def packed(
    predictor: Predictor, text: bytes, block: int = 64, context: int = 16, threads: int | None = None
) -> bytes:
    target = io.BytesIO()
    written = write_container(predictor, io.BytesIO(text), target, block, context, threads)
    assert written.source == len(text)
    assert written.container == len(target.getvalue())
    return target.getvalue()


def unpacked(
    predictor: Predictor, data: bytes, threads: int | None = None, at_once: int | None = None
) -> bytes:
    return b"".join(read_container(predictor, io.BytesIO(data), threads, at_once))


def part(predictor: Predictor, data: bytes, start: int, length: int, threads: int | None = None) -> bytes:
    return b"".join(Container(io.BytesIO(data)).read(predictor, start, length, threads))
