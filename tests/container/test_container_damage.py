"""Whatever is done to a container, no wrong byte comes out of it and the error says where."""

import contextlib
import hashlib
import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.container.format import (
    ADAPTIVE,
    HEAD_BYTES,
    HEADER_BYTES,
    LARGEST_ADAPTIVE_BLOCK,
    LARGEST_BLOCK,
    M1_ALONE,
    MAGIC,
    DamagedContainer,
    Head,
    Header,
    Index,
    WrongModel,
    digest,
)
from equalinfo.container.reading import Container, read_container
from equalinfo.errors import EqualInfoError
from tests.support import tiny
from tests.support.containers import MIXED, OTHER, UNIGRAM, packed, part, unpacked

TEXT = MIXED[:200]


@pytest.fixture(scope="module", params=[M1_ALONE, ADAPTIVE])
def data(request: pytest.FixtureRequest) -> bytes:
    """Blocks that are coded, one that is stored, and a last one that is shorter."""
    made = packed(UNIGRAM, TEXT, 64, 16, version=request.param)
    facts = Container(io.BytesIO(made)).facts()
    assert 0 < facts["stored_blocks"] < facts["blocks"]
    return made


def assert_refused(damaged: bytes, text: bytes = TEXT, predictor=UNIGRAM) -> None:
    """Read as a stream, an error comes, and before it nothing but a beginning of the text."""
    got = b""
    blocks = read_container(predictor, io.BytesIO(damaged), threads=1)
    error = None
    try:
        for block in blocks:
            got += block
    except (DamagedContainer, WrongModel) as refusal:
        error = str(refusal)
    assert error
    assert text.startswith(got)
    assert "\n" not in error
    # Read at a place, the file's other blocks are not looked at; what is given is right.
    with contextlib.suppress(DamagedContainer, WrongModel):
        assert part(predictor, damaged, 0, len(text), threads=1) == text


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_every_flipped_bit_is_found(data, step):
    for bit in range(0, 8 * len(data), step):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises((DamagedContainer, WrongModel)):
            unpacked(UNIGRAM, bytes(damaged), threads=1)
        with pytest.raises((DamagedContainer, WrongModel)):
            part(UNIGRAM, bytes(damaged), 0, len(TEXT), threads=1)


def test_every_truncation_is_found(data):
    for length in range(len(data)):
        assert_refused(data[:length])
        with pytest.raises(DamagedContainer):
            Container(io.BytesIO(data[:length]))


def test_what_follows_the_end_is_found(data):
    for more in (b"\0", b"\n", data, data[-16:], bytes(1000)):
        assert_refused(data + more)
        with pytest.raises(DamagedContainer):
            Container(io.BytesIO(data + more))


CONTAINER = packed(UNIGRAM, TEXT, 64, 16)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(CONTAINER)), st.integers(0, len(CONTAINER)), st.binary(max_size=30), st.booleans())
def test_any_change_is_found(start, stop, put, swap):
    """Any stretch replaced by any bytes, or moved to the end."""
    start, stop = min(start, stop), max(start, stop)
    changed = CONTAINER[:start] + put + CONTAINER[stop:] + (CONTAINER[start:stop] if swap else b"")
    if changed != CONTAINER:
        assert_refused(changed)


def records(data: bytes) -> list[bytes]:
    """The records of a container's blocks."""
    container = Container(io.BytesIO(data))
    ends = container.offsets.tolist()
    return [data[ends[i] : ends[i + 1]] for i in range(len(ends) - 1)]


def assembled(header: Header, parts: list[bytes]) -> bytes:
    """A container of given records, with an index that fits them."""
    heads = [Head.from_bytes(part[:HEAD_BYTES]) for part in parts]
    lengths = b"".join(struct.pack("<I", head.coded) for head in heads)
    joined = digest(*(part[:HEAD_BYTES] for part in parts))
    index = Index(sum(head.source for head in heads), lengths, joined)
    return header.to_bytes() + b"".join(parts) + index.to_bytes(header.digest)


def test_blocks_in_another_order_or_of_another_container(data):
    header, parts = Container(io.BytesIO(data)).header, records(data)
    assert assembled(header, parts) == data
    other = records(packed(UNIGRAM, TEXT, 64, 8, version=header.version))
    for changed in (
        [parts[1], parts[0], *parts[2:]],
        [parts[0], *parts],
        parts[1:],
        [other[0], *parts[1:]],
        [parts[0], parts[-1], *parts[2:]],
    ):
        assert_refused(assembled(header, changed))


@pytest.mark.parametrize("version", [M1_ALONE, ADAPTIVE])
def test_a_decoder_that_gives_another_text_is_found(version):
    """The right digest of the code and the wrong one of the text, as a defect of the decoder would look."""
    header, text = Header(UNIGRAM.fingerprint, 64, 16, version), b"abcabc" * 5
    code = records(packed(UNIGRAM, text, 64, 16, version=version))[0][HEAD_BYTES:]
    head = Head(len(text), len(code), digest(b"another"), b"")
    fields = head.to_bytes()[:-8]
    made = Head(
        head.source, head.coded, head.source_digest, digest(header.digest, struct.pack("<Q", 0), fields, code)
    )
    damaged = assembled(header, [made.to_bytes() + code])
    with pytest.raises(DamagedContainer, match="block 0 does not decode"):
        unpacked(UNIGRAM, damaged)


def test_lengths_are_refused_before_anything_is_read_or_allocated():
    """Well-formed heads of lengths that no writer writes; a stream that gave so many bytes would be noticed."""

    class Counting(io.BytesIO):
        asked = 0

        def read(self, count: int | None = -1) -> bytes:
            assert count is not None
            self.asked = max(self.asked, count)
            return super().read(count)

    old = Header(UNIGRAM.fingerprint, LARGEST_BLOCK, 1 << 10, M1_ALONE)
    new = Header(block=LARGEST_ADAPTIVE_BLOCK)
    for header, source, coded in [
        (old, 1 << 31, 1 << 30),
        (old, LARGEST_BLOCK + 1, 5),
        (old, 5, 6),
        (old, 5, 0),
        (old, LARGEST_BLOCK, 2**32 - 1),
        (old, LARGEST_BLOCK, 5),  # more text than any model gives for five bytes
        (new, 1 << 31, 1 << 30),
        (new, LARGEST_ADAPTIVE_BLOCK + 1, 5),
        (new, LARGEST_ADAPTIVE_BLOCK, 5),
        (new, 5, 6),
    ]:
        stream = Counting(header.to_bytes() + Head(source, coded, bytes(8), bytes(8)).to_bytes() + bytes(99))
        with pytest.raises(DamagedContainer, match="block 0"):
            list(read_container(UNIGRAM, stream))
        assert stream.asked <= HEADER_BYTES


def test_an_index_larger_than_its_file_is_refused():
    header = Header(UNIGRAM.fingerprint, 64, 16).to_bytes()
    for offset in (0, 1, HEADER_BYTES, 2**40, 2**64 - 1):
        with pytest.raises(DamagedContainer):
            Container(io.BytesIO(header + bytes(200) + struct.pack("<Q", offset) + bytes(8)))


def test_a_missing_model_is_named(data):
    with pytest.raises(WrongModel, match="give that as --m1") as error:
        unpacked(None, data)
    assert UNIGRAM.fingerprint in str(error.value)


def test_a_context_without_a_model_is_refused():
    """Under a right digest, as a writer of another program could make it."""
    fields = struct.pack("<8sHII32s", MAGIC, ADAPTIVE, 64, 16, bytes(32))
    with pytest.raises(DamagedContainer, match="context"):
        Header.from_bytes(fields + digest(fields))


def test_the_wrong_model_is_named(data):
    for read in (lambda: unpacked(OTHER, data), lambda: part(OTHER, data, 0, 5)):
        with pytest.raises(WrongModel) as error:
            read()
        assert OTHER.fingerprint in str(error.value)
        assert UNIGRAM.fingerprint in str(error.value)


def test_another_version_is_named(data):
    later = bytearray(data)
    later[len(MAGIC)] = 3
    with pytest.raises(DamagedContainer, match="version 3 and this equalinfo reads up to 2"):
        unpacked(UNIGRAM, bytes(later))


def test_errors_say_which_block(data):
    offsets = Container(io.BytesIO(data)).offsets.tolist()
    for number in range(len(offsets) - 1):
        damaged = bytearray(data)
        damaged[offsets[number] + HEAD_BYTES] ^= 1
        with pytest.raises(DamagedContainer, match=f"block {number} is damaged"):
            unpacked(UNIGRAM, bytes(damaged))
        # The other blocks can still be read.
        for other in range(len(offsets) - 1):
            if other != number:
                expected = TEXT[64 * other : 64 * other + 64]
                assert part(UNIGRAM, bytes(damaged), 64 * other, 64) == expected


def test_files_that_are_none():
    for other in (
        b"",
        b"\x89",
        b"hello",
        bytes(300),
        b"\x1f\x8b" + bytes(100),
        MAGIC.replace(b"\r\n", b"\n"),
    ):
        for read in (unpacked, lambda predictor, data: part(predictor, data, 0, 1)):
            with pytest.raises(DamagedContainer):
                read(UNIGRAM, other)


@pytest.mark.parametrize("version", [M1_ALONE, ADAPTIVE])
def test_the_format_is_the_documented_one(version):
    """A container taken apart without this package's own reader; docs/container.md says these offsets."""
    data = packed(UNIGRAM, b"ab", 64, 16, version=version)
    header, rest = data[:58], data[58:]
    assert header[:10] == b"\x89EQI\r\n\x1a\n" + bytes([version, 0])
    assert struct.unpack("<II", header[10:18]) == (64, 16)
    assert header[18:50].hex() == UNIGRAM.fingerprint
    assert header[50:] == hashlib.sha256(header[:50]).digest()[:8]
    source, coded = struct.unpack("<II", rest[:8])
    assert source == 2
    assert rest[8:16] == hashlib.sha256(b"ab").digest()[:8]
    code = rest[24 : 24 + coded]
    covered = header[50:] + struct.pack("<Q", 0) + rest[:16] + code
    assert rest[16:24] == hashlib.sha256(covered).digest()[:8]
    index = rest[24 + coded :]
    assert struct.unpack("<IQQ", index[:20]) == (0, 1, 2)
    assert index[20:28] == hashlib.sha256(rest[:24]).digest()[:8]
    assert struct.unpack("<IQ", index[28:40]) == (coded, 58 + 24 + coded)
    assert index[40:] == hashlib.sha256(header[50:] + index[:40]).digest()[:8]


def test_an_untrained_model_finds_damage_too(plain_model):
    text = b"\0" * 60 + tiny.likely_text(plain_model, 40, seed=1)
    data = packed(plain_model, text, 50, 10)
    for bit in range(0, 8 * len(data), 7):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(EqualInfoError):
            unpacked(plain_model, bytes(damaged), threads=1)
