"""Do less semantic tokens hurt other tasks? M2s of equal size tuned to classify texts (ours)."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding
from equalinfo.experiments.cell_tables import bars
from equalinfo.experiments.datasets import Labelled, load
from equalinfo.experiments.finetune import FinetuneConfig, Targeted, extended, score, shuffled, tune
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.statistics import mean_error
from equalinfo.experiments.verdicts import expect_less, expect_positive
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel
from equalinfo.model.decoder import Decoder
from equalinfo.score.measurements import Measurement
from equalinfo.sizes import size_by_name
from equalinfo.tokens.spec import Spec
from equalinfo.train.m2 import load_m2

DATA = ("topics", "continents")
STEPS, BATCH, RATE = 150, 16, 0.01
UNTRAINED = "SentencePiece, M2 untrained"


def methods(scale: Scale) -> list[str]:
    wide = scale.wide
    window = "EqualInfo[b=12,v=4k]" if scale.small else "EqualInfoAC[b=16,v=65k]"
    ours = [f"EqualInfo[v={wide},fewest]", f"EqualInfo[v={wide},fewest,words]"]
    return [scale.sentencepiece, window, *ours, "EqualInfoAC[b=16,v=256]", "AC[v=256]", "Bytes"]


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for data in DATA:
        for method in [*methods(work.scale), UNTRAINED]:
            for seed in work.seeds:

                def measure(method: str = method, data: str = data, seed: int = seed) -> list[Measurement]:
                    return trained(work, method, data, seed)

                slug = "untrained" if method == UNTRAINED else Spec.parse(method).slug
                yield Job(f"{data}-{slug}-seed{seed}", (method, data, seed, STEPS, BATCH, RATE), measure)


def sequences(ids: list[np.ndarray], labels: list[int], base: int) -> list[Targeted]:
    """A text's tokens, then its label as one more id: the only target."""
    return [
        Targeted(np.concatenate([own.astype(np.int64), [base + label]]), len(own))
        for own, label in zip(ids, labels, strict=True)
    ]


def trained(work: ExperimentContext, method: str, data: str, seed: int) -> list[Measurement]:
    """The M2 of seed 0 is tuned; the seed decides the label rows and the order, as M2s are the dearer part."""
    own: Labelled = load(data)
    spec = work.scale.sentencepiece if method == UNTRAINED else method
    tokenizer = work.tokenizer(spec)
    cell = None
    if method == UNTRAINED:
        model = Decoder(size_by_name(work.scale.size), tokenizer.vocab)
        model.init_weights(seed)
    else:
        made = work.cell(spec, 0)
        cell = made.result.cell
        model, _, _ = load_m2(made.path)
    base = model.vocab
    splits = []
    for split in (own.train, own.test):
        ids = tokenizer.encode_batch([text for text, _ in split])
        splits.append(sequences(ids, [label for _, label in split], base))
    training, testing = splits
    larger = extended(model, len(own.labels), seed)
    batch = shuffled(len(training), BATCH, seed)
    plan = FinetuneConfig(STEPS, BATCH, RATE, seed, work.scale.recipe.m2.threads)
    title = f"{data} {method}"
    tune(larger, lambda step: [training[i] for i in batch(step)], plan, work.progress, title)
    found = score(larger, testing, base)
    hits = [100.0 * float(h[0]) for h in found.hits]
    where: dict[str, Any] = {"data": data}
    commonest = max(np.bincount([label for _, label in own.test])) / len(own.test)
    return [
        work.row(method, "accuracy_percent", float(np.mean(hits)), mean_error(hits), seed, cell, **where),
        work.row("commonest label", "accuracy_percent", 100 * commonest, None, None, None, **where),
        work.row("texts", "count", len(own.test), None, None, None, **where),
    ]


def findings(rows: Rows) -> list[Finding]:
    found = []
    for data in DATA:
        own = rows.where("accuracy_percent", None, data=data)
        names = [m for m in own.methods() if m not in (UNTRAINED, "commonest label")]
        pieces = names[0]
        found.append(
            expect_less(
                own,
                "accuracy_percent",
                UNTRAINED,
                pieces,
                f"{data}: training on text helps: SentencePiece's M2 against an untrained one (%)",
                digits=1,
            )
        )
        for other in names[1:]:
            if other.startswith(("EqualInfo[", "EqualInfoAC", "AC")):
                found.append(
                    expect_less(
                        own,
                        "accuracy_percent",
                        other,
                        pieces,
                        f"{data}: less semantic tokens hurt: {other} below SentencePiece (%)",
                        digits=1,
                    )
                )
        chance = own.mean("accuracy_percent", "commonest label")
        ac = own.estimate("accuracy_percent", "AC[v=256]")
        found.append(
            expect_positive(
                Estimate(chance + 10 - ac.mean, ac.error, ac.source),
                f"{data}: AC's tokens say next to nothing: less than 10 % above the commonest label",
                digits=1,
            )
        )
    return found


def compared(rows: Rows) -> list[Compared]:
    lines = []
    for data in DATA:
        own = rows.where("accuracy_percent", None, data=data)
        lines += [
            Compared(f"{data}: {m}", "accuracy_percent", own.estimate("accuracy_percent", m))
            for m in own.methods()
        ]
    return lines


def figure(rows: Rows) -> Figure:
    panels = []
    for data in DATA:
        own = rows.where("accuracy_percent", None, data=data)
        names = [m for m in own.methods() if m != "commonest label"]
        level = [(own.mean("accuracy_percent", "commonest label"), "commonest label")]
        series = [bars(own, "accuracy_percent", "accuracy", names)]
        panels.append(Panel(data, "", "accuracy on held-out texts (%)", series, levels=level))
    return Figure("M2s of equal size tuned to classify (mean, two standard errors over seeds)", panels)


EXPERIMENT = Experiment(
    name="downstream",
    paper="ours",
    measures="Accuracy of equal M2s on several tokenizers, tuned to name the topic or the continent of a passage.",
    minutes=20,
    cost=Cost(cells={"25m": 7}, coded=3, also="and 150 steps each"),
    jobs=jobs,
    findings=findings,
    figure=figure,
    compared=compared,
    seeds=3,
    limits="M2s have read most of the texts without labels, for every method alike. Seeds are of tuning, on one M2.",
)
