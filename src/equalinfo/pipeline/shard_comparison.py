"""Decodes examples of a shard and compares them with what they were made from."""

from collections.abc import Callable
from pathlib import Path

from equalinfo.errors import DamagedArtifact, UndecodableTokens
from equalinfo.pipeline.token_shards import Row, read_shard, text_identity
from equalinfo.tokens.base import Tokenizer

AT_ONCE = 64  # examples that are decoded side by side


class ShardComparison:
    """The examples of one shard, beside those of the corpus.

    Args:
        tokenizer: the one that made it.
        decoded: told how many more examples have been decoded and compared.
        chosen: numbers of the examples to decode; None: all.
        identity, first: of the text and number of the examples in shards before this one.
    """

    def __init__(
        self,
        file: Path,
        tokenizer: Tokenizer,
        chosen: set[int] | None,
        decoded: Callable[[int], None],
        identity: str = "",
        first: int = 0,
    ) -> None:
        self.file, self.chosen = file, chosen
        self._tokenizer, self._decoded = tokenizer, decoded
        self._identity, self._number = identity, first
        self._rows = read_shard(file)
        self._last = max(chosen, default=-1) if chosen is not None else None
        self._waiting: list[tuple[int, Row, bytes | None]] = []

    @property
    def satisfied(self) -> bool:
        """Whether all chosen examples have come by."""
        return self._last is not None and self._number > self._last

    def take(self, original: bytes | None = None) -> bool:
        """Takes the next example, decoded if it is chosen; False after the last.

        Args:
            original: what the corpus has for it.
        """
        row = next(self._rows, None)
        if row is None:
            if original is not None:
                raise DamagedArtifact(f"{self.file} ends before the corpus does; has the corpus changed?")
            return False
        if self.chosen is None or self._number in self.chosen:
            self._waiting.append((self._number, row, original))
            if len(self._waiting) == AT_ONCE:
                self._decode()
        self._number += 1
        return True

    def take_all(self) -> int:
        """Takes all that are left; how many there were."""
        count = 0
        while self.take():
            count += 1
        return count

    def end(self) -> str:
        """Decodes what waits; the identity of the text where all was decoded, otherwise ""."""
        self._decode()
        return self._identity if self.chosen is None else ""

    def _decode(self) -> None:
        waiting = self._waiting
        try:
            texts = self._tokenizer.decode_batch([row[0] for _, row, _ in waiting])
        except UndecodableTokens as error:
            raise DamagedArtifact(f"{self.file} does not decode: {error}") from error
        for (number, (_, size, _), original), text in zip(waiting, texts, strict=True):
            if len(text) != size:
                raise DamagedArtifact(
                    f"example {number} of {self.file} decodes to {len(text)} bytes, not {size}"
                )
            if original is not None and text != original:
                raise DamagedArtifact(
                    f"example {number} of {self.file} decodes to other text than the corpus has; "
                    "has the corpus changed?"
                )
            self._identity = text_identity(self._identity, text)
        self._decoded(len(waiting))
        waiting.clear()
