"""Documents that are no text: an error, or left out and counted."""

from collections.abc import Iterable, Iterator

from equalinfo.corpus.examples import END_OF_DOCUMENT
from equalinfo.errors import EqualInfoError


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
                    "is it text? Mend or remove it, or let `tokenize` leave it out by --bad-documents skip",
                )
            else:
                yield document

    def reject(self, kind: str, message: str) -> None:
        """Counts one bad row; EqualInfoError with `message` unless they are left out."""
        if not self.skip:
            raise EqualInfoError(message)
        self.counts[kind] += 1
