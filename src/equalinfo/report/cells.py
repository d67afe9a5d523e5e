"""Trained and scored M2s on the page: three plots, a table, the paper's numbers, commands to repeat them."""

import shlex
from collections.abc import Sequence
from typing import Any

from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.score.metrics import flops_per_byte, uniform_bits_per_byte
from equalinfo.score.paper import paper_method, paper_tables
from equalinfo.score.results import Result
from equalinfo.score.summary import Summary, counted_level, kind_of, methods, setting
from equalinfo.tokens.spec import Spec


def headline(summaries: Sequence[Summary]) -> list[tuple[str, str, str]]:
    """(what, value, setting) of the three settings that lead in one respect."""
    best = min(summaries, key=lambda s: s.mean("bits_per_byte"))
    cheapest = min(summaries, key=lambda s: s.mean("megaflops_per_byte"))
    shortest = max(summaries, key=lambda s: s.mean("bytes_per_token"))
    return [
        ("lowest bits/byte", f"{best.mean('bits_per_byte'):.3f}", best.label),
        ("fewest MFLOPs per byte", f"{cheapest.mean('megaflops_per_byte'):.2f}", cheapest.label),
        ("most bytes per token", f"{shortest.mean('bytes_per_token'):.2f}", shortest.label),
    ]


def by_compute(summaries: Sequence[Summary]) -> Figure:
    """Bits/byte against MFLOPs/byte."""
    return _scatter(summaries, "Quality against compute", "MFLOPs per byte", "megaflops_per_byte", True)


def by_steps(summaries: Sequence[Summary]) -> Figure:
    """Bits/byte against bytes per step."""
    title = "bytes per step (bytes/token)"
    return _scatter(summaries, "Quality against bytes per step", title, "bytes_per_token")


def learned(summaries: Sequence[Summary]) -> Figure:
    """Bars of uniform minus measured bits/byte, longest on top."""
    ordered = sorted(summaries, key=lambda s: -s.mean("learned_bits_per_byte"))
    names = _distinct([summary.label for summary in ordered])
    values = [summary.mean("learned_bits_per_byte") for summary in ordered]
    low, high = _spread(values, [summary.deviation("learned_bits_per_byte") for summary in ordered])
    hover = [_hover(summary) for summary in ordered]
    series = Series("learned bits per byte", names, values, low, high, kind="bars", hover=hover)
    return Figure("What M2 learned", [Panel("", "", "uniform − measured bits per byte", [series])])


def _scatter(
    summaries: Sequence[Summary], title: str, x_title: str, x: str, logarithmic: bool = False
) -> Figure:
    """Bits/byte of each setting; sizes of one run are joined, and each point hangs from its uniform bits/byte."""
    several_sizes = len({summary.size for summary in summaries}) > 1
    series = []
    for method in methods(summaries):
        for run in _runs([summary for summary in summaries if summary.method == method]):
            sizes = [summary.size for summary in run]
            values = [summary.mean("bits_per_byte") for summary in run]
            low, high = _spread(values, [summary.deviation("bits_per_byte") for summary in run])
            series.append(
                Series(
                    method,
                    [summary.mean(x) for summary in run],
                    values,
                    low,
                    high,
                    labels=[*sizes[:-1], f"{method} {sizes[-1]}"] if several_sizes else [method],
                    group=kind_of(method),
                    base=[summary.mean("uniform_bits_per_byte") for summary in run],
                    hover=[_hover(summary) for summary in run],
                )
            )
    counted = counted_level(summaries)
    levels = [] if counted is None else [(counted, "order-5 contexts, counted")]
    return Figure(title, [Panel("", x_title, "bits per byte", series, x_log=logarithmic, levels=levels)])


def _spread(
    values: Sequence[float], deviations: Sequence[float | None]
) -> tuple[Sequence[float], Sequence[float]]:
    """Ends of error bars of one standard deviation over seeds; empty where no setting has several."""
    if all(deviation is None for deviation in deviations):
        return (), ()
    known = [deviation or 0.0 for deviation in deviations]
    return (
        [value - d for value, d in zip(values, known, strict=True)],
        [value + d for value, d in zip(values, known, strict=True)],
    )


def _distinct(names: Sequence[str]) -> list[str]:
    """Names with a number added to those that stood before."""
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return distinct


def _runs(summaries: Sequence[Summary]) -> list[list[Summary]]:
    """Settings split into groups that differ in model size alone, each in order of parameters."""
    runs: dict[Any, list[Summary]] = {}
    for summary in summaries:
        key = tuple(pair for pair in setting(summary.rows[0]) if pair[0] not in ("size", "parameters"))
        runs.setdefault(key, []).append(summary)
    return [sorted(run, key=lambda s: s.rows[0].parameters) for run in runs.values()]


def _hover(summary: Summary) -> str:
    row = summary.rows[0]
    deviation, unigram = summary.deviation("bits_per_byte"), summary.mean_if_known("unigram_bits_per_byte")
    changed = summary.mean_if_known("windows_changed")
    spread = "" if deviation is None else f" ± {deviation:.4f}"
    lines = [
        summary.label,
        f"{summary.mean('bits_per_byte'):.4f}{spread} bits/byte",
        f"uniform {summary.mean('uniform_bits_per_byte'):.3f}"
        + ("" if unigram is None else f", unigram {unigram:.3f}")
        + f", learned {summary.mean('learned_bits_per_byte'):.3f}",
        f"{summary.mean('bytes_per_token'):.2f} bytes/token, bit ratio {summary.mean('bit_ratio'):.2f}",
        f"{summary.mean('megaflops_per_byte'):.2f} MFLOPs/byte",
        f"M2 {row.size}, {row.parameters:,} parameters",
        f"{row.steps:,} steps of {row.batch_size} × {row.sequence_length} tokens",
        f"{row.corpus}, seed {', '.join(str(row.seed) for row in summary.rows)}",
    ]
    if changed is not None:
        lines.append(f"windows changed {changed:.1%}")
    return "\n".join(line.replace("\n", " ") for line in lines)


def commands(summary: Summary) -> list[str]:
    """The steps that make one M2 of a setting, as far as its row holds them."""
    row = summary.rows[0]
    m1 = ["--m1", "m1"] if row.m1 else []
    compiled = ["equalinfo", "compile", row.method, "--out", "tok", *m1, "--corpus", row.corpus]
    trained = ["equalinfo", "train-m2", "tokens", "--out", "m2", "--size", row.size]
    trained += ["--steps", str(row.steps), "--batch", str(row.batch_size)]
    trained += ["--sequence", str(row.sequence_length), "--seed", str(row.seed)]
    return [
        shlex.join(compiled),
        shlex.join(["equalinfo", "tokenize", "tok", row.corpus, "--out", "tokens"]),
        shlex.join(trained),
    ]


# Heading, explanation, field of a row, how it is written.
COLUMNS = (
    ("method", "spec of the tokenizer", "method", ""),
    ("size", "of M2", "size", ""),
    ("parameters", "of M2, without embeddings", "parameters", ","),
    ("corpus", "", "corpus", ""),
    ("steps", "training steps of M2", "steps", ","),
    ("seed", "", "seed", ""),
    ("bytes/token", "source bytes per token", "bytes_per_token", ".2f"),
    ("bits/byte", "of M2 on held-out text; lower is better", "bits_per_byte", ".3f"),
    ("uniform", "bits/byte of a model that has learned nothing", "uniform_bits_per_byte", ".3f"),
    ("unigram", "bits/byte from token frequencies alone", "unigram_bits_per_byte", ".3f"),
    ("learned", "uniform minus measured bits/byte", "learned_bits_per_byte", ".3f"),
    ("MFLOPs/byte", "forward pass of M2, and of M1 where it runs", "megaflops_per_byte", ".2f"),
    ("changed", "share of windows where the paper's bits would not have read back", "windows_changed", ".1%"),
    ("train tokens", "", "train_tokens", ","),
    ("s", "wall time of the cell", "wall_seconds", ",.0f"),
)


def table_row(row: Result) -> list[tuple[str, str | float]]:
    """(text shown, value sorted by) per column; "" sorts last."""
    cells: list[tuple[str, str | float]] = []
    for _, _, name, form in COLUMNS:
        value = getattr(row, name)
        by = row.parameters if name == "size" else value
        cells.append(("–", "") if value is None else (format(value, form), by))
    return cells


PAPER_QUANTITIES = ("bytes/token", "bits/byte", "uniform", "MFLOPs/byte")


def paper_rows(summaries: Sequence[Summary]) -> list[tuple[str, ...]]:
    """Ours and the paper's 25m models, of each setting whose method the paper has.

    Returns:
        (setting, the paper's method, then ours and the paper's of each of PAPER_QUANTITIES).
    """
    tables = paper_tables()
    rows: list[tuple[str, ...]] = []
    for summary in summaries:
        theirs = paper_method(summary.method)
        bits = tables["table15_16_bits_per_byte"].get(theirs, {}).get("25m")
        ratio = tables["table12_bytes_per_token"].get(theirs)
        if bits is None or ratio is None:
            continue
        # Table 15 leaves some methods out; the formula gives those (M1 runs for AC and EqualInfoAC).
        m1 = tables["sizes"]["3m"]["nominal_params"] if theirs.startswith(("AC[", "EqualInfoAC[")) else 0
        flops = flops_per_byte(tables["sizes"]["25m"]["nominal_params"], ratio, m1)
        spec = Spec.parse(theirs)
        uniform = uniform_bits_per_byte(spec.tokenizer_class.vocab_of(spec), ratio)
        rows.append(
            (
                summary.label,
                theirs,
                f"{summary.mean('bytes_per_token'):.2f}",
                f"{ratio:.2f}",
                f"{summary.mean('bits_per_byte'):.3f}",
                f"{bits:.2f}",
                f"{summary.mean('uniform_bits_per_byte'):.2f}",
                f"{uniform:.2f}",
                f"{summary.mean('megaflops_per_byte'):.2f}",
                f"{flops / 1e6:.2f}",
            )
        )
    return rows
