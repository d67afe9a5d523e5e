"""Compression ratios, and the scores of the models that learn nothing or frequencies alone (tables 1, 2, 3, 12)."""

from collections.abc import Iterator
from functools import partial

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.learning_curve import predictor_point
from equalinfo.experiments.m2_tables import bars
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.scales import Scale, paper_method
from equalinfo.experiments.statistics import ratio_error
from equalinfo.experiments.verdicts import less, near, positive, rising
from equalinfo.experiments.workspace import ExperimentContext, Job, read_examples, slug
from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.predict.exact_files import load_m1
from equalinfo.score import metrics
from equalinfo.score.measurements import Measurement
from equalinfo.score.paper import paper_ratios, paper_tables
from equalinfo.shards.format import read_split

BITS = (16, 32, 64, 128)
M1 = "M1"
CONTEXTS = (32, 128, 512, 2048, 10_240)  # bytes
SAMPLE = 8  # validation examples
LINE = 0.01  # unigram within 1 % of uniform: the paper's AC has them equal to three digits


def methods(scale: Scale) -> list[str]:
    """Those of the main comparison, the other windows, and wide vocabularies of all that can have them."""
    wide = scale.wide
    # EqualInfoAC's windows must hold whole wide tokens, or they would cross.
    multiples = [n * scale.wide_bits for n in (2, 4, 8)] if scale.small else list(BITS)
    more = [scale.windows(bits) for bits in BITS]
    more += [scale.windows(bits, wide) for bits in multiples]
    more += [f"AC[v={wide}]", f"StaticAC[v={wide}]", "GZip[v=65k]"]
    return list(dict.fromkeys([*scale.recipe.methods, *more]))


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for method in methods(work.scale):
        yield Job(slug(method), (method,), partial(ratios, work, method))
    yield Job("m1-context", (CONTEXTS, SAMPLE), partial(m1_by_context, work))


def m1_by_context(work: ExperimentContext) -> list[Measurement]:
    """Bits/byte of M1's 14-bit frequencies on the same text, started afresh every so many bytes: AC's limit."""
    predictor = load_m1(work.run.m1(work.progress))
    examples = work.validation[:SAMPLE]
    sizes = [len(example.data) for example in examples]
    rows = []
    for context in CONTEXTS:
        bits = predictor_point(predictor, examples, context).bits
        mean, error = sum(bits) / sum(sizes), ratio_error(bits, sizes)
        rows.append(work.row(M1, "bits_per_byte", mean, error, context=context))
    return rows


def ratios(work: ExperimentContext, method: str) -> list[Measurement]:
    """Ratios on the held-out examples, frequencies from the training ones."""
    tokens = work.tokens(method)
    vocab = work.tokenizer(method).vocab
    held_out = read_examples(tokens, "validation")
    source, counts = [size for _, size in held_out], [len(ids) for ids, _ in held_out]
    size, count = sum(source), sum(counts)
    ratio = metrics.bytes_per_token(size, count)
    training, scored = (read_split(tokens, split).counts(vocab) for split in ("train", "validation"))
    unigram = metrics.unigram_bits_per_byte(training, scored, size)
    uniform = metrics.uniform_bits_per_byte(vocab, ratio)
    error = ratio_error(source, counts)
    bit = metrics.bit_ratio(size, count, vocab)
    return [
        work.row(method, "bytes_per_token", ratio, error),
        work.row(method, "bit_ratio", bit, None if error is None else error * bit / ratio),
        work.row(method, "uniform_bits_per_byte", uniform),
        work.row(method, "unigram_bits_per_byte", unigram),
        work.row(method, "unigram_over_uniform", unigram / uniform),
    ]


def findings(rows: Rows) -> list[Finding]:
    token, bit = paper_ratios(), paper_tables()["table1_token_and_bit_ratio"]
    ac, pieces = "AC[v=256]", rows.method("SentencePiece")
    wide = next(m for m in rows.methods() if m.startswith("AC[") and m != ac)
    windows = [f"EqualInfoAC[b={bits},v=256]" for bits in BITS]
    names = [*(f"b={bits}" for bits in BITS), "no window (AC)"]
    order = [(n, rows.estimate("bytes_per_token", m)) for n, m in zip(names, [*windows, ac], strict=True)]
    bits_of = {"4k": 12, "65k": 16}[wide.removeprefix("AC[v=").removesuffix("]")]
    longer = Estimate(rows.mean("bytes_per_token", wide) / rows.mean("bytes_per_token", ac))
    over = "unigram_over_uniform"
    contexts = [(f"{c} bytes", rows.estimate("bits_per_byte", M1, context=c)) for c in reversed(CONTEXTS)]
    return [
        rising(order).on(
            "Longer windows compress better, and no window best",
            ", ".join(f"{token[m]}" for m in (*windows, ac)),
        ),
        less(rows, "bit_ratio", pieces, ac).on(
            "AC has a higher bit ratio than SentencePiece",
            f"{bit[ac][1]} against {bit['SentencePiece[v=32k]'][1]}",
        ),
        near(longer, bits_of / 8, 0.01).on(
            f"{bits_of} bits a token instead of 8 make AC's tokens {bits_of / 8:g} times as long",
            f"{token['AC[v=65k]'] / token[ac]:.2f} for 16 bits",
        ),
        *(
            near(Estimate(rows.mean(over, method)), 1.0, LINE, 4).on(
                f"Token frequencies of {method} are no better than uniform", "equal to three digits"
            )
            for method in (ac, "StaticAC[v=256]", windows[-1])
        ),
        rising(contexts).on(
            "M1 predicts better the longer its context, up to a whole example (bits/byte falls; longest first)",
            "M1 was trained on 1,024 bytes and codes 10,240",
        ),
        positive(Estimate(1 - rows.mean(over, pieces)), least=0.1).on(
            "Token frequencies of SentencePiece are far from uniform (share of uniform saved, above 0.1)",
            f"{1 - 2.443 / 3.497:.3f}",
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    tables = paper_tables()
    lines = []
    for method in rows.methods("bytes_per_token"):
        theirs = paper_method(method)
        uniform, unigram = tables["table3_uniform_unigram_bits_per_byte"].get(theirs, (None, None))
        paper = {
            "bytes_per_token": paper_ratios().get(theirs),
            "bit_ratio": tables["table1_token_and_bit_ratio"].get(theirs, (None, None))[1],
            "uniform_bits_per_byte": uniform,
            "unigram_bits_per_byte": unigram,
        }
        for quantity, value in paper.items():
            lines.append(Compared(method, quantity, rows.estimate(quantity, method), value, theirs))
    for context in CONTEXTS:
        bits = rows.estimate("bits_per_byte", M1, context=context)
        lines.append(Compared(f"M1, afresh every {context} bytes", "bits_per_byte", bits))
    return lines


def figure(rows: Rows) -> Figure:
    names = rows.methods("bytes_per_token")
    panels = []
    for quantity, title in (("bytes_per_token", "bytes per token"), ("bit_ratio", "bit ratio")):
        series = bars(rows, quantity, "measured", names)
        panels.append(Panel("", "", f"{title} (± 2 standard errors)", [series]))
    lines = [
        Series(kind, names, [rows.mean(f"{kind}_bits_per_byte", name) for name in names], kind="bars")
        for kind in ("uniform", "unigram")
    ]
    panels.append(Panel("", "", "bits per byte of trivial models", lines))
    return Figure("Compression ratios and trivial models (tables 1, 3, 12)", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="tables 1, 2, 3, 12",
    measures="Bytes per token, bit ratio, and the bits/byte of uniform and unigram models, of every tokenizer.",
    minutes=17,
    cost=Cost(coded=14),
    limits="The ratios themselves: an M1 of half a million parameters trained for minutes predicts a byte in 2.3 bits "
    "where the paper's takes 1.46.",
)
