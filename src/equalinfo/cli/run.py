"""Whole grids: `demo`, `run`."""

import shlex
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from equalinfo.cli.common import PATH, Out, Quiet, app


@app.command("demo")
def demo(
    out: Annotated[Path, typer.Option("--out", **PATH, help="Where to write; a second run resumes.")] = Path(
        "runs/demo"
    ),
    quiet: Quiet = False,
) -> None:
    """The whole pipeline on the embedded corpus, minutes on two cores.

    Example: equalinfo demo --out runs/demo
    """
    from equalinfo.corpus.embedded import embedded_documents

    embedded_documents()  # what is missing is named: the extra that brings it brings all that the demo needs
    run("demo", out, quiet)


@app.command("run")
def run(
    recipe: Annotated[
        str, typer.Argument(help="A recipe (.toml), or the name of one that ships: demo, paper-25m.")
    ],
    out: Out,
    quiet: Quiet = False,
) -> None:
    """Run a recipe: a grid of methods, sizes and seeds. Skips what is done, so the same command resumes.

    Example: equalinfo run recipe.toml --out runs/mine
    """
    from equalinfo.report.runs import page_of_run
    from equalinfo.runs.recipe import load_recipe
    from equalinfo.runs.run import run_recipe

    # Names without folders: a page is for passing on.
    command = shlex.join(["equalinfo", "run", Path(recipe).name, "--out", out.name])
    run_recipe(load_recipe(recipe), out, quiet, partial(page_of_run, command=command))
