"""The container's bytes: header, records of blocks, and the index that ends it (docs/container.md).

Integers are unsigned and little-endian. Digests are the first 8 bytes of a SHA-256. Every bit of a container is
either under a digest or has one allowed value.
"""

import hashlib
import struct
from dataclasses import dataclass, replace
from typing import IO

from equalinfo.errors import DamagedArtifact, EqualInfoError

MAGIC = b"\x89EQI\r\n\x1a\n"  # its line ends do not survive a transfer as text
# What made the code of the blocks: M1 alone, which is still read; or the adaptive predictor of `coding.mixing`, alone
# or with an M1. Whatever changes a bit of what they predict gets a number of its own.
M1_ALONE, ADAPTIVE = 1, 2
VERSIONS = (M1_ALONE, ADAPTIVE)
NO_MODEL = "0" * 64
DIGEST_BYTES = 8

# What a reader has to provide for, however hostile the container.
LARGEST_BLOCK = 1 << 18  # with an M1
LARGEST_ADAPTIVE_BLOCK = 1 << 26
LARGEST_CONTEXT = 1 << 14
MOST_LANES = 1 << 10
# Text bytes per coded byte. With M1 alone a byte costs at least log2(2^14 / (2^14 - 255)) bits, which is 1/353 of a
# byte; with the adaptive predictor 8 * log2(65536 / 65535) bits, 1/45,426 of one.
LARGEST_RATIO = {M1_ALONE: 384, ADAPTIVE: 1 << 16}

DEFAULT_BLOCK = 1 << 24
DEFAULT_M1_BLOCK = 1 << 16
DEFAULT_CONTEXT = 1 << 9

_HEADER = struct.Struct("<8sHII32s")
_HEAD = struct.Struct("<II8s8s")
_TAIL = struct.Struct("<IQQ8s")
_FOOTER = struct.Struct("<Q8s")
HEADER_BYTES = _HEADER.size + DIGEST_BYTES
HEAD_BYTES = _HEAD.size
TAIL_BYTES = _TAIL.size
FOOTER_BYTES = _FOOTER.size
LENGTH_BYTES = 4
SMALLEST = HEADER_BYTES + TAIL_BYTES + FOOTER_BYTES


class DamagedContainer(DamagedArtifact):
    """A container that does not hold what was written: damaged, cut off, or not one at all."""


class WrongModel(EqualInfoError):
    """A container that was written with another model than the one given."""


def digest(*parts: bytes) -> bytes:
    """The first 8 bytes of the SHA-256 of the parts joined."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.digest()[:DIGEST_BYTES]


@dataclass(frozen=True)
class Header:
    """What holds for the whole container.

    Args:
        model: fingerprint of the M1, SHA-256 as 64 hexadecimal digits; NO_MODEL without one.
        block: bytes of text in every block but the last.
        context: bytes of text after which M1 starts afresh; 0 without one.
        version: what made the code.
    """

    model: str = NO_MODEL
    block: int = DEFAULT_BLOCK
    context: int = 0
    version: int = ADAPTIVE

    def __post_init__(self) -> None:
        if not self.needs_model:
            if not 1 <= self.block <= LARGEST_ADAPTIVE_BLOCK:
                raise EqualInfoError(f"blocks of {self.block} bytes; take 1 to {LARGEST_ADAPTIVE_BLOCK}")
            if self.context:
                raise EqualInfoError("a context without an M1; it says where M1 starts afresh")
            return
        if not 1 <= self.context <= LARGEST_CONTEXT:
            raise EqualInfoError(f"a context of {self.context} bytes; take 1 to {LARGEST_CONTEXT}")
        if not 1 <= self.block <= LARGEST_BLOCK:
            raise EqualInfoError(f"blocks of {self.block} bytes with an M1; take 1 to {LARGEST_BLOCK}")
        if -(-self.block // self.context) > MOST_LANES:
            raise EqualInfoError(
                f"a block of {self.block} bytes holds more than {MOST_LANES} contexts of {self.context}; "
                "take smaller blocks or a longer context"
            )

    @property
    def needs_model(self) -> bool:
        """Whether an M1 took part."""
        return self.version == M1_ALONE or self.model != NO_MODEL

    def to_bytes(self) -> bytes:
        fields = _HEADER.pack(MAGIC, self.version, self.block, self.context, bytes.fromhex(self.model))
        return fields + digest(fields)

    @staticmethod
    def from_bytes(data: bytes) -> "Header":
        """The header in the first HEADER_BYTES bytes of a container (fewer, if it has no more).

        Raises:
            DamagedContainer: not a container, of another version, cut off, or damaged.
        """
        if data[: len(MAGIC)] != MAGIC:
            raise DamagedContainer("it is not a file that equalinfo compressed, or its start is damaged")
        if len(data) >= len(MAGIC) + 2:
            version = int.from_bytes(data[len(MAGIC) : len(MAGIC) + 2], "little")
            if version not in VERSIONS:
                raise DamagedContainer(
                    f"it has version {version} and this equalinfo reads up to {VERSIONS[-1]} "
                    "(or its start is damaged); "
                    "install the equalinfo that wrote it"
                )
        if len(data) < HEADER_BYTES:
            raise DamagedContainer("it is cut off in its header")
        if digest(data[: _HEADER.size]) != data[_HEADER.size : HEADER_BYTES]:
            raise DamagedContainer("its header is damaged")
        _, version, block, context, model = _HEADER.unpack_from(data)
        try:
            return Header(model.hex(), block, context, version)
        except EqualInfoError as error:
            raise DamagedContainer(f"its header says {error}") from error

    @property
    def digest(self) -> bytes:
        """What binds records and index to this header."""
        return self.to_bytes()[_HEADER.size :]


@dataclass(frozen=True)
class Head:
    """The head of a block's record; `coded` bytes follow it.

    Args:
        source: bytes of text, at least 1.
        coded: bytes of code, fewer than `source`; or just as many: then they are the text itself.
        source_digest: of the text.
        digest: of the header's digest, the block's number, the fields before this one and the coded bytes.
    """

    source: int
    coded: int
    source_digest: bytes
    digest: bytes

    @staticmethod
    def made(header: bytes, number: int, text: bytes, code: bytes) -> "Head":
        head = Head(len(text), len(code), digest(text), b"")
        return replace(head, digest=head._record_digest(header, number, code))

    def to_bytes(self) -> bytes:
        return _HEAD.pack(self.source, self.coded, self.source_digest, self.digest)

    @staticmethod
    def from_bytes(data: bytes) -> "Head":
        return Head(*_HEAD.unpack(data))

    def possible(self, header: Header) -> bool:
        """Whether a writer could have written these lengths; checked before anything is read or allocated."""
        ratio = LARGEST_RATIO[header.version]
        return 1 <= self.coded <= self.source <= header.block and self.source <= ratio * self.coded + ratio

    def belongs(self, header: bytes, number: int, code: bytes) -> bool:
        """Whether head and coded bytes are those written for this block of this container."""
        return self._record_digest(header, number, code) == self.digest

    def _record_digest(self, header: bytes, number: int, code: bytes) -> bytes:
        return digest(header, struct.pack("<Q", number), self.to_bytes()[:-DIGEST_BYTES], code)


@dataclass(frozen=True)
class Index:
    """What ends a container: how many blocks, and where they lie.

    Args:
        source: bytes of text in all.
        coded: bytes of code of each block, as LENGTH_BYTES each.
        heads: digest of the heads of all blocks, joined.
    """

    source: int
    coded: bytes
    heads: bytes

    @property
    def blocks(self) -> int:
        return len(self.coded) // LENGTH_BYTES

    @property
    def records_bytes(self) -> int:
        """Bytes that the blocks' records take together."""
        return HEAD_BYTES * self.blocks + sum(length for (length,) in struct.iter_unpack("<I", self.coded))

    def to_bytes(self, header: bytes) -> bytes:
        offset = HEADER_BYTES + self.records_bytes
        fields = _TAIL.pack(0, self.blocks, self.source, self.heads) + self.coded + struct.pack("<Q", offset)
        return fields + digest(header, fields)

    @staticmethod
    def size_and_place(footer: bytes, total: int) -> tuple[int, int]:
        """Where the index begins and how long it is, from the last FOOTER_BYTES of a container of `total` bytes.

        Raises:
            DamagedContainer: no index can lie there.
        """
        offset, _ = _FOOTER.unpack(footer)
        size = total - offset
        entries = size - TAIL_BYTES - FOOTER_BYTES
        # Each entry stands for a record of a byte or more, so a small file cannot claim a large index.
        records = entries // LENGTH_BYTES * (HEAD_BYTES + 1)
        if entries < 0 or entries % LENGTH_BYTES or offset < HEADER_BYTES + records:
            raise DamagedContainer("it is cut off, damaged at its end, or more bytes follow it")
        return offset, size

    @staticmethod
    def from_bytes(data: bytes, offset: int, header: Header) -> "Index":
        """The index that begins at byte `offset` of a container and is all of `data`.

        Raises:
            DamagedContainer: it is not the one that was written.
        """
        damaged = DamagedContainer("it is cut off, or its index is damaged")
        if len(data) < TAIL_BYTES + FOOTER_BYTES:
            raise damaged
        if digest(header.digest, data[:-DIGEST_BYTES]) != data[-DIGEST_BYTES:]:
            raise damaged
        zero, blocks, source, heads = _TAIL.unpack_from(data)
        index = Index(source, data[TAIL_BYTES:-FOOTER_BYTES], heads)
        if index.to_bytes(header.digest) != data or zero or blocks != index.blocks:
            raise damaged
        # All blocks but the last are full; none is empty.
        if HEADER_BYTES + index.records_bytes != offset or -(-source // header.block) != blocks:
            raise damaged
        return index


def read_exactly(stream: IO[bytes], count: int) -> bytes:
    """`count` bytes, or fewer if the stream ends; a pipe that gives less at a time is asked again."""
    parts, missing = [], count
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
