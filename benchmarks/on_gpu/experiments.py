"""Experiments of the scale `gpu`, many parts side by side on one GPU, because one small M2 does not keep it busy.

    python -m scripts.corpus_mix --out mix
    python -m benchmarks.on_gpu.experiments --out runs/gpu
    python -m benchmarks.on_gpu.experiments curves:6 patches:5 --out runs/gpu --seconds 500
    equalinfo experiment curves --scale gpu --as-is --out runs/gpu

Each experiment has as many processes as its number says and takes its parts in their order, the most telling first.
Without a name only tokens are made. After --seconds the rest is left; parts that are done stay, and the same command
goes on with the others.
"""

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Any

from equalinfo.experiments.catalog import curves, patches
from equalinfo.experiments.registry import experiment_by_name
from equalinfo.experiments.run import measured_part, part_of
from equalinfo.experiments.scales import scale_by_name
from equalinfo.experiments.workspace import ExperimentContext
from equalinfo.parallel import cores
from equalinfo.predict.context import FILE
from equalinfo.progress import progress_bar
from equalinfo.runs.run import done, output_of_run
from equalinfo.tokens.spec import Spec


@cache
def context(name: str, scale: str, out: Path, seeds: int) -> ExperimentContext:
    """An experiment in this process."""
    return ExperimentContext(name, scale_by_name(scale), out, seeds, progress_bar(quiet=True))


def tokens(method: str, *about: Any) -> str:
    """Makes the tokens of a method, which several parts read."""
    started = time.monotonic()
    context("curves", *about).tokens(method)
    return f"{method}: tokens {time.monotonic() - started:.0f} s"


def contexts(*about: Any) -> str:
    """Counts the contexts that patches are told."""
    started = time.monotonic()
    patches.materials(context("patches", *about)).predictor  # noqa: B018
    return f"contexts {time.monotonic() - started:.0f} s"


def part(name: str, scale: str, out: Path, seeds: int, job_name: str) -> str:
    """Measures a part of an experiment, once the tokens that it reads are there."""
    work, experiment = context(name, scale, out, seeds), experiment_by_name(name)
    (job,) = (job for job in experiment.run.jobs(work) if job.name == job_name)
    for method in methods(name, scale):
        if any(method in str(word) for word in job.about):
            while not done(work.run.tokens_path(Spec.parse(method))):
                time.sleep(0.5)
    if name == "patches":
        while not (patches.materials(work).kept / FILE).is_file():
            time.sleep(0.5)
    started = time.monotonic()
    rows = measured_part(part_of(work, job, experiment), job)
    said = [f"{row.value:.3f}" for row in rows if row.quantity == "bits_per_byte"]
    return f"{name} {job_name}: {' '.join(said)} ({time.monotonic() - started:.0f} s)"


def methods(name: str, scale: str) -> list[str]:
    """Those whose tokens the most telling parts of an experiment read."""
    found = scale_by_name(scale)
    return patches.tokenized(found) if name == "patches" else curves.methods(found)[: curves.TELLING]


def pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME:PROCESSES", help="experiments")
    parser.add_argument("--scale", default="gpu")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1e9)
    given = parser.parse_args()
    started, about = time.monotonic(), (given.scale, given.out, given.seeds)
    found, failed = [], False
    with output_of_run(given.out, scale_by_name(given.scale).recipe.corpus):
        preparing = pool(cores())
        asked = [words.split(":") for words in given.names]
        names = [name for name, _ in asked] or ["curves"]
        if "patches" in names:
            found.append(preparing.submit(contexts, *about))
        read = dict.fromkeys(method for name in names for method in methods(name, given.scale))
        found += [preparing.submit(tokens, method, *about) for method in read]
        needed = set(found)
        for name, processes in asked:
            parts = pool(int(processes))
            jobs = experiment_by_name(name).run.jobs(context(name, *about))
            found += [parts.submit(part, name, *about, job.name) for job in jobs]
        try:
            for future in as_completed(found, given.seconds):
                error = future.exception()
                print(f"{time.monotonic() - started:.0f} s: {error or future.result()}", flush=True)
                failed |= error is not None
                if error and future in needed:  # parts would wait for it for ever
                    break
        except TimeoutError:
            print("out of time; the rest is left", flush=True)
        for process in multiprocessing.active_children():  # those at parts that are left
            process.kill()
    sys.exit(failed)


if __name__ == "__main__":
    main()
