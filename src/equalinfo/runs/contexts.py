"""What counting alone knows of a corpus: the figure that M2s have to get below."""

import math
from collections.abc import Iterable, Iterator
from functools import cache

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.splits import Split, drawn
from equalinfo.predict.base import distribution_bits
from equalinfo.predict.context import LONGEST_ORDER, count_contexts
from equalinfo.score.metrics import bits_per_byte

COUNTED_BYTES, SCORED_BYTES = 1 << 25, 1 << 20  # at most, of documents from all over a corpus


@cache
def contexts_bits_per_byte(corpus: Corpus) -> float:
    """Held-out bits/byte of a context model of order 5, counted on the training text (32 MiB of it).

    It is scored on a MiB of held-out text, each document by itself.
    """
    model = count_contexts(LONGEST_ORDER, lambda: _sample(corpus, "train", COUNTED_BYTES))
    bits, size = 0.0, 0
    for document in _sample(corpus, "validation", SCORED_BYTES):
        bits += distribution_bits(model.frequencies(document), document)
        size += len(document)
    return bits_per_byte(bits * math.log(2) / size, size, size)


def _sample(corpus: Corpus, split: Split, size: int) -> Iterator[bytes]:
    """About `size` bytes, and no more, of documents that their hashes choose."""
    share = size / max(sum(map(len, corpus.documents(split))), 1)
    return _first((document for document in corpus.documents(split) if drawn(document, share)), size)


def _first(documents: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Whole documents and the beginning of one, `size` bytes in all."""
    for document in documents:
        yield document[:size]
        size -= len(document)
        if size <= 0:
            return
