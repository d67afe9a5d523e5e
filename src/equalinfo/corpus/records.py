"""Documents from one field of JSON Lines objects, and what happens to rows without text."""

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from typing import IO

from equalinfo.corpus.examples import END_OF_DOCUMENT
from equalinfo.errors import EqualInfoError
from equalinfo.files import parse_json


class BadDocuments:
    """What happens to rows without text, and to documents that joining would cut.

    Args:
        skip: leave them out and count them; otherwise the first one is an error.

    Attributes:
        counts: documents left out so far: "null" without a value, "invalid" with one that is no text.
    """

    def __init__(self, skip: bool = False) -> None:
        self.skip = skip
        self.counts = {"null": 0, "invalid": 0}

    def unless_cut(self, documents: Iterable[bytes], name: str) -> Iterator[bytes]:
        """The documents without those that hold a zero byte: it would end them there when documents are joined."""
        for document in documents:
            if END_OF_DOCUMENT in document:
                self.reject(
                    "invalid",
                    f"{name}: the document that begins with {document[:24]!a} holds a zero byte, which ends documents; "
                    "is it text? Correct or remove it, or let `tokenize` leave it out by --bad-documents skip",
                )
            else:
                yield document

    def reject(self, kind: str, message: str) -> None:
        """Counts one bad row; EqualInfoError with `message` unless they are left out."""
        if not self.skip:
            raise EqualInfoError(message)
        self.counts[kind] += 1


STRICT = BadDocuments()  # counts nothing: the first bad row is an error


# A longer line is taken for damage: parsing it would need several times its size in memory.
MAX_LINE_BYTES = 1 << 31


def json_documents(
    stream: IO[bytes], name: str, field: str, bad: BadDocuments, start: int = 0, stop: int | None = None
) -> Iterator[bytes]:
    """The string at `field` of each line's JSON object, as UTF-8; blank lines are skipped.

    Args:
        bad: what to do with a line that is not a JSON object with a valid string there.
        start, stop: only the lines that begin at these bytes of the stream, `stop` excluded; ranges of a file
            that follow each other so give each line once. With `start` the stream must be seekable.

    Raises:
        EqualInfoError: such a line, by `name` and line (or byte, in a range that is not the first).
    """
    for where, line in _lines(stream, name, start, stop):
        if len(line) > MAX_LINE_BYTES:
            bad.reject("invalid", f"{where} is longer than 2 GiB; each line must be one JSON object")
            continue
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except ValueError as error:
            reason = " ".join(str(error).split())[:100]
            bad.reject("invalid", f"{where} is not valid JSON ({reason}); each line must be one JSON object")
            continue
        if not isinstance(record, dict):
            bad.reject("invalid", f"{where} is not a JSON object; each line must be one JSON object")
            continue
        if field not in record:
            bad.reject("invalid", f"{where} has no field {field!a}; {present(list(record))}")
            continue
        text = record[field]
        if not isinstance(text, str):
            kind = "null" if text is None else type(text).__name__
            bad.reject(
                "null" if text is None else "invalid",
                f"{where}: field {field!a} is {kind}, not a string; correct or remove the line",
            )
            continue
        try:
            document = text.encode()
        except UnicodeEncodeError:
            bad.reject(
                "invalid",
                f"{where}: field {field!a} holds half of a surrogate pair, which is no text; "
                "correct or remove the line",
            )
            continue
        yield document


def is_object(line: bytes) -> bool:
    """Whether a line is a JSON object."""
    try:
        return line.lstrip(BOM_UTF8 + b" ").startswith(b"{") and isinstance(parse_json(line), dict)
    except ValueError:
        return False


def _lines(stream: IO[bytes], name: str, start: int, stop: int | None) -> Iterator[tuple[str, bytes]]:
    """Lines and where they stand; one beyond MAX_LINE_BYTES is cut there, its rest passed over."""
    number, position = 0, start
    if start:
        # The line that begins before `start` belongs to the range before.
        stream.seek(start - 1)
        position += _pass_over(stream) - 1
    while stop is None or position < stop:
        line = stream.readline(MAX_LINE_BYTES + 1)
        if not line:
            return
        number += 1
        where = f"{name}, the line at byte {position}" if start else f"{name}, line {number}"
        position += len(line)
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            position += _pass_over(stream)
        yield where, line


def _pass_over(stream: IO[bytes]) -> int:
    """Reads to the end of a line; its length."""
    length = 0
    while part := stream.readline(1 << 20):
        length += len(part)
        if part.endswith(b"\n"):
            break
    return length


def present(names: list[str]) -> str:
    """Which columns or fields there are, for a message that misses one."""
    listed = ", ".join(ascii(name) for name in names[:8])
    if len(listed) > 200:
        listed = listed[:200] + "..."
    return f"name one of {listed}" if names else "there is none at all"
