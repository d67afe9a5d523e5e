"""Rows from files, and the page that ends a recipe's run."""

import json
from collections.abc import Sequence
from pathlib import Path

from equalinfo.errors import EqualInfoError
from equalinfo.report.page import Contents, write_page
from equalinfo.report.tokens import token_view
from equalinfo.runs.run import Finished
from equalinfo.score.measurements import Measurement
from equalinfo.score.results import Result, holds_rows, read_measurements, read_results
from equalinfo.score.summary import setting
from equalinfo.tokens.tokenizer import Tokenizer


def files_of_rows(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The files of results among `paths` and the .jsonl files in folders; and the others there.

    Raises:
        EqualInfoError: a file is missing or cannot be read, or a folder holds no .jsonl file of rows.
    """
    files: list[Path] = []
    left_out: list[Path] = []
    for path in paths:
        lines = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        foreign = [one for one in lines if path.is_dir() and not holds_rows(one)]
        with_rows = [one for one in lines if one not in foreign]
        if not with_rows:
            raise EqualInfoError(
                f"{path} holds no .jsonl file of results; `equalinfo run` and `experiment` write results.jsonl"
            )
        left_out += foreign
        files += with_rows
    return files, left_out


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
        recipe=json.dumps(recipe.model_dump(mode="json"), indent=1, ensure_ascii=False),
    )
    write_page(contents, path)
