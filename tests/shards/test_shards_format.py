"""Shards mapped into memory hold what was written, cut into sequences as the paper cuts it."""

import copy

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.shards.format import ShardWriter, TokenShards, read_shard, write_shard

EXAMPLES = st.lists(st.lists(st.integers(0, 299), max_size=20), max_size=8)


def written(folder, examples, per_shard=3, vocab=300):
    paths = []
    for first in range(0, max(len(examples), 1), per_shard):
        rows = [
            (np.array(ids, np.uint16), 2 * len(ids), len(ids)) for ids in examples[first : first + per_shard]
        ]
        paths.append(folder / f"train-{len(paths):05d}.arrow")
        write_shard(paths[-1], rows, vocab)
    return TokenShards(paths)


@settings(max_examples=60, deadline=None)
@given(EXAMPLES, st.integers(1, 4), st.integers(1, 7), st.booleans())
def test_what_was_written(tmp_path_factory, examples, per_shard, length, first_only):
    shards = written(tmp_path_factory.mktemp("shards"), examples, per_shard)
    assert [ids.tolist() for ids in shards.ids] == examples
    assert shards.tokens == shards.source_bytes == sum(map(len, examples))
    assert (
        shards.counts(300).tolist()
        == np.bincount([i for ids in examples for i in ids], minlength=300).tolist()
    )
    cut = [ids[start : start + length] for ids in examples for start in range(0, len(ids), length)]
    if first_only:
        cut = [ids[:length] for ids in examples]
    sequences = shards.sequences(length, first_only)
    assert [sequences[n].tolist() for n in range(len(sequences))] == [s for s in cut if len(s) == length]


@pytest.mark.parametrize(("vocab", "kind"), [(256, np.uint8), (65_536, np.uint16), (65_537, np.uint32)])
def test_ids_take_no_more_room_than_they_need(tmp_path, vocab, kind):
    shards = written(tmp_path, [[1, 2, 255]], vocab=vocab)
    assert next(iter(shards.ids)).dtype == kind


def test_sequences_are_views_of_the_file_and_travel_as_its_name(tmp_path):
    sequences = written(tmp_path, [list(range(256))] * 2000, per_shard=1000).sequences(64)
    assert not sequences[3].flags.writeable
    assert not sequences[3].flags.owndata
    assert set(sequences._shards.__getstate__()) == {"_paths", "_most"}
    arrived = copy.deepcopy(sequences)
    assert arrived[1999].tolist() == sequences[1999].tolist()


@settings(max_examples=30, deadline=None)
@given(EXAMPLES.filter(bool), st.integers(1, 4), st.integers(1, 9))
def test_the_first_examples(tmp_path_factory, examples, per_shard, most):
    shards = written(tmp_path_factory.mktemp("shards"), examples, per_shard)
    first = copy.deepcopy(TokenShards(shards._paths, most))
    assert [ids.tolist() for ids in first.ids] == examples[:most]
    assert first.tokens == first.source_bytes == sum(map(len, examples[:most]))
    assert first.counts(300).sum() == first.tokens


def test_damaged_shards(tmp_path):
    written(tmp_path, [[1, 2, 3]] * 9, per_shard=9)
    path = tmp_path / "train-00000.arrow"
    whole = path.read_bytes()
    for content in (b"", b"PAR1", whole[: len(whole) // 2], whole[:40]):
        path.write_bytes(content)
        with pytest.raises(DamagedArtifact, match="tokenize the corpus again") as error:
            TokenShards([path])
        assert "\n" not in str(error.value)
    with pytest.raises(EqualInfoError, match="no token shards"):
        TokenShards([])


def test_shards_with_other_columns_or_places_are_refused(tmp_path):
    """Even whole Arrow files: offsets may point out of them, and what is compressed may be of any size."""
    shards = written(tmp_path, [[1, 2, 3], [299]], per_shard=9)
    with pytest.raises(DamagedArtifact, match="beyond the vocabulary"):
        shards.check(299)
    shards.check(300)
    path = tmp_path / "train-00000.arrow"
    table = pa.ipc.open_stream(path.read_bytes()).read_all().combine_chunks()
    ids, sizes = table.column("ids").chunk(0), table.column("bytes")
    bounds, whole = ids.offsets.to_numpy().tobytes(), path.read_bytes()
    for astray in ([0, 3, 1 << 30], [0, 1 << 30, 4], [-9, 3, 4]):
        path.write_bytes(whole.replace(bounds, np.array(astray, np.int32).tobytes()))
        assert path.read_bytes() != whole
        for read in (lambda: TokenShards([path]), lambda: list(read_shard(path))):
            with pytest.raises(DamagedArtifact, match="tokenize the corpus again"):
                read()
    for columns, compression in (
        ((ids, sizes, sizes), "zstd"),
        ((ids, sizes, pa.nulls(2, pa.int64())), None),
        ((ids.cast(pa.list_(pa.float32())), sizes, sizes), None),
        ((ids, sizes), None),
    ):
        changed = pa.table(list(columns), names=table.column_names[: len(columns)])
        options = pa.ipc.IpcWriteOptions(compression=compression)
        with pa.ipc.new_stream(path, changed.schema, options=options) as writer:
            writer.write_table(changed)
        for read in (lambda: TokenShards([path]), lambda: list(read_shard(path))):
            with pytest.raises(DamagedArtifact, match="tokenize the corpus again"):
                read()


def test_datasets_maps_a_shard_as_it_is(tmp_path):
    datasets = pytest.importorskip("datasets", reason="pip install datasets")
    written(tmp_path, [[5, 6], [], [7]], per_shard=3)
    path = str(tmp_path / "train-00000.arrow")
    opened = datasets.Dataset.from_file(path)
    assert opened["ids"][:] == [[5, 6], [], [7]]
    assert opened["source_bytes"][:] == [2, 0, 1]
    assert [file["filename"] for file in opened.cache_files] == [path]


def test_a_shard_in_batches_reads_as_rows(tmp_path):
    rows = [(np.array(ids, np.uint16), 2 * len(ids), len(ids)) for ids in ([5, 6], [], [7, 8, 9], [0])]
    with open(tmp_path / "a.arrow", "wb") as file:
        writer = ShardWriter(file, 300)
        for part in (rows[:3], [], rows[3:]):
            writer.write(part)
        writer.close()
    found = [(ids.tolist(), size, source) for ids, size, source in read_shard(tmp_path / "a.arrow")]
    assert found == [(ids.tolist(), size, source) for ids, size, source in rows]
    assert [ids.tolist() for ids in TokenShards([tmp_path / "a.arrow"]).ids] == [ids for ids, *_ in found]
