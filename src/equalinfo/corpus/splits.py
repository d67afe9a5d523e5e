"""Which documents are for training and which are held out, decided by their content alone."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

from equalinfo.errors import EqualInfoError

Split = Literal["train", "validation", "test"]


def split_of(document: bytes) -> Split:
    """The split of a document: 90% train, 5% validation, 5% test, by the SHA-256 of its content.

    Content alone decides, so neither order, nor file, nor what else is in the corpus moves a document.
    ASCII white space at both ends does not count: a copy that differs there only goes the same way.
    """
    prefix = hashlib.sha256(document.strip()).digest()[:8]
    percentile = int.from_bytes(prefix, "big") % 100
    if percentile < 90:
        return "train"
    return "validation" if percentile < 95 else "test"


def only(documents: Iterable[bytes], split: Split) -> Iterator[bytes]:
    """The documents of one split, in their order; there may be none in a corpus of few documents.

    Raises:
        EqualInfoError: there is no such split.
    """
    if split not in get_args(Split):
        raise EqualInfoError(f"no split is called {split!a}; use one of {', '.join(get_args(Split))}")
    return (document for document in documents if split_of(document) == split)
