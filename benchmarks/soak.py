"""Tokenizes for an hour while workers and driver are killed at random: `python -m benchmarks.soak --seconds 3600`.

The same corpus is tokenized over and over by `equalinfo tokenize`. A worker is killed (SIGKILL) every few seconds on
average, the driver less often, and then the same command goes on. After each pass the result is compared, byte for
byte, with that of a run nobody touched, and `equalinfo verify` decodes a sample. What was finished before a kill must
not be written again. The memory of driver and workers is sampled throughout: the most that workers hold in the last
third of the time must not be above that of the first, nor what drivers hold that come to the end of a pass, from the
first third of the passes to the last. (A driver that is killed early holds less, which says nothing.)
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks._common import children
from equalinfo.corpus.readers import read_documents
from equalinfo.engines.base import ATTEMPTS
from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, json_bytes, sha256_file

LEAST_PASSES = 3  # so that there is a first and a last third
GROWTH = 1.1  # of the most that is held, from the first third of the time to the last


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--work", type=Path, default=Path("runs/soak"))
    parser.add_argument("--out", type=Path, default=Path("results/soak.json"))
    parser.add_argument("--corpus", default="embedded", help="text to repeat")
    parser.add_argument("--megabytes", type=float, default=300.0, help="of text, in about 60 partitions")
    parser.add_argument("--spec", default="EqualInfo[v=65k,order=3,fewest,words]")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--worker-kills", type=float, default=5.0, help="seconds between them, on average")
    parser.add_argument("--driver-kills", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    result = Soak(given).run()
    with atomic_file(given.out) as stream:
        stream.write(json_bytes(result))
    print(json.dumps(result, sort_keys=True))


@dataclass
class Soak:
    """One soak, in its folder."""

    given: argparse.Namespace
    memory: list[tuple[float, int]] = field(default_factory=list)  # seconds, largest worker
    drivers: list[int] = field(default_factory=list)  # the most that each held that came to the end of a pass
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("passes", "driver_kills", "worker_kills", "given_up", "most_shards_kept", "partitions"), 0
        )
    )

    def run(self) -> dict[str, Any]:
        given = self.given
        self.random = random.Random(given.seed)
        shutil.rmtree(given.work, ignore_errors=True)
        given.work.mkdir(parents=True)
        self.source, self.tokenizer = given.work / "corpus.parquet", given.work / "tok"
        write_corpus(self.source, given.corpus, given.megabytes * 1e6)
        compiled = ["compile", given.spec, "--corpus", given.corpus, "--out", str(self.tokenizer), "--quiet"]
        subprocess.run(equalinfo(*compiled), check=True, stdout=subprocess.DEVNULL)
        whole = given.work / "whole"
        subprocess.run(self.command(whole, 1), check=True, stdout=subprocess.DEVNULL)
        expected = hashes(whole)
        self.started = time.monotonic()
        while self.counts["passes"] < LEAST_PASSES or time.monotonic() - self.started < given.seconds:
            out = given.work / "out"
            self.tokenize(out)
            if hashes(out) != expected:
                raise EqualInfoError(
                    f"pass {self.counts['passes']} differs from a run without kills; see {out}"
                )
            verify = equalinfo(
                "verify", str(out), "--decode", "64", "--seed", str(self.counts["passes"]), "--quiet"
            )
            subprocess.run(verify, check=True, stdout=subprocess.DEVNULL)
            shutil.rmtree(out)
            self.counts["passes"] += 1
        return {**self.counts, "seconds": time.monotonic() - self.started, **self.flat_memory()}

    def command(self, out: Path, workers: int) -> list[str]:
        size = str(int(self.given.megabytes * 1e6 / 60))
        options = ["--workers", str(workers), "--partition-bytes", size, "--quiet"]
        return equalinfo("tokenize", str(self.tokenizer), str(self.source), "--out", str(out), *options)

    def tokenize(self, out: Path) -> None:
        """One pass over the corpus, through all kills."""
        finished: dict[str, int] = {}
        while True:
            kills = self.counts["worker_kills"]
            process = subprocess.Popen(self.command(out, self.given.workers), stdout=subprocess.DEVNULL)
            killed = self.disturb(process)
            now = records(out)
            missing = [name for name, inode in finished.items() if now.get(name) != inode]
            if missing:
                raise EqualInfoError(f"{missing[0]} was finished and was written again")
            if process.returncode == 0:
                break
            if not killed and self.counts["worker_kills"] - kills < ATTEMPTS:
                raise EqualInfoError(f"`{' '.join(self.command(out, self.given.workers))}` failed by itself")
            self.counts["given_up"] += not killed  # the same partition's workers were killed again and again
            finished = now
            self.counts["most_shards_kept"] = max(self.counts["most_shards_kept"], len(finished))
        self.counts["partitions"] = len(json.loads((out / "equalinfo.json").read_bytes())["partitions"])

    def disturb(self, process: subprocess.Popen) -> bool:
        """Kills workers at random, and in the end the driver, unless it ends first; whether it was killed."""
        given = self.given
        end = time.monotonic() + self.random.expovariate(1 / given.driver_kills)
        next_worker = time.monotonic() + self.random.expovariate(1 / given.worker_kills)
        held = 0
        while process.poll() is None:
            workers = children(process.pid)
            now = time.monotonic()
            held = max(held, resident(process.pid))
            self.memory.append((now - self.started, max(map(resident, workers), default=0)))
            if now >= end:
                process.kill()
                process.wait()
                self.counts["driver_kills"] += 1
                return True
            if now >= next_worker and workers:
                kill(self.random.choice(workers))
                self.counts["worker_kills"] += 1
                next_worker = now + self.random.expovariate(1 / given.worker_kills)
            time.sleep(0.05)
        if process.returncode == 0:
            self.drivers.append(held)
        return False

    def flat_memory(self) -> dict[str, Any]:
        """The most that driver and a worker held, in MB, in the first and the last third."""
        total = self.memory[-1][0]
        workers = [
            [held for seconds, held in self.memory if first <= seconds / total <= first + 1 / 3]
            for first in (0, 2 / 3)
        ]
        third = max(1, len(self.drivers) // 3)
        found = {}
        for name, thirds in (("driver", [self.drivers[:third], self.drivers[-third:]]), ("worker", workers)):
            before, after = (max(sizes) / 1e6 for sizes in thirds)
            found[f"{name}_mb_first_third"], found[f"{name}_mb_last_third"] = before, after
            if after > GROWTH * before + 20:
                raise EqualInfoError(f"the memory of a {name} grew from {before:.0f} to {after:.0f} MB")
        return found


def write_corpus(path: Path, source: str, size: float) -> None:
    """The documents of `source` over and over, each copy different, in row groups of about 1 MB."""
    documents = [document.decode(errors="replace") for document in read_documents(source)]
    written = copy = 0
    with pq.ParquetWriter(path, pa.schema({"text": pa.string()})) as writer:
        while written < size:
            texts = [f"{copy} {text}" for text in documents]
            writer.write_table(pa.table({"text": texts}), row_group_size=1000)
            written += sum(map(len, texts))
            copy += 1


def hashes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256_file(path) for path in folder.rglob("*") if path.is_file()}


def records(out: Path) -> dict[str, int]:
    """Shards of finished partitions and their inodes, whether OUT is there or still in the making."""
    making = out.with_name(out.name + ".tokenizing")
    if (out / "equalinfo.json").is_file():
        return {path.name: path.stat().st_ino for path in out.glob("*.arrow")}
    names = [
        shard["file"]
        for path in (making / "records").glob("[0-9]*.json")
        for shard in json.loads(path.read_bytes())["shards"].values()
    ]
    return {name: (making / "tokens" / name).stat().st_ino for name in names}


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def resident(pid: int) -> int:
    """Bytes of memory that a process holds for itself; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:")), 0)


def equalinfo(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "equalinfo", *arguments]


if __name__ == "__main__":
    main()
