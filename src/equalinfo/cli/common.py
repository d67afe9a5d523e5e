"""The application, and the options, readers and printers that several verbs share."""

import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from equalinfo.errors import EqualInfoError
from equalinfo.limits import LARGEST_COUNT, LARGEST_SEED, MOST_WORKERS
from equalinfo.outputs import PIPE, path_or_pipe

if TYPE_CHECKING:
    import numpy as np


def whole(*names: str, help: str, least: int = 0, most: int = LARGEST_COUNT) -> Any:
    """An option that is a whole number."""
    return typer.Option(*names, min=least, max=most, help=help)


PATH: Any = {"parser": path_or_pipe, "metavar": "PATH"}  # of files that "-" may stand for, and of all outputs
Out = Annotated[Path, typer.Option("--out", **PATH, help="Where to write.")]
TextField = Annotated[
    str, typer.Option("--field", help="Key or column that holds the text of JSONL and Parquet.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bars.")]
Seed = Annotated[int, whole(most=LARGEST_SEED, help="Decides initial weights, order and draws.")]
M1Device = Annotated[
    str, typer.Option("--device", help="What M1 computes on, cpu or cuda; ids are the same.")
]
AllThreads = Annotated[
    int, whole(most=MOST_WORKERS, help="CPU threads; 0: one per core. Any number, same bytes.")
]
InputFile = Annotated[Path, typer.Argument(parser=path_or_pipe, help="Any file; - for standard input.")]
CORPUS_HELP = (
    "Text, .jsonl(.gz|.zst), Parquet, a folder or URL of these, hf:NAME, `embedded`, or - for standard input "
    "(JSON Lines if its first line is an object, else text)."
)
CorpusArgument = Annotated[str, typer.Argument(help=CORPUS_HELP)]
SHIPPED = "or the name of a shipped one (see `equalinfo tokenizers`)"
FOREIGN = "or hf:, tiktoken: or sentencepiece: and what another library opens"
TokenizerArgument = Annotated[
    Path, typer.Argument(metavar="TOK", help=f"Tokenizer directory, {SHIPPED}, {FOREIGN}.")
]
TokenizersArgument = Annotated[
    list[Path], typer.Argument(metavar="TOK...", help=f"Tokenizer directories, {SHIPPED}, {FOREIGN}.")
]


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Tokenizers made by neural compression, and the language models trained on them.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"equalinfo {version('equalinfo')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Tokenizers made by neural compression, and the language models trained on them."""


def read_file(path: Path) -> bytes:
    """A file's bytes, or standard input for "-"; EqualInfoError in one line."""
    if path == PIPE:
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise EqualInfoError(f"cannot read {path}: {error.strerror or error}") from error


def read_text(path: Path) -> str:
    """`read_file` of a text; EqualInfoError if it is not UTF-8."""
    try:
        return read_file(path).decode()
    except UnicodeDecodeError as error:
        raise EqualInfoError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error


def read_ids(path: Path) -> "np.ndarray":
    """The array in a .npy file, or on standard input for "-"; EqualInfoError if it is none."""
    import numpy as np

    data = read_file(path)
    try:
        return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise EqualInfoError(
            f"{path} is not a NumPy .npy file of ids ({' '.join(str(error).split())[:100]})"
        ) from error


def one_of_many() -> bool:
    """Whether torchrun started this process and another one reports."""
    return os.environ.get("RANK", "0") != "0"


def show_result(result: dict[str, Any], as_json: bool, aside: bool = False) -> None:
    """A result for people, one figure a line, or for machines; `aside`: standard output holds something else."""
    stream = sys.stderr if aside else sys.stdout
    if as_json:
        print(json.dumps(result, sort_keys=True, default=str), file=stream)
        return
    for name, value in result.items():
        if not isinstance(value, dict | list):
            print(f"{name:26} {f'{value:.6g}' if isinstance(value, float) else value}", file=stream)
