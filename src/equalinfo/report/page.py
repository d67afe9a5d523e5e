"""Result rows, experiments and cut texts as one HTML page that needs nothing else (`equalinfo report`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from equalinfo.errors import EqualInfoError
from equalinfo.figures.figure import Figure
from equalinfo.figures.plotly_json import ShownFigure, plot_text, shown
from equalinfo.outputs import output_file
from equalinfo.report import cells
from equalinfo.report.templates import part, plotly_library, template
from equalinfo.report.tokens import TokenView
from equalinfo.score.measurements import Measurement
from equalinfo.score.results import Result
from equalinfo.score.summary import counted_level, summarise

CELL_FIGURES = {"by-compute": cells.by_compute, "by-steps": cells.by_steps, "learned": cells.learned}


# A shape and a word for each outcome, so that colour adds nothing that is not there without it.
SIGNS = {"yes": "✓", "no": "✗", "unclear": "?"}


class Study(Protocol):
    """What the page shows of one experiment; the template names the rest."""

    name: str
    scale: str
    figure: ShownFigure | None
    drawn: Figure | None


@dataclass
class Contents:
    """What a page shows.

    Args:
        title: heading of the page.
        results: rows of any number of methods, sizes and seeds; rows that differ only in the seed are shown as
            their mean with the standard deviation as error bar.
        measurements: rows of experiments.
        studies: what the experiments show of those rows (`experiments.page.studies`).
        tokens: texts cut by tokenizers; None for none.
        samples: (caption, text) pairs, such as texts that the models wrote; any characters.
        commands: what made the rows and the page.
        recipe: the settings behind the results, as text.
    """

    title: str
    results: Sequence[Result] = ()
    measurements: Sequence[Measurement] = ()
    studies: Sequence[Study] = ()
    tokens: TokenView | None = None
    samples: Sequence[tuple[str, str]] = ()
    commands: Sequence[str] = ()
    recipe: str = ""


def write_page(contents: Contents, path: Path) -> None:
    """Writes the page of `contents` to a file.

    Raises:
        EqualInfoError: nothing to show, or `path` cannot be written.
    """
    with output_file(path) as stream:
        stream.write(page_of(contents)[0])


def page_of(contents: Contents) -> tuple[bytes, dict[str, Figure]]:
    """A self-contained HTML page (about 2 MB, mostly the plotting library, compressed), and its figures by name.

    Raises:
        EqualInfoError: nothing to show.
    """
    if not contents.results and not contents.measurements:
        raise EqualInfoError("no results to report; run some cells or experiments first")
    summaries = summarise(contents.results)
    drawn = {key: make(summaries) for key, make in CELL_FIGURES.items()} if summaries else {}
    cell_figures = [shown(figure, key) for key, figure in drawn.items()]
    studies = contents.studies
    drawn |= {f"{study.name}-{study.scale}": study.drawn for study in studies if study.drawn}
    figures = [*cell_figures, *(study.figure for study in studies if study.figure)]
    tokens = contents.tokens or TokenView([], [])
    rows: list[Result | Measurement] = [*contents.results, *contents.measurements]
    sections = {
        "results-title": ("Results", summaries),
        "experiments-title": ("Experiments", studies),
        "tokens-title": ("Tokens of a text", tokens.methods),
        "samples-title": ("Samples", contents.samples),
        "again-title": ("Machine, versions, commands", True),
    }
    page = template("page.html.j2").render(
        # The page's own parts only: text from rows and tokenizers is escaped, or JSON.
        css=part("page.css") + part("pieces.css"),
        js='"use strict";\n' + part("tokens.js") + part("page.js"),
        title=contents.title,
        contents=[(anchor, name) for anchor, (name, there) in sections.items() if there],
        cells=bool(summaries),
        headline=cells.headline(summaries) if summaries else [],
        comparable=len({row.corpus for row in contents.results}) == 1,
        seeds_averaged=any(len(summary.rows) > 1 for summary in summaries),
        cell_figures=cell_figures,
        counted=counted_level(summaries) is not None,
        columns=[column[:2] for column in cells.COLUMNS],
        rows=[cells.table_row(row) for summary in summaries for row in summary.rows],
        paper_quantities=cells.PAPER_QUANTITIES,
        paper=cells.paper_rows(summaries),
        studies=studies,
        signs=SIGNS,
        methods=tokens.methods,
        texts=tokens.texts,
        samples=contents.samples,
        machines=sorted({row.machine for row in rows}),
        versions=sorted({", ".join(f"{k} {v}" for k, v in sorted(row.versions.items())) for row in rows}),
        commands=contents.commands,
        recipe=contents.recipe,
        steps=[(summary.label, cells.commands(summary)) for summary in summaries],
        data={
            "figures": [
                {"key": one.key, "panels": [{"plot": panel.plot} for panel in one.panels]} for one in figures
            ],
            "methods": [method.for_script for method in tokens.methods],
            "texts": [text.for_script for text in tokens.texts],
        },
        plotly=plotly_library() if figures else "",
        plot_text=plot_text,
    )
    # Samples may hold lone surrogates, which UTF-8 has no bytes for.
    return page.encode("utf-8", errors="replace"), drawn
