"""Stability of the text-to-token mapping against what M2 learns, across all methods (the paper's open question 3)."""

import math
from collections.abc import Iterator
from functools import partial
from itertools import product

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Found, Functions
from equalinfo.experiments.catalog import tokenizer_stability
from equalinfo.experiments.m2_tables import listed
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.workspace import ExperimentContext, Job, slug
from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.score.measurements import Measurement
from equalinfo.score.significance import SIGNIFICANT, two_sided_tail

LEARNED = "learned_share_of_uniform"
STABILITY = ("normalised_edit_distance", "token_sequences_per_place")


def methods(scale: Scale) -> list[str]:
    """All of the main comparison but bytes, and the longer windows."""
    more = [scale.windows(32), scale.windows(64)]
    return list(dict.fromkeys([*(m for m in scale.recipe.methods if m != "Bytes"), *more]))


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for method, seed in product(methods(work.scale), work.seeds):
        yield Job(f"{slug(method)}-seed{seed}", (method, seed), partial(measured, work, method, seed))


def measured(work: ExperimentContext, method: str, seed: int) -> list[Measurement]:
    rows = [row.model_copy(update={"seed": seed}) for row in tokenizer_stability.stability(work, method)]
    run = work.m2(method, seed)
    result = run.result
    share = 1 - result.bits_per_byte / result.uniform_bits_per_byte
    learned = work.row(method, LEARNED, share, seed=seed, cell=result.cell)
    return [*rows, *work.m2_rows(run), learned]


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
    claims = []
    for quantity in STABILITY:
        names = rows.methods(quantity)
        x, y = ([rows.mean(one, name) for name in names] for one in (quantity, LEARNED))
        rho, p = rank_correlation(x, y)
        outcome: Found = "unclear" if p >= SIGNIFICANT else "yes" if rho < 0 else "no"
        text = f"The less stable, the smaller the share of uniform bits that M2 learns ({quantity})"
        suspected = "open question: stability is suspected to matter"
        ours = f"Spearman's rho {rho:+.2f} over {len(names)} methods"
        claims.append(Finding(text, suspected, ours, f"p = {p:.2g}", outcome))
    return claims


def compared(rows: Rows) -> list[Compared]:
    return listed(rows, *STABILITY, LEARNED, "bits_per_byte")


def figure(rows: Rows) -> Figure:
    across = (
        (STABILITY[0], "edit distance after another first word / tokens"),
        (STABILITY[1], "different token sequences of a word / places"),
    )
    up = (("bits_per_byte", "bits per byte"), (LEARNED, "share of uniform bits learned"))
    panels = []
    for (target, title), (quantity, name) in product(up, across):
        series = []
        for method in rows.methods(quantity):
            x, y = [rows.mean(quantity, method)], [rows.mean(target, method)]
            series.append(Series(method, x, y, kind="points"))
        panels.append(Panel("", name, title, series))
    return Figure("Stability of the mapping and what M2 learns (open question 3)", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="open question 3",
    measures="Edit distances and token sequences per word beside bits/byte and the share of uniform bits learned.",
    minutes=18,
    cost=Cost(m2s={"25m": 15}, coded=8),
    limits="A dozen methods that differ in more than stability: a correlation, not a cause.",
)
