"""Stability of the text-to-token mapping against what M2 learns, across all methods (the paper's open question 3)."""

import math
from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Found
from equalinfo.experiments.catalog import tokenizer_stability
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.score.measurements import Measurement
from equalinfo.score.significance import two_sided_tail
from equalinfo.tokens.spec import Spec

STABILITY = ("normalised_edit_distance", "token_sequences_per_place")


def methods(scale: Scale) -> list[str]:
    """All of the main comparison but bytes, and the longer windows."""
    more = [scale.windows(32), scale.windows(64)]
    return list(dict.fromkeys([*(m for m in scale.recipe.methods if m != "Bytes"), *more]))


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for method in methods(work.scale):
        for seed in work.seeds:

            def measure(method: str = method, seed: int = seed) -> list[Measurement]:
                tokenizer = work.tokenizer(method)
                texts = [example.data for example in work.validation]
                rows = tokenizer_stability.first_words(work, method, tokenizer, texts)
                rows += tokenizer_stability.words(work, method, tokenizer, texts)
                cell = work.cell(method, seed)
                rows = [row.model_copy(update={"seed": seed}) for row in rows]
                rows += work.cell_rows(cell)
                share = 1 - cell.result.bits_per_byte / cell.result.uniform_bits_per_byte
                learned = work.row(
                    method, "learned_share_of_uniform", share, seed=seed, cell=cell.result.cell
                )
                return [*rows, learned]

            yield Job(f"{Spec.parse(method).slug}-seed{seed}", (method, seed), measure)


def rank_correlation(x: list[float], y: list[float]) -> tuple[float, float]:
    """Spearman's rho and its two-sided p by Student's t with n - 2 degrees of freedom.

    Raises:
        ValueError: fewer than four pairs, or lists of different lengths.
    """
    if len(x) != len(y) or len(x) < 4:
        raise ValueError(f"a rank correlation needs four pairs or more, not {len(x)} and {len(y)} values")
    first, second = ranks(x), ranks(y)
    mean = (len(x) + 1) / 2
    above = sum((one - mean) * (other - mean) for one, other in zip(first, second, strict=True))
    below = math.sqrt(sum((one - mean) ** 2 for one in first) * sum((one - mean) ** 2 for one in second))
    rho = above / below if below else 0.0
    if abs(rho) >= 1:
        return rho, 0.0
    t = rho * math.sqrt((len(x) - 2) / (1 - rho * rho))
    return rho, two_sided_tail(t, len(x) - 2)


def ranks(values: list[float]) -> list[float]:
    """Ranks from 1, equal values sharing the mean of theirs."""
    return [
        (sum(other < value for other in values) + sum(other <= value for other in values) + 1) / 2
        for value in values
    ]


def findings(rows: Rows) -> list[Finding]:
    found = []
    for quantity in STABILITY:
        names = rows.methods(quantity)
        x = [rows.mean(quantity, name) for name in names]
        y = [rows.mean("learned_share_of_uniform", name) for name in names]
        rho, p = rank_correlation(x, y)
        outcome: Found = "unclear" if p >= 0.05 else "yes" if rho < 0 else "no"
        found.append(
            Finding(
                f"The less stable, the smaller the share of uniform bits that M2 learns ({quantity})",
                "open question: stability is suspected to matter",
                f"Spearman's rho {rho:+.2f} over {len(names)} methods",
                f"p = {p:.2g}",
                outcome,
            )
        )
    return found


def compared(rows: Rows) -> list[Compared]:
    lines = []
    for quantity in (*STABILITY, "learned_share_of_uniform", "bits_per_byte"):
        lines += [Compared(m, quantity, rows.estimate(quantity, m)) for m in rows.methods(quantity)]
    return lines


def figure(rows: Rows) -> Figure:
    panels = []
    for target, title in (
        ("bits_per_byte", "bits per byte"),
        ("learned_share_of_uniform", "share of uniform bits learned"),
    ):
        for quantity, name in (
            (STABILITY[0], "edit distance after another first word / tokens"),
            (STABILITY[1], "different token sequences of a word / places"),
        ):
            series = [
                Series(
                    m,
                    [rows.mean(quantity, m)],
                    [rows.mean(target, m)],
                    kind="points",
                    style=rows.methods("bits_per_byte").index(m),
                )
                for m in rows.methods(quantity)
            ]
            panels.append(Panel("", name, title, series))
    return Figure("Stability of the mapping and what M2 learns (open question 3)", panels)


EXPERIMENT = Experiment(
    name="stability_and_learning",
    paper="open question 3",
    measures="Edit distances and token sequences per word beside bits/byte and the share of uniform bits learned.",
    minutes=18,
    cost=Cost(cells={"25m": 15}, coded=8),
    jobs=jobs,
    findings=findings,
    figure=figure,
    compared=compared,
    limits="A dozen methods that differ in more than stability: a correlation, not a cause.",
)
