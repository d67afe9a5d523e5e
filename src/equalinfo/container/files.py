"""Files compressed and read back (`equalinfo compress`, `equalinfo decompress`)."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import IO, Any

from rich.progress import Progress

from equalinfo.container.format import DamagedContainer, WrongModel
from equalinfo.container.reading import Container, read_container
from equalinfo.container.writing import write_container
from equalinfo.errors import EqualInfoError
from equalinfo.outputs import PIPE, output_file
from equalinfo.predict.exact_files import load_m1


def compress(
    m1: Path | None,
    file: Path,
    out: Path,
    block: int | None,
    context: int | None,
    threads: int | None,
    progress: Progress,
) -> dict[str, Any]:
    """Compresses a file into a container; the arguments are those of `write_container`.

    Args:
        m1: takes part in the prediction; None: the adaptive predictor alone.
        file: any file; - for standard input.
        out: the container; - for standard output.

    Returns:
        sizes in bytes, bits per byte, seconds.

    Raises:
        EqualInfoError: a file cannot be read or written; `out` is then left as it was.

    Examples:
        >>> from equalinfo.progress import progress_bar
        >>> m1, notes = Path("english-m1"), Path("notes.txt")
        >>> _ = notes.write_text("some text, and some more text")
        >>> with progress_bar(quiet=True) as progress:
        ...     sizes = compress(m1, notes, Path("notes.eqi"), block=65536, context=512, threads=1, progress=progress)
        ...     _ = decompress(m1, Path("notes.eqi"), Path("back.txt"), threads=1, progress=progress)
        >>> sizes["source_bytes"], Path("back.txt").read_text()
        (29, 'some text, and some more text')
    """
    with output_file(out, _inputs(m1, file)) as target, _opened(file) as source:
        predictor = load_m1(m1) if m1 else None
        size = os.fstat(source.fileno()).st_size or None if file != PIPE else None
        started = perf_counter()
        advance = _bar(progress, f"compress {file}", size)
        written = write_container(predictor, source, target, block, context, threads, advance)
    bits = 8 * written.container / written.source if written.source else 0.0
    sizes = {
        name if name in ("blocks", "stored") else f"{name}_bytes": n for name, n in asdict(written).items()
    }
    return {**sizes, "bits_per_byte": bits, "seconds": perf_counter() - started}


def decompress(
    m1: Path | None, file: Path, out: Path, threads: int | None, progress: Progress
) -> dict[str, float | int]:
    """Writes the text of a container to `out`; a file appears whole or not at all, a pipe gets checked blocks.

    Raises:
        WrongModel: another model wrote it.
        EqualInfoError: a file cannot be read or written.
        DamagedContainer: not what was written.
    """
    with output_file(out, _inputs(m1, file)) as target, _opened(file) as source, _about(file):
        predictor = load_m1(m1) if m1 else None
        size = None
        if file != PIPE and source.seekable():
            # Damage to the end is found before the long work.
            size = Container(source).index.source
            source.seek(0)
        advance = _bar(progress, f"decompress {file}", size)
        return _copied(read_container(predictor, source, threads, advance=advance), target)


def decompress_part(
    m1: Path | None,
    file: Path,
    out: Path,
    start: int,
    length: int | None,
    threads: int | None,
    progress: Progress,
) -> dict[str, float | int]:
    """As `decompress`, `length` bytes of the text from byte `start` on (None: to its end)."""
    with output_file(out, _inputs(m1, file)) as target, _container(file) as container:
        predictor = load_m1(m1) if m1 else None
        wanted = container.index.source if length is None else length
        advance = _bar(progress, f"decompress {file}", None)
        return _copied(container.read(predictor, start, wanted, threads, advance=advance), target)


def decompress_block(
    m1: Path | None, file: Path, out: Path, number: int, threads: int | None, progress: Progress
) -> dict[str, float | int]:
    """As `decompress`, one block of the text; blocks are numbered from 0."""
    with _container(file) as container:
        block, blocks = container.header.block, container.index.blocks
        if not 0 <= number < blocks:
            raise EqualInfoError(f"it has {blocks} blocks, numbered from 0; none is {number}")
    return decompress_part(m1, file, out, number * block, block, threads, progress)


def describe(file: Path) -> dict[str, int | float | str]:
    """What a container's header and index say; needs no M1."""
    with _container(file) as container:
        return container.facts()


def _inputs(m1: Path | None, file: Path) -> list[Path]:
    return [m1, file] if m1 else [file]


def _copied(texts: Iterator[bytes], target: IO[bytes]) -> dict[str, float | int]:
    started, total = perf_counter(), 0
    for text in texts:
        target.write(text)
        total += len(text)
    return {"source_bytes": total, "seconds": perf_counter() - started}


@contextmanager
def _about(file: Path) -> Iterator[None]:
    """Names the file in what is said of a container."""
    try:
        yield
    except (DamagedContainer, WrongModel) as error:
        raise type(error)(f"{file}: {error}") from error


@contextmanager
def _container(file: Path) -> Iterator[Container]:
    """A container in a file, opened for reading at any place."""
    with _opened(file) as source, _about(file):
        if file == PIPE or not source.seekable():
            raise EqualInfoError("blocks and facts are read from a file; a pipe can only be read whole")
        yield Container(source)


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    if file == PIPE:
        yield sys.stdin.buffer
        return
    try:
        stream = open(file, "rb")  # noqa: SIM115 -- closed below; only opening may fail here
    except OSError as error:
        raise EqualInfoError(f"cannot read {file}: {error.strerror or error}") from error
    with stream:
        yield stream


def _bar(progress: Progress, name: str, total: int | None) -> Callable[[int], None]:
    task = progress.add_task(name, total=total, note="")
    return lambda count: progress.update(task, advance=count)
