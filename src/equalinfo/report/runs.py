"""Rows from files, and the page that ends a recipe's run."""

from collections.abc import Sequence
from pathlib import Path

from equalinfo.errors import EqualInfoError
from equalinfo.pipeline.running import Finished
from equalinfo.report.page import Contents, recipe_text, write_page
from equalinfo.report.tokens import token_view
from equalinfo.score.measurements import Measurement
from equalinfo.score.results import Result, read_measurements, read_results
from equalinfo.tokens.base import Tokenizer


def rows_of(paths: Sequence[Path]) -> tuple[list[Result], list[Measurement]]:
    """All rows of files, and of the .jsonl files in folders; of rows that measure the same, the last.

    Raises:
        DamagedArtifact: a line that is not a row.
        EqualInfoError: a file is missing or cannot be read, or a folder holds no .jsonl file.
    """
    results: dict[str, Result] = {}
    measurements: dict[object, Measurement] = {}
    for path in paths:
        found = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not found:
            raise EqualInfoError(
                f"{path} holds no .jsonl file; `equalinfo run` and `experiment` write results.jsonl"
            )
        for one in found:
            results |= {row.cell: row for row in read_results(one)}
            measurements |= {row.key: row for row in read_measurements(one)}
    return list(results.values()), list(measurements.values())


def page_of_run(finished: Finished, path: Path, command: str) -> None:
    """The page of a recipe's rows, with its tokenizers on an example text."""
    recipe = finished.recipe
    contents = Contents(
        recipe.title,
        finished.rows,
        tokens=token_view([Tokenizer.from_pretrained(one) for one in finished.tokenizers]),
        samples=finished.samples,
        commands=[command],
        recipe=recipe_text(recipe.model_dump(mode="json")),
    )
    write_page(contents, path)
