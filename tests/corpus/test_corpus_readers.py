import gzip
import io
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equalinfo.corpus.readers import read_documents
from equalinfo.errors import EqualInfoError

STRINGS = ["first", "zwei ü", "", "three\nlines\n\n\x00", "四"]
BYTES = [string.encode() for string in STRINGS if string]
LINES = "".join(json.dumps({"text": string, "id": 1}) + "\n" for string in STRINGS).encode()


def zstd(data: bytes) -> bytes:
    return pa.Codec("zstd").compress(data, asbytes=True)


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "A.JSONL"])
@pytest.mark.parametrize(("suffix", "compress"), [("", bytes), (".gz", gzip.compress), (".zst", zstd)])
def test_json_lines(tmp_path: Path, name: str, suffix: str, compress) -> None:
    path = tmp_path / (name + suffix)
    path.write_bytes(compress(LINES))
    assert list(read_documents(path)) == BYTES
    assert list(read_documents(str(path))) == BYTES


def test_json_lines_with_blank_lines_bom_and_another_field(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"body": "a\\ud83d\\ude00"}\r\n\r\n  \n{"body": "b"}')
    assert list(read_documents(path, "body")) == ["a\U0001f600".encode(), b"b"]


@pytest.mark.parametrize(("suffix", "compress"), [("", bytes), (".gz", gzip.compress), (".zst", zstd)])
@pytest.mark.parametrize("name", ["a.txt", "a", "a.md", "notes.of.2024"])
def test_text_need_not_be_utf8(tmp_path: Path, name: str, suffix: str, compress) -> None:
    text = (b"\xff caf\xe9 " * 100 + b"\n\n") * 9
    path = tmp_path / (name + suffix)
    path.write_bytes(compress(text))
    documents = list(read_documents(path))
    assert len(documents) == 5
    assert b"".join(documents) == text


def test_gzip_in_several_members(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"one ") + gzip.compress(b"two"))
    assert list(read_documents(path)) == [b"one two"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_parquet_strings(tmp_path: Path, kind: pa.DataType) -> None:
    path = tmp_path / "a.parquet"
    values = pa.array(STRINGS * 300).cast(kind)
    pq.write_table(pa.table({"id": range(len(values)), "text": values}), path, row_group_size=400)
    assert list(read_documents(path)) == BYTES * 300


def test_parquet_binary_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"raw": pa.array([b"\xff\x00", b"", b"b"])}), path)
    assert list(read_documents(path, "raw")) == [b"\xff\x00", b"b"]


def test_folder_by_relative_path_without_hidden_files(tmp_path: Path) -> None:
    def write(name: str, data: bytes) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(data)

    paragraphs = (b"word " * 250 + b"\n\n") * 2
    write("c.txt", paragraphs)
    write("d.rst", paragraphs)
    write("b/z.jsonl.gz", gzip.compress(b'{"text": "z"}\n'))
    write("b/a.txt", b"a")
    write("b.txt", b"")
    write(".hidden", b"no")
    write(".git/config", b"no")
    os.symlink(tmp_path / "c.txt", tmp_path / "a.txt")
    os.mkfifo(tmp_path / "pipe")
    half = len(paragraphs) // 2
    assert list(read_documents(tmp_path)) == [
        paragraphs,
        b"a",
        b"z",
        paragraphs,
        paragraphs[:half],
        paragraphs[half:],
    ]


def test_large_text_file_in_a_folder_is_cut(tmp_path: Path) -> None:
    text = (b"word " * 1000 + b"\n\n") * 300
    (tmp_path / "a.txt").write_bytes(text)
    documents = list(read_documents(tmp_path))
    assert len(documents) == 300
    assert b"".join(documents) == text


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (b"\xffword " * 200 + b"\n\n") * 2
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    assert list(read_documents("-")) == [text[:1202], text[1202:]]
    with pytest.raises(EqualInfoError, match="standard input holds no document"):
        list(read_documents("-"))


BAD_LINES = {
    "surrogate": (b'{"text": "\\ud83d"}', "surrogate"),
    "raw surrogate": (b'{"text": "\xed\xa0\x80"}', "surrogate"),
    "other field": (b'{"body": "a"}', "has no field 'text'; name one of 'body'"),
    "no field": (b"{}", "has no field 'text'"),
    "null": (b'{"text": null}', "is null"),
    "number": (b'{"text": 3}', "is int"),
    "list": (b'["text"]', "not a JSON object"),
    "cut": (b'{"text": "a', "not valid JSON"),
    "not UTF-8": (b'{"text": "\xff"}', "not valid JSON"),
    "UTF-16": ('{"text": "a"}'.encode("utf-16-le"), "not valid JSON"),
    "deep": (b"[" * 100_000, "not valid JSON"),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_bad_json_line_names_file_and_line(tmp_path: Path, case: str) -> None:
    line, reason = BAD_LINES[case]
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b'{"text": "good"}\n\n' + line + b"\n")
    documents = read_documents(path)
    assert next(documents) == b"good"
    message = refusal(documents)
    assert f"{path}, line 3" in message
    assert reason in message


def test_bad_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a"] * 300 + [None], "n": range(301)}), path)
    assert f"{path}, row 301: column 'text' is null" in refusal(read_documents(path))
    assert "holds int64, not strings" in refusal(read_documents(path, "n"))
    assert "no single column 'body'; name one of 'text', 'n'" in refusal(read_documents(path, "body"))
    whole = path.read_bytes()
    for damaged in (whole[:-20], whole[20:], whole[:100], b"", b"text"):
        path.write_bytes(damaged)
        assert f"{path} cannot be read" in refusal(read_documents(path))
    packed = tmp_path / "a.parquet.gz"
    packed.write_bytes(gzip.compress(whole))
    assert "decompress it" in refusal(read_documents(packed))


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".zst", zstd)])
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl"])
def test_damaged_compression(tmp_path: Path, name: str, suffix: str, compress) -> None:
    noise = b"".join(json.dumps({"text": os.urandom(300).hex()}).encode() + b"\n" for _ in range(50))
    path = tmp_path / (name + suffix)
    whole = compress(noise)
    for damaged in (whole[: len(whole) // 2], whole[:-3], b"no such format", noise):
        path.write_bytes(damaged)
        assert f"{path} cannot be read" in refusal(read_documents(path))


@pytest.mark.parametrize(
    "name", ["a.txt", "a.jsonl", "a.txt.gz", "a.jsonl.zst", "folder/.hidden", "folder/a.txt"]
)
def test_no_document(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    source = tmp_path / Path(name).parts[0]
    assert f"{source} holds no document" in refusal(read_documents(source))


def test_refused_at_once(tmp_path: Path) -> None:
    for source in (tmp_path / "none.txt", str(tmp_path / "x" / "none"), "", "a" * 5000, "a\nb", "a\0b"):
        with pytest.raises(EqualInfoError) as refused:
            read_documents(source)
        assert_one_line(str(refused.value))
    with pytest.raises(EqualInfoError, match=r"hf:allenai/c4:en|equalinfo\[hub\]"):
        read_documents("hf:allenai/c4:en")


def test_link_to_nowhere_in_a_folder(tmp_path: Path) -> None:
    os.symlink(tmp_path / "none", tmp_path / "a.txt")
    assert f"{tmp_path / 'a.txt'} cannot be read" in refusal(read_documents(tmp_path))


def test_odd_file_names(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/two\nlines\xff.jsonl.gz"))
    path.write_bytes(gzip.compress(b"bad"))
    assert "two\\nlines" in refusal(read_documents(path))


def refusal(documents) -> str:
    """The message of the error that reading ends with, checked to be one line."""
    with pytest.raises(EqualInfoError) as refused:
        list(documents)
    message = str(refused.value)
    assert_one_line(message)
    return message


def assert_one_line(message: str) -> None:
    assert message.isprintable()
    assert ";" in message or ":" in message
