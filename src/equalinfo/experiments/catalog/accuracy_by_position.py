"""Accuracy at each token of a window over training: which places are learned, and when (section 6.4, figure 10)."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding
from equalinfo.experiments.cell_tables import line
from equalinfo.experiments.finetune import FinetuneConfig, Targeted, score, shuffled, tune
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.statistics import mean_error
from equalinfo.experiments.verdicts import expect_positive
from equalinfo.experiments.workspace import ExperimentContext, Job, read_examples
from equalinfo.figures.figure import Figure, Panel
from equalinfo.model.decoder import Decoder
from equalinfo.score.measurements import Measurement
from equalinfo.sizes import size_by_name

WINDOWS = {"EqualInfoAC[b=64,v=256]": 8, "EqualInfoAC[b=32,v=256]": 4}
FIRST = 0.1  # the share of training whose best accuracy is the base of the increase (paper: 2,000 of 200,000 steps)
CHANCE = 100 / 256


def schedule(scale: Scale) -> tuple[int, list[int]]:
    """Steps, and those after which accuracy is measured."""
    steps = 1500 if scale.small else scale.recipe.m2.steps
    return steps, [round(steps * share) for share in (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1)]


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for method in WINDOWS:
        for seed in work.seeds:

            def measure(method: str = method, seed: int = seed) -> list[Measurement]:
                return trained(work, method, seed)

            yield Job(f"b{8 * WINDOWS[method]}-seed{seed}", (method, seed, schedule(work.scale)), measure)


def trained(work: ExperimentContext, method: str, seed: int) -> list[Measurement]:
    recipe, places = work.scale.recipe, WINDOWS[method]
    tokens = work.tokens(method)
    length = recipe.m2.sequence_length

    def cut(split: str) -> list[Targeted]:
        whole = []
        for ids, _ in read_examples(tokens, split):
            for start in range(0, len(ids) - length + 1, length):  # whole windows: length is a multiple
                whole.append(Targeted(ids[start : start + length].astype(np.int64), 0))
        return whole

    training, testing = cut("train"), cut("validation")
    model = Decoder(size_by_name(work.scale.size), 256)
    model.init_weights(seed)
    steps, looks = schedule(work.scale)
    rows: list[Measurement] = []

    def look(step: int) -> None:
        hits = np.stack(score(model, testing).hits).reshape(len(testing), -1, places)
        for place in range(places):
            own = 100 * hits[:, :, place].mean(1)
            where: dict[str, Any] = {"step": step, "position": place + 1}
            rows.append(
                work.row(method, "accuracy_percent", own.mean(), mean_error(own.tolist()), seed, **where)
            )

    order = shuffled(len(training), recipe.m2.batch_size, seed)
    plan = FinetuneConfig(
        steps, recipe.m2.batch_size, recipe.m2.learning_rate or 0.01, seed, recipe.m2.threads
    )
    tune(model, lambda step: [training[i] for i in order(step)], plan, work.progress, method, look, looks)
    return rows


def increase(rows: Rows, method: str, place: int) -> Estimate:
    """Last accuracy minus the best of the first steps."""
    own = rows.where("accuracy_percent", method, position=place)
    steps = [int(step) for step in own.coordinates("step")]
    early = [step for step in steps if step <= FIRST * steps[-1]]
    best = max(early, key=lambda step: own.mean("accuracy_percent", step=step))
    last, base = (own.estimate("accuracy_percent", step=step) for step in (steps[-1], best))
    error = ((last.error or 0.0) ** 2 + (base.error or 0.0) ** 2) ** 0.5
    return Estimate(last.mean - base.mean, error, last.source)


def findings(rows: Rows) -> list[Finding]:
    found = []
    for method, places in WINDOWS.items():
        steps = rows.where("accuracy_percent", method).coordinates("step")
        last = [
            rows.estimate("accuracy_percent", method, position=p + 1, step=steps[-1]) for p in range(places)
        ]
        error = ((last[0].error or 0.0) ** 2 + (last[-1].error or 0.0) ** 2) ** 0.5
        found.append(
            expect_positive(
                Estimate(last[0].mean - last[-1].mean, error, last[0].source),
                f"{method}: the first token is learned better than the last (difference in %)",
                "the first tokens far ahead",
            )
        )
        found.append(
            expect_positive(
                increase(rows, method, 1),
                f"{method}: the first token goes on improving after the first tenth of training (%)",
                "all positions rise, the first ones first",
            )
        )
        found.append(
            expect_positive(
                increase(rows, method, 2),
                f"{method}: so does the second (%)",
                "all positions rise, the first ones first",
            )
        )
    return found


def compared(rows: Rows) -> list[Compared]:
    lines = []
    for method, places in WINDOWS.items():
        step = rows.where("accuracy_percent", method).coordinates("step")[-1]
        for place in range(1, places + 1):
            own = rows.estimate("accuracy_percent", method, position=place, step=step)
            lines.append(Compared(f"{method}, token {place}", "accuracy_percent", own))
            lines.append(
                Compared(f"{method}, token {place}", "increase_percent", increase(rows, method, place))
            )
    return lines


def figure(rows: Rows) -> Figure:
    panels = []
    for method, places in WINDOWS.items():
        series = [
            line(rows, "accuracy_percent", method, "step", f"token {place}", position=place)
            for place in range(1, places + 1)
        ]
        panels.append(Panel(method, "training steps", "accuracy (%)", series, levels=[(CHANCE, "chance")]))
    return Figure("Accuracy by place in the window over training (figure 10)", panels)


EXPERIMENT = Experiment(
    name="accuracy_by_position",
    paper="section 6.4, figure 10",
    measures="Accuracy of M2 at each token of windows of 64 and 32 bits over training.",
    minutes=9,
    cost=Cost(cells={"25m": 2}, coded=2),
    jobs=jobs,
    findings=findings,
    figure=figure,
    compared=compared,
    limits="The later tokens of a window of 64 bits: they move after thousands of steps of 131,072 tokens.",
)
