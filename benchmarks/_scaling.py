"""What measured rates mean for corpora of other sizes: the tables of docs/scaling.md, from the results file."""

from typing import Any

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
    lines = [
        "| method, one worker | kernel MB/s | Parquet to shards MB/s | time over kernel | shard/text | memory MB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in of_one_worker(rows):
        shards = row["shard_bytes"] / row["text_bytes"]
        lines.append(
            f"| `{row['spec']}` | {row['kernel_mb_per_second']:.3g} | {row['mb_per_cpu_second']:.3g} | "
            f"{row['cpu_over_kernel']:.2f} | {shards:.2f} | {row['peak_memory_mb']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def workers(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| method | engine | workers | MB/s by the clock | of it, start s | MB per CPU second | memory MB |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        cpu = row["mb_per_cpu_second"]
        lines.append(
            f"| `{row['spec']}` | {row['engine']} | {row['workers']} | {row['mb_per_second']:.3g} | "
            f"{row['start_seconds']:.1f} | {f'{cpu:.3g}' if cpu else '-'} | {row['peak_memory_mb']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def readers(rates_by_form: dict[str, float]) -> str:
    lines = ["| form | read at MB/s per core |", "|---|---:|"]
    lines += [f"| `{form}` | {rate:.0f} |" for form, rate in rates_by_form.items()]
    return "\n".join(lines) + "\n"


def projections(rows: list[dict[str, Any]]) -> str:
    lines = [
        f"| method | C4: core-hours | minutes on {CORES} cores | shards GB | 15 T tokens: text TB | core-hours | "
        f"hours on 10 x {CORES} cores | shards TB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in of_one_worker(rows):
        rate = row["mb_per_cpu_second"] * 1e6
        shards = row["shard_bytes"] / row["text_bytes"]
        text = TOKENS * row["text_bytes"] / row["tokens"]
        c4, all_ = C4[0] / rate / 3600, text / rate / 3600
        lines.append(
            f"| `{row['spec']}` | {c4:.3g} | {60 * c4 / CORES:.2g} | {shards * C4[0] / 1e9:.0f} | {text / 1e12:.0f} | "
            f"{all_:.3g} | {all_ / CORES / 10:.2g} | {shards * text / 1e12:.0f} |"
        )
    return "\n".join(lines) + "\n"


def of_one_worker(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["engine"] == "local" and row["workers"] == 1]
