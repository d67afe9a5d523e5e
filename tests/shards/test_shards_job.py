"""What a worker makes of one partition, whatever happens on the way."""

import io
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.corpus.examples import cut_examples
from equalinfo.corpus.partitions import Partition, partitions_of
from equalinfo.corpus.splits import only
from equalinfo.engines import base
from equalinfo.engines.base import in_several_tries
from equalinfo.errors import Unreachable
from equalinfo.shards import job, writer
from equalinfo.shards.format import read_shard
from equalinfo.tokens.tokenizer import Tokenizer
from tests.support.building import built


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return built("Bytes")


def parquet(texts: list[bytes]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": pa.array(texts, pa.binary())}), stream)
    return stream.getvalue()


# A zero byte ends documents, and has a test of its own.
TEXTS = st.binary(max_size=60).map(lambda text: text.replace(b"\0", b"0"))


@settings(max_examples=30, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=60), st.integers(1, 90), st.integers(20, 400))
def test_shards_are_the_examples_of_their_split(
    tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer, texts: list[bytes], length: int, size: int
) -> None:
    """However small the groups are in which documents are cut, examples encoded and rows written."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "a.parquet").write_bytes(parquet(texts))
    work = job.TokenizeJob("", str(folder), str(folder), "text", length, False)
    partitions, _ = partitions_of(str(folder / "a.parquet"), "text", 1 << 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "GROUP_BYTES", size)
        patch.setattr(writer, "SHORT_BYTES", size)
        patch.setattr(writer, "BYTES_AT_ONCE", size)
        patch.setattr(writer, "EXAMPLES_PER_BATCH", 3)
        record = job.tokenize_partition(tokenizer, work, partitions[0], lambda _: None)
    documents = [text for text in texts if text]
    for split in ("train", "validation"):
        expected = [
            (example.data, len(example.data), example.source_bytes)
            for example in cut_examples(only(documents, split), length)
        ]
        rows = list(read_shard(folder / f"{split}-00000.arrow")) if split in record["shards"] else []
        assert [(tokenizer.decode(ids.astype(np.uint16)), a, b) for ids, a, b in rows] == expected
    assert sum(record["documents"].values()) == len(documents)
    assert record["empty"] == len(texts) - len(documents)
    assert record["not_utf8"] == sum(text.decode(errors="replace").encode() != text for text in documents)


def test_a_partition_is_tried_again_where_the_network_failed(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec", reason="pip install 'equalinfo[remote]'")
    system = fsspec.filesystem("memory")
    system.pipe("/twice.parquet", parquet([b"document %d" % number for number in range(300)]))
    partitions, _ = partitions_of("memory://twice.parquet", "text", 1 << 20)
    work = job.TokenizeJob("", str(tmp_path), str(tmp_path), "text", 100, False)
    told: list[int] = []
    work_on = partial(job.tokenize_partition, tokenizer, work)
    expected = in_several_tries(work_on, partitions[0])
    real, failures = Partition.documents, [150, 20]

    def unsteady(self: Partition, *arguments: object):
        breaks = failures.pop() if failures else None
        for number, document in enumerate(real(self, *arguments)):
            if number == breaks:
                raise Unreachable("the connection was reset")
            yield document

    monkeypatch.setattr(Partition, "documents", unsteady)
    monkeypatch.setattr(base, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(job, "GROUP_BYTES", 100)
    assert in_several_tries(work_on, partitions[0], told.append) == expected
    assert sum(told) == sum(shard["bytes"] for shard in expected["shards"].values())
    failures += [3, 2, 1]
    with pytest.raises(Unreachable, match="reset"):
        in_several_tries(work_on, partitions[0])
