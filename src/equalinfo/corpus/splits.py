"""Which documents are for training and which are held out, decided by their content alone."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, get_args

import numpy as np

from equalinfo.errors import EqualInfoError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


def split_of(document: bytes) -> Split:
    """The split of a document: 90% train, 5% validation, 5% test, by the SHA-256 of its content.

    Content alone decides, so neither order, nor file, nor what else is in the corpus moves a document.
    ASCII white space at both ends does not count: a copy that differs there only goes the same way.

    Examples:
        >>> split_of(b"a document"), split_of(b"document 12")
        ('train', 'train')
    """
    prefix = hashlib.sha256(document.strip()).digest()[:8]
    percentile = int.from_bytes(prefix, "big") % 100
    if percentile < 90:
        return "train"
    return "validation" if percentile < 95 else "test"


def drawn(document: bytes, share: float) -> bool:
    """Whether a document is in a sample of that share of a corpus; its content alone decides, within a split too."""
    return share >= 1 or int.from_bytes(hashlib.sha256(document).digest()[8:12], "big") < share * 2**32


def splits_of(documents: Sequence[bytes]) -> list[Split]:
    """`split_of` each document, faster for many."""
    digests = b"".join([hashlib.sha256(document.strip()).digest() for document in documents])
    percentiles = np.frombuffer(digests, ">u8")[::4] % 100
    return [SPLITS[number] for number in np.searchsorted([90, 95], percentiles, "right").tolist()]


def only(documents: Iterable[bytes], split: Split) -> Iterator[bytes]:
    """The documents of one split, in their order; there may be none in a corpus of few documents.

    Raises:
        EqualInfoError: there is no such split.

    Examples:
        >>> documents = [b"document %d" % number for number in range(1000)]
        >>> [len(list(only(documents, split))) for split in SPLITS]
        [912, 46, 42]
    """
    if split not in SPLITS:
        raise EqualInfoError(f"no split is called {split!a}; use one of {', '.join(SPLITS)}")
    return (document for document in documents if split_of(document) == split)
