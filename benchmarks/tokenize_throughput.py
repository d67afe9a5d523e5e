"""How fast a corpus becomes token shards, per core and over cores.

    python -m scripts.corpus_mix --out mix
    python -m benchmarks.tokenize_throughput --corpus mix/text --m1 english-m1

For each tokenizer: the bare kernel (examples in memory, one thread), then `equalinfo tokenize` as a user runs it, from
Parquet to Arrow shards on disk, with one worker, two, ... and by Ray where it is installed. Rates are bytes of text in
training and validation examples. Seconds of CPU are those of all processes (not of Ray's, which are not the command's
own); other jobs on the machine disturb them less than the clock. `start_seconds` and `start_cpu_seconds` are what a run
takes that has next to nothing to do; rates by the clock contain it, rates by CPU seconds do not. Then, how fast each
form of file is read. `results/*.md` has the tables of docs/scaling.md, with what the rates mean for larger corpora.
"""

import argparse
import gzip
import importlib.util
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import threading
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks._common import descendants, machine, resident
from benchmarks._scaling import tables
from equalinfo.corpus.examples import cut_examples
from equalinfo.corpus.readers import read_documents
from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, json_bytes
from equalinfo.parallel import VARIABLE, cores
from equalinfo.tokens.tokenizer import Tokenizer

# Contexts of three bytes in M1's place compile in seconds and parse as fast.
COMPILED = [
    "EqualInfo[v=65k,order=3]",
    "EqualInfo[v=65k,order=3,fewest]",
    "EqualInfo[v=65k,order=3,fewest,words]",
    "EqualInfo[v=65k,order=3,unigram,words]",
]
LISTED = ["EqualInfoAC[b=16,v=65k]"]  # of an M1, which does not run any more
CODED = ["AC[v=65k]"]
REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/tokenize-throughput.json"))
    parser.add_argument("--work", type=Path, default=Path("runs/bench"), help="keeps tokenizers and corpora")
    parser.add_argument("--corpus", default="embedded", help="repeated where it is smaller than --megabytes")
    parser.add_argument(
        "--m1", type=Path, help="M1 directory; without it, methods that run an M1 are left out"
    )
    parser.add_argument("--megabytes", type=int, default=200, help="text for compiled tokenizers")
    parser.add_argument("--m1-megabytes", type=float, default=0.4, help="text for methods that run an M1")
    parser.add_argument("--workers", type=int, nargs="*", help="default: 1, 2, 4, ... cores")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    workers = given.workers or [1 << n for n in range(cores().bit_length()) if 1 << n <= cores()]
    rows: list[dict[str, Any]] = []
    read = readers(corpus(given, min(given.megabytes, 100)), given.work)
    compiled, coded = [*COMPILED, *(LISTED if given.m1 else [])], CODED if given.m1 else []
    todo = [(spec, given.megabytes) for spec in compiled] + [(spec, given.m1_megabytes) for spec in coded]
    for spec, megabytes in todo:
        given.repeats = given.repeats if spec in compiled else 1  # a minute each
        rows += measured(spec, corpus(given, megabytes), workers, given)
        with atomic_file(given.out) as stream:
            found = {"machine": machine(), "cores": cores(), "corpus": given.corpus}
            found |= {"readers": read, "rows": rows}
            stream.write(json_bytes(found))
        with atomic_file(given.out.with_suffix(".md")) as stream:
            stream.write(tables(found).encode())


def corpus(given: argparse.Namespace, megabytes: float) -> Path:
    """So much text of --corpus, shuffled, as Parquet with row groups of about 8 MB."""
    path = given.work / f"{re.sub(r'[^a-z0-9]+', '-', given.corpus)}-{megabytes:g}.parquet"
    if not path.is_file():
        documents = [document.decode(errors="replace") for document in read_documents(given.corpus)]
        random.Random(0).shuffle(documents)
        part, size = path.with_suffix(".part"), 0
        with pq.ParquetWriter(part, pa.schema({"text": pa.string()})) as writer:
            endless = cycle(documents)
            while size < megabytes * 1e6:
                texts = list(islice(endless, 8000))
                size += sum(map(len, texts))
                while len(texts) > 1 and size > megabytes * 1e6:  # to within a document
                    size -= len(texts.pop())
                writer.write_table(pa.table({"text": texts}), row_group_size=len(texts))
        part.rename(path)
    return path


def readers(text: Path, work: Path) -> dict[str, float]:
    """MB of text per second of CPU that documents are read at, by form of file."""
    documents = list(read_documents(text))
    texts = [document.decode() for document in documents]
    lines = "".join(
        json.dumps({"text": text, "url": "https://example.org/"}) + "\n" for text in texts
    ).encode()
    table = pa.table({"text": texts})
    (work / "a.jsonl").write_bytes(lines)
    (work / "a.json.gz").write_bytes(gzip.compress(lines, 6))
    (work / "a.jsonl.zst").write_bytes(pa.Codec("zstd").compress(lines, asbytes=True))
    for compression in ("snappy", "zstd"):
        pq.write_table(table, work / f"{compression}.parquet", row_group_size=8000, compression=compression)
    found = {}
    for name in ("a.jsonl", "a.json.gz", "a.jsonl.zst", "snappy.parquet", "zstd.parquet"):
        best = float("inf")
        for _ in range(REPEATS):
            started = time.process_time()
            size = sum(map(len, read_documents(work / name)))
            best = min(best, time.process_time() - started)
        found[name.removeprefix("a.")] = size / best / 1e6
        (work / name).unlink()
    return found


def measured(spec: str, text: Path, workers: list[int], given: argparse.Namespace) -> list[dict[str, Any]]:
    tokenizer = given.work / f"throughput-{spec}"
    if not (tokenizer / "equalinfo.json").is_file():
        options = ["--m1", str(given.m1)] if given.m1 else []
        equalinfo("compile", spec, "--corpus", "embedded", *options, "--out", str(tokenizer), "--quiet")
    kernel = bare_kernel(tokenizer, text, given.repeats)
    tiny = corpus(given, 0.2)
    rows = []
    engines = [("local", count) for count in workers]
    if importlib.util.find_spec("ray"):
        engines += [("ray", count) for count in workers]
    for engine, count in engines:
        # Partitions enough for all workers, as in a large corpus.
        size = max(1 << 20, text.stat().st_size // (4 * max(workers)))
        start = tokenized(tokenizer, tiny, engine, count, size, given.work, "--no-split")
        runs = [tokenized(tokenizer, text, engine, count, size, given.work) for _ in range(given.repeats)]
        best = min(runs, key=lambda run: run["seconds"])
        rate = best["bytes"] / best["seconds"] / 1e6
        cpu_seconds = min(run["cpu_seconds"] for run in runs) - start["cpu_seconds"]
        # Ray's actors are not processes of the driver's, so their seconds are not known here.
        cpu_rate = (best["bytes"] - start["bytes"]) / cpu_seconds / 1e6 if engine == "local" else None
        rows.append(
            {
                "spec": spec,
                "engine": engine,
                "workers": count,
                "text_bytes": best["bytes"],
                "tokens": best["tokens"],
                "mb_per_second": rate,
                "mb_per_second_per_worker": rate / count,
                "mb_per_cpu_second": cpu_rate,
                "start_seconds": start["seconds"],
                "start_cpu_seconds": start["cpu_seconds"],
                "kernel_mb_per_second": kernel,
                "cpu_over_kernel": kernel / cpu_rate if cpu_rate else None,
                "peak_memory_mb": max(run["memory"] for run in runs) / 1e6,
                "shard_bytes": best["shard_bytes"],
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


def bare_kernel(directory: Path, text: Path, repeats: int) -> float:
    """MB per second of CPU for examples in memory, one thread."""
    os.environ[VARIABLE] = "1"
    tokenizer = Tokenizer.from_pretrained(directory)
    limit = 20_000_000
    examples = []
    for example in cut_examples(read_documents(text)):
        examples.append(example.data)
        if len(examples) * len(examples[0]) > limit:
            break
    tokenizer.encode_batch(examples[:1])
    groups = [examples[first : first + 64] for first in range(0, len(examples), 64)]
    best = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        for group in groups:
            tokenizer.encode_batch(group)
        best = min(best, time.process_time() - started)
    return sum(map(len, examples)) / best / 1e6


def tokenized(
    tokenizer: Path, text: Path, engine: str, workers: int, partition_bytes: int, work: Path, *more: str
) -> dict[str, Any]:
    """One run of the command: clock and CPU seconds, bytes, and the most memory that its processes held together."""
    out = work / "throughput-tokens"
    shutil.rmtree(out, ignore_errors=True)
    options = ["--engine", engine, "--workers", str(workers), "--partition-bytes", str(partition_bytes)]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    arguments = [
        "tokenize",
        str(tokenizer),
        str(text),
        "--out",
        str(out),
        *options,
        *more,
        "--quiet",
        "--json",
    ]
    process = subprocess.Popen([sys.executable, "-m", "equalinfo", *arguments], stdout=subprocess.PIPE)
    memory = [0]
    watch = threading.Thread(target=watch_memory, args=(process, memory))
    watch.start()
    printed, _ = process.communicate()
    watch.join()
    if process.returncode:
        raise EqualInfoError(f"`equalinfo {' '.join(arguments)}` failed")
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    counts = json.loads(printed)
    return {
        "seconds": seconds,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "bytes": counts["train_source_bytes"] + counts["validation_source_bytes"],
        "tokens": counts["train_tokens"] + counts["validation_tokens"],
        "memory": memory[0],
        "shard_bytes": sum(path.stat().st_size for path in out.glob("*.arrow")),
    }


def watch_memory(process: subprocess.Popen, most: list[int]) -> None:
    """Keeps the largest sum of resident memory (proportional where pages are shared) of a process and its children."""
    while process.poll() is None:
        most[0] = max(most[0], sum(map(resident, descendants(process.pid))))
        time.sleep(0.2)


def equalinfo(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "equalinfo", *arguments], check=True)


if __name__ == "__main__":
    main()
