"""Bytes a second of the exact M1 on one GPU, for AC and for windows of 32 bits; `benchmarks/gpu.sh` runs it.

First the results are compared with the NumPy kernels', and float16 products with 64-bit integers. Then each is timed,
text in memory to codes in memory, the median of several runs over different texts. AC's figure is of its frequencies
in contexts of 10,240 bytes, of which its coder needs two numbers a byte.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks._common import machine
from equalinfo.coding.equal_info_windows import WindowRule, encode_windows
from equalinfo.corpus.examples import cut_examples
from equalinfo.corpus.readers import read_documents
from equalinfo.files import write_json
from equalinfo.predict.exact import ExactModel
from equalinfo.predict.exact_files import load_m1
from equalinfo.predict.exact_torch import TorchModel

CONTEXT = 10_240
BITS = 32
# Tiles of the kernels to choose from; the first are the defaults.
TILES: list[dict[str, int]] = [
    {},
    {"stages": 2},
    {"gate_n": 64},
    {"attend_warps": 1},
    {"attend_warps": 4},
]


def same(name: str, one: Any, other: Any) -> None:
    """Stops with a line if two results differ."""
    equal = np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other
    if not equal:
        sys.exit(f"error: {name} differ from the NumPy kernels'")
    print(f"same: {name}", flush=True)


def check_products(trials: int) -> None:
    """float16 products with float32 sums against 64-bit integers, sums at the limit of 2^24 among them."""
    generator = torch.Generator(device="cuda").manual_seed(0)

    def draw(limit: int, *shape: int) -> torch.Tensor:
        return torch.randint(-limit, limit + 1, shape, generator=generator, device="cuda")

    # Magnitudes of a column add up to just below 2^14: spread evenly, or eight large ones.
    for trial in range(trials):
        length = (64, 256, 512)[trial % 3]
        inputs = draw(1024, 512, length)
        weights = draw(16_383 // length, length, 512)
        if trial % 2:
            weights.zero_().scatter_(0, draw(length - 1, 8, 512).abs(), draw(2047, 8, 512))
        wide = inputs.double() @ weights.double()
        narrow = torch.mm(inputs.half(), weights.half(), out_dtype=torch.float32)
        if not torch.equal(wide.long(), narrow.long()):
            sys.exit("error: float16 products with float32 sums are not exact on this device")
    print("same: float16 products with float32 sums and 64-bit integers", flush=True)


def timed(run: Callable[[int], int], repeats: int) -> float:
    """Bytes a second: the median over runs of `run(number)`, which returns the bytes it took."""
    rates = []
    for number in range(repeats):
        torch.cuda.synchronize()
        started = time.perf_counter()
        size = run(number)
        torch.cuda.synchronize()
        rates.append(size / (time.perf_counter() - started))
    return statistics.median(rates)


def check_model(exact: ExactModel, model: TorchModel, stream: bytes) -> None:
    """Full passes, steps and windows on the GPU against the NumPy kernels."""
    from equalinfo.coding.windows_triton import WindowEncoder

    sample = stream[:2_000]
    same("frequencies of a full pass", model.frequencies(sample), exact.frequencies(sample))
    theirs, ours, rows = exact.new_contexts(64), model.new_contexts(64), []
    for place in range(20):
        symbols = np.array([stream[997 * slot + place] for slot in range(64)])
        step = (np.arange(64), np.full(64, place), symbols)
        rows.append((theirs.step(*step), ours.step(*step)))
    same("frequencies of steps", *map(np.array, zip(*rows, strict=True)))
    texts = [stream[start : start + 400] for start in range(0, 80_000, 800)]
    texts += [b"", b"a", b"-" * 700, np.random.default_rng(0).bytes(300), bytes(range(256)), b"\x00" * 1_000]
    rule = WindowRule(BITS)
    same(
        "codes of windows", WindowEncoder(model, rule, 256).encode(texts), encode_windows(exact, texts, rule)
    )


def best_tiles(encoder: Any, draw: Callable[[int], list[bytes]]) -> tuple[dict[str, int], dict[str, int]]:
    """The fastest of TILES on short texts, and the bytes a second of each."""
    rates: dict[str, int] = {}
    best: dict[str, int] = {}
    for number, tiles in enumerate(TILES):
        encoder.use(tiles)
        texts = draw(number)
        size = sum(map(len, texts))

        def run(_: int, texts: list[bytes] = texts, size: int = size) -> int:
            encoder.arrays(texts)
            return size

        try:
            run(0)  # compiles
            rates[str(tiles)] = round(timed(run, 2))
        except Exception as error:  # tiles that need too much shared memory, say
            print(tiles, type(error).__name__, str(error)[:100], flush=True)
            continue
        print(tiles, rates[str(tiles)], flush=True)
        if rates[str(tiles)] == max(rates.values()):
            best = tiles
    return best, rates


def measure_windows(
    encoder: Any, exact: ExactModel, draw: Callable[[int, int], list[bytes]], length: int
) -> dict[str, Any]:
    """One row: windows of texts of `length` bytes, as many as the encoder takes at a time."""
    runs = [draw(number, length) for number in range(3)]
    found: list[Any] = []

    def run(number: int) -> int:
        found[:] = encoder.arrays(runs[number])
        return len(runs[number]) * length

    rate = timed(run, len(runs))
    codes, lengths, counts, _ = found
    # The beginnings of a few texts, but for the windows that their ends may change.
    stops = np.cumsum(np.maximum(counts, 0))
    some = [index for index in range(0, len(counts), len(counts) // 8) if counts[index] > 0]
    prefixes = [runs[-1][index][:1_000] for index in some]
    for index, expected in zip(some, encode_windows(exact, prefixes, encoder.rule), strict=True):
        first = stops[index] - counts[index]
        whole = len(expected.codes) - 3
        if codes[first : first + whole].tolist() != expected.codes[:whole]:
            sys.exit("error: codes of a long text differ from the NumPy kernels'")
    print(f"same: the first codes of {len(some)} long texts", flush=True)
    return {
        "bits": BITS,
        "contexts": len(counts),
        "text_bytes": length,
        "bytes_per_second": round(rate),
        "bytes_per_window": round(float(lengths.mean()), 3),
        "left_to_the_plain_way": int((counts < 0).sum()),
        "peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--m1", type=Path, default=Path("english-m1"))
    parser.add_argument("--corpus", default="embedded", help="text to encode")
    parser.add_argument("--contexts", type=int, nargs="+", default=[16_384, 8_192])
    parser.add_argument("--out", type=Path, default=Path("results/gpu-exact.json"))
    given = parser.parse_args()
    exact = load_m1(given.m1)
    model = TorchModel(exact, "cuda")
    stream = b"".join(example.data for example in cut_examples(read_documents(given.corpus)))
    result: dict[str, Any] = {
        "machine": machine(),
        "gpu": torch.cuda.get_device_name(),
        "m1": exact.fingerprint,
    }
    check_products(60)
    check_model(exact, model, stream)

    chunks = [stream[start : start + CONTEXT] for start in range(0, 5 * CONTEXT, CONTEXT)]
    model.frequencies(chunks[4])
    result["ac_bytes_per_second"] = round(timed(lambda number: len(model.frequencies(chunks[number])), 4))
    print("AC", result["ac_bytes_per_second"], flush=True)

    from equalinfo.coding.windows_triton import WindowEncoder

    result["windows"], tiles = [], None
    for contexts in given.contexts:
        torch.cuda.empty_cache()
        encoder = WindowEncoder(model, WindowRule(BITS), contexts)

        def draw(number: int, length: int, contexts: int = contexts) -> list[bytes]:
            """Texts from all over the stream, which may overlap where there are more than it holds."""
            starts = (np.arange(contexts, dtype=np.int64) * CONTEXT + 7_919 * number) % (len(stream) - length)
            return [stream[start : start + length] for start in starts.tolist()]

        if tiles is None:
            tiles, result["tiles"] = best_tiles(encoder, lambda number, draw=draw: draw(number, 512))
        encoder.use(tiles)
        result["windows"].append(measure_windows(encoder, exact, draw, CONTEXT))
        print(result["windows"][-1], flush=True)
        write_json(given.out, result)
        del encoder


if __name__ == "__main__":
    main()
