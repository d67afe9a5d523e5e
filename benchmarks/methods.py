"""The main methods in one table: what they save, what M2 makes of them, what they cost.

    equalinfo experiment equal_budgets --out runs/experiments      trains the M2s (an hour and a quarter on a core)
    python -m benchmarks.methods --m1 runs/experiments/m1-...      writes results/methods.json and .md

Bytes/token, bits/byte and FLOPs/byte are those of `results/experiments/equal_budgets.jsonl`. Encoding is timed here,
all methods in one process, one after the other in every round: held-out documents of the embedded corpus in pieces
of about 1 kB, one thread, from bytes. A figure is the median over the rounds.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks._common import add_common_options, m1_directory, machine, training_and_held_out
from equalinfo.experiments.catalog.equal_budgets import BYTES, COMPUTE
from equalinfo.experiments.rows import Rows
from equalinfo.files import atomic_file, write_json
from equalinfo.parallel import VARIABLE
from equalinfo.score.results import read_measurements
from equalinfo.score.tables import code, markdown_table
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer

PIECE = 1024
CODED = 100  # a method that runs M1 encodes one in so many bytes, or a round would take minutes
COLUMNS = (
    "method",
    "bytes/token",
    "bits/byte, equal compute",
    "bits/byte, equal bytes",
    "MFLOPs/byte",
    "encode MB/s",
)


def pieces(documents: list[bytes], size: int) -> list[bytes]:
    """`size` bytes of documents in pieces."""
    text = b"\n".join(documents)[:size]
    return [text[i : i + PIECE] for i in range(0, len(text), PIECE)]


def encode_rates(tokenizers: dict[str, Tokenizer], texts: list[bytes], rounds: int) -> dict[str, float]:
    """Bytes per second of each, the median over rounds."""
    few = texts[: max(1, len(texts) // CODED)]
    own = {name: few if one.m1_parameters else texts for name, one in tokenizers.items()}
    seconds: dict[str, list[float]] = {name: [] for name in tokenizers}
    for number in range(rounds + 1):  # the first warms up
        for name, tokenizer in tokenizers.items():
            started = time.perf_counter()
            tokenizer.encode_batch(own[name])
            if number:
                seconds[name].append(time.perf_counter() - started)
    return {name: sum(map(len, own[name])) / statistics.median(spent) for name, spent in seconds.items()}


def row_of(rows: Rows, method: str, rate: float) -> dict[str, Any]:
    """A line of the table."""
    row: dict[str, Any] = {"method": method}
    for budget in (COMPUTE, BYTES):
        found = rows.estimate("bits_per_byte", method, budget=budget)
        row[f"bits_per_byte_equal_{budget}"] = round(found.mean, 4)
        row[f"standard_error_equal_{budget}"] = None if found.error is None else round(found.error, 4)
    row["seeds"] = len(rows.values("bits_per_byte", method, budget=COMPUTE))
    row["bytes_per_token"] = round(rows.mean("bytes_per_token", method, budget=COMPUTE), 4)
    row["flops_per_byte"] = round(rows.mean("flops_per_byte", method, budget=COMPUTE))
    row["encode_mb_per_s"] = float(f"{rate / 1e6:.3g}")
    return row


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table, best at equal compute first."""
    table = []
    for row in sorted(rows, key=lambda one: one["bits_per_byte_equal_compute"]):
        bits = [f"{row[f'bits_per_byte_equal_{budget}']:.3f}" for budget in (COMPUTE, BYTES)]
        cells = [f"{row['bytes_per_token']:.2f}", *bits, f"{row['flops_per_byte'] / 1e6:.2f}"]
        table.append([code(row["method"]), *cells, f"{row['encode_mb_per_s']:g}"])
    return markdown_table(COLUMNS, table, range(1, len(COLUMNS)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser, "results/methods.json")
    parser.add_argument("--rows", type=Path, default=Path("results/experiments/equal_budgets.jsonl"))
    parser.add_argument("--megabytes", type=float, default=1.0, help="of text, for methods without M1")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--table", action="store_true", help="only write the table of --out again")
    given = parser.parse_args()
    if not given.table:
        os.environ[VARIABLE] = "1"
        rows = Rows(read_measurements(given.rows))
        training, held_out = training_and_held_out()
        m1 = m1_directory(given.m1)
        tokenizers = {
            method: Spec.parse(method).build(Sources(m1, lambda: training))
            for method in rows.methods("bits_per_byte")
        }
        rates = encode_rates(tokenizers, pieces(held_out, round(given.megabytes * 1e6)), given.rounds)
        table = [row_of(rows, method, rate) for method, rate in rates.items()]
        write_json(given.out, {"machine": machine(), "rows": table})
    with atomic_file(given.out.with_suffix(".md")) as stream:
        stream.write(markdown(json.loads(given.out.read_text())["rows"]).encode())


if __name__ == "__main__":
    main()
