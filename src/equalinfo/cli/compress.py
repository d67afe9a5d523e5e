"""Files: `compress`, `decompress`."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import Field

from equalinfo.cli.common import PATH, SHIPPED, AllThreads, AsJson, InputFile, Quiet, app, show_result, whole
from equalinfo.cli.options import with_settings
from equalinfo.errors import EqualInfoError
from equalinfo.limits import LARGEST_SIZE
from equalinfo.model.config import Config
from equalinfo.outputs import path_or_pipe, to_standard_output


@app.command("compress")
def compress_command(
    file: InputFile,
    out: Annotated[Path, typer.Option("--out", **PATH, help="The container; - for standard output.")],
    m1: Annotated[
        Path | None, typer.Option(help=f"M1 directory, {SHIPPED}: takes part in the prediction; far slower.")
    ] = None,
    block: Annotated[
        int | None,
        whole(
            least=1, help="Bytes that can be read back on their own; default: 16 MiB, or 64 KiB with --m1."
        ),
    ] = None,
    context: Annotated[
        int | None,
        whole(least=1, help="Bytes after which M1 starts afresh, 512 if not given; longer is slower."),
    ] = None,
    threads: AllThreads = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compress a file of any bytes, losslessly; text, code and logs smaller than xz, zstd, brotli and bzip3 make them.

    Blocks are coded on all cores, half a megabyte a second or more on each, and reading back takes as long. An
    adaptive predictor does it, and nothing but the file is needed to read it back. With --m1, M1 is one more of its
    inputs, is needed for reading back too, and pays only where it knows such text well.

    Example: equalinfo compress book.txt --out book.eqi
    """
    from equalinfo.container.files import compress
    from equalinfo.progress import progress_bar

    with progress_bar(quiet) as progress:
        result = compress(m1, file, out, block, context, threads or None, progress)
    show_result(result, as_json, to_standard_output(out))


Place = Annotated[int | None, Field(ge=0, le=LARGEST_SIZE)]


class Part(Config):
    """What of the text to read back; by default all of it."""

    block: Place = Field(None, description="Only this block, numbered from 0.")
    start: Place = Field(None, description="Only from this byte of the text on.")
    length: Place = Field(None, description="Only so many bytes.")


@app.command("decompress")
@with_settings
def decompress_command(
    file: Annotated[Path, typer.Argument(parser=path_or_pipe, help="A container; - for standard input.")],
    m1: Annotated[
        Path | None, typer.Option(help=f"The one that compressed, if one did: M1 directory, {SHIPPED}.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", **PATH, help="File to write; - for standard output.")
    ] = None,
    *,
    part: Part,
    facts: Annotated[
        bool, typer.Option("--list", help="Show the container's facts and write nothing.")
    ] = False,
    threads: AllThreads = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Read back a file that `compress` wrote, or any part of it. Damage is found before a wrong byte is written.

    Example: equalinfo decompress book.eqi --out book.txt
    """
    from equalinfo.container import files
    from equalinfo.progress import progress_bar

    if facts:
        show_result(files.describe(file), as_json)
        return
    if out is None:
        raise EqualInfoError("give the file to write as --out (or --list)")
    ranged = part.start is not None or part.length is not None
    if part.block is not None and ranged:
        raise EqualInfoError("give either --block, or --start and --length")
    with progress_bar(quiet) as progress:
        options = (threads or None, progress)
        if part.block is not None:
            result = files.decompress_block(m1, file, out, part.block, *options)
        elif ranged:
            result = files.decompress_part(m1, file, out, part.start or 0, part.length, *options)
        else:
            result = files.decompress(m1, file, out, *options)
    show_result(result, as_json, to_standard_output(out))
