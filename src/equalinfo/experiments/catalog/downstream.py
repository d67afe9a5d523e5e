"""Do less semantic tokens hurt other tasks? M2s of equal size tuned to classify texts (ours)."""

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.datasets import load
from equalinfo.experiments.finetune import FinetuneConfig, Targeted, extended, score, tune
from equalinfo.experiments.m2_tables import bars
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.statistics import mean_error
from equalinfo.experiments.verdicts import less, positive
from equalinfo.experiments.workspace import ExperimentContext, Job, slug
from equalinfo.figures.figure import Figure, Panel
from equalinfo.model.decoder import Decoder
from equalinfo.score.measurements import Measurement
from equalinfo.sizes import size_by_name
from equalinfo.train.m2 import load_m2

DATA = ("topics", "continents")
STEPS, BATCH, RATE = 150, 16, 0.01
UNTRAINED, COMMONEST = "SentencePiece, M2 untrained", "commonest label"
QUANTITY = "accuracy_percent"


def methods(scale: Scale) -> list[str]:
    wide = scale.wide
    ours = [f"EqualInfo[v={wide},fewest]", f"EqualInfo[v={wide},fewest,words]"]
    return [scale.sentencepiece, scale.one_token, *ours, "EqualInfoAC[b=16,v=256]", "AC[v=256]", "Bytes"]


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for data, method, seed in product(DATA, [*methods(work.scale), UNTRAINED], work.seeds):
        name = f"{data}-{'untrained' if method == UNTRAINED else slug(method)}-seed{seed}"
        about = (method, data, seed, STEPS, BATCH, RATE)
        yield Job(name, about, partial(trained, work, method, data, seed))


def sequences(ids: list[np.ndarray], labels: list[int], base: int) -> list[Targeted]:
    """A text's tokens, then its label as one more id: the only target."""
    return [
        Targeted(np.concatenate([text_ids.astype(np.int64), [base + label]]), len(text_ids))
        for text_ids, label in zip(ids, labels, strict=True)
    ]


def trained(work: ExperimentContext, method: str, data: str, seed: int) -> list[Measurement]:
    """The M2 of seed 0 is tuned; the seed decides the label rows and the order, as M2s are the dearer part."""
    labelled = load(data)
    spec = work.scale.sentencepiece if method == UNTRAINED else method
    tokenizer = work.tokenizer(spec)
    cell = None
    if method == UNTRAINED:
        model = Decoder(size_by_name(work.scale.size), tokenizer.vocab)
        model.init_weights(seed)
    else:
        run = work.m2(spec, 0)
        cell = run.result.cell
        model, _, _ = load_m2(run.path)
    base = model.vocab
    training, testing = (
        sequences(tokenizer.encode_batch([text for text, _ in split]), [label for _, label in split], base)
        for split in (labelled.train, labelled.test)
    )
    larger = extended(model, len(labelled.labels), seed)
    config = FinetuneConfig(STEPS, BATCH, RATE, seed, work.scale.recipe.m2.threads)
    tune(larger, training, config, work.progress, f"{data} {method}")
    hits = [100.0 * float(h[0]) for h in score(larger, testing, base).hits]
    commonest = max(np.bincount([label for _, label in labelled.test])) / len(labelled.test)
    return [
        work.row(method, QUANTITY, float(np.mean(hits)), mean_error(hits), seed, cell, data=data),
        work.row(COMMONEST, QUANTITY, 100 * commonest, data=data),
        work.row("texts", "count", len(labelled.test), data=data),
    ]


def findings(rows: Rows) -> list[Finding]:
    claims = []
    for data in DATA:
        of_data = rows.where(QUANTITY, None, data=data)
        pieces, *others = [m for m in of_data.methods() if m not in (UNTRAINED, COMMONEST)]
        claims.append(
            less(of_data, QUANTITY, UNTRAINED, pieces, 1).on(
                f"{data}: training on text helps: SentencePiece's M2 against an untrained one (%)"
            )
        )
        claims += [
            less(of_data, QUANTITY, other, pieces, 1).on(
                f"{data}: less semantic tokens hurt: {other} below SentencePiece (%)"
            )
            for other in others
            if other.startswith(("EqualInfo[", "EqualInfoAC", "AC"))
        ]
        ac = of_data.estimate(QUANTITY, "AC[v=256]")
        below = Estimate(of_data.mean(QUANTITY, COMMONEST) + 10 - ac.mean, ac.error, ac.source)
        claims.append(
            positive(below, 1).on(
                f"{data}: AC's tokens say next to nothing: less than 10 % above the commonest label"
            )
        )
    return claims


def compared(rows: Rows) -> list[Compared]:
    return [
        Compared(f"{data}: {method}", QUANTITY, rows.estimate(QUANTITY, method, data=data))
        for data in DATA
        for method in rows.where(QUANTITY, data=data).methods()
    ]


def figure(rows: Rows) -> Figure:
    panels = []
    for data in DATA:
        of_data = rows.where(QUANTITY, None, data=data)
        level = [(of_data.mean(QUANTITY, COMMONEST), COMMONEST)]
        series = [bars(of_data, QUANTITY, "accuracy", [m for m in of_data.methods() if m != COMMONEST])]
        panels.append(Panel(data, "", "accuracy on held-out texts (%)", series, levels=level))
    return Figure("M2s of equal size tuned to classify (mean, two standard errors over seeds)", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="ours",
    measures="Accuracy of equal M2s on several tokenizers, tuned to name the topic or the continent of a passage.",
    minutes=20,
    cost=Cost(m2s={"25m": 7}, coded=3, also="and 150 steps each"),
    seeds=3,
    limits="M2s have read most of the texts without labels, for every method alike. Seeds are of tuning, on one M2.",
)
