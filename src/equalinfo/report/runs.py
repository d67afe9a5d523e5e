"""Rows from files, and the page that ends a recipe's run."""

from collections.abc import Sequence
from pathlib import Path

from equalinfo.errors import EqualInfoError
from equalinfo.pipeline.running import Finished
from equalinfo.report.page import Contents, recipe_text, write_page
from equalinfo.report.tokens import token_view
from equalinfo.score.measurements import Measurement
from equalinfo.score.results import Result, read_measurements, read_results
from equalinfo.score.summary import setting
from equalinfo.tokens.base import Tokenizer


def files_of_rows(paths: Sequence[Path]) -> list[Path]:
    """The files among `paths`, and the .jsonl files in folders; EqualInfoError where a folder holds none."""
    files = []
    for path in paths:
        found = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not found:
            raise EqualInfoError(
                f"{path} holds no .jsonl file; `equalinfo run` and `experiment` write results.jsonl"
            )
        files += found
    return files


def rows_of(files: Sequence[Path]) -> tuple[list[Result], list[Measurement]]:
    """All rows of files.

    A cell measured again in a later file, with the same setting and seed, takes the earlier one's place: averaged, the
    two would pass for two seeds.

    Raises:
        DamagedArtifact: a line that is not a row.
        EqualInfoError: a file is missing or cannot be read.
    """
    results: list[Result] = []
    measurements: dict[object, Measurement] = {}
    for path in files:
        later = read_results(path)
        again = {(setting(row), row.seed) for row in later}
        results = [row for row in results if (setting(row), row.seed) not in again] + later
        measurements |= {row.key: row for row in read_measurements(path)}
    return results, list(measurements.values())


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
