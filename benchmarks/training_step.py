"""A training step of preset `llama` beside Hugging Face's LlamaForCausalLM: results/training-step.json.

python -m benchmarks.training_step            about half an hour on two cores
python -m benchmarks.training_step --cases 1m:256:128 --repeats 3

Same sizes, vocabulary, ids, precision, gradient clipping and optimizer (AdamW, torch's fused one). Speed: both
models in one process, step by step in turn, the order changing each time, medians. Memory: each model in a
process of its own, the most it ever held above what it held with its libraries imported. Ours includes the z-loss.
With --compile, both translated by torch.compile take turns with them.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks._common import machine
from equalinfo.files import write_json
from equalinfo.model import hf_llama
from equalinfo.model.decoder import Decoder
from equalinfo.model.loss import next_id_loss
from equalinfo.model.optim import make_optimizer
from equalinfo.model.train_loop import resolved_precision
from equalinfo.sizes import size_by_name

SEEN_IDS = 1024  # per step: 8 sequences of 128, or 2 of 512
WARM_UP = 2
LEARNING_RATE = 1e-3
CASES = [
    f"{size}:{vocab}:{length}"
    for size in ("1m", "3m")
    for vocab in (256, 4096, 65_536)
    for length in (128, 512)
]
MODELS = ("equalinfo", "transformers")
COMPILED = "_compiled"


def step_of(which: str, case: str, precision: str) -> Callable[[], None]:
    """One training step of a new model: loss, gradients, clipping, update."""
    which, compiled = which.removesuffix(COMPILED), which.endswith(COMPILED)
    name, vocab, length = case.split(":")
    torch.manual_seed(0)
    ids_BT = torch.randint(0, int(vocab), (max(1, SEEN_IDS // int(length)), int(length)))
    model: torch.nn.Module
    with torch.device("cpu" if which == "equalinfo" else "meta"):
        ours = Decoder(size_by_name(name), int(vocab), "llama")
    if which == "equalinfo":
        ours.init_weights(0)
        model = ours
        for layer in ours.layers if compiled else []:
            layer.compile(dynamic=False)
    else:
        import transformers

        config = transformers.LlamaConfig(**hf_llama.config(ours, int(length), 0))
        model = transformers.LlamaForCausalLM(config).train()
        if compiled:
            model.compile(dynamic=False)
    optimizer = make_optimizer("adamw", model, LEARNING_RATE)

    def loss_of() -> torch.Tensor:
        return next_id_loss(ours, ids_BT)[0] if model is ours else model(ids_BT, labels=ids_BT).loss

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = loss_of()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def seconds(models: Sequence[str], case: str, precision: str, repeats: int) -> dict[str, float]:
    """Median seconds of a step of each model, taken in turn."""
    steps = {which: step_of(which, case, precision) for which in models}
    times: dict[str, list[float]] = {which: [] for which in models}
    for repeat in range(WARM_UP + repeats):
        for which in models if repeat % 2 else models[::-1]:
            started = time.perf_counter()
            steps[which]()
            if repeat >= WARM_UP:
                times[which].append(time.perf_counter() - started)
    return {which: statistics.median(of_one) for which, of_one in times.items()}


def peak_bytes(which: str, case: str, precision: str, threads: int) -> int:
    """Most memory that three steps held in a process of their own, above that of the imported libraries."""
    arguments = [sys.executable, __file__, "--memory-of", which, "--cases", case]
    arguments += ["--precision", precision, "--threads", str(threads)]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    return int(json.loads(done.stdout.splitlines()[-1]))


def held() -> int:
    """The most bytes that this process has held so far."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux: getrusage there would count what the process held that started this one
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes if sys.platform == "darwin" else kibibytes * 1024


def measure_memory(which: str, case: str, precision: str) -> None:
    """Prints what `peak_bytes` reads."""
    import transformers  # in both, so that what it holds itself counts for neither

    # What a first step brings in besides the model (kernels, threads), on the smallest case.
    assert transformers
    step_of(which, "65k:256:128", precision)()
    before = held()
    step = step_of(which, case, precision)
    for _ in range(3):
        step()
    print(json.dumps(held() - before))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/training-step.json"))
    parser.add_argument("--cases", nargs="+", default=CASES, help="SIZE:VOCABULARY:SEQUENCE")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="auto", help="float32, bfloat16 or auto")
    parser.add_argument("--compile", action="store_true", help="both translated by torch.compile too")
    parser.add_argument("--memory-of", choices=MODELS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    precision = resolved_precision(given.precision)
    if given.memory_of:
        measure_memory(given.memory_of, given.cases[0], precision)
        return
    models = [*MODELS, *(which + COMPILED for which in MODELS if given.compile)]
    rows: list[dict[str, Any]] = []
    for case in given.cases:
        name, vocab, length = case.split(":")
        ids = max(1, SEEN_IDS // int(length)) * int(length)
        taken = seconds(models, case, precision, given.repeats)
        peaks = {which: peak_bytes(which, case, precision, given.threads) for which in MODELS}
        row = {"size": name, "vocab": int(vocab), "sequence": int(length), "ids_per_step": ids}
        row |= {f"{which}_ids_per_second": round(ids / taken[which], 1) for which in models}
        row |= {f"{which}_peak_mb": round(peaks[which] / 1e6, 1) for which in MODELS}
        row["times_as_fast"] = round(taken["transformers"] / taken["equalinfo"], 3)
        row["logits_mb"] = round(ids * int(vocab) * 4 / 1e6, 1)
        rows.append(row)
        print(row, flush=True)
    settings = {"precision": precision, "threads": given.threads}
    write_json(given.out, {"machine": machine(), **settings, "repeats": given.repeats, "rows": rows})


if __name__ == "__main__":
    main()
