"""One tokenizer: `compile`, `encode`, `decode`, `show`."""

import json
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from equalinfo.cli.app import app
from equalinfo.cli.options import (
    CORPUS_HELP,
    PATH,
    SHIPPED,
    AsJson,
    Field,
    InputFile,
    M1Device,
    Out,
    Quiet,
    TokenizerArgument,
    TokenizersArgument,
)
from equalinfo.cli.reading import read_file, read_ids
from equalinfo.cli.showing import show_result
from equalinfo.errors import EqualInfoError
from equalinfo.outputs import output_file, path_or_pipe, to_standard_output


@app.command("compile")
def compile_command(
    spec: Annotated[str, typer.Argument(help="A method, as EqualInfoAC[b=16,v=256].")],
    out: Out,
    m1: Annotated[
        Path | None, typer.Option(help=f"For methods that need one: M1 directory, {SHIPPED}.")
    ] = None,
    corpus: Annotated[str | None, typer.Option(help="For methods made from text. " + CORPUS_HELP)] = None,
    field: Field = "text",
    device: M1Device = "cpu",
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
        tokenizer = compile_tokenizer(Spec.parse(spec), m1, source, out, progress, device)
    show_result(
        {"spec": str(tokenizer.spec), "vocab": tokenizer.vocab, "identity": tokenizer.identity}, as_json
    )


@app.command("encode")
def encode(
    tokenizer: TokenizerArgument,
    file: InputFile,
    out: Annotated[
        Path, typer.Option("--out", **PATH, help="NumPy file (.npy) for the ids; - for standard output.")
    ],
    device: M1Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Turn one file into token ids.

    Example: equalinfo encode tok book.txt --out ids.npy
    """
    from equalinfo.files import write_array
    from equalinfo.tokens.base import Tokenizer

    with output_file(out, [tokenizer, file]) as stream:
        data = read_file(file)
        ids = Tokenizer.from_pretrained(tokenizer, device).encode(data)
        write_array(stream, ids)
    ratio = len(data) / len(ids) if len(ids) else 0.0
    figures = {"tokens": len(ids), "bytes": len(data), "bytes_per_token": ratio}
    show_result(figures, as_json, to_standard_output(out))


@app.command("decode")
def decode(
    tokenizer: TokenizerArgument,
    ids: Annotated[
        Path, typer.Argument(parser=path_or_pipe, help="NumPy file (.npy) of ids; - for standard input.")
    ],
    out: Annotated[Path, typer.Option("--out", **PATH, help="File for the text; - for standard output.")],
    device: M1Device = "cpu",
) -> None:
    """Turn token ids back into the file they came from.

    Example: equalinfo decode tok ids.npy --out book.txt
    """
    from equalinfo.tokens.base import Tokenizer

    with output_file(out, [tokenizer, ids]) as stream:
        stream.write(Tokenizer.from_pretrained(tokenizer, device).decode(read_ids(ids)))


@app.command("show")
def show(
    tokenizers: TokenizersArgument,
    text: Annotated[str | None, typer.Option(help="The text to cut.")] = None,
    file: Annotated[
        Path | None, typer.Option(**PATH, help="Take the text from a file; - for standard input.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(**PATH, help="Write an HTML page instead of colours here; - for standard output."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how tokenizers cut a text: coloured windows, one tokenizer below the other.

    Example: equalinfo show english-65k tok --text 'Windows of equal information'
    """
    from equalinfo.pipeline.progress import console
    from equalinfo.pipeline.showing import as_html, panels
    from equalinfo.tokens.base import Tokenizer

    if (text is None) == (file is None):
        raise EqualInfoError("give either --text or --file")
    inputs = [*tokenizers, *([file] if file else [])]
    with output_file(html, inputs) if html and not as_json else nullcontext() as page:
        data = read_file(file) if file is not None else os.fsencode(text or "")
        opened = [Tokenizer.from_pretrained(path) for path in tokenizers]
        if page:
            page.write(as_html(opened, data).encode())
            return
    if as_json:
        cut = {
            str(tokenizer.spec): [[piece.decode("latin-1"), ids] for piece, ids in tokenizer.pieces(data)]
            for tokenizer in opened
        }
        print(json.dumps(cut))
    else:
        screen = console()
        screen.print(panels(opened, data, screen.color_system is not None))
