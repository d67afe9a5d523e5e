"""Datasets by name, streamed through the library `datasets`: `hf:NAME`, `hf:NAME:CONFIG`, `hf:NAME:CONFIG:SPLIT`.

NAME is a dataset of the Hugging Face hub or a folder on this machine. Nothing is stored here: rows are read where they
are, shard by shard.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from equalinfo.corpus.locations import HUB, reading, shown
from equalinfo.corpus.records import BadDocuments
from equalinfo.errors import EqualInfoError
from equalinfo.extras import needed

ROWS_AT_ONCE = 256
DEFAULT_SPLIT = "train"  # of the dataset; ours are made from its documents


def hub_documents(
    source: str, field: str, bad: BadDocuments, start: int, stop: int | None
) -> Iterator[bytes]:
    """The string or binary at `field` of each row, in order of shards.

    Args:
        bad: what to do with a null.
        start, stop: only these shards, `stop` excluded; None: to the end.

    Raises:
        EqualInfoError: `datasets` is missing, or the dataset cannot be read, or has no such column of text.
    """
    from equalinfo.corpus.parquet import column_documents

    name = shown(source)
    with reading(source):
        dataset = _opened(source)[0]
        shards = range(dataset.num_shards)[start:stop]
    for index in shards:
        row = 0
        with reading(source):
            part = dataset.shard(num_shards=dataset.num_shards, index=index)
            batches = part.with_format("arrow").iter(batch_size=ROWS_AT_ONCE)
        while True:
            with reading(source):
                table = next(batches, None)
            if table is None:
                break
            where = f"{name}, shard {index}"
            for chunk in column_of(table, field, where).chunks:
                yield from column_documents(chunk, where, field, bad, row)
                row += len(chunk)


def column_of(table: Any, field: str, where: str) -> Any:
    """A column of an Arrow table; EqualInfoError where it has none of that name."""
    if table.column_names.count(field) != 1:
        names = ", ".join(map(ascii, table.column_names[:8]))
        raise EqualInfoError(f"{where} has no single column {field!a}; name one of {names}")
    return table.column(field)


def hub_shards(source: str) -> tuple[int, str]:
    """How many shards a dataset is streamed in, and a text that changes when its files do.

    Raises:
        EqualInfoError: `datasets` is missing, or the dataset cannot be opened.
    """
    with reading(source):
        dataset, stamp = _opened(source)
        return dataset.num_shards, stamp


@lru_cache(maxsize=2)  # looking a dataset up takes requests, or the reading of many file names
def _opened(source: str) -> tuple[Any, str]:
    name, config, split = _parsed(source)
    with needed(shown(source)):
        import datasets
    builder = datasets.load_dataset_builder(name, config)
    dataset = builder.as_streaming_dataset(split=split)
    files = (builder.config.data_files or {}).get(split)
    marks = [str(mark) for mark in getattr(files, "origin_metadata", [])]
    return dataset, json.dumps([str(builder.hash), *marks])


def _parsed(source: str) -> tuple[str, str | None, str]:
    name, *rest = source.removeprefix(HUB).split(":")
    if not name or len(rest) > 2:
        raise EqualInfoError(
            f"{shown(source)} names no dataset; write hf:NAME, hf:NAME:CONFIG or hf:NAME:CONFIG:SPLIT"
        )
    config = rest[0] if rest else ""
    return name, config or None, rest[1] if len(rest) == 2 else DEFAULT_SPLIT
