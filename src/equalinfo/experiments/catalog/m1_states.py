"""Does what M1 knows make its codes readable? An M2 over them is told M1's last hidden state where a window begins.

The paper names this as future work. M1 reads the text before the window, which was coded without it, from where M2's
row begins. A code of AC has no windows: M2 is told M1's state after the bytes that the tokens before settle, which is
where a decoder would be. Words that are told the same stand beside the codes.
"""

import math
from collections.abc import Iterator
from functools import cache, partial
from itertools import product
from typing import cast

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.learning_curve import learning_curve, predictor_point
from equalinfo.experiments.m2_tables import listed, measured
from equalinfo.experiments.patch_course import (
    BATCH,
    BITS,
    UNIFORM,
    RowsOfIds,
    config_of,
    end_rows,
    informed_course,
    materials,
    text_bytes,
    token_rows,
)
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.verdicts import less
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel
from equalinfo.predict.exact import ExactModel
from equalinfo.score.measurements import Measurement

CODES = (*(f"EqualInfoAC[b={bits},v=256]" for bits in (16, 24, 32)), "AC[v=256]")
TEXT = {"small": 1 << 20, "mix": 2 << 20, "gpu": 16 << 20}  # bytes of training text
LENGTH = 256  # tokens that M2 reads at once
M1_LENGTH = 1024  # bytes that M1 reads at once by itself, about as much text
M1, TOLD = "M1 alone", ", told M1's state"


def name_of(method: str, told: bool) -> str:
    return method + (TOLD if told else "")


def jobs(work: ExperimentContext) -> Iterator[Job]:
    yield Job("m1", (M1_LENGTH, [*work.seeds]), partial(alone, work))
    methods = (*CODES, f"EqualInfo[v={work.scale.wide},unigram,words]")
    for seed, method, told in product(work.seeds, methods, (False, True)):
        yield Job(
            f"{method}-{'told' if told else 'plain'}-seed{seed}",
            (method, TEXT, LENGTH, seed),
            partial(trained, work, method, told, seed),
        )


def alone(work: ExperimentContext) -> list[Measurement]:
    """What the held-out text costs M1, beside each seed's M2s."""
    shared = materials(work, m1=True)
    point = predictor_point(shared.predictor, shared.held_out, M1_LENGTH)
    rows = []
    for seed in work.seeds:
        rows.append(work.row(M1, BITS, point.bits_per_byte, point.error, seed))
        rows += work.example_rows(M1, point.bits, point.sizes, seed)
    return rows


@cache
def text_of(work: ExperimentContext, method: str) -> RowsOfIds:
    """The training and the held-out text in rows of a method's tokens; M1 makes them once for both M2s."""
    shared, tokenizer = materials(work, m1=True), work.tokenizer(method)
    known = cast(ExactModel, shared.predictor).states
    examples, held_out = shared.training(text_bytes(work, TEXT)), shared.held_out
    read, scored = (list(token_rows(known, tokenizer, some, LENGTH)) for some in (examples, held_out))
    return RowsOfIds.of(read, scored, examples, held_out)


def trained(work: ExperimentContext, method: str, told: bool, seed: int) -> list[Measurement]:
    predictor, tokenizer = materials(work, m1=True).predictor, work.tokenizer(method)
    text, name = text_of(work, method), name_of(method, told)
    steps = len(text.whole(LENGTH)) / BATCH
    config = config_of(work, work.scale.size, seed, steps, LENGTH)
    about = (name, tokenizer.fingerprint, predictor.fingerprint, TEXT, work.run.corpus_key)
    course = informed_course(about, tokenizer.vocab, text, config, told)
    (end,) = learning_curve(course, [config.steps], work.out / "curves", work.progress)
    return end_rows(work, name, seed, end, math.log2(tokenizer.vocab))


def findings(rows: Rows) -> list[Finding]:
    result = []
    known = [name for name in rows.methods(BITS) if name.endswith(TOLD)]
    for told in known:
        method = told.removesuffix(TOLD)
        result.append(less(rows, BITS, told, method).on(f"M1's state makes {method} easier to read"))
        result.append(less(rows, BITS, told, M1).on(f"{told}, is worth more than M1 alone"))
    if known and known[-1].removesuffix(TOLD) not in CODES:
        better = [
            less(rows, BITS, told, known[-1]).on(f"{told}, beats words that are told") for told in known[:-1]
        ]
        result += better
    return result


def compared(rows: Rows) -> list[Compared]:
    return listed(rows, BITS, UNIFORM, "bytes_per_token")


def figure(rows: Rows) -> Figure:
    plain = [name for name in rows.methods("bytes_per_token") if not name.endswith(TOLD)]
    told = [name for name in plain if name + TOLD in rows.methods(BITS)]
    panel = Panel(
        "",
        "",
        "bits per byte",
        [
            measured("M2", plain, [rows.estimate(BITS, name) for name in plain], "bars"),
            measured("M2 told M1's state", told, [rows.estimate(BITS, name + TOLD) for name in told], "bars"),
        ],
        levels=[(rows.mean(BITS, M1), M1)] if rows.where(BITS, M1) else [],
    )
    return Figure("What M1 knows where a window begins; bars: two standard errors", [panel])


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="ours",
    measures="Bits/byte of M2s over windows, AC and words, told M1's last hidden state where a window begins or not.",
    minutes=10,
    cost=Cost(m2s={"25m": 10}, coded=4, tokens=26.2e9),
    limits="A few million bytes of text, which M1 has read; one learning rate.",
)
