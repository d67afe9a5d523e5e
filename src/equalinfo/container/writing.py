"""Writing a container: blocks are coded side by side and written in order, in memory that does not grow."""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from equalinfo.coding.mixing import coder
from equalinfo.container.format import (
    DEFAULT_BLOCK,
    DEFAULT_CONTEXT,
    DEFAULT_M1_BLOCK,
    DIGEST_BYTES,
    Head,
    Header,
    Index,
    read_exactly,
)
from equalinfo.parallel import in_order, worker_threads
from equalinfo.predict.base import Predictor


@dataclass(frozen=True)
class Written:
    """Counts of a container just written; all in bytes but `blocks` and `stored`.

    Args:
        source: text read.
        coded: code of the blocks, or text where a block is stored as it is.
        container: the whole container.
        blocks: number of blocks.
        stored: how many of them are stored as they are, because code would be longer.
    """

    source: int
    coded: int
    container: int
    blocks: int
    stored: int


def write_container(
    predictor: Predictor | None,
    source: IO[bytes],
    target: IO[bytes],
    block: int | None = None,
    context: int | None = None,
    threads: int | None = None,
    advance: coder.Advance | None = None,
) -> Written:
    """Compresses all that `source` gives into `target`; the same bytes whatever `threads`.

    Args:
        predictor: an M1 whose frequencies the adaptive predictor takes as one more input; None: it works alone.
        source: read once, in order; may be a pipe.
        target: written once, in order; may be a pipe.
        block: bytes of text that are checked, and can be read, on their own; default: DEFAULT_BLOCK, or
            DEFAULT_M1_BLOCK with an M1.
        context: bytes after which M1 starts afresh; longer is slower; default: DEFAULT_CONTEXT.
        threads: default: one per core.
        advance: called with bytes of text as they are coded, from any thread.

    Raises:
        EqualInfoError: a block or context size outside the format's limits.

    Examples:
        >>> import io
        >>> from equalinfo.container.reading import read_container
        >>> from equalinfo.predict.exact_files import load_m1
        >>> m1, packed = load_m1("english-m1"), io.BytesIO()
        >>> written = write_container(m1, io.BytesIO(b"some text, and some more text"), packed)
        >>> written.source, written.blocks
        (29, 1)
        >>> b"".join(read_container(m1, io.BytesIO(packed.getvalue())))
        b'some text, and some more text'
    """
    if predictor:
        context = DEFAULT_CONTEXT if context is None else context
        header = Header(predictor.fingerprint, DEFAULT_M1_BLOCK if block is None else block, context)
    else:
        header = Header(block=DEFAULT_BLOCK if block is None else block, context=context or 0)

    def record(numbered: tuple[int, bytes]) -> tuple[Head, bytes]:
        number, text = numbered
        reported = 0

        def tell(count: int) -> None:
            nonlocal reported
            reported += count
            if advance:
                advance(count)

        code = coder.encode(text, predictor, header.context, tell)
        if code is None:
            code = text
            tell(len(text) - reported)
        return Head.made(header.digest, number, text, code), code

    total = coded = stored = 0
    heads = hashlib.sha256()
    lengths = bytearray()  # the one thing that grows: four bytes a block
    target.write(header.to_bytes())
    with worker_threads(threads) as workers:
        for head, code in in_order(workers, record, enumerate(cut_blocks(source, header.block))):
            written = head.to_bytes()
            target.write(written)
            target.write(code)
            heads.update(written)
            lengths += struct.pack("<I", head.coded)
            total += head.source
            coded += head.coded
            stored += head.coded == head.source
    index = Index(total, bytes(lengths), heads.digest()[:DIGEST_BYTES])
    end = index.to_bytes(header.digest)
    target.write(end)
    container = len(header.to_bytes()) + index.records_bytes + len(end)
    return Written(total, coded, container, index.blocks, stored)


def cut_blocks(source: IO[bytes], size: int) -> Iterator[bytes]:
    """`source` in parts of `size` bytes, the last one shorter."""
    while text := read_exactly(source, size):
        yield text
        if len(text) < size:
            return
