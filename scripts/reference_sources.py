"""The texts that reference artifacts are made from: a folder of one file per source, and a list of the sources.

    CORPUS/sources.json        {"sources": [{"name", "kind", "licence", "open"}, ...]}: `python -m scripts.corpus_mix`
    CORPUS/text/NAME.parquet   the text of each

Only sources marked as open are read: what ships is made from them alone. Manuals are most of what open packages hold,
and English is not: what M1 and dictionaries are made from has at most 4 MB of each technical source and 12 MB of each
other one. Figures are of whole sources.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.readers import read_documents
from equalinfo.corpus.splits import Split, drawn, only, split_of
from equalinfo.errors import EqualInfoError
from equalinfo.files import read_json

LIST = "sources.json"
MOST_BYTES = 12_000_000
MOST_TECHNICAL_BYTES = 4_000_000
TECHNICAL = ("manual", "kernel documentation", "API documentation", "code")


@dataclass(frozen=True)
class Source:
    """One text of the corpus.

    Args:
        name: as tables show it.
        path: where it is, for `read_documents`.
        domain: what kind of text it is, as "speeches"; figures are also given by domain.
        licence: in words.
        size: bytes of its text.
        by_language: it is in several languages, which have weights of their own (`reference_languages.py`).
    """

    name: str
    path: str
    domain: str
    licence: str
    size: int
    by_language: bool = False

    @property
    def share(self) -> float:
        """How much of it artifacts are made from."""
        if self.by_language:
            return 1.0
        most = MOST_TECHNICAL_BYTES if self.domain in TECHNICAL else MOST_BYTES
        return min(1.0, most / self.size)

    def documents(self) -> Iterator[bytes]:
        """As many of its documents as `share` says, in their order; which ones, their hashes decide."""
        share = self.share
        for document in read_documents(self.path):
            if drawn(document, share):
                yield document


def sources_of(corpus: Path) -> list[Source]:
    """The open sources of a corpus folder, by path, as a reader of the folder would meet them.

    Raises:
        EqualInfoError: there is no list of sources, it names a file that is not there, or none is open.
    """
    listed = read_json(corpus / LIST)
    try:
        found = [
            Source(
                one["name"],
                str(corpus / "text" / f"{one['name']}.parquet"),
                one["kind"],
                one["licence"],
                one["bytes"],
                "languages" in one,
            )
            for one in listed["sources"]
            if one["open"] and "missing" not in one
        ]
    except (KeyError, TypeError) as error:
        raise EqualInfoError(f"{corpus / LIST} lacks {error} of a source; fetch the corpus again") from error
    missing = next((source.path for source in found if not Path(source.path).exists()), None)
    if missing:
        raise EqualInfoError(f"{missing} is missing; fetch the corpus again")
    if not found:
        raise EqualInfoError(f"{corpus / LIST} marks no source as open; what ships needs some")
    return sorted(found, key=lambda source: source.path)


class OpenCorpus(Corpus):
    """Documents of several sources, one source after the other, no source more than its share."""

    def __init__(self, sources: list[Source], name: str) -> None:
        self.source, self.field, self._sources = name, "text", sources

    def documents(self, split: Split | Literal["all"]) -> Iterable[bytes]:
        documents = chain.from_iterable(source.documents() for source in self._sources)
        return documents if split == "all" else only(documents, split)


@dataclass
class Survey:
    """What a source holds.

    Attributes:
        documents: how many, of all splits.
        size: their bytes.
        training_bytes: of the training documents.
        fingerprint: hash of all documents in order.
        held_out: a sample of the validation documents.
    """

    source: Source
    documents: int = 0
    size: int = 0
    training_bytes: int = 0
    fingerprint: str = ""
    held_out: list[bytes] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """For a card."""
        source = self.source
        counts = {"documents": self.documents, "bytes": self.size, "training_bytes": self.training_bytes}
        names = {"name": source.name, "domain": source.domain, "licence": source.licence}
        return {**names, **counts, "share": round(source.share, 4), "sha256": self.fingerprint}


def survey(source: Source, held_out_bytes: int) -> Survey:
    """Reads a source once.

    Args:
        held_out_bytes: about how much of its validation text to keep: whole documents, in the order of their hashes,
            so that they come from all over the source.
    """
    found, digest, held_out = Survey(source), hashlib.sha256(), []
    for document in read_documents(source.path):
        found.documents += 1
        found.size += len(document)
        digest.update(len(document).to_bytes(8, "big") + document)
        split = split_of(document)
        if split == "train":
            found.training_bytes += len(document)
        elif split == "validation":
            held_out.append(document)
    found.fingerprint = digest.hexdigest()
    found.held_out = list(up_to(held_out_bytes, held_out))
    return found


def up_to(limit: int, documents: list[bytes]) -> Iterator[bytes]:
    taken = 0
    for document in sorted(documents, key=lambda text: hashlib.sha256(text).digest()):
        if taken >= limit:
            return
        taken += len(document)
        yield document
