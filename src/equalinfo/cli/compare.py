"""Tokenizers side by side: `compare`."""

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from equalinfo.cli.common import (
    CORPUS_HELP,
    FOREIGN,
    PATH,
    SHIPPED,
    AsJson,
    Quiet,
    TextField,
    app,
    show_result,
    whole,
)
from equalinfo.errors import EqualInfoError
from equalinfo.outputs import output_file, to_standard_output

if TYPE_CHECKING:
    from equalinfo.runs.compare import Compared


@app.command("compare")
def compare_command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="TOK... CORPUS", help=f"Tokenizer directories, {SHIPPED}, {FOREIGN}; last: {CORPUS_HELP}"
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", **PATH, help="Draw it too: an HTML page; - for standard output.")
    ] = None,
    sample_bytes: Annotated[
        int, whole("--bytes", least=1, help="About how much text to compare on, from all over the corpus.")
    ] = 2_000_000,
    field: TextField = "text",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare tokenizers on text, without training anything.

    Example: equalinfo compare english-32k english-65k embedded --out compared.html
    """
    from equalinfo.corpus.corpus import Corpus
    from equalinfo.progress import progress_bar
    from equalinfo.runs.compare import Sample, compare
    from equalinfo.tokens.tokenizer import Tokenizer

    *names, corpus = sources
    if not names:
        raise EqualInfoError("give tokenizers first and a corpus last, as: compare english-65k embedded")
    if out:
        from equalinfo.report.comparison import comparison_page
    source = Corpus(corpus, field)
    with output_file(out, [*names, *source.inputs]) if out else nullcontext() as page:
        with progress_bar(quiet) as progress:
            task = progress.add_task("compare", total=len(names), note="")
            opened = [(name, Tokenizer.from_pretrained(name)) for name in names]
            sample = Sample.of(source.documents("all"), sample_bytes)
            rows = compare(opened, sample, lambda: progress.advance(task))
        fields = [asdict(row) for row in rows]
        if page:
            page.write(comparison_page(fields, corpus, sample.source_bytes, len(sample.documents)).encode())
    aside = to_standard_output(out)
    if as_json:
        figures = {"documents": len(sample.documents), "bytes": sample.source_bytes, "tokenizers": fields}
        show_result(figures, True, aside)
    elif not aside:
        _print(rows)


def _print(rows: "list[Compared]") -> None:
    from equalinfo.progress import console
    from equalinfo.score.tables import screen_table

    def figure(value: float | None, form: str) -> str:
        return "–" if value is None else form.format(value)

    headings = ["tokenizer", "ids", "bytes/token", "read back", "MB/s", "unigram bits/byte"]
    figures = [
        (
            row.name,
            f"{row.vocab:,}",
            f"{row.bytes_per_token:.2f}",
            "all" if row.read_back == 1 else f"{row.read_back:.2%}",
            f"{row.megabytes_per_second:.1f}",
            figure(row.unigram_bits_per_byte, "{:.3f}"),
            figure(row.words_whole, "{:.1%}"),
            figure(row.ids_per_word, "{:.2f}"),
            figure(row.digits_per_id, "{:.2f}"),
            "|".join(row.number),
        )
        for row in rows
    ]
    table = screen_table(
        [*headings, "words whole", "ids/word", "digits/id", "a number"], figures, range(1, 9)
    )
    table.columns[0].no_wrap = True
    groups = [
        (group, *(f"{getattr(row, key)[group]:.2f}" for row in rows))
        for key in ("by_kind", "by_language")
        for group in getattr(rows[0], key)
    ]
    names = [row.name for row in rows]
    console().print(table, screen_table(["bytes/token", *names], groups, range(1, len(names) + 1)))
