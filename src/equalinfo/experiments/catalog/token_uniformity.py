"""How far tokens are from uniform: KL divergence of bit n-grams and n-bit tokens (figures 11, 16, 17)."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise, product

import numpy as np

from equalinfo.coding.bits import ids_to_bits
from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import listed
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.verdicts import Verdict, positive, verdict
from equalinfo.experiments.workspace import ExperimentContext, Job, slug
from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.score.measurements import Measurement
from equalinfo.score.metrics import entropy_bits
from equalinfo.shards.format import read_split


def kl_from_uniform(counts: np.ndarray, n: int, miller_madow: bool = False) -> float:
    """KL divergence in bits of n-bit symbols from the uniform distribution: n minus their entropy.

    Miller and Madow's correction may make it negative, as an estimate of 0 may be.
    """
    return n - entropy_bits(counts, miller_madow)


def overlapping(bits: np.ndarray, n: int) -> np.ndarray:
    """Counts [2^n] of the n-grams of a bit array (0/1), each starting one bit after the other."""
    if len(bits) < n:
        return np.zeros(1 << n, np.int64)
    values = np.zeros(len(bits) - n + 1, np.int64)
    for place in range(n):
        values = (values << 1) | bits[place : place + len(values)]
    return np.bincount(values, minlength=1 << n)


def disjoint(bits: np.ndarray, n: int) -> np.ndarray:
    """Counts [2^n] of n-bit tokens: the bit array cut every n bits, what is left over dropped."""
    whole = bits[: len(bits) // n * n].astype(np.int64).reshape(-1, n)
    return np.bincount(whole @ (1 << np.arange(n - 1, -1, -1)), minlength=1 << n)


def random_bits(count: int) -> np.ndarray:
    """Bits (0/1, uint8) of a cryptographic generator, always the same: SHA-256 of a key and a counter."""
    blocks = (hashlib.sha256(b"equalinfo" + i.to_bytes(8, "big")).digest() for i in range(-(-count // 256)))
    return np.unpackbits(np.frombuffer(b"".join(blocks), np.uint8))[:count]


KL = "kl_from_uniform_bits"
CONTROL = "random bytes"
ESTIMATORS = ("plug-in", "Miller-Madow")
METHODS = (
    "AC[v=256]",
    "StaticAC[v=256]",
    "EqualInfoAC[b=16,v=256]",
    "EqualInfoAC[b=32,v=256]",
    "EqualInfoAC[b=64,v=256]",
    "EqualInfoAC[b=128,v=256]",
    "GZip[v=256]",
    "Bytes",
)
PARTS = 100
PERCENTILES = (5, 50, 95)
LENGTHS = (1, 2, 4, 6, 8, 10, 12, 14, 16)
BITS = 1_800_000  # of each stream, so that all have the same bias: 18,000 in each part
COUNTS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"n-grams": overlapping, "tokens": disjoint}


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for method in METHODS:
        yield Job(slug(method), (method, BITS, PARTS, LENGTHS), partial(measured, work, method))
    measure = partial(divergences, work, CONTROL, random_bits(BITS))
    yield Job("control", (BITS, PARTS, LENGTHS), measure)


def measured(work: ExperimentContext, method: str) -> list[Measurement]:
    ids = np.concatenate(list(read_split(work.tokens(method), "train").ids))
    return divergences(work, method, ids_to_bits(ids, 8)[:BITS])


def divergences(work: ExperimentContext, method: str, bits: np.ndarray) -> list[Measurement]:
    """Percentiles over disjoint parts of the stream, by both estimators and for both ways of cutting."""
    rows = []
    parts = np.array_split(bits, PARTS)
    for (kind, count), n in product(COUNTS.items(), LENGTHS):
        counts = [count(part, n) for part in parts]
        for estimator in ESTIMATORS:
            values = [kl_from_uniform(one_count, n, estimator == "Miller-Madow") for one_count in counts]
            for percentile in PERCENTILES:
                value = float(np.percentile(values, percentile))
                row = work.row(method, KL, value, n=n, percentile=percentile, of=kind, estimator=estimator)
                rows.append(row)
    return rows


def median(rows: Rows, method: str, n: int, percentile: int = 50) -> float:
    return rows.mean(KL, method, n=n, percentile=percentile, of="tokens", estimator="plug-in")


def findings(rows: Rows) -> list[Finding]:
    claims = []
    control = {percentile: median(rows, CONTROL, 8, percentile) for percentile in PERCENTILES}
    for method in ("AC[v=256]", "StaticAC[v=256]"):
        middle = median(rows, method, 8)
        claims.append(
            Finding(
                f"8-bit tokens of {method} cannot be told from random bytes",
                "near uniform",
                f"median {middle:.4f} bits, control {control[50]:.4f}",
                f"5th to 95th percentile of the control: {control[5]:.4f} to {control[95]:.4f}",
                "yes" if control[5] <= middle <= control[95] else "no",
            )
        )
    for method in ("GZip[v=256]", "EqualInfoAC[b=16,v=256]"):
        middle, lower = median(rows, method, 8), median(rows, method, 8, 5)
        # The parts' spread stands for the uncertainty: found where the middle half and more do not overlap.
        p = 0.0 if lower > control[95] or middle < control[5] else 1.0
        claims.append(
            Finding(
                f"8-bit tokens of {method} are further from uniform than random bytes",
                "",
                f"median {middle:.4f} bits, control {control[50]:.4f}",
                f"its 5th percentile {lower:.4f}, the control's 95th {control[95]:.4f}",
                verdict(middle - control[50], p),
            )
        )
    windows = [median(rows, f"EqualInfoAC[b={bits},v=256]", 8) for bits in (16, 32, 64, 128)]
    ours = ", ".join(f"{value:.4f}" for value in windows) + " bits for b = 16, 32, 64, 128"
    falls = all(one > other for one, other in pairwise(windows))
    nearer = Verdict(ours, f"medians over {PARTS} parts", "yes" if falls else "no")
    plain, corrected = (
        rows.mean(KL, CONTROL, n=16, percentile=50, of="n-grams", estimator=e) for e in ESTIMATORS
    )
    return [
        *claims,
        nearer.on("The longer the window, the nearer to uniform"),
        positive(Estimate(plain - corrected, None, "control, n = 16")).on(
            "Much of the plug-in estimate at n = 16 is bias, which Miller and Madow's correction takes off the control"
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    return listed(rows, KL, n=8, percentile=50, of="tokens", estimator="plug-in")


def figure(rows: Rows) -> Figure:
    panels = []
    for kind, estimator in product(COUNTS, ESTIMATORS):
        series = []
        for method in rows.methods(KL):
            if method == "Bytes":
                continue  # so far from uniform that the others would lie on one line
            of_kind = rows.where(KL, method, of=kind, estimator=estimator)
            bands = [[of_kind.mean(KL, n=n, percentile=p) for n in LENGTHS] for p in PERCENTILES]
            # A logarithmic axis has no place for an estimate below 0.
            low, mid, high = ([max(value, 1e-5) for value in band] for band in bands)
            series.append(Series(method, LENGTHS, mid, low, high))
        title = f"{kind}, {estimator}"
        panels.append(Panel(title, "n (bits)", "KL from uniform (bits)", series, y_log=True))
    title = "KL from uniform: median, 5th and 95th percentile of 100 parts (figures 11, 16, 17)"
    return Figure(title, panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="figures 11, 16, 17",
    measures="KL of bit n-grams and n-bit tokens from uniform, two estimators, beside a cryptographic generator.",
    minutes=9,
    cost=Cost(coded=5),
    limits="n = 16: a part holds 18,000 bits, so most of what is left there is the estimator's bias.",
)
