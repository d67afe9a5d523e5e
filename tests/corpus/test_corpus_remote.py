"""Corpora on URLs and by name, without a network: in memory, from a server on this machine, from local datasets."""

import functools
import gzip
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equalinfo.corpus import locations
from equalinfo.corpus.partitions import Partition, partitions_of
from equalinfo.corpus.readers import read_documents
from equalinfo.corpus.records import BadDocuments
from equalinfo.errors import EqualInfoError, Unreachable

pytest.importorskip("fsspec", reason="pip install 'equalinfo[remote]'")
TEXTS = [f"document {number} " * (1 + number % 40) for number in range(500)]
DOCUMENTS = [text.encode() for text in TEXTS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same documents in each of three forms."""
    path = tmp_path_factory.mktemp("served")
    (path / "parts").mkdir()
    pq.write_table(pa.table({"text": TEXTS[:300]}), path / "parts" / "a.parquet", row_group_size=50)
    lines = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS[300:])
    (path / "parts" / "b.jsonl").write_text(lines)
    (path / "all.jsonl.gz").write_bytes(
        gzip.compress("".join(json.dumps({"text": text}) + "\n" for text in TEXTS).encode())
    )
    return path


class Handler(http.server.SimpleHTTPRequestHandler):
    """Sends parts of files, as every server of large files does."""

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        path = Path(self.translate_path(self.path))
        if not wanted or not path.is_file():
            return super().do_GET()
        data = path.read_bytes()
        first, last = wanted.removeprefix("bytes=").split("-")
        part = data[int(first) : int(last) + 1 if last else None]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def end_headers(self) -> None:
        self.send_header("Accept-Ranges", "bytes")
        super().end_headers()


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


def by_partition(source: str, size: int) -> list[bytes]:
    partitions, stamps = partitions_of(source, "text", size)
    assert json.dumps(stamps)
    travelled = [Partition.from_json(partition.to_json()) for partition in partitions]
    assert size > 1000 or len(travelled) > 5
    return [document for partition in travelled for document in partition.documents("text")]


def test_in_memory(folder: Path) -> None:
    import fsspec

    system = fsspec.filesystem("memory")
    for path in folder.rglob("*.*"):
        system.pipe(f"/corpus/{path.relative_to(folder)}", path.read_bytes())
    system.pipe("/corpus/parts/.hidden", b"no")
    for source in ("memory://corpus/parts", "memory://corpus/parts/*", "memory://corpus/all.jsonl.gz"):
        assert list(read_documents(source)) == DOCUMENTS, source
    assert by_partition("memory://corpus/parts", 1000) == DOCUMENTS
    assert by_partition("memory://corpus/parts", 1 << 20) == DOCUMENTS


def test_from_a_web_server(server: str) -> None:
    pytest.importorskip("aiohttp", reason="pip install 'equalinfo[remote]'")
    assert by_partition(f"{server}/parts/a.parquet", 1000) == DOCUMENTS[:300]
    assert by_partition(f"{server}/parts/b.jsonl", 1000) == DOCUMENTS[300:]
    assert by_partition(f"{server}/parts/", 1 << 20) == DOCUMENTS
    assert list(read_documents(f"{server}/all.jsonl.gz")) == DOCUMENTS
    for missing in ("nowhere.jsonl", "nowhere/", "nowhere*"):
        with pytest.raises(EqualInfoError, match=r"nowhere.*: no such file or folder") as error:
            read_documents(f"{server}/{missing}")
        assert not isinstance(error.value, Unreachable)


@pytest.mark.parametrize("name", ["x.jsonl", "folder/", "*.jsonl"])
def test_a_server_that_does_not_answer_is_not_a_missing_file(name: str) -> None:
    pytest.importorskip("aiohttp", reason="pip install 'equalinfo[remote]'")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unreachable, match=r"cannot be reached .*; check the network"):
        read_documents(f"http://127.0.0.1:{port}/{name}")


def test_what_goes_wrong_elsewhere_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    fsspec.filesystem("memory").pipe("/one.jsonl", b'{"text": "a"}\n')

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("the connection\nwas reset")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.open", fails)
    with pytest.raises(EqualInfoError, match=r"one.jsonl cannot be read .the connection was reset"):
        list(read_documents("memory://one.jsonl"))


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    with pytest.raises(EqualInfoError, match=r"equalinfo\[remote\]"):
        locations.files_of("memory://x")
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(EqualInfoError, match=r"equalinfo\[hub\]"):
        read_documents("hf:some/name")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("datasets", reason="pip install 'equalinfo[hub]'")
    path = tmp_path_factory.mktemp("dataset")
    for number in range(4):
        texts = pa.table({"id": range(125), "text": TEXTS[125 * number : 125 * number + 125]})
        pq.write_table(texts, path / f"train-{number:05d}-of-00004.parquet", row_group_size=40)
    pq.write_table(pa.table({"text": ["held out"]}), path / "test-00000-of-00001.parquet")
    return path


def test_a_dataset_by_name(dataset: Path) -> None:
    source = f"hf:{dataset}"
    assert list(read_documents(source)) == DOCUMENTS
    partitions, stamps = partitions_of(source, "text", 1)
    assert len(partitions) == 4
    assert [d for partition in reversed(partitions) for d in partition.documents("text")] == [
        document for first in (375, 250, 125, 0) for document in DOCUMENTS[first : first + 125]
    ]
    assert list(read_documents(f"{source}::test")) == [b"held out"]
    assert list(read_documents(f"{source}:default:train")) == DOCUMENTS
    assert partitions_of(source, "text", 99)[1] == stamps


def test_datasets_of_json_lines_with_nulls(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="pip install 'equalinfo[hub]'")
    lines = ['{"text": "a"}', '{"text": null}', '{"text": "\\u00fc"}']
    (tmp_path / "one.jsonl").write_text("\n".join(lines))
    partitions, _ = partitions_of(f"hf:{tmp_path}", "text", 1)
    bad = BadDocuments(skip=True)
    assert list(partitions[0].documents("text", bad)) == [b"a", "ü".encode()]
    assert bad.counts["null"] == 1
    with pytest.raises(EqualInfoError, match="row 2: column 'text' is null"):
        list(read_documents(f"hf:{tmp_path}"))


@pytest.mark.parametrize("rest", ["", ":nothing", "::nothing", "/nowhere", ":a:b:c"])
def test_datasets_that_are_not_there(dataset: Path, rest: str) -> None:
    source = f"hf:{dataset}{rest}"
    with pytest.raises(EqualInfoError) as error:
        list(read_documents(source, "text" if rest else "no such column"))
    assert "\n" not in str(error.value)
    assert str(dataset) in str(error.value)
