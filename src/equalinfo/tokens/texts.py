"""What a text, or several, may be given as, and ids of several as columns."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np

from equalinfo.dictionary.parse.parser import joined
from equalinfo.errors import EqualInfoError

Flat = tuple[np.ndarray, np.ndarray]
# What a text may be given as; scalars of pyarrow too, which are not imported for that.
Text = str | bytes | bytearray | memoryview | np.ndarray


def as_bytes(text: Text, number: int | None = None) -> bytes:
    """The bytes of a text: UTF-8 of a str, and what holds bytes as they are.

    Args:
        text: str, bytes, bytearray, memoryview or a one-dimensional array of uint8, contiguous or not, or a scalar of
            NumPy or pyarrow that holds one of these.
        number: its place in a list, for the error.

    Raises:
        EqualInfoError: anything else, or a str with lone surrogates.
    """
    if type(text) is bytes:
        return text
    if isinstance(text, str):
        try:
            return text.encode()
        except UnicodeEncodeError as error:
            raise EqualInfoError(
                f"{_named(number)} holds a lone surrogate at character {error.start}, not Unicode text; "
                "give bytes instead"
            ) from error
    if hasattr(text, "as_py"):
        return as_bytes(text.as_py(), number)
    try:
        view = memoryview(text)  # type: ignore[arg-type]  # asked of what may have none
    except TypeError:
        view = None
    if view is None or view.ndim != 1 or view.format not in ("B", "b", "c"):
        kind = "None" if text is None else type(text).__name__
        raise EqualInfoError(f"{_named(number)} must be str or bytes, not {kind}")
    return view.tobytes()


def _named(number: int | None) -> str:
    return "the text" if number is None else f"text {number}"


def as_texts(texts: Iterable[Text]) -> list[bytes]:
    """The bytes of each of several texts: a list, tuple, array, iterator or column of what `as_bytes` takes.

    Raises:
        EqualInfoError: one text instead of several, or something in them that is none; it names which.
    """
    several: Any = texts.as_py() if hasattr(texts, "as_py") else texts
    if isinstance(several, (str, bytes, bytearray, memoryview)):
        raise EqualInfoError("give a list of texts here, not a single text")
    try:
        # A pyarrow array becomes a list at once; its items would become str one by one.
        items = iter(several.to_pylist() if hasattr(several, "to_pylist") else several)
    except TypeError:
        items = None
    if items is None or isinstance(several, (Mapping, Set)):
        raise EqualInfoError(f"give a list of texts, not {type(several).__name__}")
    listed = list(items)
    try:
        return list(map(str.encode, listed))  # what most are, in a third of the time
    except (TypeError, UnicodeEncodeError):
        return [as_bytes(text, number) for number, text in enumerate(listed)]


def end_to_end(texts: Iterable[Text]) -> list[Flat]:
    """Texts end to end: uint8 [bytes] and where each begins and the last ends, int64 [texts + 1].

    A column of Arrow's, of strings or binary, is not copied: there is one such pair for each of its chunks, of others
    one for all.

    Raises:
        EqualInfoError: as `as_texts`.
    """
    if type(texts).__module__.partition(".")[0] == "pyarrow":
        import pyarrow as pa

        chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
        wide, narrow = (pa.LargeStringArray, pa.LargeBinaryArray), (pa.StringArray, pa.BinaryArray)
        if all(isinstance(chunk, wide + narrow) and not chunk.null_count for chunk in chunks):
            return [_chunk(chunk, np.int64 if isinstance(chunk, wide) else np.int32) for chunk in chunks]
    return [joined(as_texts(texts))]


def _chunk(array: Any, offset_type: Any) -> Flat:
    _, offsets, data = array.buffers()
    if not len(array):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    bounds = np.frombuffer(offsets, offset_type)[array.offset :][: len(array) + 1].astype(np.int64)
    text = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return text[bounds[0] : bounds[-1]], bounds - bounds[0]


def as_lists(flats: list[Flat]) -> Any:
    """Ids end to end and where those of each text begin, as a column of Arrow's: lists of integers, a chunk for each.

    Ids are not copied.
    """
    import pyarrow as pa

    chunks = []
    for ids, bounds in flats:
        wide = bounds[-1] > np.iinfo(np.int32).max
        kind, offset_type = (pa.LargeListArray, np.int64) if wide else (pa.ListArray, np.int32)
        chunks.append(kind.from_arrays(pa.array(bounds.astype(offset_type)), pa.array(ids)))
    return (
        chunks[0] if len(chunks) == 1 else pa.chunked_array(chunks, None if chunks else pa.list_(pa.uint16()))
    )


def common_start(a: bytes, b: bytes) -> bytes:
    """What two texts begin with."""
    length = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[:length]
