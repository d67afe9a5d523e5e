"""What measured rates mean for corpora of other sizes: the tables of docs/scaling.md, from the results file."""

from typing import Any

from equalinfo.score.tables import code, markdown_table

# Bytes of text and documents.
C4 = (800e9, 365e6)
TOKENS = 15e12
CORES = 96  # of a machine that can be rented anywhere


def tables(found: dict[str, Any]) -> str:
    """Markdown: rates, scaling over workers, readers, and projections from them."""
    parts = [
        rates(found["rows"]),
        workers(found["rows"]),
        readers(found["readers"]),
        projections(found["rows"]),
    ]
    return "\n".join(parts)


def rates(rows: list[dict[str, Any]]) -> str:
    headings = [
        "method, one worker",
        "kernel MB/s",
        "Parquet to shards MB/s",
        "time over kernel",
        "shard/text",
    ]
    cells = []
    for row in of_one_worker(rows):
        shards = row["shard_bytes"] / row["text_bytes"]
        speeds = [f"{row[key]:.3g}" for key in ("kernel_mb_per_second", "mb_per_cpu_second")]
        sizes = [f"{row['cpu_over_kernel']:.2f}", f"{shards:.2f}", f"{row['peak_memory_mb']:.0f}"]
        cells.append([code(row["spec"]), *speeds, *sizes])
    return markdown_table([*headings, "memory MB"], cells, range(1, 6))


def workers(rows: list[dict[str, Any]]) -> str:
    headings = ["method", "engine", "workers", "MB/s by the clock", "of it, start s", "MB per CPU second"]
    cells = []
    for row in rows:
        cpu = row["mb_per_cpu_second"]
        speeds = [f"{row['mb_per_second']:.3g}", f"{row['start_seconds']:.1f}", f"{cpu:.3g}" if cpu else "-"]
        about = [code(row["spec"]), row["engine"], str(row["workers"])]
        cells.append([*about, *speeds, f"{row['peak_memory_mb']:.0f}"])
    return markdown_table([*headings, "memory MB"], cells, range(2, 7))


def readers(rates_by_form: dict[str, float]) -> str:
    cells = [[code(form), f"{rate:.0f}"] for form, rate in rates_by_form.items()]
    return markdown_table(["form", "read at MB/s per core"], cells, (1,))


def projections(rows: list[dict[str, Any]]) -> str:
    headings = ["method", "C4: core-hours", f"minutes on {CORES} cores", "shards GB"]
    headings += ["15 T tokens: text TB", "core-hours", f"hours on 10 x {CORES} cores", "shards TB"]
    cells = []
    for row in of_one_worker(rows):
        rate = row["mb_per_cpu_second"] * 1e6
        shards = row["shard_bytes"] / row["text_bytes"]
        text = TOKENS * row["text_bytes"] / row["tokens"]
        c4, all_ = C4[0] / rate / 3600, text / rate / 3600
        small = [f"{c4:.3g}", f"{60 * c4 / CORES:.2g}", f"{shards * C4[0] / 1e9:.0f}"]
        large = [
            f"{text / 1e12:.0f}",
            f"{all_:.3g}",
            f"{all_ / CORES / 10:.2g}",
            f"{shards * text / 1e12:.0f}",
        ]
        cells.append([code(row["spec"]), *small, *large])
    return markdown_table(headings, cells, range(1, 8))


def of_one_worker(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["engine"] == "local" and row["workers"] == 1]
