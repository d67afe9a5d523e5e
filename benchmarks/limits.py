"""How far compression and learning go together: results/limits.json, .md and .svg, from the experiments' rows.

    python -m benchmarks.limits

Every M2 that was measured, as a point: bytes that a step takes, against the share of information learned. That share
is (U - B) / (U - E): U is what uniform ids would cost in bits/byte, B what the M2 costs, E the lowest bits/byte that
any model reached on the same held-out text, which stands for all that can be known. Codes that nothing is learned of
are at 0. Upright lines say what is out of reach: windows of M1 hold no more text than M1's own bits/byte allow, and
no dictionary within words takes longer tokens than the bound of `python -m benchmarks.fewest_bound`. The hull joins
the points that are ahead in both.
"""

import argparse
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from equalinfo.errors import EqualInfoError
from equalinfo.experiments.rows import Rows
from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.figures.matplotlib_files import write_figure
from equalinfo.files import atomic_file, read_json, write_json
from equalinfo.score.measurements import Coordinate, Measurement
from equalinfo.score.results import read_measurements
from equalinfo.tokens.spec import Spec

HERE = Path("results/experiments")
BITS = "bits_per_byte"


@dataclass(frozen=True)
class Setting:
    """M2s of one size, scored on the same held-out text.

    Args:
        sources: files of rows, each with the coordinates that are taken.
        without: methods of this word are left out.
    """

    title: str
    sources: dict[str, dict[str, Coordinate]]
    without: str = ""


SETTINGS = [
    Setting(
        "embedded corpus, M2 of 0.5 M, 450 steps",
        {"main_result": {"size": "500k"}, "window_sizes": {}, "coders_in_windows": {}, "vocabulary": {}},
    ),
    Setting("embedded corpus, M2 of 3 M, 300 larger steps", {"equal_budgets": {"budget": "compute"}}),
    Setting("embedded corpus, M2 and M3 of 0.5 M, 1 and 2 MB", {"m3": {}}),
    # M1 has read more text than these M2s, theirs among it.
    Setting(
        "mix, M2s of 1 M and 3 M, 4 to 33 MB of text",
        {"curves-mix": {}, "patches-mix": {}, "m3-mix": {}},
        without="M1",
    ),
    Setting("mix, M2s of 1 M, 2 MB of text, told M1's state or not", {"m1_states-mix": {}}),
    Setting("mix, M2s of 3 M, 33 M tokens", {"curves-gpu": {}}),
]


KINDS = {
    "bytes": "Bytes",
    "our dictionaries": r"EqualInfo\[(?!b=)",
    "SentencePiece and BPE": "SentencePiece|BPE|SuperBPE",
    "windows of codes": "EqualInfo",
    "whole texts compressed": "AC|StaticAC|GZip|ANS",
    "compressed twice": "M[23] ",
}


@dataclass(frozen=True)
class Reached:
    """What one M2 reached."""

    method: str
    bytes_per_step: float
    bits_per_byte: float
    uniform_bits_per_byte: float
    share_learned: float


def ends(rows: Rows) -> Rows:
    """Of rows along a training, those of its end at the best learning rate."""
    found: list[Measurement] = []
    for method in rows.methods(BITS):
        own = rows.where(BITS, method)
        for along in ("step", "share"):
            places = own.coordinates(along)
            own = own.where(**{along: places[-1]}) if places else own
        rates = own.coordinates("rate")
        if rates:
            best = min(rates, key=lambda rate, own=own, name=method: own.mean(BITS, name, rate=rate))
            own = own.where(rate=best)
        found += own
    return Rows(found)


def reached(setting: Setting, root: Path = HERE) -> list[Reached]:
    """The M2s of a setting, by method; of two sources that have one, the first counts."""
    known: dict[str, tuple[float, float, float]] = {}
    costs = []
    for name, at in setting.sources.items():
        path = root / f"{name}.jsonl"
        if not path.is_file():
            continue
        rows = Rows(read_measurements(path)).where(**at)
        last = ends(rows)
        for method in last.methods():
            if setting.without and setting.without in method:
                continue
            bits = last.mean(BITS, method)
            costs.append(bits)
            step = next((q for q in ("bytes_per_step", "bytes_per_token") if rows.where(q, method)), None)
            if step and method not in known:
                ratio = rows.mean(step, method)
                known[method] = ratio, bits, uniform(rows, method, step, ratio)
    if not costs:
        raise EqualInfoError(f"no rows in {root} for {setting.title}: run its experiments first")
    lowest = min(costs)
    return [
        Reached(method, ratio, bits, even, (even - bits) / (even - lowest))
        for method, (ratio, bits, even) in known.items()
    ]


def uniform(rows: Rows, method: str, step: str, ratio: float) -> float:
    """Bits/byte of uniform ids; a model of bytes, whatever its steps, has 8."""
    if rows.where("uniform_bits_per_byte", method):
        return rows.mean("uniform_bits_per_byte", method)
    if "[" not in method:
        return 8.0
    spec = Spec.parse(method.partition("]")[0] + "]")
    return math.log2(spec.tokenizer_class.vocab_of(spec)) / ratio


def kind_of(method: str) -> str:
    """What a method is, for the colour of its point."""
    for kind, start in KINDS.items():
        if re.match(start, method):
            return kind
    return "windows of text as steps"


def hull(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no mixture of others beats in both, from left to right.

    Examples:
        >>> hull([(1.0, 0.9), (2.0, 0.5), (3.0, 0.8), (2.0, 0.7), (5.0, 0.1)])
        [(1.0, 0.9), (3.0, 0.8), (5.0, 0.1)]
    """
    found: list[tuple[float, float]] = []
    for x, y in sorted(points, key=lambda point: (point[0], -point[1])):
        if found and found[-1][0] == x:
            continue
        while found and found[-1][1] <= y:
            found.pop()
        while len(found) > 1:
            (x0, y0), (x1, y1) = found[-2:]
            if (x1 - x0) * (y - y0) < (y1 - y0) * (x - x0):
                break
            found.pop()
        found.append((x, y))
    return found


def bounds(root: Path) -> dict[str, float]:
    """The longest steps that are possible on the embedded corpus, in bytes, by the name of the bound."""
    contexts = Rows(read_measurements(root / "compression_ratios.jsonl")).where(BITS, "M1")
    m1 = min(row.value for row in contexts)
    found = {f"M1's bits, {name}": bits / m1 for name, bits in (("v=256", 8), ("v=4k", 12))}
    fewest = read_json(root.parent / "fewest-bound.json")
    return found | {"any dictionary within words, v=4k": fewest["bytes"] / fewest["bound"]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/limits.json"))
    out = parser.parse_args().out
    measured = {setting.title: reached(setting) for setting in SETTINGS}
    limits = bounds(HERE)
    record = {title: [asdict(one) for one in found] for title, found in measured.items()}
    write_json(out, {"bounds_bytes_per_step": limits, "reached": record})
    panels, lines = [], []
    for title, found in measured.items():
        series: list[Series] = []
        for kind in dict.fromkeys(kind_of(one.method) for one in found):
            own = [one for one in found if kind_of(one.method) == kind]
            shares = [one.share_learned for one in own]
            series.append(Series(kind, [one.bytes_per_step for one in own], shares, kind="points"))
        edge = hull((one.bytes_per_step, one.share_learned) for one in found)
        series.append(Series("hull", [x for x, _ in edge], [y for _, y in edge]))
        if title.startswith("embedded"):
            series += [Series(name, [x, x], [0.0, 1.0]) for name, x in limits.items()]
        panels.append(Panel(title, "bytes a step", "share of information learned", series))
        lines += [
            f"**{title}**",
            "",
            "| method | bytes a step | bits/byte | uniform | learned |",
            "|---|---:|---:|---:|---:|",
        ]
        for one in sorted(found, key=lambda one: -one.bytes_per_step):
            mark = " (hull)" if (one.bytes_per_step, one.share_learned) in edge else ""
            lines.append(
                f"| {one.method}{mark} | {one.bytes_per_step:.2f} | {one.bits_per_byte:.3f} | "
                f"{one.uniform_bits_per_byte:.3f} | {one.share_learned:.1%} |"
            )
        lines.append("")
    lines += [
        f"- Out of reach on the embedded corpus, {name}: more than {value:.2f} bytes a step"
        for name, value in limits.items()
    ]
    with atomic_file(out.with_suffix(".md")) as stream:
        stream.write("\n".join([*lines, ""]).encode())
    write_figure(Figure("Compression and learning", panels), out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
