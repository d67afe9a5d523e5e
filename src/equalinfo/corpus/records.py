"""Documents from one field of JSON Lines objects or Parquet rows."""

import json
from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from equalinfo.errors import EqualInfoError

# Rows held at a time, whatever the size of the row groups.
PARQUET_BATCH_ROWS = 256


def json_documents(stream: IO[bytes], name: str, field: str) -> Iterator[bytes]:
    """The string at `field` of each line's JSON object, as UTF-8; blank lines are skipped.

    Raises:
        EqualInfoError: a line that is not a JSON object with a valid string there, by `name` and line.
    """
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())[:100]
            raise EqualInfoError(
                f"{where} is not valid JSON ({reason}); each line must be one JSON object"
            ) from error
        if not isinstance(record, dict):
            raise EqualInfoError(f"{where} is not a JSON object; each line must be one JSON object")
        if field not in record:
            raise EqualInfoError(f"{where} has no field {field!a}; {_present(list(record))}")
        text = record[field]
        if not isinstance(text, str):
            kind = "null" if text is None else type(text).__name__
            raise EqualInfoError(f"{where}: field {field!a} is {kind}, not a string; mend or remove the line")
        try:
            yield text.encode()
        except UnicodeEncodeError as error:
            raise EqualInfoError(
                f"{where}: field {field!a} holds half of a surrogate pair, which is no text; "
                "mend or remove the line"
            ) from error


def parquet_documents(file: IO[bytes], name: str, field: str) -> Iterator[bytes]:
    """The bytes of each row's string or binary in column `field`, in order of row groups.

    Raises:
        EqualInfoError: no such column, one of another type, or a null in it, by `name` and row from 1.
        OSError, pyarrow.ArrowException: the file is damaged.
    """
    # Without both settings pyarrow reads the whole column of a row group ahead, which can be gigabytes.
    parquet = pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
    schema = parquet.schema_arrow
    if schema.names.count(field) != 1:
        raise EqualInfoError(f"{name} has no single column {field!a}; {_present(schema.names)}")
    kind = schema.field(field).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if str(kind) not in _STRING_TYPES:
        raise EqualInfoError(f"{name}: column {field!a} holds {kind}, not strings; name a column of text")
    row = 0
    for batch in parquet.iter_batches(batch_size=PARQUET_BATCH_ROWS, columns=[field]):
        column = batch.column(0)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        # Arrow strings are UTF-8 already; as binary they are not decoded and encoded again.
        for document in column.cast(pa.large_binary()).to_pylist():
            row += 1
            if document is None:
                raise EqualInfoError(
                    f"{name}, row {row}: column {field!a} is null; remove the rows without text"
                )
            yield document


_STRING_TYPES = {"string", "large_string", "string_view", "binary", "large_binary", "binary_view"}


def _present(names: list[str]) -> str:
    listed = ", ".join(ascii(name) for name in names[:8])
    if len(listed) > 200:
        listed = listed[:200] + "..."
    return f"name one of {listed}" if names else "there is none at all"
