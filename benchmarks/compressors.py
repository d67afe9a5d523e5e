"""A file compressed by M1 beside general compressors: size, and speed both ways, slower ones included.

    python -m benchmarks.compressors                  writes results/compressors.json and .md
    python -m benchmarks.compressors --bytes 100000   less text

The text is the embedded corpus's validation and test documents, joined. M1 was trained on the corpus's other
documents, which the general compressors have never seen, so sizes are given with M1's own added too. Compressors are
the commands found here, each timed as one process from pipe to pipe; ours runs in this process on all cores, after a
warm-up, without loading. Every output is read back.
"""

import argparse
import io
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks._common import add_common_options, m1_directory, machine, training_and_held_out
from equalinfo.container.format import DEFAULT_BLOCK, DEFAULT_CONTEXT, HEAD_BYTES, LENGTH_BYTES, SMALLEST
from equalinfo.container.reading import read_container
from equalinfo.container.writing import write_container
from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, write_json
from equalinfo.parallel import worker_threads
from equalinfo.predict.base import Predictor, distribution_bits
from equalinfo.predict.exact_files import load_m1
from equalinfo.score.tables import markdown_table, screen_table

COMMANDS = {
    "gzip -9": (["gzip", "-9", "-c"], ["gzip", "-d", "-c"]),
    "bzip3": (["bzip3", "-e", "-c"], ["bzip3", "-d", "-c"]),
    "xz -9e": (["xz", "-9e", "-c"], ["xz", "-d", "-c"]),
    "zstd -19 --long": (["zstd", "-19", "--long=27", "-q", "-c"], ["zstd", "-d", "--long=27", "-q", "-c"]),
    "brotli -q 11": (["brotli", "-q", "11", "-w", "24", "-c"], ["brotli", "-d", "-c"]),
}
CONTEXTS = (256, DEFAULT_CONTEXT, 1024, 2048)


def piped(command: list[str]) -> Callable[[bytes], bytes]:
    return lambda data: subprocess.run(command, input=data, capture_output=True, check=True).stdout


def ours(predictor: Predictor, context: int) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    """Compression by `predictor`, and its inverse."""

    def encode(text: bytes) -> bytes:
        target = io.BytesIO()
        write_container(predictor, io.BytesIO(text), target, DEFAULT_BLOCK, context)
        return target.getvalue()

    return encode, lambda data: b"".join(read_container(predictor, io.BytesIO(data)))


def measured(
    name: str,
    encode: Callable[[bytes], bytes],
    decode: Callable[[bytes], bytes],
    text: bytes,
    model: int = 0,
) -> dict[str, Any]:
    """One row: sizes in bytes, speeds in MB/s of text; refuses a compressor that does not read the text back.

    Args:
        model: bytes of what the reader needs besides the file and the program.
    """
    decode(encode(text[:2000]))  # caches, compiled code
    started = time.perf_counter()
    packed = encode(text)
    encoded = time.perf_counter()
    if decode(packed) != text:
        raise EqualInfoError(f"{name} does not read the text back")
    decoded = time.perf_counter()
    return {
        "compressor": name,
        "bytes": len(packed),
        "bytes_with_model": len(packed) + model,
        "bits_per_byte": 8 * len(packed) / len(text),
        "encode_mb_per_s": len(text) / (encoded - started) / 1e6,
        "decode_mb_per_s": len(text) / (decoded - encoded) / 1e6,
    }


def entropy_bits(predictor: Predictor, text: bytes, context: int) -> float:
    """Ideal code length of the text under M1, starting afresh as the container does."""
    parts = [
        text[start : start + DEFAULT_BLOCK][at : at + context]
        for start in range(0, len(text), DEFAULT_BLOCK)
        for at in range(0, min(DEFAULT_BLOCK, len(text) - start), context)
    ]
    with worker_threads() as workers:
        return sum(workers.map(lambda part: distribution_bits(predictor.frequencies(part), part), parts))


def write_table(rows: list[dict[str, Any]], path: Path) -> None:
    """The rows as Markdown and on the screen, smallest first."""
    columns = ["compressor", "bytes", "with M1", "bits/byte", "encode MB/s", "decode MB/s"]
    cells = []
    for row in sorted(rows, key=lambda row: row["bytes"]):
        speeds = [f"{row[f'{way}_mb_per_s']:.3g}" for way in ("encode", "decode")]
        sizes = [f"{row['bytes']:,}", f"{row['bytes_with_model']:,}", f"{row['bits_per_byte']:.3f}"]
        cells.append([row["compressor"], *sizes, *speeds])
    Console().print(screen_table(columns, cells, range(1, 6)))
    with atomic_file(path) as stream:
        stream.write(markdown_table(columns, cells, range(1, 6)).encode())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser, "results/compressors.json")
    parser.add_argument("--bytes", type=int, default=0, help="how much text; 0: all that is held out")
    parser.add_argument("--contexts", type=int, nargs="+", default=CONTEXTS)
    given = parser.parse_args()
    m1 = m1_directory(given.m1)
    predictor = load_m1(m1)
    model = (m1 / "exact.safetensors").stat().st_size
    text = b"\0".join(training_and_held_out()[1])
    text = text[: given.bytes or len(text)]
    rows, skipped = [], []
    for name, (encode, decode) in COMMANDS.items():
        if shutil.which(encode[0]) is None:
            skipped.append({"compressor": name, "reason": f"no command {encode[0]} here"})
            continue
        rows.append(measured(name, piped(encode), piped(decode), text))
        print(f"{name:28} {rows[-1]['bits_per_byte']:.3f} bits/byte", flush=True)
    for context in given.contexts:
        row = measured(f"equalinfo --context {context}", *ours(predictor, context), text, model)
        entropy = entropy_bits(predictor, text, context)
        # The code without heads, header and index.
        blocks = -(-len(text) // DEFAULT_BLOCK)
        row["entropy_bits_per_byte"] = entropy / len(text)
        row["container_over_entropy"] = 8 * row["bytes"] / entropy - 1
        row["code_over_entropy"] = 8 * (row["bytes"] - container_bytes(blocks)) / entropy - 1
        rows.append(row)
        print(f"{row['compressor']:28} {row['bits_per_byte']:.3f} bits/byte", flush=True)
    result = {
        "machine": machine(),
        "cores": os.cpu_count(),
        "text_bytes": len(text),
        "m1": m1.name,
        "m1_bytes": model,
        "block_bytes": DEFAULT_BLOCK,
        "default_context": DEFAULT_CONTEXT,
    }
    write_json(given.out, {**result, "rows": rows, "skipped": skipped})
    write_table(rows, given.out.with_suffix(".md"))


def container_bytes(blocks: int) -> int:
    """Bytes of a container of `blocks` blocks that are not code."""
    return SMALLEST + blocks * (HEAD_BYTES + LENGTH_BYTES)


if __name__ == "__main__":
    main()
