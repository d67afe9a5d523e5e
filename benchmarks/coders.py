"""Other coders and predictors in place of arithmetic coding and M1: writes results/coders.json and .md.

    python -m benchmarks.coders                        after `make demo`
    python -m benchmarks.coders --bytes 20000 --orders 2  a trial

Predictor x coder x windows, each on the same held-out text of the embedded corpus in examples of 10,240 bytes.
Bits/byte are those of the tokens that are written, padding included, beside the information in the text under the same
predictor: in whole blocks, or in windows that start afresh as the coder's do. The first READ_BACK bytes of
each example are encoded again on their own and read back, which also times decoding: with M1 its cost per byte
grows with the length of a block, whatever the coder.
"""

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks._common import add_common_options, m1_directory, machine, training_and_held_out
from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, write_json
from equalinfo.predict.base import Predictor, distribution_bits
from equalinfo.predict.context import count_contexts
from equalinfo.predict.exact_files import load_exact
from equalinfo.score.tables import code, markdown_table
from equalinfo.tokens.coded import CodedTokenizer
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer

EXAMPLE_BYTES = 10_240
READ_BACK = 1_024
CODERS = {
    "none": ("AC[v=256]", "Huffman[v=256]", "ANS[v=256]"),
    "b=16": ("EqualInfoAC[b=16,v=65k]", "EqualInfoHuffman[b=16,v=65k]"),
    "b=32": ("EqualInfoAC[b=32,v=256]", "EqualInfoHuffman[b=32,v=256]"),
}


def with_order(text: str, order: int | None) -> Spec:
    """The method with the context model of that order in place of M1."""
    return Spec.parse(text if order is None else f"{text[:-1]},order={order}]")


def information(predictor: Predictor, pieces: Iterable[bytes]) -> float:
    """Bits of information in pieces that each start afresh."""
    return sum(distribution_bits(predictor.frequencies(piece), piece) for piece in pieces)


def measured(tokenizer: Tokenizer, examples: list[bytes]) -> dict[str, Any]:
    """One row; refuses a tokenizer that does not read the examples back."""
    assert isinstance(tokenizer, CodedTokenizer)
    tokenizer.decode_batch(tokenizer.encode_batch([examples[0][:300]]))  # compiles what is not compiled yet
    started = time.perf_counter()
    streams = tokenizer.encode_batch(examples)
    encoding = time.perf_counter() - started
    beginnings = [example[:READ_BACK] for example in examples]
    to_read = tokenizer.encode_batch(beginnings)
    started = time.perf_counter()
    if tokenizer.decode_batch(to_read) != beginnings:
        raise EqualInfoError(f"{tokenizer.spec} does not read the text back")
    decoding = time.perf_counter() - started
    size, tokens = sum(map(len, examples)), sum(map(len, streams))
    predictor, coder, windows, _ = tokenizer.spec.columns
    pieces = examples  # as long as a block
    if windows != "none":
        pieces = [piece for example in examples for piece, _ in tokenizer.segments(example)]
    return {
        "spec": str(tokenizer.spec),
        "predictor": predictor,
        "coder": coder,
        "windows": windows,
        "bytes_per_token": size / tokens,
        "bits_per_byte": tokens * (tokenizer.vocab - 1).bit_length() / size,
        "information_per_byte": information(tokenizer.predictor, pieces) / size,
        "encode_megabytes_per_second": size / 1e6 / encoding,
        "decode_megabytes_per_second": sum(map(len, beginnings)) / 1e6 / decoding,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser, "results/coders.json")
    parser.add_argument("--bytes", type=int, default=200_000, help="of held-out text")
    parser.add_argument("--orders", type=int, nargs="*", default=[0, 2, 3, 5])
    parser.add_argument("--without-m1", action="store_true")
    given = parser.parse_args()
    training, held_out = training_and_held_out()
    text = b"\0".join(held_out)[: given.bytes]
    examples = [text[start : start + EXAMPLE_BYTES] for start in range(0, len(text), EXAMPLE_BYTES)]
    m1 = None if given.without_m1 else m1_directory(given.m1)
    rows: list[dict[str, Any]] = []
    for order in ([None] if m1 else []) + given.orders:
        predictor = load_exact(m1) if order is None and m1 else count_contexts(order or 0, lambda: training)
        for coders in CODERS.values():
            for coder in coders:
                spec = with_order(coder, order)
                rows.append(measured(spec.build(Sources(ready=predictor)), examples))
                row = rows[-1]
                print(
                    f"{row['spec']:44} {row['bytes_per_token']:.3f} bytes/token {row['bits_per_byte']:.3f} bits/byte "
                    f"(information {row['information_per_byte']:.3f})",
                    flush=True,
                )
                result = {"machine": machine(), "bytes": len(text), "m1": m1.name if m1 else None}
                write_json(given.out, {**result, "rows": rows})
    write_table(rows, given.out.with_suffix(".md"))


def write_table(rows: list[dict[str, Any]], path: Path) -> None:
    """The rows as Markdown."""
    columns = ["method", "predictor", "coder", "bytes/token", "bits/byte", "information"]
    cells = []
    for row in rows:
        speeds = (row["encode_megabytes_per_second"], row["decode_megabytes_per_second"])
        own = [code(row["spec"]), row["predictor"], row["coder"], f"{row['bytes_per_token']:.2f}"]
        own += [f"{row['bits_per_byte']:.3f}", f"{row['information_per_byte']:.3f}"]
        cells.append([*own, *(f"{speed:.3f}" for speed in speeds)])
    with atomic_file(path) as stream:
        stream.write(markdown_table([*columns, "encode MB/s", "decode MB/s"], cells, range(3, 8)).encode())


if __name__ == "__main__":
    main()
