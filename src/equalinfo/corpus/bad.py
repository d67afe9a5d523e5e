"""Rows and lines that hold no text: an error, or left out and counted."""

from equalinfo.errors import EqualInfoError


class BadDocuments:
    """What happens to rows that hold no text.

    Args:
        skip: leave them out and count them; otherwise the first one is an error.

    Attributes:
        counts: rows left out so far: "null" without a value, "invalid" with one that is no text.
    """

    def __init__(self, skip: bool = False) -> None:
        self.skip = skip
        self.counts = {"null": 0, "invalid": 0}

    def reject(self, kind: str, message: str) -> None:
        """Counts one bad row; EqualInfoError with `message` unless they are left out."""
        if not self.skip:
            raise EqualInfoError(message)
        self.counts[kind] += 1
