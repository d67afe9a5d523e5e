"""Reading streams that may be pipes."""

from typing import IO


def read_exactly(stream: IO[bytes], count: int) -> bytes:
    """`count` bytes, or fewer if the stream ends; a pipe that gives less at a time is asked again."""
    parts, missing = [], count
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
