"""Documents joined and cut into examples of equal length, and the order in which training sees them."""

import itertools
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from equalinfo.errors import EqualInfoError
from equalinfo.seeded import permutation

# Follows each document (Lester et al. 2024, section 3, end their documents with a token of its own).
END_OF_DOCUMENT = b"\x00"
# Bytes that are compressed together in Lester et al. 2024, section 3.
EXAMPLE_BYTES = 10_240


@dataclass(frozen=True)
class Example:
    """Consecutive bytes of the joined documents.

    `source_bytes` counts the bytes of `data` that come from documents. The end-of-document markers that
    were added are left out, zero bytes of the documents are not, so bits per byte can be divided by it.
    It is 0 for a last example that holds a marker only.
    """

    data: bytes
    source_bytes: int


def cut_examples(documents: Iterable[bytes], length: int = EXAMPLE_BYTES) -> Iterator[Example]:
    r"""Appends END_OF_DOCUMENT to each document, joins them and cuts every `length` bytes.

    The last example may be shorter. Holds one document and one example in memory.

    Raises:
        EqualInfoError: `length` is not positive.

    Examples:
        >>> [(example.data, example.source_bytes) for example in cut_examples([b"abc", b"def"], length=5)]
        [(b'abc\x00d', 4), (b'ef\x00', 2)]
    """
    cutter = ExampleCutter(length)
    return itertools.chain(itertools.chain.from_iterable(map(cutter.add, documents)), cutter.rest())


class ExampleCutter:
    """Cuts documents that come one by one; together as `cut_examples`.

    Raises:
        EqualInfoError: `length` is not positive.
    """

    def __init__(self, length: int = EXAMPLE_BYTES) -> None:
        if length < 1:
            raise EqualInfoError(f"an example must be at least 1 byte long, not {length}")
        self._length = length
        self._data = bytearray()  # always shorter than `length` between calls
        self._source_bytes = 0

    def add(self, document: bytes) -> Iterator[Example]:
        """The examples that a document fills, as they are asked for; all must be before the next call."""
        start = 0
        while start < len(document):
            part = document[start : start + self._length - len(self._data)]
            self._data += part
            self._source_bytes += len(part)
            start += len(part)
            if len(self._data) == self._length:
                yield self._taken()
        self._data += END_OF_DOCUMENT
        if len(self._data) == self._length:
            yield self._taken()

    def add_all(self, documents: Sequence[bytes]) -> Iterator[Example]:
        """As `add` one by one; faster where they are short. Holds a copy of them all."""
        before, length = len(self._data), self._length
        text = b"".join([self._data, END_OF_DOCUMENT.join(documents), END_OF_DOCUMENT if documents else b""])
        sizes = np.fromiter(map(len, documents), np.int64, len(documents))
        markers = np.cumsum(sizes + len(END_OF_DOCUMENT)) + (before - len(END_OF_DOCUMENT))
        whole = len(text) // length
        inside = np.bincount(markers // length, minlength=whole + 1)
        inside[0] += before - self._source_bytes
        for number, added in enumerate(inside[:whole].tolist()):
            yield Example(text[number * length : (number + 1) * length], length - added)
        self._data = bytearray(text[whole * length :])
        self._source_bytes = len(self._data) - int(inside[whole])

    def rest(self) -> Iterator[Example]:
        """The last example, which is shorter; none where the text ended with an example."""
        if self._data:
            yield self._taken()

    def _taken(self) -> Example:
        example = Example(bytes(self._data), self._source_bytes)
        self._data.clear()
        self._source_bytes = 0
        return example


class ShuffledExamples:
    r"""Examples in memory, in stored order by index and in a new random order in each epoch.

    Stored flat: 1 byte per byte of text and 16 bytes per example.

    Examples:
        >>> examples = ShuffledExamples(cut_examples([b"abcd", b"efgh"], length=2))
        >>> len(examples), examples[1].data
        (5, b'cd')
        >>> order = examples.iterate(seed=0)
        >>> [next(order).data for _ in range(3)]
        [b'fg', b'\x00e', b'cd']
    """

    def __init__(self, examples: Iterable[Example]) -> None:
        text = bytearray()
        ends = array("q", [0])
        sources = array("q")
        for example in examples:
            text += example.data
            ends.append(len(text))
            sources.append(example.source_bytes)
        self._text = np.frombuffer(text, np.uint8)  # [bytes]
        self._offsets = np.frombuffer(ends, np.int64)  # [examples + 1], into _text
        self._source_bytes = np.frombuffer(sources, np.int64)  # [examples]

    def __len__(self) -> int:
        return len(self._source_bytes)

    def __getitem__(self, index: int) -> Example:
        """The example at `index` in stored order; IndexError beyond the last."""
        index = range(len(self))[index]
        start, end = self._offsets[index : index + 2]
        return Example(self._text[start:end].tobytes(), int(self._source_bytes[index]))

    def iterate(self, seed: int, position: int = 0) -> Iterator[Example]:
        """Endless examples: each once per epoch, every epoch in an order given by (seed, epoch).

        Args:
            seed: not negative; the same seed gives the same order on every machine.
            position: how many examples were consumed before. The sequence continues as if that many had
                been skipped, at the cost of one permutation.

        Raises:
            EqualInfoError: there are no examples, or `seed` or `position` is negative.
        """
        if not len(self):
            raise EqualInfoError("there are no examples to shuffle; use a corpus with more documents")
        if seed < 0 or position < 0:
            raise EqualInfoError(f"seed and position must not be negative, not {seed} and {position}")
        return self._iterate(seed, position)

    def _iterate(self, seed: int, position: int) -> Iterator[Example]:
        first_epoch, skipped = divmod(position, len(self))
        for epoch in itertools.count(first_epoch):
            for index in permutation(len(self), seed, epoch)[skipped:]:
                yield self[int(index)]
            skipped = 0
