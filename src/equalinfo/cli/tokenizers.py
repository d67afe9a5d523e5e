"""One tokenizer: `compile`, `encode`, `decode`, `show`."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from equalinfo.cli.app import app
from equalinfo.cli.options import (
    CORPUS_HELP,
    SHIPPED,
    AsJson,
    Field,
    InputFile,
    Out,
    Quiet,
    TokenizerArgument,
    TokenizersArgument,
)
from equalinfo.cli.reading import read_file, read_ids
from equalinfo.cli.showing import show_result
from equalinfo.errors import EqualInfoError


@app.command("compile")
def compile_command(
    spec: Annotated[str, typer.Argument(help="A method, as EqualInfoAC[b=16,v=256].")],
    out: Out,
    m1: Annotated[
        Path | None, typer.Option(help=f"For methods that need one: M1 directory, {SHIPPED}.")
    ] = None,
    corpus: Annotated[str | None, typer.Option(help="For methods made from text. " + CORPUS_HELP)] = None,
    field: Field = "text",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a tokenizer directory of any method.

    Example: equalinfo compile 'EqualInfoAC[b=16,v=256]' --m1 m1 --out tok
    """
    from equalinfo.pipeline.compiling import compile_tokenizer
    from equalinfo.pipeline.corpora import Corpus
    from equalinfo.pipeline.progress import progress_bar
    from equalinfo.tokens.spec import Spec

    source = Corpus(corpus, field) if corpus is not None else None
    with progress_bar(quiet) as progress:
        tokenizer = compile_tokenizer(Spec.parse(spec), m1, source, out, progress)
    show_result(
        {"spec": str(tokenizer.spec), "vocab": tokenizer.vocab, "identity": tokenizer.identity}, as_json
    )


@app.command("encode")
def encode(
    tokenizer: TokenizerArgument,
    file: InputFile,
    out: Annotated[Path, typer.Option("--out", help="NumPy file (.npy) for the ids.")],
    as_json: AsJson = False,
) -> None:
    """Turn one file into token ids.

    Example: equalinfo encode tok book.txt --out ids.npy
    """
    import numpy as np

    from equalinfo.files import atomic_file
    from equalinfo.tokens.base import Tokenizer

    data = read_file(file)
    ids = Tokenizer.from_pretrained(tokenizer).encode(data)
    with atomic_file(out) as stream:
        np.save(stream, ids, allow_pickle=False)
    ratio = len(data) / len(ids) if len(ids) else 0.0
    show_result({"tokens": len(ids), "bytes": len(data), "bytes_per_token": ratio}, as_json)


@app.command("decode")
def decode(
    tokenizer: TokenizerArgument,
    ids: Annotated[Path, typer.Argument(help="NumPy file (.npy) of ids.")],
    out: Annotated[Path, typer.Option("--out", help="File for the text; - for standard output.")],
) -> None:
    """Turn token ids back into the file they came from.

    Example: equalinfo decode tok ids.npy --out book.txt
    """
    from equalinfo.files import atomic_file
    from equalinfo.tokens.base import Tokenizer

    text = Tokenizer.from_pretrained(tokenizer).decode(read_ids(ids))
    if str(out) == "-":
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        return
    with atomic_file(out) as stream:
        stream.write(text)


@app.command("show")
def show(
    tokenizers: TokenizersArgument,
    text: Annotated[str | None, typer.Option(help="The text to cut.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Take the text from a file; - for standard input.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write an HTML page instead of colours here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how tokenizers cut a text: coloured windows, one tokenizer below the other.

    Example: equalinfo show english-65k tok --text 'Windows of equal information'
    """
    from equalinfo.files import atomic_file
    from equalinfo.pipeline.progress import console
    from equalinfo.pipeline.showing import as_html, panels
    from equalinfo.tokens.base import Tokenizer

    if (text is None) == (file is None):
        raise EqualInfoError("give either --text or --file")
    data = read_file(file) if file is not None else os.fsencode(text or "")
    opened = [Tokenizer.from_pretrained(path) for path in tokenizers]
    if as_json:
        # A list, because several tokenizers may have one spec. A byte of a piece is a character.
        cut = [
            {
                "tokenizer": str(path),
                "spec": str(tokenizer.spec),
                "pieces": [[piece.decode("latin-1"), ids] for piece, ids in tokenizer.pieces(data)],
            }
            for path, tokenizer in zip(tokenizers, opened, strict=True)
        ]
        typer.echo(json.dumps(cut))
    elif html is not None:
        with atomic_file(html) as stream:
            stream.write(as_html(opened, data).encode())
    else:
        screen = console()
        screen.print(panels(opened, data, screen.color_system is not None))
