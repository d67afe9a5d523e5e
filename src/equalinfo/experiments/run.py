"""Runs an experiment: measures what is not measured yet, then tables, figure and findings (`equalinfo experiment`).

OUT/parts/NAME/PART-HASH.jsonl   a part's rows, whole or not there
OUT/results.jsonl                every row, M2s' too
OUT/tables/NAME.jsonl, .svg      the rows of one experiment with those of their M2s, and its figure
"""

from dataclasses import dataclass
from pathlib import Path

from equalinfo.errors import EqualInfoError
from equalinfo.experiments.base import Compared, Experiment, Finding
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.matplotlib_files import write_figure
from equalinfo.files import atomic_file
from equalinfo.progress import progress_bar
from equalinfo.runs.run import output_of_run
from equalinfo.score.measurements import Measurement
from equalinfo.score.results import append_rows, as_lines, read_measurements, read_results


@dataclass(frozen=True)
class Outcome:
    """What an experiment's rows say.

    Args:
        figure: the file; None where it could not be drawn, and `complaint` says why.
    """

    rows: Rows
    findings: list[Finding]
    compared: list[Compared]
    table: Path
    figure: Path | None
    complaint: str = ""


def run_experiment(
    experiment: Experiment,
    scale: Scale,
    out: Path,
    seeds: int | None = None,
    quiet: bool = False,
    as_is: bool = False,
) -> Outcome:
    """Measures the parts that are missing under `out` and writes the experiment's files.

    Args:
        as_is: measures nothing: the files are of the parts that are there.

    Raises:
        EqualInfoError: a step of the pipeline refuses its settings, or `out` holds something else; what is measured
            by then is kept.
    """
    rows: list[Measurement] = []
    results = out / "results.jsonl"
    with output_of_run(out, scale.recipe.corpus):
        with progress_bar(quiet) as progress:
            work = ExperimentContext(experiment.name, scale, out, seeds or experiment.seeds, progress)
            jobs = list(experiment.run.jobs(work))
            task = progress.add_task(experiment.name, total=len(jobs), note="")
            for job in jobs:
                progress.update(task, note=job.name)
                path = part_of(work, job, experiment)
                if as_is and not path.is_file():
                    continue
                measured = measured_part(path, job)
                # Those that a kill kept from the file.
                known = {one.key for one in read_measurements(results)} if results.exists() else set()
                if missing := [one for one in measured if one.key not in known]:
                    append_rows(results, missing)
                rows += measured
                progress.advance(task)
                for finished in [other.id for other in progress.tasks if other.finished and other.id != task]:
                    progress.remove_task(finished)
        if not rows:
            raise EqualInfoError(f"nothing of {experiment.name} is measured under {out}; leave out --as-is")
        suffix = "" if scale.name == "small" else f"-{scale.name}"
        table = out / "tables" / f"{experiment.name}{suffix}.jsonl"
        m2s = {row.cell for row in rows}
        kept = [row for row in read_results(results) if row.cell in m2s]
        with atomic_file(table) as stream:
            stream.write(as_lines([*kept, *rows]))
        return outcome(experiment, Rows(rows), table)


def part_of(work: ExperimentContext, job: Job, experiment: Experiment) -> Path:
    """Where the rows of a part are, or will be."""
    return work.out / "parts" / experiment.name / f"{job.name}-{work.key(job, experiment.version)}.jsonl"


def measured_part(path: Path, job: Job) -> list[Measurement]:
    """The rows of a part, measured where they are missing."""
    if not path.is_file():
        rows = job.measure()
        with atomic_file(path) as stream:
            stream.write(as_lines(rows))
    return read_measurements(path)


def outcome(experiment: Experiment, rows: Rows, table: Path) -> Outcome:
    """Findings and comparison of rows, and the figure drawn beside their table."""
    path, complaint = table.with_suffix(".svg"), ""
    try:
        write_figure(experiment.run.figure(rows), path)
    except EqualInfoError as error:
        complaint = str(error)
    figure = None if complaint else path
    return Outcome(
        rows, experiment.run.findings(rows), experiment.run.compared(rows), table, figure, complaint
    )
