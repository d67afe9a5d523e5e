"""One tokenizer: `compile`, `encode`, `decode`, `show`."""

import json
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from equalinfo.cli.common import (
    CORPUS_HELP,
    PATH,
    SHIPPED,
    AsJson,
    InputFile,
    M1Device,
    Out,
    Quiet,
    TextField,
    TokenizerArgument,
    TokenizersArgument,
    app,
    read_file,
    read_ids,
    read_text,
    show_result,
)
from equalinfo.cli.engines import EngineSettings
from equalinfo.cli.options import with_settings
from equalinfo.errors import EqualInfoError
from equalinfo.outputs import output_file, path_or_pipe, to_standard_output


@app.command("compile")
@with_settings
def compile_command(
    spec: Annotated[str, typer.Argument(help="A method, as EqualInfoAC[b=16,v=256].")],
    out: Out,
    execution: EngineSettings,
    m1: Annotated[
        Path | None, typer.Option(help=f"For methods that need one: M1 directory, {SHIPPED}.")
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(help="For methods made from text; spares M1 in wide windows. " + CORPUS_HELP)
    ] = None,
    field: TextField = "text",
    special: Annotated[
        list[str] | None,
        typer.Option("--special", metavar="NAME", help="A special token, as '<|user|>'; may be repeated."),
    ] = None,
    bos: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The special token that begins a text in other libraries."),
    ] = None,
    pad: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The special token that fills up a batch in other libraries."),
    ] = None,
    chat_template: Annotated[
        Path | None, typer.Option(help="A file in Jinja that goes with the tokenizer into exports.")
    ] = None,
    device: M1Device = "cpu",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a tokenizer directory of any method.

    An engine counts the words of a corpus of more than 128 MiB. Interrupted? Run the same command again: it resumes.

    Example: equalinfo compile 'EqualInfo[v=16k,unigram,words]' --corpus my.jsonl --out tok
    """
    from equalinfo.corpus.corpus import Corpus
    from equalinfo.progress import progress_bar
    from equalinfo.tokens.compile import compile_tokenizer
    from equalinfo.tokens.spec import Spec
    from equalinfo.tokens.special_tokens import SpecialTokens

    source = Corpus(corpus, field) if corpus is not None else None
    with progress_bar(quiet) as progress:
        template = None if chat_template is None else read_text(chat_template)
        method = Spec.parse(spec).with_special(SpecialTokens.of(special or (), bos, pad, template))
        tokenizer = compile_tokenizer(method, m1, source, out, progress, device, execution.opened())
    show_result(
        {"spec": str(tokenizer.spec), "vocab": tokenizer.vocab, "identity": tokenizer.fingerprint}, as_json
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
    from equalinfo.tokens.tokenizer import Tokenizer

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
    from equalinfo.tokens.tokenizer import Tokenizer

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
    from equalinfo.progress import console
    from equalinfo.tokens.show import as_html, panels
    from equalinfo.tokens.tokenizer import Tokenizer

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
        # A list, because several tokenizers may have one spec. A byte of a segment is a character.
        cut = [
            {
                "tokenizer": str(path),
                "spec": str(tokenizer.spec),
                "pieces": [[segment.decode("latin-1"), ids] for segment, ids in tokenizer.segments(data)],
            }
            for path, tokenizer in zip(tokenizers, opened, strict=True)
        ]
        print(json.dumps(cut))
    else:
        screen = console()
        screen.print(panels(opened, data, screen.color_system is not None))


@app.command("tokenizers")
def tokenizers_command(as_json: AsJson = False) -> None:
    """List the tokenizers that ship with equalinfo, and the M1 they were compiled from.

    Example: equalinfo tokenizers
    """
    from equalinfo.pretrained import shipped
    from equalinfo.progress import console

    rows = [_row(name, path) for name, path in shipped().items()]
    if as_json:
        print(json.dumps(rows))
    elif not rows:
        print("none ships with this equalinfo; `equalinfo compile` makes one")
    else:
        console().print(_table(rows))


def _row(name: str, path: Path) -> dict[str, Any]:
    from equalinfo.pretrained import card_of

    card = card_of(path)
    shown = ("kind", "spec", "vocab", "identity", "bytes_per_token", "bits_per_byte")
    size = sum(file.stat().st_size for file in path.iterdir())
    return {"name": name, "bytes": size, **{key: card[key] for key in shown if key in card}}


def _table(rows: list[dict[str, Any]]) -> Any:
    from equalinfo.score.tables import screen_table

    cells = []
    for row in rows:
        figures = (f"{row[key]:.2f}" if key in row else "" for key in ("bytes_per_token", "bits_per_byte"))
        entries = f"{row['vocab']:,}" if row["kind"] == "tokenizer" else ""
        cells.append((row["name"], row["spec"], entries, f"{row['bytes'] / 1e6:.2f}", *figures))
    headings = ("name", "spec", "entries", "MB", "bytes/token", "M1 bits/byte")
    return screen_table(headings, cells, range(2, 6))
