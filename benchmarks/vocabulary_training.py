"""What it takes to train a vocabulary from so many MB of text: time and memory, beside other trainers.

    python -m benchmarks.vocabulary_training --corpus mix/text --megabytes 100 1000

Each trainer is a process of its own that reads one JSON Lines file, has all cores and makes v=16k. Where there is less
text than is asked for, what is missing are copies whose documents have their words in another order, so that runs of
words do not simply repeat. Rivals have their defaults: `tokenizers` and gigatoken train a byte-level BPE with the split
of GPT-2, SentencePiece a Unigram model with the options of `SentencePiece[v=...]`, from all lines of up to its usual
4,192 bytes. Above SAMPLED_FROM MB it takes its own sample of SAMPLE lines, as it advises for large corpora. What
takes longer than --most-seconds, or more memory than --most-megabytes, is ended, and the table says so. Memory is
that of a process and those it started. Sizes in --out that are not asked for stay. Writes
results/vocabulary-training.json, .md and .svg.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks._common import descendants, machine, new_bpe, resident
from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.splits import split_of
from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.figures.matplotlib_files import write_figure
from equalinfo.files import atomic_file, write_json
from equalinfo.parallel import cores
from equalinfo.score.machine import versions_of
from equalinfo.score.tables import code, markdown_table
from equalinfo.seeded import permutation
from equalinfo.tokens.bpe import GPT2_SPLIT

VOCAB = 16_384
SAMPLED_FROM, SAMPLE = 500, 2_000_000


def ours(spec: str) -> Callable[[Path, int], int]:
    def train(path: Path, _megabytes: int) -> int:
        from equalinfo import Tokenizer

        return Tokenizer.train(spec, path, quiet=True).vocab

    return train


def texts(path: Path) -> Iterator[str]:
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["text"]


def tokenizers_bpe(path: Path, _megabytes: int) -> int:
    size: int = new_bpe(texts(path), VOCAB, GPT2_SPLIT).get_vocab_size()
    return size


def gigatoken_bpe(path: Path, _megabytes: int) -> int:
    import gigatoken

    found = gigatoken.train_bpe(gigatoken.JsonlFileSource([str(path)]), VOCAB, [])
    return len(found[0])


def sentencepiece(path: Path, megabytes: int) -> int:
    import io

    import sentencepiece as library

    from equalinfo.tokens.sentencepiece_ import TRAINED_WITH

    output = io.BytesIO()
    sampled = (
        {"input_sentence_size": SAMPLE, "shuffle_input_sentence": True} if megabytes > SAMPLED_FROM else {}
    )
    library.SentencePieceTrainer.train(
        sentence_iterator=(line for text in texts(path) for line in text.splitlines(keepends=True)),
        model_writer=output,
        vocab_size=VOCAB,
        num_threads=cores(),
        **TRAINED_WITH,
        **sampled,
    )
    return library.SentencePieceProcessor(model_proto=output.getvalue()).vocab_size()


TRAINERS: dict[str, Callable[[Path, int], int]] = {
    **{f"EqualInfo[v=16k,{flags}]": ours(f"EqualInfo[v=16k,{flags}]") for flags in
       ("unigram,words", "fewest,words", "unigram,phrases")},
    "tokenizers BPE": tokenizers_bpe,
    "gigatoken BPE": gigatoken_bpe,
    "SentencePiece Unigram": sentencepiece,
}  # fmt: skip


def write_text(corpus: str, megabytes: int, path: Path) -> None:
    """A file of so many MB of documents of the training split, which ours takes alone and so all others."""
    size, copy = 0, 0
    with atomic_file(path) as out:
        while True:
            for number, document in enumerate(Corpus(corpus).documents("train")):
                text = document.decode("utf-8", "ignore")
                if copy:
                    words = text.split(" ")
                    text = " ".join([words[i] for i in permutation(len(words), copy, number).tolist()])
                    if split_of(text.encode()) != "train":
                        continue
                out.write(json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n")
                size += len(text.encode())
                if size >= megabytes * 1_000_000:
                    return
            copy += 1


def measured(name: str, path: Path, megabytes: int, most_seconds: float, most_mb: float) -> dict[str, Any]:
    """A row; what a trainer says goes to standard error."""
    module = [sys.executable, "-m", "benchmarks.vocabulary_training"]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(
        [*module, "--one", name, str(path), str(megabytes)], stdout=subprocess.PIPE, text=True
    )
    peak, exceeded = 0.0, None
    while process.poll() is None:
        running = descendants(process.pid)
        peak = max(peak, sum(map(resident, running)) / 1e6)
        if time.perf_counter() - started > most_seconds:
            exceeded = "seconds"
        elif peak > most_mb:
            exceeded = "peak_mb"
        if exceeded:
            for one in running:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
        time.sleep(0.2)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    row = {"seconds": round(seconds, 1), "processor_seconds": round(processor, 1), "peak_mb": round(peak)}
    about = {"trainer": name, "megabytes": megabytes, "load": [round(load, 1) for load in os.getloadavg()]}
    if exceeded:
        return about | row | {"exceeded": exceeded}
    assert process.stdout
    said: dict[str, Any] = json.loads(process.stdout.read().splitlines()[-1])
    return about | row | said | {"peak_mb": max(row["peak_mb"], said["peak_mb"])}


def train_one(name: str, path: Path, megabytes: int) -> dict[str, Any]:
    started = time.perf_counter()
    vocab = TRAINERS[name](path, megabytes)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"vocab": vocab, "seconds": round(seconds, 1), "peak_mb": round(peak / 1024)}


KEYS = ("seconds", "processor_seconds", "peak_mb")


def markdown(rows: list[dict[str, Any]]) -> str:
    sizes = sorted({row["megabytes"] for row in rows})
    table = []
    for name in TRAINERS:
        cells = []
        for size in sizes:
            row = next((one for one in rows if (one["trainer"], one["megabytes"]) == (name, size)), None)
            cells += [_cell(row, key) for key in KEYS] if row else ["–"] * len(KEYS)
        table.append([code(name) if name.startswith("EqualInfo") else name, *cells])
    headings = [f"{what}, {size:,} MB" for size in sizes for what in ("s", "processor s", "peak MB")]
    return markdown_table(["trainer", *headings], table, range(1, len(headings) + 1))


def _cell(row: dict[str, Any], key: str) -> str:
    """A figure; of a trainer that was ended, what it had reached."""
    number = f"{row[key]:,.{0 if row[key] >= 10 else 1}f}"
    return f"> {number}" if "exceeded" in row else number


def figure(rows: list[dict[str, Any]]) -> Figure:
    panels = []
    for key, title in (("seconds", "seconds"), ("peak_mb", "peak memory in MB")):
        series = []
        for name in TRAINERS:
            own = sorted(
                (row["megabytes"], row[key])
                for row in rows
                if row["trainer"] == name and "exceeded" not in row
            )
            if own:
                series.append(Series(name, [x for x, _ in own], [y for _, y in own]))
        panels.append(Panel("", "MB of text", title, series, x_log=True, y_log=True))
    return Figure("Training a vocabulary of 16,384", panels)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", default="embedded", help="a corpus as commands take it")
    parser.add_argument("--megabytes", type=int, nargs="*", default=[20], help="none: table and plot anew")
    parser.add_argument("--trainers", nargs="*", choices=TRAINERS, default=list(TRAINERS))
    parser.add_argument("--work", type=Path, default=Path("runs/bench"), help="keeps the text")
    parser.add_argument("--out", type=Path, default=Path("results/vocabulary-training.json"))
    parser.add_argument("--one", nargs=3, metavar=("TRAINER", "FILE", "MB"), help=argparse.SUPPRESS)
    parser.add_argument("--most-seconds", type=float, default=3600, help="of a trainer")
    parser.add_argument("--most-megabytes", type=float, default=16_000, help="of memory of a trainer")
    parser.add_argument("--keep", action="store_true", help="the text stays in --work")
    given = parser.parse_args()
    if given.one:
        name, path, megabytes = given.one
        print(json.dumps(train_one(name, Path(path), int(megabytes))))
        return
    given.work.mkdir(parents=True, exist_ok=True)
    rows = json.loads(given.out.read_text())["rows"] if given.out.is_file() else []
    for megabytes in given.megabytes:
        path = given.work / f"vocabulary-{megabytes}.jsonl"
        if not path.is_file():
            write_text(given.corpus, megabytes, path)
        for name in given.trainers:
            row = measured(name, path, megabytes, given.most_seconds, given.most_megabytes)
            print(row, flush=True)
            rows = [one for one in rows if (one["trainer"], one["megabytes"]) != (name, megabytes)] + [row]
            about = machine() | {
                "versions": versions_of(("equalinfo", "tokenizers", "gigatoken", "sentencepiece"))
            }
            write_json(given.out, {"machine": about, "rows": rows})
        if not given.keep:
            path.unlink()
    with atomic_file(given.out.with_suffix(".md")) as stream:
        stream.write(markdown(rows).encode())
    if any("exceeded" not in row for row in rows):
        write_figure(figure(rows), given.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
