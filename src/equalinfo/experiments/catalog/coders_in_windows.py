"""Other coders and predictors in place of arithmetic coding and M1, the windows unchanged (ours)."""

from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import bits_panel, compare_m2s
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.verdicts import less
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel, Series

AC, HUFFMAN = "EqualInfoAC[b=16,v=256]", "EqualInfoHuffman[b=16,v=256]"
ORDERS = (0, 2, 4)


def with_order(method: str, order: int) -> str:
    return f"{method[:-1]},order={order}]"


def jobs(work: ExperimentContext) -> Iterator[Job]:
    yield from work.m2_jobs(
        [AC, HUFFMAN, *(with_order(AC, order) for order in ORDERS), with_order(HUFFMAN, 2)]
    )


def findings(rows: Rows) -> list[Finding]:
    return [
        less(rows, "bits_per_byte", HUFFMAN, AC).on(
            "Huffman's whole bits are easier to learn than arithmetic coding's: M2 is better on them"
        ),
        less(rows, "bits_per_byte", AC, with_order(AC, 0)).on(
            "A better predictor gives a better tokenizer: M1 against byte frequencies alone"
        ),
        less(rows, "bits_per_token", with_order(AC, 0), AC).on(
            "and one that is harder to learn: bits/token with byte frequencies against M1"
        ),
        less(rows, "bits_per_byte", AC, with_order(AC, 2)).on(
            "M1 gives a better tokenizer than counted contexts of two bytes"
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    return compare_m2s(rows, {}, {}, ("bits_per_byte", "bits_per_token", "bytes_per_token"))


def figure(rows: Rows) -> Figure:
    points = []
    for method in rows.methods("bits_per_byte"):
        ratio, bits = rows.mean("bytes_per_token", method), rows.mean("bits_per_byte", method)
        points.append(Series(method, [ratio], [bits], kind="points"))
    panels = [bits_panel(rows), Panel("", "bytes per token", "bits per byte", points)]
    return Figure("Other coders and predictors in windows of 16 bits", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="ours",
    measures="Bits/byte of M2 on windows of 16 bits by Huffman coding and by counted contexts instead of M1.",
    minutes=10,
    cost=Cost(m2s={"25m": 6}, coded=2),
    limits="An order-4 context model counted on the training text remembers it, which a larger corpus would not allow.",
)
