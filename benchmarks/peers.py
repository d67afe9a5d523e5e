"""Tokenizers compared without training a model, ours beside published ones and peers: results/peers.json, peers.md.

    pip install 'equalinfo[demo,peers,runtimes]'
    python -m benchmarks.peers --m1 english-m1

Vocabularies of 32,000 ids are made from the embedded corpus's training documents; all are compared on the held-out ones
(`runs.compare`). Published vocabularies come inside the wheel `bpe-openai`.
"""

import argparse
import gzip
import importlib.util
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks._common import add_common_options, m1_directory, machine, training_and_held_out
from equalinfo import Tokenizer
from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, write_json
from equalinfo.runs.compare import Sample, compare
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec

MADE = (
    "EqualInfo[v=32k]",
    "EqualInfo[v=32k,fewest]",
    "EqualInfo[v=32k,unigram,words]",
    "EqualInfo[v=32k,unigram,phrases]",
    "SentencePiece[v=32k]",
    "BPE[v=32k]",
    "BPE[v=32k,words]",
    "SuperBPE[v=32k]",
)
PUBLISHED = ("cl100k_base", "o200k_base")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser, "results/peers.json")
    given = parser.parse_args()
    training, held_out = training_and_held_out()
    sources = Sources(m1_directory(given.m1), lambda: training)
    tokenizers = []
    for spec in MADE:
        tokenizers.append((spec, Spec.parse(spec).build(sources)))
        print(spec, flush=True)
    tokenizers += [(name, published(name)) for name in PUBLISHED]
    sample = Sample.of(held_out, 1 << 40)
    rows = [asdict(row) | {"spec": row.name} for row in compare(tokenizers, sample)]
    write_json(given.out, {"machine": machine(), "bytes": sample.source_bytes, "tokenizers": rows})
    with atomic_file(given.out.with_suffix(".md")) as stream:
        stream.write(markdown(rows).encode())


def published(name: str) -> Tokenizer:
    """A vocabulary that bpe-openai carries, by tiktoken.

    Raises:
        EqualInfoError: it is not installed.
    """
    found = importlib.util.find_spec("bpe_openai")
    if found is None or found.origin is None:
        raise EqualInfoError("the published vocabularies need bpe-openai: pip install 'equalinfo[runtimes]'")
    packed = Path(found.origin).parent / "data" / f"{name}.tiktoken.gz"
    with tempfile.TemporaryDirectory() as work:
        file = Path(work) / f"{name}.tiktoken"
        file.write_bytes(gzip.decompress(packed.read_bytes()))
        return Tokenizer.from_pretrained(f"tiktoken:{file}")


def markdown(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| tokenizer | ids | bytes/token | unigram bits/byte | words whole | ids per word | digits per id |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        figures = (row["words_whole"], row["ids_per_word"], row["digits_per_id"])
        whole, ids, digits = (0.0 if figure is None else figure for figure in figures)
        lines.append(
            f"| `{row['name']}` | {row['vocab']:,} | {row['bytes_per_token']:.2f} "
            f"| {row['unigram_bits_per_byte']:.3f} | {whole:.1%} | {ids:.2f} | {digits:.2f} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
