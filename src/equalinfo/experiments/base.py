"""What an experiment is: what it expects, what it measures, and what it makes of its rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from equalinfo.corpus.examples import EXAMPLE_BYTES
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure
from equalinfo.sizes import size_by_name

Found = Literal["yes", "no", "unclear"]


@dataclass(frozen=True)
class Finding:
    """An expectation beside what was measured.

    Args:
        expectation: stated before measuring: the direction, in words.
        paper: the paper's value, where it gives one.
        ours: what was measured.
        uncertainty: how sure that is, and from what.
        found: whether the direction was found; "unclear" where the uncertainty does not tell.
    """

    expectation: str
    paper: str
    ours: str
    uncertainty: str
    found: Found


@dataclass(frozen=True)
class Compared:
    """A line of the table of ours beside the paper's."""

    what: str
    quantity: str
    ours: Estimate
    paper: float | None = None
    paper_what: str = ""  # the paper's method, where ours stands in for a larger one


@dataclass(frozen=True)
class Cost:
    """What an experiment would take at the paper's scale.

    Args:
        m2s: how many M2s of each size.
        coded: tokenizations for which M1 runs over the training text.
        tokens: training tokens of one M2 (paper: 200,000 steps of 256 x 512).
        also: other work in words.
    """

    m2s: dict[str, int] = field(default_factory=dict)
    coded: int = 0
    tokens: float = 26.2e9
    also: str = ""

    def hours(self) -> float:
        """H100-hours, by the arithmetic of COST_RULE."""
        trained = sum(
            count * 6 * size_by_name(size).nominal * self.tokens / USABLE_FLOPS
            for size, count in self.m2s.items()
        )
        coded = self.coded * 2 * size_by_name("3m").nominal * CODED_BYTES / M1_FLOPS
        return (trained + coded) / 3600

    def text(self) -> str:
        """GPU-hours and what they are for."""
        parts = [f"{count} x {size}" for size, count in self.m2s.items()]
        if self.coded:
            parts.append(f"{self.coded} tokenizations by M1")
        total = f"{self.hours():,.0f} H100-hours: " + ", ".join(parts) if parts else ""
        return "; ".join(filter(None, (total, self.also))) or "minutes on a CPU"


# A third of an H100's dense bfloat16 peak, which models of this width reach.
USABLE_FLOPS = 3.3e14
# 51.2 M examples of 10,240 bytes; M1's exact integers run in float32 products, and far from the peak.
CODED_BYTES = 51.2e6 * EXAMPLE_BYTES
M1_FLOPS = 1e13
COST_RULE = (
    "H100-hours: an M2 takes 6 x parameters x 26.2 G tokens at 3.3e14 FLOP/s (25m: 3.3 h, 113m: 15 h, 403m: 53 h, "
    "2b: 265 h); M1 over 524 GB of text 2 x 3m x bytes at 1e13 FLOP/s (87 h); training M1 once, 5 h, comes on top."
)


class Functions(NamedTuple):
    """What an experiment does.

    Args:
        jobs: what is measured, in order; the first failure of one ends the run.
        findings: expectations against rows; must give the same expectations for any rows that hold their methods.
        compared: ours beside the paper's.
        figure: drawn from the rows.
    """

    jobs: Callable[[ExperimentContext], Iterator[Job]]
    findings: Callable[[Rows], list[Finding]]
    compared: Callable[[Rows], list[Compared]]
    figure: Callable[[Rows], Figure]


@dataclass(frozen=True)
class Experiment:
    """One of the paper's tables or figures, or a check of ours.

    Args:
        run: its functions.
        paper: its table or figure there; "ours" where it has none.
        measures: in one sentence.
        minutes: at the small scale with nothing made before, M1 (4 minutes) and tokens included; less where another
            experiment made them. From the times of jobs on a core of an EPYC.
        cost: at the paper's scale.
        seeds: how many by default; --seeds overrides.
        version: raised when a change of code changes numbers, so that old jobs are measured again.
        limits: what the small scale cannot show, for docs/results.md.
    """

    run: Functions
    paper: str
    measures: str
    minutes: float
    cost: Cost
    seeds: int = 1
    version: int = 1
    limits: str = ""

    @property
    def name(self) -> str:
        """On the command line: that of its module."""
        return self.run.jobs.__module__.rpartition(".")[2]
