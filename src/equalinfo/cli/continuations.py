"""Continuations as they are printed: valid text, as soon as it is certain."""

import base64
import codecs
from collections.abc import Sequence
from typing import Any, BinaryIO

from equalinfo.generate.generator import Continuation


class ContinuationPrinter:
    """Writes prompts and continuations to a binary stream, each on a line of its own.

    A single one is written while it grows, several when all have ended.

    Args:
        raw: bytes as they are; otherwise UTF-8, U+FFFD in place of what is not, and no unfinished character.
    """

    def __init__(self, stream: BinaryIO, prompts: Sequence[bytes], samples: int, raw: bool) -> None:
        self._stream, self._raw = stream, raw
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._growing = len(prompts) * samples == 1
        if self._growing:
            self._write(prompts[0])

    def __call__(self, number: int, data: bytes) -> None:
        if self._growing:
            self._write(data)

    def end(self, continuations: Sequence[Continuation]) -> None:
        """Ends the line of a single continuation, or writes all of several."""
        for one in [] if self._growing else continuations:
            self._write(one.prompt + one.text)
            self._decoder.reset()
            self._stream.write(b"\n")
        if self._growing:
            self._stream.write(b"\n")
        self._stream.flush()

    def _write(self, data: bytes) -> None:
        self._stream.write(data if self._raw else self._decoder.decode(data).encode())
        self._stream.flush()


def as_record(one: Continuation) -> dict[str, Any]:
    """A continuation for JSON: `text` is what `bytes` (in base64) reads as in UTF-8."""
    return {
        "prompt": one.prompt.decode("utf-8", "replace"),
        "text": one.text.decode("utf-8", "replace"),
        "bytes": base64.b64encode(one.text).decode(),
        "tokens": one.tokens,
        "ended_by": one.reason,
    }


def rate(continuations: Sequence[Continuation], seconds: float) -> str:
    """How many tokens and bytes were added, and how fast."""
    tokens = sum(one.tokens for one in continuations)
    size = sum(len(one.text) for one in continuations)
    return (
        f"{tokens} tokens, {size} bytes in {seconds:.2f} s: "
        f"{tokens / seconds:.0f} tokens/s, {size / seconds:.0f} bytes/s"
    )
