"""Documents from one column of Parquet rows, by pyarrow."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from equalinfo.corpus.records import BadDocuments, present
from equalinfo.errors import EqualInfoError
from equalinfo.extras import needed

with needed():
    import pyarrow as pa
    import pyarrow.parquet as pq

# Rows held at a time, whatever the size of the row groups.
PARQUET_BATCH_ROWS = 256


@contextmanager
def damage_as_os_error() -> Iterator[None]:
    """Turns what pyarrow raises for damaged files into OSError, as for files of other kinds."""
    try:
        yield
    except pa.ArrowException as error:
        raise OSError(str(error)) from error


def parquet_documents(
    file: IO[bytes], name: str, field: str, bad: BadDocuments, start: int, stop: int | None
) -> Iterator[bytes]:
    """The bytes of each row's string or binary in column `field`, in order of row groups.

    Args:
        bad: what to do with a null.
        start, stop: only these row groups, `stop` excluded; None: to the end.

    Raises:
        EqualInfoError: no such column, one of another type, or a null in it, by `name` and row from 1.
        OSError: the file is damaged.
    """
    with damage_as_os_error():
        parquet = open_parquet(file, name, field)
        groups = range(parquet.num_row_groups)[start:stop]
        row = sum(parquet.metadata.row_group(group).num_rows for group in range(start))
        # One column needs no threads, and waking one for each batch costs more than the reading.
        batches: Iterable[pa.RecordBatch] = parquet.iter_batches(
            batch_size=PARQUET_BATCH_ROWS, row_groups=list(groups), columns=[field], use_threads=False
        )
        for batch in batches:
            yield from column_documents(batch.column(0), name, field, bad, row)
            row += batch.num_rows


def column_documents(
    column: pa.Array, name: str, field: str, bad: BadDocuments, first: int
) -> Iterator[bytes]:
    """The bytes of each string or binary of a column that begins after row `first` (from 1).

    Raises:
        EqualInfoError: the column holds no text, or a null that `bad` does not leave out.
    """
    check_text(column.type, name, field)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    # Arrow strings are UTF-8 already; as binary they are not decoded and encoded again.
    for row, document in enumerate(column.cast(pa.large_binary()).to_pylist(), first + 1):
        if document is None:
            bad.reject("null", f"{name}, row {row}: column {field!a} is null; remove the rows without text")
        else:
            yield document


def open_parquet(file: IO[bytes], name: str, field: str) -> pq.ParquetFile:
    """Opens a Parquet file after looking whether its column `field` holds text.

    Raises:
        EqualInfoError: no such column, or one of another type.
        OSError: the file is damaged.
    """
    # Without both settings pyarrow reads the whole column of a row group ahead, which can be gigabytes.
    parquet = pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
    schema = parquet.schema_arrow
    if schema.names.count(field) != 1:
        raise EqualInfoError(f"{name} has no single column {field!a}; {present(schema.names)}")
    check_text(schema.field(field).type, name, field)
    return parquet


def check_text(kind: pa.DataType, name: str, field: str) -> None:
    """Raises EqualInfoError unless a column of this type holds strings or binary (or nothing but nulls)."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if str(kind) not in _TEXT_TYPES:
        raise EqualInfoError(f"{name}: column {field!a} holds {kind}, not strings; name a column of text")


_TEXT_TYPES = {"null", "string", "large_string", "string_view", "binary", "large_binary", "binary_view"}
