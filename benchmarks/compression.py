"""Bytes per token on held-out text: the paper's rule, ours in each variant, SentencePiece and BPE.

    python -m benchmarks.compression               writes results/compression.json, .md and .svg
    python -m benchmarks.compression --sizes 4096  fewer vocabularies

All are made from the embedded corpus's training documents (ours and the paper's from the same M1) and
measured on its validation and test documents, each document on its own, every one of them read back.
"""

import argparse
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks._common import add_common_options, m1_directory, machine, train_bpe, training_and_held_out
from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, write_json
from equalinfo.score.tables import markdown_table, screen_table
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer

PAPER = "EqualInfoAC[b=16]"
SIZES = (4096, 16384, 32768, 65536, 131072, 262144)


def tokens_of(tokenizer: Tokenizer, documents: list[bytes]) -> int:
    """How many tokens the documents take; refuses a tokenizer that does not read them back."""
    ids = tokenizer.encode_batch(documents)
    if tokenizer.decode_batch(ids) != documents:
        raise EqualInfoError(f"{tokenizer.spec} does not read the text back")
    return sum(map(len, ids))


def tokens_of_bpe(documents: list[bytes], training: list[bytes], size: int, work: Path, split: bool) -> int:
    """The same for a byte-level BPE of Hugging Face tokenizers."""
    tokenizer = train_bpe(training, size, work, split)
    if tokenizer.get_vocab_size() < size:
        raise EqualInfoError(f"the corpus gives a BPE of only {tokenizer.get_vocab_size()} entries")
    encoded = tokenizer.encode_batch_fast(
        [d.decode(errors="replace") for d in documents], add_special_tokens=False
    )
    return sum(len(one.ids) for one in encoded)


def rows_of(
    size: int, m1: Path, training: list[bytes], held_out: list[bytes], work: Path
) -> dict[str, Callable[[], int]]:
    """By name, what counts the tokens of each tokenizer of `size` entries."""

    def spec(text: str) -> Callable[[], int]:
        return lambda: tokens_of(Spec.parse(text).build(Sources(m1, lambda: training)), held_out)

    rows = {
        "EqualInfo": spec(f"EqualInfo[v={size}]"),
        "EqualInfo fewest": spec(f"EqualInfo[v={size},fewest]"),
        "EqualInfo fewest,words": spec(f"EqualInfo[v={size},fewest,words]"),
        "EqualInfo unigram,words": spec(f"EqualInfo[v={size},unigram,words]"),
        "BPE": partial(tokens_of_bpe, held_out, training, size, work, True),
        "BPE without split": partial(tokens_of_bpe, held_out, training, size, work, False),
        "SentencePiece Unigram": spec(f"SentencePiece[v={size}]"),
    }
    if size == 1 << 16:
        rows |= {"EqualInfo windows": spec("EqualInfo[b=16,v=65k]"), PAPER: spec("EqualInfoAC[b=16,v=65k]")}
    if size == 1 << 12:
        rows |= {"EqualInfo windows": spec("EqualInfo[b=12,v=4k]")}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser, "results/compression.json")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--without", nargs="*", default=[], help="names of tokenizers to leave out")
    given = parser.parse_args()
    training, held_out = training_and_held_out()
    size_of_text = sum(map(len, held_out))
    m1 = m1_directory(given.m1)
    measured: list[dict[str, Any]] = []
    skipped: list[dict[str, Any]] = []
    for size in given.sizes:
        for name, count in rows_of(size, m1, training, held_out, given.work).items():
            if name in given.without:
                skipped.append({"tokenizer": name, "entries": size, "reason": "left out by --without"})
                continue
            try:
                tokens = count()
            except (EqualInfoError, ImportError) as error:
                skipped.append({"tokenizer": name, "entries": size, "reason": str(error)})
                continue
            row = {
                "tokenizer": name,
                "entries": size,
                "tokens": tokens,
                "bytes_per_token": size_of_text / tokens,
            }
            measured.append(row)
            print(f"{size:8} {name:24} {row['bytes_per_token']:.3f} bytes/token", flush=True)
            result = {"machine": machine(), "bytes": size_of_text, "documents": len(held_out), "m1": m1.name}
            write_json(given.out, {**result, "rows": measured, "skipped": skipped})
    write_table(measured, given.out.with_suffix(".md"))
    write_plot(measured, given.out.with_suffix(".svg"))


def write_table(rows: list[dict[str, Any]], path: Path) -> None:
    """Bytes/token by tokenizer and size, as Markdown and on the screen."""
    sizes = sorted({row["entries"] for row in rows})
    names = list(dict.fromkeys(row["tokenizer"] for row in rows))
    by_place = {(row["tokenizer"], row["entries"]): f"{row['bytes_per_token']:.2f}" for row in rows}
    cells = [[name, *(by_place.get((name, size), "-") for size in sizes)] for name in names]
    columns, numbers = ["tokenizer", *(f"{size:,}" for size in sizes)], range(1, len(sizes) + 1)
    Console().print(screen_table(columns, cells, numbers))
    with atomic_file(path) as stream:
        stream.write(markdown_table(columns, cells, numbers).encode())


def write_plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Bytes/token against vocabulary size as SVG, one line a tokenizer."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "equalinfo"  # the same file for the same numbers
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5))
    for name in dict.fromkeys(row["tokenizer"] for row in rows):
        own = sorted((row["entries"], row["bytes_per_token"]) for row in rows if row["tokenizer"] == name)
        axes.plot([size for size, _ in own], [ratio for _, ratio in own], marker="o", label=name)
    sizes = sorted({row["entries"] for row in rows})
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_xlabel("entries")
    axes.set_ylabel("bytes/token on held-out text")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    picture = io.BytesIO()
    figure.savefig(picture, format="svg", metadata={"Date": None})
    with atomic_file(path) as stream:
        stream.write(picture.getvalue())


if __name__ == "__main__":
    main()
