"""Experiments on the page: findings, ours beside the paper's, the figure, and the command that measures them again."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from equalinfo.experiments.base import Experiment, Finding
from equalinfo.experiments.registry import NAMES, experiment_by_name
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.tables import pivot
from equalinfo.figures.figure import Figure
from equalinfo.figures.plotly_json import ShownFigure, shown
from equalinfo.report.page import SIGNS
from equalinfo.score.measurements import Measurement

OTHER_HEADINGS = ("method", "quantity", "value", "standard error", "at")


@dataclass
class Study:
    """One experiment at one scale on one corpus.

    Args:
        complaints: what could not be computed from the rows that are there, in one line each.
        drawn: the figure as data, for files; `figure` is the same on the page.
        headings, compared: the table of ours beside the paper's; of the rows themselves for an experiment that this
            version does not know.
    """

    key: str
    name: str
    scale: str
    corpus: str
    measurements: int
    command: str
    paper: str = ""
    measures: str = ""
    limits: str = ""
    findings: list[Finding] = field(default_factory=list)
    headings: Sequence[str] = ()
    compared: list[tuple[str, ...]] = field(default_factory=list)
    figure: ShownFigure | None = None
    drawn: Figure | None = None
    complaints: list[str] = field(default_factory=list)

    @property
    def tally(self) -> dict[str, int]:
        """How many findings of each outcome."""
        return {word: sum(one.found == word for one in self.findings) for word in SIGNS}


def studies(measurements: Sequence[Measurement]) -> list[Study]:
    """The experiments whose rows these are, in the order of the paper, unknown ones last."""
    groups: dict[tuple[str, str, str], list[Measurement]] = {}
    for row in measurements:
        groups.setdefault((row.experiment, row.scale, row.corpus), []).append(row)

    def place(key: tuple[str, str, str]) -> tuple[int, tuple[str, str, str]]:
        return (NAMES.index(key[0]) if key[0] in NAMES else len(NAMES), key)

    return [_study(number, *key, groups[key]) for number, key in enumerate(sorted(groups, key=place))]


def _study(number: int, name: str, scale: str, corpus: str, measurements: list[Measurement]) -> Study:
    rows, left_out = _of_one_m1(measurements)
    study = Study(f"experiment-{number}", name, scale, corpus, len(rows), "")
    study.complaints += left_out
    if name not in NAMES:
        study.complaints.append("this version of equalinfo has no experiment of that name; its rows:")
        study.headings = OTHER_HEADINGS
        study.compared = [_plain(row) for row in rows]
        return study
    experiment = experiment_by_name(name)
    study.command = _command(experiment, scale, rows)
    study.paper, study.measures, study.limits = experiment.paper, experiment.measures, experiment.limits
    _fill(study, experiment, Rows(rows))
    return study


def _fill(study: Study, experiment: Experiment, rows: Rows) -> None:
    with _complaints(study, "findings"):
        study.findings = experiment.run.findings(rows)
    with _complaints(study, "compared"):
        if lines := experiment.run.compared(rows):
            study.headings, study.compared = pivot(lines)
    with _complaints(study, "figure"):
        study.drawn = experiment.run.figure(rows)
        study.figure = shown(study.drawn, study.key)


@contextmanager
def _complaints(study: Study, what: str) -> Iterator[None]:
    """Keeps what goes wrong: rows of a run that is not finished lack methods that are looked up, in many ways."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        study.complaints.append(
            f"the rows are not enough for the {what} ({type(error).__name__}: {reason}); run the command below"
        )


def _of_one_m1(rows: list[Measurement]) -> tuple[list[Measurement], list[str]]:
    """Rows of the M1 that was measured last, and what was left out: two models' numbers are no seeds of one."""
    models = list(dict.fromkeys(row.m1 for row in rows if row.m1 is not None))
    if len(models) < 2:
        return rows, []
    last = max((row for row in rows if row.m1 is not None), key=lambda row: row.created).m1
    return [row for row in rows if row.m1 in (None, last)], [
        f"the rows come from {len(models)} M1s; those of {last}, measured last, are shown"
    ]


def _command(experiment: Experiment, scale: str, rows: Sequence[Measurement]) -> str:
    seeds = len({row.seed for row in rows if row.seed is not None})
    words = ["equalinfo", "experiment", experiment.name, "--scale", scale, "--out", "runs/experiments"]
    if seeds not in (0, experiment.seeds):
        words += ["--seeds", str(seeds)]
    return shlex.join(words)


def _plain(row: Measurement) -> tuple[str, ...]:
    error = "" if row.standard_error is None else f"{row.standard_error:.3g}"
    at = ", ".join(f"{name} {value}" for name, value in row.at.items())
    return (row.method, row.quantity.replace("_", " "), f"{row.value:.5g}", error, at)
