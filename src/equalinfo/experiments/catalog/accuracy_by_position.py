"""Accuracy at each token of a window over training: which places are learned, and when (section 6.4, figure 10)."""

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.finetune import Targeted, score, tune
from equalinfo.experiments.m2_tables import line
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.verdicts import positive
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel
from equalinfo.model.decoder import Decoder
from equalinfo.score.measurements import Measurement
from equalinfo.shards.format import read_split
from equalinfo.sizes import size_by_name

QUANTITY = "accuracy_percent"
WINDOWS = {"EqualInfoAC[b=64,v=256]": 8, "EqualInfoAC[b=32,v=256]": 4}
FIRST = 0.1  # the share of training whose best accuracy is the base of the increase (paper: 2,000 of 200,000 steps)
CHANCE = 100 / 256


def schedule(scale: Scale) -> tuple[int, list[int]]:
    """Steps, and those after which accuracy is measured."""
    steps = 1500 if scale.small else scale.recipe.m2.steps
    return steps, [round(steps * share) for share in (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1)]


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for method, seed in product(WINDOWS, work.seeds):
        measure = partial(trained, work, method, seed)
        yield Job(f"b{8 * WINDOWS[method]}-seed{seed}", (method, seed, schedule(work.scale)), measure)


def trained(work: ExperimentContext, method: str, seed: int) -> list[Measurement]:
    m2, places, tokens = work.scale.recipe.m2, WINDOWS[method], work.tokens(method)
    length = m2.sequence_length

    def cut(split: str) -> list[Targeted]:
        sequences = read_split(tokens, split).sequences(length)  # whole windows: length is a multiple
        return [Targeted(sequences[number].astype(np.int64), 0) for number in range(len(sequences))]

    training, testing = cut("train"), cut("validation")
    model = Decoder(size_by_name(work.scale.size), 256)
    model.init_weights(seed)
    steps, looks = schedule(work.scale)
    rows: list[Measurement] = []

    def look(step: int) -> None:
        hits = np.stack(score(model, testing).hits).reshape(len(testing), -1, places)
        for place in range(places):
            accuracies = (100 * hits[:, :, place].mean(1)).tolist()
            rows.append(work.mean_row(method, QUANTITY, accuracies, seed, step=step, position=place + 1))

    tune(model, training, work.finetuning(steps, m2.batch_size, seed), work.progress, method, look, looks)
    return rows


def increase(rows: Rows, method: str, place: int) -> Estimate:
    """Last accuracy minus the best of the first steps."""
    placed = rows.where(QUANTITY, method, position=place)
    steps = [int(step) for step in placed.coordinates("step")]
    early = [step for step in steps if step <= FIRST * steps[-1]]
    best = max(early, key=lambda step: placed.mean(QUANTITY, step=step))
    return placed.estimate(QUANTITY, step=steps[-1]) - placed.estimate(QUANTITY, step=best)


def last(rows: Rows, method: str, place: int) -> Estimate:
    step = rows.where(QUANTITY, method).coordinates("step")[-1]
    return rows.estimate(QUANTITY, method, position=place, step=step)


def findings(rows: Rows) -> list[Finding]:
    claims = []
    for method, places in WINDOWS.items():
        ahead = last(rows, method, 1) - last(rows, method, places)
        rise = "all positions rise, the first ones first"
        claims += [
            positive(ahead).on(
                f"{method}: the first token is learned better than the last (difference in %)",
                "the first tokens far ahead",
            ),
            positive(increase(rows, method, 1)).on(
                f"{method}: the first token goes on improving after the first tenth of training (%)", rise
            ),
            positive(increase(rows, method, 2)).on(f"{method}: so does the second (%)", rise),
        ]
    return claims


def compared(rows: Rows) -> list[Compared]:
    lines = []
    for method, places in WINDOWS.items():
        for place in range(1, places + 1):
            what = f"{method}, token {place}"
            lines.append(Compared(what, QUANTITY, last(rows, method, place)))
            lines.append(Compared(what, "increase_percent", increase(rows, method, place)))
    return lines


def figure(rows: Rows) -> Figure:
    panels = []
    for method, places in WINDOWS.items():
        series = [
            line(rows, QUANTITY, method, "step", f"token {place}", position=place)
            for place in range(1, places + 1)
        ]
        panels.append(Panel(method, "training steps", "accuracy (%)", series, levels=[(CHANCE, "chance")]))
    return Figure("Accuracy by place in the window over training (figure 10)", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="section 6.4, figure 10",
    measures="Accuracy of M2 at each token of windows of 64 and 32 bits over training.",
    minutes=9,
    cost=Cost(m2s={"25m": 2}, coded=2),
    limits="The later tokens of a window of 64 bits: they move after thousands of steps of 131,072 tokens.",
)
