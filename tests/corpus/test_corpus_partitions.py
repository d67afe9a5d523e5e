"""Partitions hold the documents of the corpus, each once and in order, however they are cut."""

import gzip
import io
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.corpus import records
from equalinfo.corpus.partitions import Partition, partitions_of
from equalinfo.corpus.readers import read_documents
from equalinfo.corpus.records import BadDocuments, json_documents
from equalinfo.errors import EqualInfoError


def joined(source: object, size: int, field: str = "text") -> list[bytes]:
    """Documents of all partitions, each read after it travelled as JSON."""
    partitions, stamps = partitions_of(str(source), field, size)
    assert [partition.number for partition in partitions] == list(range(len(partitions)))
    assert stamps
    described = [partition.to_json() for partition in partitions]
    assert json.loads(json.dumps(described)) == described
    travelled = [Partition.from_json(fields) for fields in json.loads(json.dumps(described))]
    assert travelled == partitions
    return [document for partition in travelled for document in partition.documents(field) if document]


# Without zero bytes: they end documents, so rows that hold one are refused (its own test).
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
LINES = st.lists(TEXT | st.just("\n" * 3), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    LINES, st.sampled_from(["", "\n", "\r\n"]), st.integers(1, 90), st.sampled_from([b"", b"\xef\xbb\xbf"])
)
def test_lines_in_ranges_of_bytes(tmp_path_factory, texts, end, size, mark):
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    separator = end or "\n"
    lines = separator.join(json.dumps({"text": text}, ensure_ascii=False) for text in texts) + end
    path.write_bytes(mark + lines.encode())
    assert joined(path, size) == [text.encode() for text in texts if text]


@pytest.mark.parametrize("size", [1, 1000, 20_000, 1 << 20])
def test_row_groups_of_parquet(tmp_path: Path, size: int) -> None:
    texts = [f"document {number} " * (number % 90) for number in range(700)]
    nested = [{"url": "x", "rank": number} for number in range(700)]
    table = pa.table({"meta": nested, "text": texts})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=64)
    partitions, _ = partitions_of(str(tmp_path / "a.parquet"), "text", size)
    assert len(partitions) == {1: 11, 1 << 20: 1}.get(size, len(partitions))
    assert joined(tmp_path / "a.parquet", size) == [text.encode() for text in texts if text]


@pytest.mark.parametrize("size", [1, 3000, 1 << 20])
def test_a_folder_of_everything(tmp_path: Path, size: int) -> None:
    (tmp_path / "b").mkdir()
    for number in range(30):
        (tmp_path / "b" / f"{number:02d}.txt").write_text(f"small text {number} " * 20)
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": f"line {n}"}) + "\n" for n in range(300)))
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(b'{"text": "packed"}\n' * 5))
    (tmp_path / "d").write_bytes(b"\xff no extension " * 100)
    pq.write_table(pa.table({"text": ["p", "q"] * 50}), tmp_path / "e.parquet", row_group_size=7)
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    (tmp_path / "\udcff" / "f.txt").write_text("a folder whose name is not UTF-8")
    assert joined(tmp_path, size) == list(read_documents(tmp_path))
    small = [p for p in partitions_of(str(tmp_path), "text", 3000)[0] if len(p.ranges) > 5]
    assert len(small) >= 2, "small files share partitions"


def test_sources_that_are_one_partition(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("word " * 5000)
    assert len(partitions_of(str(tmp_path / "long.txt"), "text", 10)[0]) == 1
    assert len(partitions_of("embedded", "text", 10)[0]) == 1
    pipes = [partitions_of("-", "text", 10) for _ in range(2)]
    assert pipes[0][0] == pipes[1][0]
    assert pipes[0][1] != pipes[1][1], "what comes through a pipe is never the same corpus"


def test_stamps_change_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n')
    before = partitions_of(str(path), "text", 10)[1]
    assert partitions_of(str(path), "text", 10)[1] == before
    path.write_text('{"text": "b"}\n')
    os.utime(path, ns=(1, 1))
    assert partitions_of(str(path), "text", 10)[1] != before


def test_bad_sources(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "b.parquet.gz").write_bytes(b"")
    pq.write_table(pa.table({"number": [1]}), tmp_path / "c.parquet")
    cases = [("missing", "no such"), ("empty", "no document"), ("a.parquet", "cannot be read")]
    for name, words in [*cases, ("b.parquet.gz", "compressed twice"), ("c.parquet", "no single column")]:
        with pytest.raises(EqualInfoError, match=words) as error:
            partitions_of(str(tmp_path / name), "text", 10)
        assert "\n" not in str(error.value)


BAD_LINES = ['{"text": null}', '{"text": 5}', '{"other": "x"}', "[1]", "not JSON", '{"text": "\\ud800"}']


@pytest.mark.parametrize("size", [3, 25, 1000])
def test_bad_lines_are_counted_or_stop(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(['{"text": "good"}', *BAD_LINES, '{"text": ""}', '{"text": "fine"}']))
    partitions, _ = partitions_of(str(path), "text", size)
    bad = BadDocuments(skip=True)
    found = [document for partition in partitions for document in partition.documents("text", bad)]
    assert found == [b"good", b"", b"fine"]
    assert bad.counts == {"null": 1, "invalid": len(BAD_LINES) - 1}
    with pytest.raises(EqualInfoError, match=r"line 2|line at byte 17"):
        joined(path, size)


def test_nulls_of_parquet_are_counted_or_stop_with_their_row(tmp_path: Path) -> None:
    texts = [None if number in (5, 41) else f"row {number}" for number in range(60)]
    pq.write_table(pa.table({"text": pa.array(texts)}), tmp_path / "a.parquet", row_group_size=20)
    partitions, _ = partitions_of(str(tmp_path / "a.parquet"), "text", 1)
    bad = BadDocuments(skip=True)
    found = [document for partition in partitions for document in partition.documents("text", bad)]
    assert found == [text.encode() for text in texts if text]
    assert bad.counts["null"] == 2
    with pytest.raises(EqualInfoError, match="row 42: column 'text' is null"):
        list(partitions[2].documents("text"))


def test_a_line_too_long_for_memory_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_LINE_BYTES", 40)
    lines = b'{"text": "a"}\n' + b'{"text": "' + b"x" * 200 + b'"}\n' + b'{"text": "b"}\n'
    bad = BadDocuments(skip=True)
    assert list(json_documents(io.BytesIO(lines), "a", "text", bad)) == [b"a", b"b"]
    assert bad.counts["invalid"] == 1
    assert list(json_documents(io.BytesIO(lines), "a", "text", bad, start=20)) == [b"b"]
