"""How fast text becomes token ids and back, beside tiktoken, Hugging Face tokenizers and SentencePiece.

    python benchmarks/tokenizer_speed.py                  writes results/tokenizer-speed.json
    python benchmarks/tokenizer_speed.py --text FILE      another text than the embedded corpus's held-out one

Every tokenizer has the same number of entries, made from the embedded corpus's training documents; the text is
the held-out ones, repeated to the size asked for. All run in one process, one after the other in every
round, so what else the machine does hits all alike; a figure is the median over the rounds. Everyone starts
from str. Peers that are not installed are left out, which the output says; trained ones are kept in --work.
"""

import argparse
import gc
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from equalinfo.corpus.readers import read_documents
from equalinfo.dictionary.parse import decode
from equalinfo.dictionary.parse.fewest import FewestParser
from equalinfo.dictionary.parse.greedy import GreedyParser
from equalinfo.dictionary.parse.parser import Parser
from equalinfo.files import atomic_file, write_json
from equalinfo.parallel import cores
from equalinfo.predict.exact_files import load_exact
from equalinfo.tokens.dictionaries import CompiledTokenizer
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec

try:
    from benchmarks._common import (
        SPLIT,
        add_common_options,
        m1_directory,
        machine,
        train_bpe,
        training_and_held_out,
    )
except ModuleNotFoundError:  # run as a script
    from _common import (  # type: ignore[import-not-found, no-redef]
        SPLIT,
        add_common_options,
        m1_directory,
        machine,
        train_bpe,
        training_and_held_out,
    )

REFERENCE = "tiktoken"
GOALS = {"greedy": 15.0, "fewest tokens": 1.5, "decode": 5.0}  # times tiktoken, one thread


@dataclass
class Contender:
    """One tokenizer and parse: `batch` takes documents and threads, `one` (if it can) a long text."""

    name: str
    batch: Callable[[list[str], int], Sequence[Any]]
    decode: Callable[[Any], bytes]
    one: Callable[[str], Any] | None = None


def load_dictionaries(m1: Path, documents: list[bytes], size: int) -> dict[str, CompiledTokenizer]:
    """The dictionaries to measure, compiled from an M1 and `documents`."""
    predictor = load_exact(m1)
    dictionaries = {}
    for name in ("plain", "fewest", "fewest,words", "unigram,words"):
        spec = Spec.parse(f"EqualInfo[v={size}{'' if name == 'plain' else ',' + name}]")
        made = spec.build(Sources(documents=lambda: documents, ready=predictor))
        assert isinstance(made, CompiledTokenizer)
        dictionaries[name] = made
    return dictionaries


def parsers_of(tokenizer: CompiledTokenizer) -> list[tuple[Parser, str]]:
    """Parses that its dictionary is for, and their names."""
    dictionary = tokenizer.automaton
    if tokenizer.parse == "likeliest":
        return [(tokenizer.parser, "likeliest")]
    return [(GreedyParser(dictionary), "greedy"), (FewestParser(dictionary), "fewest tokens")]


def ours(name: str, tokenizer: CompiledTokenizer) -> list[Contender]:
    def contender(parser: Parser, label: str) -> Contender:
        return Contender(
            f"equalinfo {name}, {label}",
            lambda texts, threads: parser.encode_batch([t.encode() for t in texts], threads),
            lambda ids: decode.decode(tokenizer.automaton, ids),
            lambda text: parser.encode(text.encode()),
        )

    return [contender(*parse) for parse in parsers_of(tokenizer)]


def huggingface(documents: list[bytes], size: int, work: Path) -> Contender:
    tokenizer = train_bpe(documents, size, work)

    def batch(texts: list[str], threads: int) -> Sequence[Any]:
        os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
        return tokenizer.encode_batch_fast(texts, add_special_tokens=False)

    return Contender(
        "tokenizers", batch, lambda ids: tokenizer.decode(ids, skip_special_tokens=False).encode()
    )


def tiktoken_bpe(documents: list[bytes], size: int, work: Path) -> Contender:
    """tiktoken with the merges of `train_bpe`."""
    import tiktoken

    # A byte-level token spells each byte as one character: printable Latin-1 as itself, the rest from 256 on.
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    byte_of = {chr(b): b for b in shown} | {chr(256 + i): b for i, b in enumerate(hidden)}
    vocabulary = train_bpe(documents, size, work).get_vocab()
    ranks = {bytes(byte_of[c] for c in token): rank for token, rank in vocabulary.items()}
    encoding = tiktoken.Encoding("bench", pat_str=SPLIT, mergeable_ranks=ranks, special_tokens={})

    def batch(texts: list[str], threads: int) -> Sequence[Any]:
        if threads == 1:
            return [encoding.encode_ordinary(text) for text in texts]
        return encoding.encode_ordinary_batch(texts, num_threads=threads)

    return Contender(REFERENCE, batch, encoding.decode_bytes, encoding.encode_ordinary)


def sentencepiece_unigram(documents: list[bytes], size: int, work: Path) -> Contender:
    import sentencepiece

    saved = work / f"unigram-{size}.model"
    if not saved.is_file():
        lines = (line for d in documents for line in d.decode(errors="replace").splitlines())
        with atomic_file(saved) as stream:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=lines,
                model_writer=stream,
                vocab_size=size,
                hard_vocab_limit=False,
                model_type="unigram",
                byte_fallback=True,
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                add_dummy_prefix=False,
                num_threads=cores(),
                minloglevel=2,
            )
    processor = sentencepiece.SentencePieceProcessor(model_file=str(saved))
    return Contender(
        "sentencepiece",
        lambda texts, threads: processor.encode(texts, num_threads=threads),
        lambda ids: processor.decode(ids).encode(),
    )


def peers(documents: list[bytes], size: int, work: Path) -> tuple[list[Contender], list[str]]:
    """The peers that are installed, and a sentence for each that is not."""
    found, skipped = [], []
    for make in (tiktoken_bpe, huggingface, sentencepiece_unigram):
        try:
            print(f"preparing {make.__name__}", flush=True)
            found.append(make(documents, size, work))
        except ModuleNotFoundError as error:
            skipped.append(f"{make.__name__} is left out: pip install {error.name}")
            print(skipped[-1])
    return found, skipped


def plain_ids(encoded: Any) -> Any:
    """What a library's decoder takes, out of what its encoder returned."""
    return encoded.ids if hasattr(encoded, "ids") else encoded


def measure(tasks: dict[tuple[str, str], Callable[[], Any]], rounds: int) -> dict[tuple[str, str], float]:
    """Median seconds of each task, all of them once in every round; one more round first warms up."""
    times: dict[tuple[str, str], list[float]] = {key: [] for key in tasks}
    for turn in range(rounds + 1):
        print(f"round {turn} of {rounds}", flush=True)
        for key, task in tasks.items():
            gc.collect()
            gc.disable()  # as timeit does: it would visit the millions of ids that this script holds
            began = time.perf_counter()
            task()
            spent = time.perf_counter() - began
            gc.enable()
            if turn:
                times[key].append(spent)
    return {key: statistics.median(values) for key, values in times.items()}


def compare(contenders: list[Contender], texts: list[str], rounds: int) -> list[dict[str, Any]]:
    """Rates of everyone at every task, as rows of the result."""
    whole = "".join(texts)
    size = len(whole.encode())
    tasks: dict[tuple[str, str], Callable[[], Any]] = {}
    tokens, exact = {}, {}
    for c in contenders:
        ids = [plain_ids(encoded) for encoded in c.batch(texts, 1)]
        tokens[c.name] = sum(map(len, ids))
        exact[c.name] = sum(c.decode(i) == t.encode() for i, t in zip(ids, texts, strict=True)) / len(texts)
        joined: Any = [token for i in ids for token in i]
        if isinstance(ids[0], np.ndarray):
            joined = np.concatenate(ids)
        tasks["documents, 1 thread", c.name] = lambda c=c: c.batch(texts, 1)
        tasks[f"documents, {cores()} threads", c.name] = lambda c=c: c.batch(texts, cores())
        if c.one:
            tasks["one long text, 1 thread", c.name] = lambda c=c: c.one(whole)
        tasks["decode", c.name] = lambda c=c, joined=joined: c.decode(joined)
    seconds = measure(tasks, rounds)
    rows = []
    for (task, name), spent in seconds.items():
        row: dict[str, Any] = {"task": task, "tokenizer": name, "mb_per_s": round(size / spent / 1e6, 2)}
        row["bytes_per_token"] = round(size / tokens[name], 3)
        row["documents_that_round_trip"] = round(exact[name], 4)
        if (task, REFERENCE) in seconds:
            row["times_tiktoken"] = round(seconds[task, REFERENCE] / spent, 2)
        goal = GOALS.get(task if task == "decode" else name.rpartition(", ")[2])
        if goal and name.startswith("equalinfo") and not task.endswith("threads"):
            row["goal_times_tiktoken"] = goal
        rows.append(row)
    return rows


def hostile(
    dictionaries: dict[str, CompiledTokenizer], text: bytes, megabytes: int, rounds: int
) -> list[dict[str, Any]]:
    """Rates on text made to be slow, as shares of the rate on `text`; the goal is a third."""
    size = megabytes * 1_000_000
    tasks: dict[tuple[str, str], Callable[[], Any]] = {}
    sizes = {}
    for name, tokenizer in dictionaries.items():
        longest = max(tokenizer.vocab_entries(), key=len)
        inputs = {
            "ordinary text": text,
            "one character": b"a" * size,
            "spaces": b" " * size,
            "longest entry repeated": longest * (size // len(longest)),
            "random bytes": random.Random(0).randbytes(size),
        }
        for parser, dictionary, label in parsers_of(tokenizer):
            for kind, data in inputs.items():
                key = (kind, f"equalinfo {name}, {label}")
                sizes[key] = len(data)
                tasks[key] = lambda d=dictionary, p=parser, x=data: p.encode(d, x)
    seconds = measure(tasks, rounds)
    rates = {key: sizes[key] / seconds[key] for key in tasks}
    return [
        {
            "text": kind,
            "tokenizer": name,
            "mb_per_s": round(rate / 1e6, 2),
            "share_of_ordinary": round(rate / rates["ordinary text", name], 3),
        }
        for (kind, name), rate in rates.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser, "results/tokenizer-speed.json")
    parser.add_argument("--text", type=Path, help="a text, folder or other corpus to encode")
    parser.add_argument("--size", type=int, default=65536, help="entries of each tokenizer")
    parser.add_argument("--megabytes", type=int, default=10, help="how much text")
    parser.add_argument("--hostile-megabytes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()

    training, held_out = training_and_held_out()
    if given.text:
        held_out = list(read_documents(str(given.text)))
    texts: list[str] = []
    size = 0
    while size < given.megabytes * 1_000_000:
        for document in held_out:
            texts.append(document.decode(errors="replace"))
            size += len(document)
    dictionaries = load_dictionaries(m1_directory(given.m1), training, given.size)
    contenders = [c for name, dictionary in dictionaries.items() for c in ours(name, dictionary)]
    others, skipped = peers(training, given.size, given.work)
    result = {
        "machine": {**machine(), "cores": cores()},
        "text": {"documents": len(texts), "bytes": size, "distinct_documents": len(held_out)},
        "entries": given.size,
        "rounds": given.rounds,
        "skipped": skipped,
        "speed": compare([*contenders, *others], texts, given.rounds),
        "hostile": hostile(
            dictionaries, "".join(texts).encode(), given.hostile_megabytes, max(3, given.rounds // 2)
        ),
    }
    write_json(given.out, result)
    for row in result["speed"]:
        print(
            f"{row['task']:26}{row['tokenizer']:34}{row['mb_per_s']:9.1f} MB/s"
            f"{row.get('times_tiktoken', float('nan')):9.2f}x{row['bytes_per_token']:7.2f} bytes/token"
        )
    for row in result["hostile"]:
        print(
            f"{row['text']:26}{row['tokenizer']:34}{row['mb_per_s']:9.1f} MB/s{row['share_of_ordinary']:9.2f}"
        )
    print(f"written to {given.out}")


if __name__ == "__main__":
    main()
