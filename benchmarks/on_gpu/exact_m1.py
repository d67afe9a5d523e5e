"""Bytes a second of the exact M1 on one GPU, for AC and for windows of 32 bits; `benchmarks/gpu.sh` runs it.

First the results are compared with the NumPy kernels' and float16 products with 64-bit integers, then each is timed: text in
memory to codes in memory, the median of several runs over different texts. AC's figure is of its frequencies in
contexts of 10,240 bytes, of which its coder needs two numbers a byte.
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

from equalinfo.coding.windows import WindowRule, encode_windows
from equalinfo.corpus.examples import cut_examples
from equalinfo.corpus.readers import read_documents
from equalinfo.files import write_json
from equalinfo.predict.exact import load_m1
from equalinfo.predict.exact_torch import TorchModel

sys.path.insert(0, str(Path(__file__).parents[1]))
from _common import machine

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
    """float16 products with float32 sums against 64-bit integers, at the limit of 2^24 and with large cancelling parts."""
    generator = torch.Generator(device="cuda").manual_seed(0)

    def draw(limit: int, *shape: int) -> torch.Tensor:
        return torch.randint(-limit, limit + 1, shape, generator=generator, device="cuda")

    for trial in range(trials):
        length = (64, 256, 512)[trial % 3]
        inputs = draw(1024, 512, length)
        # Magnitudes of every column add up to just below 2^14.
        weights = draw(max(1, 16_383 // length), length, 512) if trial % 2 else torch.zeros_like(draw(1, length, 512))
        if not trial % 2:
            for _ in range(8):  # few, large ones, of either sign
                weights[torch.randint(length, (512,), generator=generator, device="cuda"), torch.arange(512)] = draw(2047, 512)
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--m1", type=Path, default=Path("english-m1"))
    parser.add_argument("--corpus", default="embedded", help="text to encode")
    parser.add_argument("--contexts", type=int, nargs="+", default=[16_384, 8_192])
    parser.add_argument("--example-bytes", type=int, default=CONTEXT, help="bytes of a text with windows")
    parser.add_argument("--out", type=Path, default=Path("results/gpu-exact.json"))
    given = parser.parse_args()
    exact = load_m1(given.m1)
    model = TorchModel(exact, "cuda")
    from equalinfo.coding.windows_triton import WindowEncoder

    stream = b"".join(example.data for example in cut_examples(read_documents(given.corpus)))
    result: dict[str, Any] = {"machine": machine(), "gpu": torch.cuda.get_device_name(), "m1": exact.identity}

    check_products(60)
    sample = stream[:2_000]
    same("frequencies of a full pass", model.along(sample), exact.along(sample))
    theirs, ours = exact.open(64), model.open(64)
    for place in range(20):
        symbols = np.array([stream[997 * slot + place] for slot in range(64)])
        step = (np.arange(64), np.full(64, place), symbols)
        if not np.array_equal(theirs.advance(*step), ours.advance(*step)):
            sys.exit("error: frequencies of steps differ from the NumPy kernels'")
    print("same: frequencies of steps", flush=True)
    rule = WindowRule(BITS)
    small = WindowEncoder(model, rule, 256)
    noise = np.random.default_rng(0)
    texts = [stream[start : start + 400] for start in range(0, 80_000, 800)]
    texts += [b"", b"a", b"-" * 700, noise.bytes(300), bytes(range(256)), b"\x00" * 2_000]
    same("codes of windows", small.encode(texts), encode_windows(exact, texts, rule))
    del small

    print("AC", flush=True)
    context = min(CONTEXT, len(stream) // 4)
    chunks = [stream[start : start + context] for start in range(0, 4 * context, context)]
    model.along(chunks[0])
    result["ac_bytes_per_second"] = round(timed(lambda number: len(model.along(chunks[number])), 4))
    print(result["ac_bytes_per_second"], flush=True)

    rows = result["windows"] = []
    chosen: dict[str, int] = {}
    for contexts in given.contexts:
        # Texts of several runs; they may be the same ones in another order where the corpus is small.
        size = given.example_bytes
        encoder = WindowEncoder(model, rule, contexts)

        def texts_of(number: int, length: int, contexts: int = contexts) -> list[bytes]:
            starts = (np.arange(contexts, dtype=np.int64) * size + 7_919 * number) % (len(stream) - length)
            return [stream[start : start + length] for start in starts.tolist()]

        if not chosen:  # short texts do for a choice of tiles
            trials = {}
            for number, tiles in enumerate(TILES):
                encoder.tiles, encoder._graph = tiles, None
                short = texts_of(number, 512)
                try:
                    encoder.arrays(short)
                    trials[str(tiles)] = timed(lambda _, some=short: (encoder.arrays(some), sum(map(len, some)))[1], 2)
                except Exception as error:  # too much shared memory, say: not these tiles then
                    print(tiles, type(error).__name__, str(error)[:100], flush=True)
                    continue
                print(tiles, round(trials[str(tiles)]), flush=True)
                if trials[str(tiles)] == max(trials.values()):
                    chosen = tiles
            result["tiles"] = {name: round(rate) for name, rate in trials.items()}
        encoder.tiles, encoder._graph = chosen, None
        drawn = [texts_of(number, size) for number in range(3)]
        found: list[Any] = []

        def run(number: int, some: list[list[bytes]] = drawn, found: list[Any] = found) -> int:
            found[:] = encoder.arrays(some[number])
            return sum(map(len, some[number]))

        rate = timed(run, 3)
        codes, lengths, counts, changes = found
        rows.append(
            {
                "bits": BITS,
                "contexts": contexts,
                "text_bytes": size,
                "bytes_per_second": round(rate),
                "bytes_per_window": round(float(lengths.mean()), 3),
                "left_to_the_plain_way": int((counts < 0).sum()),
                "tiles": chosen,
                "peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 3),
            }
        )
        print(rows[-1], flush=True)
        # A few of the last run's texts against the NumPy kernels.
        chosen_texts = [index for index in range(0, contexts, contexts // 8) if counts[index] >= 0]
        expected = encode_windows(exact, [drawn[2][index] for index in chosen_texts], rule)
        stops = np.cumsum(np.maximum(counts, 0))
        for index, theirs_ in zip(chosen_texts, expected, strict=True):
            part = slice(stops[index] - counts[index], stops[index])
            ours_ = (codes[part].tolist(), lengths[part].tolist(), changes[index])
            if ours_ != (theirs_.codes, theirs_.lengths, theirs_.changed):
                sys.exit("error: codes of a long text differ from the NumPy kernels'")
        print(f"same: codes of {len(chosen_texts)} long texts", flush=True)
        del encoder
        torch.cuda.empty_cache()
    write_json(given.out, result)
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
