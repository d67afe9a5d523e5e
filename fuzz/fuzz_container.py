"""Containers from elsewhere: any bytes are read or refused, and whatever was written is read back.

    python fuzz/fuzz_container.py -max_total_time=300

The first byte of an input says what is done with the rest: read it as a container, read it as the parts of a
container whose digests are right (which chance would never give), or compress it and read it back. Containers are of
all kinds: by the adaptive predictor alone, with a model, and by a model alone.
"""

import io
import struct

import atheris
import numpy as np
from _running import COMPILED, run

from equalinfo.coding.interleaved import decode_interleaved
from equalinfo.coding.mixing import coder
from equalinfo.errors import EqualInfoError
from equalinfo.predict.unigram import Unigram, quantise_counts

with atheris.instrument_imports(include=["equalinfo"], exclude=COMPILED):
    from equalinfo.container import format, reading, writing

PREDICTOR = Unigram(quantise_counts(np.array([1 + 4000 * (byte in b" etaoins\0") for byte in range(256)])))
MOST = 20_000  # bytes of text that one input may make


def one_input(data: bytes) -> None:
    if not data:
        return
    kind, rest = data[0] % 3, data[1:]
    if kind == 0:
        read_all_ways(rest)
    elif kind == 1:
        read_all_ways(forged(rest))
    else:
        round_trip(rest)


def read_all_ways(container: bytes) -> None:
    """As a stream and at places of a file; both give the same or refuse."""
    try:
        streamed = b"".join(reading.read_container(PREDICTOR, io.BytesIO(container), 1))
    except EqualInfoError:
        streamed = None
    try:
        opened = reading.Container(io.BytesIO(container))
        opened.facts()
        length = opened.index.source
        whole = b"".join(opened.read(PREDICTOR, 0, length, 1))
        assert whole[length // 3 : length // 2] == b"".join(
            opened.read(PREDICTOR, length // 3, length // 2 - length // 3, 1)
        )
    except EqualInfoError:
        whole = None
    assert streamed is None or streamed == whole


def forged(data: bytes) -> bytes:
    """A container whose fields come from `data` and whose digests fit them."""
    source = atheris.FuzzedDataProvider(data)
    block, context = source.ConsumeIntInRange(0, 3000), source.ConsumeIntInRange(0, 300)
    version, alone = source.PickValueInList(list(format.VERSIONS)), source.ConsumeBool()
    model = format.NO_MODEL if alone else PREDICTOR.fingerprint
    if alone and source.ConsumeBool():
        context = 0
    fields = struct.pack("<8sHII", format.MAGIC, version, block, context) + bytes.fromhex(model)
    key = format.digest(fields)
    parts, lengths, heads = [], b"", b""
    for number in range(source.ConsumeIntInRange(0, 4)):
        code = source.ConsumeBytes(source.ConsumeIntInRange(0, 300))
        text = source.ConsumeIntInRange(0, 4000) if source.ConsumeBool() else block
        claimed = source.ConsumeIntInRange(0, 2**32 - 1) if source.ConsumeIntInRange(0, 9) == 0 else len(code)
        # The digest of the text is right where the code can be decoded at all.
        decoded = b""
        if (context or alone) and 0 < text <= 4000 and source.ConsumeIntInRange(0, 9):
            if version == format.ADAPTIVE:
                decoded = coder.decode(code, text, None if alone else PREDICTOR, context)
            elif context:
                decoded = decode_interleaved(PREDICTOR, [code], [text], context)[0]
        head = struct.pack("<II", text, claimed) + format.digest(code if claimed == text else decoded)
        head += format.digest(key, struct.pack("<Q", number), head, code)
        parts.append(head + code)
        heads += head
        lengths += struct.pack("<I", claimed)
    total = source.ConsumeIntInRange(0, 20_000) if source.ConsumeBool() else len(parts) * block
    body = b"".join(parts)
    tail = struct.pack("<IQQ", 0, len(parts), total) + format.digest(heads) + lengths
    tail += struct.pack("<Q", len(fields) + len(key) + len(body))
    return fields + key + body + tail + format.digest(key, tail) + source.ConsumeBytes(4)


def round_trip(data: bytes) -> None:
    source = atheris.FuzzedDataProvider(data)
    block, context = source.ConsumeIntInRange(0, 300), source.ConsumeIntInRange(0, 300)
    predictor = PREDICTOR if source.ConsumeBool() else None
    text = source.ConsumeBytes(4000) * source.ConsumeIntInRange(0, 5)
    target = io.BytesIO()
    try:
        writing.write_container(
            predictor, io.BytesIO(text[:MOST]), target, block, context if predictor else None, 1
        )
    except EqualInfoError:
        assert not (block and (context or not predictor))
        return
    container = target.getvalue()
    assert b"".join(reading.read_container(predictor, io.BytesIO(container), 1)) == text[:MOST]
    # One bit changed anywhere.
    bit = source.ConsumeIntInRange(0, 8 * len(container) - 1)
    damaged = bytearray(container)
    damaged[bit // 8] ^= 1 << bit % 8
    try:
        list(reading.read_container(predictor, io.BytesIO(bytes(damaged)), 1))
    except EqualInfoError:
        return
    raise AssertionError(f"bit {bit} is not covered")


if __name__ == "__main__":
    run(one_input, "container")
