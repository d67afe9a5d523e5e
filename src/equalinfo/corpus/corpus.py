"""A corpus as the steps see it: documents of one split, readable as often as needed."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Literal

from equalinfo.corpus.locations import shown
from equalinfo.corpus.partitions import Partition, partitions_of
from equalinfo.corpus.readers import local_inputs, read_documents
from equalinfo.corpus.records import STRICT
from equalinfo.corpus.splits import Split, only
from equalinfo.errors import EqualInfoError


class Corpus:
    r"""Documents of a source, by split.

    Args:
        source: what `read_documents` takes; standard input ("-") is held in memory, because it is read
            once and the steps read a corpus several times.
        field: column or key that holds the text.

    Examples:
        >>> _ = Path("notes.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
        >>> list(Corpus("notes.jsonl").documents("all"))
        [b'one', b'two']
    """

    def __init__(self, source: str, field: str = "text") -> None:
        self.source, self.field = source, field

    @property
    def inputs(self) -> list[Path]:
        """The files and folders on this machine that it is read from."""
        return local_inputs(self.source)

    @cached_property
    def _held(self) -> list[bytes] | None:
        return list(read_documents(self.source, self.field)) if self.source == "-" else None

    def partitions(self, partition_bytes: int) -> tuple[list[Partition], list[str]]:
        """As `partitions_of`; none of a subclass whose documents are not simply those of its source."""
        if type(self).documents is not Corpus.documents:
            return [], []
        return partitions_of(self.source, self.field, partition_bytes)

    def documents(self, split: Split | Literal["all"]) -> Iterable[bytes]:
        """The documents of `split`, or all.

        Raises:
            EqualInfoError: there is none, or one that holds a zero byte.
        """
        documents = self._held if self._held is not None else read_documents(self.source, self.field)
        documents = STRICT.unless_cut(documents, shown(self.source))
        any_document = False
        for document in documents if split == "all" else only(documents, split):
            any_document = True
            yield document
        if not any_document:
            raise EqualInfoError(
                f"{self.source} has no document in the {split} split; give more text"
                + (" (documents are split 90/5/5 by their hash)" if split != "all" else "")
            )
