"""Coding with the exact M1 against the float32 pass of the same M1 over the same bytes: results/coding-speed.json.

python -m benchmarks.coding_speed            about ten minutes on two cores, after `make demo`

The floor is what any method pays that runs M1 over the text: PyTorch's float32 decoder, all cores, in its
fastest way at that length of context (several sequences in a batch where they are short, pieces with cached keys
where one text is long). The limit is the time that the operations of the products alone would take at the rate of
large float32 products.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks._common import add_common_options, m1_directory, machine, training_and_held_out
from equalinfo.files import write_json
from equalinfo.model.decoder import Decoder
from equalinfo.model.layers import LayerCache
from equalinfo.parallel import worker_threads
from equalinfo.predict.exact import ExactModel
from equalinfo.predict.exact_files import load_exact
from equalinfo.sizes import Size, size_by_name
from equalinfo.tokens.blocks import ACTokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.windows import EqualInfoACTokenizer
from equalinfo.train.m1 import load_float_m1, m1_config

SHORT, LONG = 1024, 10_240  # bytes of context: the paper's M1 in training, and its AC
PIECE = 512
COSTS = ("exact_over_float", "exact_over_float_at_14_bits")


def pass_short(model: Decoder, text: bytes) -> None:
    """A forward pass over sequences of SHORT bytes, all in one batch."""
    model(torch.frombuffer(bytearray(text), dtype=torch.uint8).long().view(-1, SHORT))


def pass_long(model: Decoder, text: bytes) -> None:
    """A forward pass over LONG bytes in pieces with cached keys: no mask of LONG x LONG is made."""
    inputs_BT = model.shifted(torch.frombuffer(bytearray(text), dtype=torch.uint8).long()[None])
    caches = [LayerCache() for _ in model.layers]
    for start in range(0, LONG, PIECE):
        model.lm_head(model.hidden(inputs_BT[:, start : start + PIECE], caches))


def floor(one_pass: Callable[[Decoder, bytes], None], model: Decoder, text: bytes, size: int) -> None:
    """Passes over parts of `size` bytes, side by side on one thread each: faster than threads inside a pass."""

    def work(part: bytes) -> None:
        torch.set_num_threads(1)
        with torch.no_grad():
            one_pass(model, part)

    parts = [text[start : start + size] for start in range(0, len(text), size)]
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        list(workers.map(work, parts))


def operations_per_byte(size: Size, context: int) -> float:
    """Floating-point operations of the products, averaged over a text of `context` bytes from its start."""
    attention = 2 * size.n_layers * size.n_heads * size.d_head * (context + 1) / 2
    return 2 * (size.parameters + 256 * size.d_model + attention)


def product_rate() -> float:
    """Operations per second of large float32 products, one on each core: the most the processor gives."""
    side, cores = 2048, os.cpu_count() or 1
    a, b = (np.random.default_rng(0).random((side, side), np.float32) for _ in range(2))
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores) as workers:
        return cores * 2 * side**3 / seconds(lambda: list(workers.map(lambda _: a @ b, range(cores))), 5)


def seconds(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser, "results/coding-speed.json")
    parser.add_argument("--kilobytes", type=int, default=320, help="text for each measurement")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    path = m1_directory(given.m1)
    size = size_by_name(m1_config(path)["size"])
    exact = load_exact(path)
    model = load_float_m1(path)
    text = b"\0".join(training_and_held_out()[1])[: given.kilobytes * 1000 // LONG * LONG]
    shorter = [text[start : start + SHORT] for start in range(0, len(text), SHORT)]
    blocks = [text[start : start + LONG] for start in range(0, len(text), LONG)]
    ac = ACTokenizer(Spec.parse("AC[v=256]"), exact)
    windows = EqualInfoACTokenizer(Spec.parse("EqualInfoAC[b=32,v=256]"), exact)
    ac.decode_batch(ac.encode_batch([b"compile the kernels", b"first"]))
    windows.decode_batch(windows.encode_batch([b"compile the kernels", b"first"]))

    def rate(name: str, work: Callable[[], object]) -> float:
        bytes_per_second = len(text) / seconds(work, given.repeats)
        print(f"{name:<34} {bytes_per_second / 1000:8.2f} kB/s", flush=True)
        return bytes_per_second

    cores, limit = os.cpu_count() or 1, product_rate()
    torch.set_num_threads(cores)
    rows = []
    floors = {
        SHORT: rate(f"float32 pass, context {SHORT}", lambda: floor(pass_short, model, text, 5 * SHORT)),
        LONG: rate(f"float32 pass, context {LONG}", lambda: floor(pass_long, model, text, LONG)),
    }

    def row(name: str, context: int, work: Callable[[], object]) -> None:
        measured = rate(f"{name}, context {context}", work)
        rows.append(
            {
                "what": name,
                "context": context,
                "bytes_per_second": round(measured),
                "over_float32_pass": round(measured / floors[context], 3),
                "of_the_processors_limit": round(measured * operations_per_byte(size, context) / limit, 3),
            }
        )

    row("exact pass", SHORT, lambda: pass_in_threads(exact, shorter))
    row("exact pass", LONG, lambda: pass_in_threads(exact, blocks))
    short_ids, long_ids, window_ids = (
        ac.encode_batch(shorter),
        ac.encode_batch(blocks),
        windows.encode_batch(shorter),
    )
    row("AC encode", SHORT, lambda: ac.encode_batch(shorter))
    row("AC decode", SHORT, lambda: ac.decode_batch(short_ids))
    row("AC encode", LONG, lambda: ac.encode_batch(blocks))
    row("AC decode", LONG, lambda: ac.decode_batch(long_ids))
    # Windows are short; the float pass that their bytes are compared with is the faster of the two.
    row("EqualInfoAC[b=32,v=256] encode", SHORT, lambda: windows.encode_batch(shorter))
    row("EqualInfoAC[b=32,v=256] decode", SHORT, lambda: windows.decode_batch(window_ids))
    write_json(
        given.out,
        {
            "machine": machine(),
            "torch": torch.__version__,
            "cores": cores,
            "m1": m1_config(path)["size"],
            # What exactness costs in bits/byte: in all, and beside a float M1 whose coder has 14 bits too.
            **{name: m1_config(path)["figures"][name] for name in COSTS},
            "text_bytes": len(text),
            "float32_product_gflops": round(limit / 1e9, 1),
            "float32_pass_bytes_per_second": {
                str(context): round(value) for context, value in floors.items()
            },
            "rows": rows,
        },
    )


def pass_in_threads(exact: ExactModel, texts: list[bytes]) -> None:
    with worker_threads() as workers:
        for rows in workers.map(exact.frequencies, texts):
            assert rows.dtype == np.int32


if __name__ == "__main__":
    main()
