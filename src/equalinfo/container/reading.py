"""Reading a container: in order from anything that can be read, or any part of one in a file.

Nothing leaves these functions before its digests are right.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO

import numpy as np

from equalinfo.coding.interleaved import decode_interleaved
from equalinfo.coding.mixing import coder
from equalinfo.coding.mixing.coder import Advance
from equalinfo.container.format import (
    ADAPTIVE,
    DEFAULT_M1_BLOCK,
    DIGEST_BYTES,
    FOOTER_BYTES,
    HEAD_BYTES,
    HEADER_BYTES,
    LENGTH_BYTES,
    SMALLEST,
    DamagedContainer,
    Head,
    Header,
    Index,
    WrongModel,
    digest,
    read_exactly,
)
from equalinfo.errors import EqualInfoError
from equalinfo.parallel import in_order, worker_threads
from equalinfo.predict.base import Predictor

Record = tuple[int, Head, bytes]  # the block's number, its head, its coded bytes


def read_container(
    predictor: Predictor | None,
    stream: IO[bytes],
    threads: int | None = None,
    at_once: int | None = None,
    advance: Advance | None = None,
) -> Iterator[bytes]:
    """The whole text, block by block; the same whatever `threads` and `at_once`.

    Args:
        predictor: the M1 that took part, if one did.
        stream: read once, in order; may be a pipe.
        threads: default: one per core.
        at_once: blocks by M1 alone that one thread decodes side by side; default: as many as have DEFAULT_M1_BLOCK
            bytes of text.
        advance: called with bytes of text as they are decoded, from any thread.

    Raises:
        DamagedContainer: not what was written. Blocks given before are right.
        WrongModel: written with another model.
    """
    header = Header.from_bytes(read_exactly(stream, HEADER_BYTES))
    check_model(header, predictor)
    yield from _texts(predictor, header, _records(stream, header), threads, at_once, advance)


def check_model(header: Header, predictor: Predictor | None) -> None:
    """Raises WrongModel if the container was written with an M1, and not with this one."""
    if not header.needs_model:
        return
    if predictor is None:
        raise WrongModel(f"it was compressed with the M1 {header.model}; give that as --m1")
    if header.model != predictor.fingerprint:
        raise WrongModel(
            f"it was compressed with the M1 {header.model}, and the M1 given is {predictor.fingerprint}; "
            "give the one that compressed it"
        )


def _records(stream: IO[bytes], header: Header) -> Iterator[Record]:
    """Every record of a container read in order, checked; then the index is checked, and that nothing follows."""
    heads, lengths, total, number = hashlib.sha256(), bytearray(), 0, 0
    while first := read_exactly(stream, LENGTH_BYTES):
        if not any(first):
            break
        data = first + read_exactly(stream, HEAD_BYTES - len(first))
        # Lengths are believed only where all blocks before are full and no more than a block is claimed.
        if len(data) < HEAD_BYTES or total != number * header.block:
            raise _damaged(number)
        head = Head.from_bytes(data)
        yield number, head, _checked_code(stream, head, header, number)
        heads.update(data)
        lengths += struct.pack("<I", head.coded)
        total += head.source
        number += 1
    if len(first) < LENGTH_BYTES:
        raise DamagedContainer(f"it is cut off after block {number - 1}" if number else "it is cut off")
    expected = Index(total, bytes(lengths), heads.digest()[:DIGEST_BYTES]).to_bytes(header.digest)
    if read_exactly(stream, len(expected) - len(first)) != expected[len(first) :]:
        raise DamagedContainer("it is cut off, or its index is damaged")
    if stream.read(1):
        raise DamagedContainer("more bytes follow its end")


def _checked_code(stream: IO[bytes], head: Head, header: Header, number: int) -> bytes:
    """The coded bytes that follow a head."""
    if not head.possible(header):
        raise _damaged(number)
    code = read_exactly(stream, head.coded)
    if not head.belongs(header.digest, number, code):
        raise _damaged(number)
    return code


def _damaged(number: int) -> DamagedContainer:
    return DamagedContainer(f"block {number} is damaged or cut off")


def _texts(
    predictor: Predictor | None,
    header: Header,
    records: Iterator[Record],
    threads: int | None,
    at_once: int | None,
    advance: Advance | None,
) -> Iterator[bytes]:
    """The texts of checked records; those by M1 alone are decoded in groups side by side."""
    adaptive = header.version == ADAPTIVE
    size = 1 if adaptive else at_once or max(1, DEFAULT_M1_BLOCK // header.block)
    groups: Iterable[list[Record]] = iter(lambda: list(islice(records, size)), [])

    def decoded(group: list[Record]) -> list[bytes]:
        if not adaptive:
            assert predictor is not None  # check_model
            return _decode_group(predictor, header.context, group)
        return [_decode_block(predictor, header, *group[0], advance)]

    with worker_threads(threads) as workers:
        for texts in in_order(workers, decoded, groups):
            for text in texts:
                if advance and not adaptive:
                    advance(len(text))
                yield text


def _decode_block(
    predictor: Predictor | None, header: Header, number: int, head: Head, code: bytes, advance: Advance | None
) -> bytes:
    model = predictor if header.needs_model else None
    if head.coded == head.source:
        text = code
        if advance:
            advance(len(text))
    else:
        text = coder.decode(code, head.source, model, header.context, advance)
    return _checked_text(number, head, text)


def _decode_group(predictor: Predictor, context: int, group: list[Record]) -> list[bytes]:
    coded = [(head, code) for _, head, code in group if head.coded < head.source]
    lengths = [head.source for head, _ in coded]
    decoded = iter(
        decode_interleaved(predictor, [code for _, code in coded], lengths, context) if coded else []
    )
    texts = [next(decoded) if head.coded < head.source else code for _, head, code in group]
    return [_checked_text(number, head, text) for (number, head, _), text in zip(group, texts, strict=True)]


def _checked_text(number: int, head: Head, text: bytes) -> bytes:
    if digest(text) != head.source_digest:
        raise DamagedContainer(f"block {number} does not decode to the text that was compressed")
    return text


class Container:
    """A container in a file that can be read at any place.

    Args:
        stream: seekable; its header and index are read and checked at once.

    Raises:
        DamagedContainer: not a container, cut off, or damaged in header or index.

    Examples:
        >>> import io
        >>> from equalinfo.container.writing import write_container
        >>> from equalinfo.predict.exact_files import load_m1
        >>> m1, packed = load_m1("english-m1"), io.BytesIO()
        >>> _ = write_container(m1, io.BytesIO(b"some text, and some more text"), packed, block=10, context=10)
        >>> container = Container(packed)
        >>> b"".join(container.read(m1, start=11, length=8)), container.facts()["blocks"]
        (b'and some', 3)
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.size = stream.seek(0, 2)
        stream.seek(0)
        self.header = Header.from_bytes(read_exactly(stream, HEADER_BYTES))
        if self.size < SMALLEST:
            raise DamagedContainer("it is cut off")
        stream.seek(self.size - FOOTER_BYTES)
        offset, length = Index.size_and_place(read_exactly(stream, FOOTER_BYTES), self.size)
        stream.seek(offset)
        self.index = Index.from_bytes(read_exactly(stream, length), offset, self.header)
        coded = np.frombuffer(self.index.coded, "<u4").astype(np.int64)
        # Where each block's record begins, and where the last one ends.
        self.offsets = HEADER_BYTES + np.cumsum(np.concatenate([[0], coded + HEAD_BYTES]))

    def facts(self) -> dict[str, int | float | str]:
        """What header and index say, sizes in bytes."""
        stored = int((np.diff(self.offsets) - HEAD_BYTES == self._sources()).sum())
        source = self.index.source
        header = self.header
        adaptive = "adaptive and M1" if header.needs_model else "adaptive"
        return {
            "predictor": adaptive if header.version == ADAPTIVE else "M1",
            **({"model": header.model, "context_bytes": header.context} if header.needs_model else {}),
            "block_bytes": header.block,
            "blocks": self.index.blocks,
            "stored_blocks": stored,
            "source_bytes": source,
            "coded_bytes": self.index.records_bytes - HEAD_BYTES * self.index.blocks,
            "container_bytes": self.size,
            "bits_per_byte": 8 * self.size / source if source else 0.0,
        }

    def _sources(self) -> np.ndarray:
        """Bytes of text of each block."""
        starts = np.arange(self.index.blocks) * self.header.block
        return np.minimum(self.header.block, self.index.source - starts)

    def read(
        self,
        predictor: Predictor | None,
        start: int,
        length: int,
        threads: int | None = None,
        at_once: int | None = None,
        advance: Advance | None = None,
    ) -> Iterator[bytes]:
        """The text from byte `start` on, `length` bytes or up to its end; only blocks that hold them are decoded.

        Raises:
            DamagedContainer: one of these blocks is not what was written.
            WrongModel: written with another model.
            EqualInfoError: the text has no byte `start`.
        """
        check_model(self.header, predictor)
        if start < 0 or length < 0 or start > self.index.source:
            raise EqualInfoError(f"the text has {self.index.source} bytes; none at {start}")
        stop = min(start + length, self.index.source)
        block = self.header.block
        first, after = start // block, -(-stop // block)
        records = self._records(range(first, after if stop > start else first))
        position = first * block
        for text in _texts(predictor, self.header, records, threads, at_once, advance):
            yield text[max(0, start - position) : stop - position]
            position += len(text)

    def _records(self, numbers: Iterable[int]) -> Iterator[Record]:
        sources = self._sources()
        for number in numbers:
            begin, end = self.offsets[number : number + 2].tolist()
            self.stream.seek(begin)
            data = read_exactly(self.stream, HEAD_BYTES)
            if len(data) < HEAD_BYTES:
                raise _damaged(number)
            head = Head.from_bytes(data)
            if head.source != sources[number] or HEAD_BYTES + head.coded != end - begin:
                raise _damaged(number)
            yield number, head, _checked_code(self.stream, head, self.header, number)
