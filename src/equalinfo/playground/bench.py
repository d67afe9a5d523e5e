"""What the playground does with a text, apart from its page."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from equalinfo.errors import EqualInfoError
from equalinfo.model.config import TEMPERATURE
from equalinfo.report.segments import cut, segments_html
from equalinfo.tokens.texts import as_bytes
from equalinfo.tokens.tokenizer import Tokenizer

MOST_CHARACTERS = 5_000  # methods that run M1 for every byte take seconds for these
MOST_TOKENS = 500


@dataclass(frozen=True)
class ContinuationRequest:
    """How a text is to go on.

    Raises:
        EqualInfoError: a number outside its range.
    """

    tokens: int = 60
    temperature: float = TEMPERATURE
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.tokens <= MOST_TOKENS:
            raise EqualInfoError(f"tokens must be 1 to {MOST_TOKENS}")
        if not 0 <= self.temperature <= 10 or self.seed < 0:
            raise EqualInfoError("the temperature must be 0 to 10, and the seed 0 or more")


class Stopped(Exception):
    """The reader wants no more of a continuation."""


@dataclass
class Bench:
    """Tokenizers, and an M2 if its directory is given.

    Methods may be called from several threads: models run one text at a time.
    """

    tokenizers: Sequence[Tokenizer]
    m2: Path | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.generator = None
        if self.m2 is not None:
            from equalinfo.generate.generator import Generator

            self.generator = Generator.load(self.m2)

    def cuts(self, text: str) -> list[str]:
        """The text's segments by each tokenizer, as HTML in which all text is escaped.

        Raises:
            EqualInfoError: a lone surrogate in the text.
        """
        data = as_bytes(text[:MOST_CHARACTERS])
        with self._lock:
            return [segments_html(cut(tokenizer, data)) for tokenizer in self.tokenizers]

    def go_on(self, text: str, request: ContinuationRequest, show: Callable[[bytes], None]) -> str:
        """Continues a text; `show` is called with each new part and may raise `Stopped`.

        Returns:
            the continuation, U+FFFD for what is no UTF-8; as far as it came when stopped.

        Raises:
            EqualInfoError: no M2, or a request that cannot be met.
        """
        from equalinfo.generate.generator import GenerationConfig
        from equalinfo.model.sampling import SamplingParams

        if self.generator is None:
            raise EqualInfoError("give an M2 directory as --m2")
        parts: list[bytes] = []

        def grown(_: int, new: bytes) -> None:
            parts.append(new)
            show(new)

        settings = GenerationConfig(request.tokens, None, SamplingParams(request.temperature), request.seed)
        with self._lock, contextlib.suppress(Stopped):
            self.generator.continuations([as_bytes(text[:MOST_CHARACTERS])], settings, grown)
        return b"".join(parts).decode("utf-8", "replace")
