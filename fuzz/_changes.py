"""Changes to the files of an artifact, drawn from an input: to their bytes, and to what the bytes mean."""

import io
import json
import os
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

FITS = "a hash that fits whatever it is compared with"
DEEP = 20_000
ODD_NUMBERS = [0, 1, -1, 2, 3, 7, 255, 256, 257, 512, 65_535, 65_536, 10**30]
ODD_NUMBERS += [sign * 2**power + by for power in (31, 32, 40, 63, 64) for sign in (1, -1) for by in (-1, 0)]
# What a spec may be changed to, so that files meet a method that they were not made for.
ODD_SPECS = """
    Bytes GZip[v=65k] SentencePiece[v=300] AC[v=2] AC[v=999999999] EqualText[n=3,v=8,order=1] EqualInfo[v=512] ANS[v=8]
    EqualInfo[v=512,unigram,words] EqualInfo[b=9,v=8] EqualInfo[b=128,v=65k] EqualInfo[b=999999999,v=2]
    EqualInfoHuffman[b=9,v=512] EqualInfoAC[b=14,v=2,delay]
""".split()
ODD_VALUES = [*ODD_NUMBERS, *ODD_SPECS, None, True, False, 0.5, 1.0, 64.0, float("nan"), float("inf"), FITS]
ODD_VALUES += ["", "x", "0", "../x", "/dev/zero", ".", "*", "a\nb", "a\0b", "é", "\ud800", "x" * 300]
ODD_VALUES += ["65k", "2b", "llama", [], {}, [[]], [0] * 256]
ODD_TOML = "0 -1 1.5 nan inf true '' 'x' [] {} [[1]] 1979-05-27 1_0 'Bytes' ['Bytes','Bytes'] ['AC[v=2]'] '2b'".split()
ODD_TOML += ["{path = 'english-m1'}", "0x" + "f" * 20, "9" * 5000, "[" * DEEP]
ODD_HEADER = [*b"'<u8' '|O' 'V3' -1 0 999999999999 1e9 True ' [ 1,2".split(), b"(" * 300, b""]
SAME_WIDTH = {1: ["I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"], 2: ["I16", "U16", "F16", "BF16"]}
SAME_WIDTH |= {4: ["I32", "U32", "F32"], 8: ["I64", "U64", "F64"]}
WIDTH = {name: width for width, names in SAME_WIDTH.items() for name in names}


def change(source: Any, folder: Path) -> None:
    """Changes one file below `folder`.

    Args:
        source: atheris's FuzzedDataProvider.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    if not files:
        return
    path = source.PickValueInList(files)
    kind = source.ConsumeIntInRange(0, 15)
    # Recipes and rows may be pipes, which a user names.
    if kind == 0 and path.suffix not in (".toml", ".jsonl"):
        replace(source, path, source.PickValueInList(files))
        return
    content = path.read_bytes()
    by_meaning = None if kind <= 3 else BY_MEANING.get(path.suffix)
    try:
        content = (by_meaning or change_bytes)(source, content)
    except Exception:
        content = change_bytes(source, content)  # an earlier change left nothing that can be taken apart
    path.write_bytes(content)


def replace(source: Any, path: Path, other: Path) -> None:
    """Puts something else in a file's place."""
    kind = source.ConsumeIntInRange(0, 6)
    if kind == 0:
        path.write_bytes(other.read_bytes())
        return
    if kind == 1:
        name = source.PickValueInList(["unigram.json", "contexts.safetensors", "compact.safetensors"])
        path.with_name(name).write_bytes(other.read_bytes())
        return
    path.unlink()
    if kind == 2:
        path.mkdir()
    elif kind == 3:
        path.symlink_to(path.name)
    elif kind == 4:
        os.mkfifo(path)
    elif kind == 5:
        path.symlink_to("/dev/zero")


def change_bytes(source: Any, content: bytes) -> bytes:
    place = source.ConsumeIntInRange(0, len(content))
    kind = source.ConsumeIntInRange(0, 3)
    new = source.ConsumeBytes(source.ConsumeIntInRange(0, 40))
    if kind == 0:
        return content[:place]
    if kind == 1:
        return content[:place] + new + content[place:]
    if kind == 2:
        return content[:place] + new + content[place + len(new) :]
    return content[:place] + content[place + source.ConsumeIntInRange(0, 300) :]


def odd_value(source: Any) -> Any:
    kind = source.ConsumeIntInRange(0, 9)
    if kind == 0:
        return source.ConsumeInt(8)
    if kind == 1:
        return source.ConsumeUnicode(20)
    return source.PickValueInList(ODD_VALUES)


def change_value(source: Any, value: Any) -> Any:
    """Changes one place in nested lists and dictionaries."""
    holders = [([value], 0)]
    for holder, key in holders:
        inner = holder[key]
        keys = (
            inner
            if isinstance(inner, dict)
            else range(min(len(inner), 50))
            if isinstance(inner, list)
            else []
        )
        holders += [(inner, one) for one in keys]
    holder, key = source.PickValueInList(holders)
    kind = source.ConsumeIntInRange(0, 7)
    if kind == 0 and isinstance(holder, dict):
        del holder[key]
    elif kind == 1 and isinstance(holder[key], dict):
        holder[key][str(odd_value(source))] = odd_value(source)
    elif kind == 2:
        other, at = source.PickValueInList(holders)
        holder[key] = other[at]
    elif isinstance(holder[key], int) and kind <= 4:
        holder[key] += source.PickValueInList([-1, 1, 8, 256])
    else:
        holder[key] = odd_value(source)
    return holders[0][0][0]


def change_json(source: Any, content: bytes) -> bytes:
    if source.ConsumeIntInRange(0, 30) == 0:
        return b'{"a":' * DEEP
    return json.dumps(change_value(source, json.loads(content))).encode()


def change_lines(source: Any, content: bytes) -> bytes:
    lines = content.split(b"\n")
    place = source.ConsumeIntInRange(0, len(lines) - 1)
    lines[place] = change_json(source, lines[place])
    return b"\n".join(lines)


def change_toml(source: Any, content: bytes) -> bytes:
    """Another value, or a line more, or one less."""
    text = content.decode()
    kind = source.ConsumeIntInRange(0, 3)
    lines = text.split("\n")
    place = source.ConsumeIntInRange(0, len(lines) - 1)
    if kind == 0:
        del lines[place]
    elif kind == 1:
        lines.insert(place, source.ConsumeUnicodeNoSurrogates(20) + " = " + source.PickValueInList(ODD_TOML))
    elif kind == 2:
        odd = ["[x]", "[m1]", "a." * 2000 + "a = 1", "[" + "b." * 2000 + "b]"]
        lines.insert(place, source.PickValueInList([*lines, *odd]))
    else:
        values = list(re.finditer(r"(?<== ).*", text))
        match = source.PickValueInList(values)
        return (text[: match.start()] + source.PickValueInList(ODD_TOML) + text[match.end() :]).encode()
    return "\n".join(lines).encode()


def change_array(source: Any, array: np.ndarray) -> np.ndarray:
    """Other elements, another type, shape or length."""
    kind = source.ConsumeIntInRange(0, 7)
    if kind == 0:
        return array.astype(
            source.PickValueInList(["u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", ">u4", "S3"])
        )
    if kind == 1:
        return source.PickValueInList([array[None], array.reshape(-1, 1), array[:0], np.array(array.flat[0])])
    if kind == 2:
        return array[: source.ConsumeIntInRange(0, len(array))]
    if kind == 3:
        return np.concatenate([array, array[: source.ConsumeIntInRange(0, len(array))]])
    array = array.copy()
    flat = (
        array.reshape(-1).view(f"u{array.dtype.itemsize}") if array.dtype.itemsize in (1, 2, 4, 8) else array
    )
    for _ in range(source.ConsumeIntInRange(1, 3)):
        first = source.ConsumeIntInRange(0, len(flat) - 1)
        # At the ends there is what other arrays are compared with.
        first = source.PickValueInList([first, 0, len(flat) - 1])
        stop = first + source.PickValueInList([1, 1, 2, 256, len(flat)])
        if kind <= 5:
            value = source.PickValueInList(ODD_NUMBERS) % (1 << 8 * array.dtype.itemsize)
            flat[first:stop] = value
        else:
            flat[first:stop] += flat.dtype.type(source.PickValueInList([1, 2, 255]))
    return array


def change_npy(source: Any, content: bytes) -> bytes:
    if source.ConsumeIntInRange(0, 3) == 0:
        length = struct.unpack("<H", content[8:10])[0]
        header, data = content[10 : 10 + length], content[10 + length :]
        found = list(re.finditer(rb"'[^']*'|\d+|False|\(|\)|,", header))
        match = source.PickValueInList(found)
        header = header[: match.start()] + source.PickValueInList(ODD_HEADER) + header[match.end() :]
        return content[:8] + struct.pack("<H", len(header)) + header + data
    stream = io.BytesIO()
    np.save(
        stream, change_array(source, np.load(io.BytesIO(content), allow_pickle=False)), allow_pickle=False
    )
    return stream.getvalue()


def change_safetensors(source: Any, content: bytes) -> bytes:
    length = struct.unpack("<Q", content[:8])[0]
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    kind = source.ConsumeIntInRange(0, 7)
    if kind == 0:
        return joined(change_value(source, header), data)
    metadata = header.pop("__metadata__", None)
    name = source.PickValueInList(sorted(header))
    tensors = {key: (e["dtype"], e["shape"], data[slice(*e["data_offsets"])]) for key, e in header.items()}
    dtype, shape, own = tensors[name]
    if kind == 1:
        del tensors[name]
    elif kind == 2:
        tensors[source.PickValueInList(["x", "", *sorted(tensors)])] = tensors.pop(name)
    elif kind == 3:
        tensors[name] = (source.PickValueInList(SAME_WIDTH[WIDTH[dtype]]), shape, own)
    elif kind == 4:
        array = np.frombuffer(own, np.uint8).reshape(*shape, -1)
        array = source.PickValueInList(
            [array[:-1], array[:0], array[None], array.reshape(1, -1, array.shape[-1])]
        )
        tensors[name] = (dtype, array.shape[:-1], array.tobytes())
    else:
        array = np.frombuffer(own, f"u{WIDTH[dtype]}").reshape(shape)
        for _ in range(4):
            changed = change_array(source, array)
            if changed.dtype == array.dtype:
                tensors[name] = (dtype, changed.shape, changed.tobytes())
                break
    header, parts, end = {}, [], 0
    for key, (dtype, shape, own) in tensors.items():
        header[key] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + len(own)]}
        parts.append(own)
        end += len(own)
    return joined(header | ({"__metadata__": metadata} if metadata else {}), b"".join(parts))


def joined(header: Any, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def change_arrow(source: Any, content: bytes) -> bytes:
    """The same columns with other offsets, types, gaps, or compressed; or a message's bytes."""
    table = pa.ipc.open_stream(content).read_all().combine_chunks()
    ids = table.column("ids").chunk(0)
    kind = source.ConsumeIntInRange(0, 5)
    columns = dict(zip(table.column_names, table.columns, strict=True))
    options = pa.ipc.IpcWriteOptions()
    if kind <= 1:
        bounds = ids.offsets.to_numpy()
        return content.replace(bounds.tobytes(), change_array(source, bounds).tobytes()[: bounds.nbytes])
    if kind == 2:
        name = source.PickValueInList(sorted(columns))
        types = [pa.float64(), pa.large_list(pa.int64()), pa.list_(pa.float32()), pa.string()]
        odd = [pa.nulls(len(ids), kind) for kind in [*types, pa.null(), columns[name].type]]
        odd += [columns["bytes"].cast(pa.float64()), ids.cast(pa.list_(pa.float32()))]
        columns[name] = source.PickValueInList(odd)
    elif kind == 3:
        del columns[source.PickValueInList(sorted(columns))]
    elif kind == 4:
        options = pa.ipc.IpcWriteOptions(compression=source.PickValueInList(["lz4", "zstd"]))
    else:
        values = change_array(source, ids.values.to_numpy())
        values = pa.array(values.reshape(-1)[: len(ids.values)])
        columns["ids"] = pa.ListArray.from_arrays(ids.offsets, values)
    table = pa.table(columns)
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema, options=options) as writer:
        writer.write_table(table)
    return stream.getvalue()


def change_model(source: Any, content: bytes) -> bytes:
    """A SentencePiece model with another field, at its first or second level, where lengths stay right."""
    fields = fields_of(content)
    place = source.ConsumeIntInRange(0, len(fields) - 1)
    place = source.PickValueInList([place, 0, len(fields) - 1, len(fields) - 2])
    tag, value = fields[place]
    kind = source.ConsumeIntInRange(0, 5)
    if kind == 0:
        del fields[place]
    elif kind == 1:
        fields.insert(source.ConsumeIntInRange(0, len(fields)), (tag, value))
    elif kind == 2 or not isinstance(value, bytes):
        fields[place] = (
            tag,
            change_bytes(source, value) if isinstance(value, bytes) else source.ConsumeInt(4),
        )
    else:
        inner = fields_of(value)
        at = source.ConsumeIntInRange(0, len(inner) - 1)
        own_tag, own = inner[at]
        odd = [b"", b"\xff", b"\0", "▁".encode(), b"<0x41>", b"<0xZZ>", b"a" * 9000, source.ConsumeBytes(8)]
        inner[at] = (
            own_tag,
            source.PickValueInList(odd) if isinstance(own, bytes) else source.ConsumeIntInRange(0, 9),
        )
        if kind == 3:
            inner.append(
                (source.PickValueInList([8, 16, 18, 24, 26]), source.PickValueInList([0, 3, 6, 2**40]))
            )
        fields[place] = (tag, written(inner))
    return written(fields)


def varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return value, place


def fields_of(content: bytes) -> list[tuple[int, Any]]:
    """The fields of a protobuf message: tag, and bytes, an integer, or four bytes as such."""
    fields, place = [], 0
    while place < len(content):
        tag, place = varint(content, place)
        if tag & 7 == 0:
            value, place = varint(content, place)
        else:
            length, place = varint(content, place) if tag & 7 == 2 else (4 if tag & 7 == 5 else 8, place)
            value, place = content[place : place + length], place + length
        fields.append((tag, value))
    return fields


def written(fields: list[tuple[int, Any]]) -> bytes:
    def number(value: int) -> bytes:
        value %= 1 << 64
        out = b""
        while value > 127:
            out, value = out + bytes([value & 127 | 128]), value >> 7
        return out + bytes([value])

    parts = []
    for tag, value in fields:
        parts.append(number(tag))
        if isinstance(value, int):
            parts.append(number(value))
        else:
            parts.append((number(len(value)) if tag & 7 == 2 else b"") + value)
    return b"".join(parts)


BY_MEANING: dict[str, Callable[[Any, bytes], bytes]] = {
    ".json": change_json,
    ".jsonl": change_lines,
    ".toml": change_toml,
    ".npy": change_npy,
    ".safetensors": change_safetensors,
    ".arrow": change_arrow,
    ".model": change_model,
}
