"""What was measured, and looking at it: `experiment`, `report`, `playground`."""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from equalinfo.cli.common import PATH, AsJson, Quiet, TokenizersArgument, app, read_file, whole
from equalinfo.errors import EqualInfoError
from equalinfo.outputs import output_file, output_folder, to_standard_output


@app.command("experiment")
def experiment_command(
    name: Annotated[str | None, typer.Argument(help="One of those that --list names.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="Name all experiments and what they cost.")] = False,
    scale: Annotated[
        str, typer.Option(help="small (two cores), mix (more text, longer), 25m, or paper.")
    ] = "small",
    seeds: Annotated[
        int, whole(most=1000, help="Seeds of each M2, from 0 on; 0: the experiment's default.")
    ] = 0,
    out: Annotated[Path, typer.Option("--out", **PATH, help="Where to write; a second run resumes.")] = Path(
        "runs/experiments"
    ),
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Measure nothing: tables and figure of what is there.")
    ] = False,
    summary: Annotated[
        Path | None,
        typer.Option(
            **PATH,
            help="Instead of running, write all tables in --out as one Markdown file; - for standard output.",
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """One of the paper's tables or figures, or a check of ours: measured, drawn, and set beside the paper's.

    Example: equalinfo experiment compression_ratios --out runs/experiments
    """
    from equalinfo.experiments import registry, run, scales, tables
    from equalinfo.progress import console

    if listing:
        everything = registry.experiments()
        if as_json:
            print(json.dumps(tables.list_records(everything)))
        else:
            console().print(tables.list_table(everything))
        return
    if summary is not None:
        folder = out / "tables" if (out / "tables").is_dir() else out
        images = os.path.relpath(folder, summary.parent)
        with output_file(summary, folder.glob("*.jsonl")) as stream:
            stream.write(tables.summary(folder, Path(images).as_posix()).encode())
        return
    if name is None:
        raise EqualInfoError("name an experiment, or give --list")
    outcome = run.run_experiment(
        registry.experiment_by_name(name), scales.scale_by_name(scale), out, seeds or None, quiet, as_is
    )
    if as_json:
        print(json.dumps(tables.records(outcome.findings, outcome.compared)))
        return
    console().print(tables.compared_table(outcome.compared))
    console().print(tables.findings_table(outcome.findings))
    print(f"Rows: {outcome.table}. Figure: {outcome.figure or outcome.complaint}")


@app.command("report")
def report(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...", help="results.jsonl of runs and experiments, or folders of such files."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", **PATH, help="HTML file to write; - for standard output.")
    ] = Path("report.html"),
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "equalinfo results",
    tokenizer: Annotated[
        list[Path] | None, typer.Option(metavar="TOK", help="Show how it cuts a text; may be repeated.")
    ] = None,
    text: Annotated[list[str] | None, typer.Option(help="A text to cut; may be repeated.")] = None,
    file: Annotated[
        Path | None, typer.Option(**PATH, help="Take a text to cut from a file; - for standard input.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(**PATH, help="Write the figures into this folder too, as SVG and PNG.")
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(**PATH, help="Write the table here too, as Markdown; - for standard output."),
    ] = None,
) -> None:
    """One HTML page of results, experiments and cut texts, and the table here.

    Example: equalinfo report runs/demo/results.jsonl --out report.html --tokenizer tok --text 'Windows of text'
    """
    from equalinfo.figures.matplotlib_files import write_figures
    from equalinfo.progress import console
    from equalinfo.report.page import Contents, Study, page_of
    from equalinfo.report.runs import files_of_rows, rows_of
    from equalinfo.report.tokens import text_from_bytes, token_view
    from equalinfo.score.table import results_markdown, results_table
    from equalinfo.tokens.tokenizer import Tokenizer

    if (text or file) and not tokenizer:
        raise EqualInfoError("give the tokenizers that are to cut the text as --tokenizer")
    # Names without folders: a page is for passing on.
    words = ["equalinfo", "report", *(path.name for path in results), "--out", out.name]
    words += [word for path in tokenizer or [] for word in ("--tokenizer", path.name)]
    words += [word for one in text or [] for word in ("--text", one)]
    words += ["--file", file.name] if file else []
    files, left_out = files_of_rows(results)
    for path in left_out:
        print(f"{path} holds other lines than results; it is left out", file=sys.stderr)
    inputs = [*files, *(tokenizer or []), *([file] if file else [])]
    with ExitStack() as stack:
        page = stack.enter_context(output_file(out, inputs))
        table = stack.enter_context(output_file(markdown, inputs)) if markdown else None
        if figures:
            stack.enter_context(output_folder(figures, "a folder", Path.is_dir, inputs))
        texts = [text_from_bytes(os.fsencode(one)) for one in text or []]
        if file is not None:
            texts.append(text_from_bytes(read_file(file)))
        rows, measurements = rows_of(files)
        shown: Sequence[Study] = ()
        # Experiments bring in what measures them, which a page of plain results does without.
        if measurements:
            from equalinfo.experiments.page import studies

            shown = studies(measurements)
        view = token_view([Tokenizer.from_pretrained(path) for path in tokenizer or []], texts)
        html, drawn = page_of(Contents(title, rows, measurements, shown, view, commands=[shlex.join(words)]))
        page.write(html)
        if figures:
            write_figures(drawn, figures, inputs)
        if table:
            table.write(results_markdown(rows).encode())
    if rows:
        console(errors=to_standard_output(out) or to_standard_output(markdown)).print(results_table(rows))


@app.command("playground")
def playground_command(
    tokenizers: TokenizersArgument,
    m2: Annotated[Path | None, typer.Option(help="M2 directory that continues the text.")] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; other machines reach all but this one.")
    ] = ("127.0.0.1"),
    port: Annotated[int, whole(most=65535, help="0: any that is free.")] = 8080,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = False,
) -> None:
    """A local page: type a text, see tokenizers cut it side by side and an M2 continue it (extra `playground`).

    Example: equalinfo playground tok1 tok2 --m2 m2
    """
    from equalinfo.playground.server import serve

    serve(tokenizers, m2, host, port, browser)
