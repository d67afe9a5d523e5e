"""Training steps of both presets and of Hugging Face's LlamaForCausalLM on one GPU; `benchmarks/gpu.sh` runs it.

It stands in a folder of its own because `make bench` runs every script beside the others, GPU or not. A row that does
not fit in memory says so and has no figures. MFU counts 6 operations per parameter and id, output table included,
and 12 x layers x width x length for attention (causal halves not deducted), over the rate given as --tflops.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks._common import machine
from equalinfo.files import write_json
from equalinfo.model import hf_llama
from equalinfo.model.decoder import Decoder
from equalinfo.model.loss import next_id_loss
from equalinfo.model.optim import make_optimizer
from equalinfo.sizes import Size, size_by_name

MODELS = ("paper", "llama", "transformers")
# Dense bfloat16 rates from the vendor's data sheets, 10^12 operations a second; others by --tflops.
TFLOPS = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "L4": 121.0}


def operations_per_id(size: Size, vocab: int, length: int) -> float:
    """Floating-point operations of a training step for each id."""
    attention = 12 * size.n_layers * size.n_heads * size.d_head * length
    return 6 * (size.parameters + vocab * size.d_model) + attention


def step_of(which: str, size: Size, ids_BT: torch.Tensor, vocab: int, compiled: bool) -> Callable[[], None]:
    """One training step of a new model: loss in bfloat16, gradients, clipping, AdamW."""
    device = ids_BT.device
    model: torch.nn.Module
    ours = Decoder(size, vocab, "paper" if which == "paper" else "llama")
    if which == "transformers":
        import transformers

        config = transformers.LlamaConfig(**hf_llama.config(ours, ids_BT.shape[1], 0))
        model = transformers.LlamaForCausalLM(config).train().to(device)
        if compiled:
            model.compile(dynamic=False)
    else:
        ours.init_weights(0)
        model = ours.to(device)
        for layer in ours.layers if compiled else []:
            layer.compile(dynamic=False)
    optimizer = make_optimizer("adamw", model, 1e-3)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16):
            loss = next_id_loss(ours, ids_BT)[0] if model is ours else model(ids_BT, labels=ids_BT).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def measured(
    which: str, name: str, vocab: int, length: int, batch: int, device: str, repeats: int, compiled: bool
) -> dict[str, Any]:
    """One row; figures are None where the step does not fit in memory."""
    size = size_by_name(name)
    row: dict[str, Any] = {
        "model": which,
        "size": name,
        "vocab": vocab,
        "sequence": length,
        "batch_size": batch,
    }
    row |= {"compiled": compiled, "ids_per_second": None, "peak_gb": None}
    on_gpu = device == "cuda"

    def wait() -> None:
        if on_gpu:
            torch.cuda.synchronize()

    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        torch.manual_seed(0)
        ids_BT = torch.randint(0, vocab, (batch, length)).to(device)
        step = step_of(which, size, ids_BT, vocab, compiled)
        for _ in range(3):
            step()
        times = []
        for _ in range(repeats):
            wait()
            started = time.perf_counter()
            step()
            wait()
            times.append(time.perf_counter() - started)
    except torch.OutOfMemoryError:
        return {**row, "note": "out of memory"}
    rate = batch * length / statistics.median(times)
    row["ids_per_second"] = round(rate, 1)
    row["tflops_per_second"] = round(rate * operations_per_id(size, vocab, length) / 1e12, 4)
    if on_gpu:
        row["peak_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 3)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--tiny", action="store_true", help="smallest sizes, to see that everything runs")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64, help="sequences per step")
    parser.add_argument("--tflops", type=float, help="the device's dense bfloat16 rate, for MFU")
    parser.add_argument("--out", type=Path, help="default: results/gpu.json; with --tiny, nothing is written")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        sys.exit("error: no GPU here; `--device cpu --tiny` tries the script without one")
    sizes, vocabs, length, batch = ("25m", "113m"), (256, 32_000, 65_536), 512, given.batch
    if given.tiny:
        sizes, vocabs, length, batch = ("65k", "250k"), (256, 4096), 64, 2
    name = torch.cuda.get_device_name() if given.device == "cuda" else "cpu"
    peak = given.tflops or next((rate for known, rate in TFLOPS.items() if known in name), None)
    rows = []
    for size in sizes:
        for vocab in vocabs:
            for which in MODELS:
                for compiled in (False,) if given.tiny else (False, True):
                    row = measured(
                        which,
                        size,
                        vocab,
                        length,
                        batch,
                        given.device,
                        2 if given.tiny else given.repeats,
                        compiled,
                    )
                    done = row.get("tflops_per_second")
                    row["mfu"] = round(done / peak, 4) if done and peak else None
                    rows.append(row)
                    print(json.dumps(row), flush=True)
    made = {"machine": machine(), "device": name, "torch": torch.__version__, "tflops": peak, "rows": rows}
    out = given.out or (None if given.tiny else Path("results/gpu.json"))
    if out:
        write_json(out, made)


if __name__ == "__main__":
    main()
