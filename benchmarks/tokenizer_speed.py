"""How fast text becomes token ids, beside gigatoken, tiktoken and five others, on text that nobody has seen.

    python -m benchmarks.tokenizer_speed                  writes results/tokenizer-speed.json, then its tables
    python -m benchmarks.tokenizer_speed --tables         its tables alone: results/tokenizer-speed.md, docs/methods.md

Everyone starts from str, in one thread of one process. Text is English (half of the embedded corpus), code (the
standard library) and text in a hundred languages (Django's messages, Wikipedia's leads), in documents of about 1.4 kB,
no two of which share a paragraph. The other half is what peers are trained on and everyone is warmed on. Each text is
encoded once by each: a round takes the next documents, and all contenders, in another order each time, encode
them. Figures are medians over rounds, of processor time and by the clock.

Before any of it is timed, ids are compared on other documents: ours with those of the plain parse, those of a BPE with
Hugging Face's, and decoding gives the text. A row that differs says so.
"""

import argparse
import gc
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._common import add_common_options, machine
from benchmarks._languages import texts_by_language
from benchmarks._speed_peers import Contender, contenders, plain_ids, rows_of, versions
from benchmarks._speed_tables import write_tables
from equalinfo.corpus.readers import read_documents
from equalinfo.errors import EqualInfoError
from equalinfo.files import read_json, write_json
from equalinfo.tokens.tokenizer import Tokenizer

DOCUMENT_CHARACTERS = 1400
SHORT_CHARACTERS = 27
CHECKED = 300  # documents whose ids are compared
SLOW_SHARE = 8  # of a round's documents, what slow peers get is one in so many
TASKS = ("batch", "one by one", "short strings")


def documents_of(texts: Iterable[str]) -> Iterator[str]:
    """Documents of about DOCUMENT_CHARACTERS, of whole paragraphs, each paragraph once."""
    seen: set[int] = set()
    for text in texts:
        document = ""
        for paragraph in re.split(r"(?<=\n)(?=\S)", text):
            key = hash(paragraph)
            if key in seen and len(paragraph) > 30:
                continue
            seen.add(key)
            document += paragraph
            if len(document) >= DOCUMENT_CHARACTERS:
                yield document[: 2 * DOCUMENT_CHARACTERS]
                document = ""
        if len(document) > DOCUMENT_CHARACTERS // 4:
            yield document


def english() -> Iterator[str]:
    for document in read_documents("embedded"):
        yield document.decode(errors="replace")


def code() -> Iterator[str]:
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" not in path.parts:
            yield path.read_text(errors="replace")


def languages() -> Iterator[str]:
    for language, texts in texts_by_language().items():
        if language != "en" and not language.startswith("en_"):
            yield "\n".join(texts)


TEXTS: dict[str, Callable[[], Iterator[str]]] = {"English": english, "code": code, "100 languages": languages}


def halves(texts: Iterator[str], limit: int) -> tuple[list[str], list[str]]:
    """Documents to train and warm on, and documents to time, in an order of no meaning."""
    documents = list(documents_of(texts))
    random.Random(0).shuffle(documents)
    while sum(map(len, documents)) > limit:
        del documents[len(documents) * 9 // 10 :]
    middle = len(documents) // 2
    return documents[:middle], documents[middle:]


def check(contender: Contender, texts: list[str]) -> dict[str, Any]:
    """How many of some texts come back from their ids, and have the right ones."""
    few = texts[: CHECKED // 6 if contender.slow else CHECKED]
    batch = [plain_ids(encoded) for encoded in rows_of(contender.batch(few))]
    alone = [plain_ids(contender.one(text)) for text in few]
    found: dict[str, Any] = {
        "batch_is_one_by_one": batch == alone,
        "round_trips": sum(
            contender.decode(ids) == text.encode() for ids, text in zip(alone, few, strict=True)
        )
        / len(few),
        "bytes_per_token": round(sum(len(text.encode()) for text in few) / sum(map(len, alone)), 3),
    }
    if contender.right:
        found["right_ids"] = sum(
            contender.right(text) == ids for text, ids in zip(few, alone, strict=True)
        ) / len(few)
    return found


def timed(work: Callable[[], Any], before: Callable[[], Any] | None = None) -> tuple[float, float]:
    """Seconds of processor time and by the clock that `work` takes right after `before`."""
    gc.collect()
    gc.disable()  # as timeit does: it would visit all objects that this script holds
    if before:
        before()
    cpu, clock = time.process_time(), time.perf_counter()
    kept = work()
    found = time.process_time() - cpu, time.perf_counter() - clock
    gc.enable()
    del kept
    return found


def one_by_one(contender: Contender, texts: list[str]) -> list[Any]:
    return [contender.one(text) for text in texts]


def measure(
    everyone: list[Contender], warm: list[str], fresh: list[str], rounds: int
) -> list[dict[str, Any]]:
    """Rows of all contenders and tasks on one kind of text."""
    shorts = [
        line.strip()[:SHORT_CHARACTERS] for text in fresh[-len(fresh) // 5 :] for line in text.splitlines()
    ]
    shorts = list(dict.fromkeys(line for line in shorts if len(line) == SHORT_CHARACTERS))
    fresh = fresh[: len(fresh) * 4 // 5]
    parts = {"batch": fresh[::2], "one by one": fresh[1::2], "short strings": shorts}
    for contender in everyone:
        begin = warm[: len(warm) // SLOW_SHARE if contender.slow else len(warm)]
        for first in range(0, len(begin), 700):
            contender.batch(begin[first : first + 700])
        for text in begin[:1000]:
            contender.one(text)
    taken: dict[tuple[str, str], list[tuple[float, float]]] = {}
    order = random.Random(1)
    for number in range(rounds):
        for task, texts in parts.items():
            share = texts[number * len(texts) // rounds : (number + 1) * len(texts) // rounds]
            for contender in order.sample(everyone, len(everyone)):
                given = share[:: SLOW_SHARE if contender.slow else 1]
                size = len(given) if task == "short strings" else sum(len(text.encode()) for text in given)
                # What others did in between has emptied the caches of the processor: text that is known refills them.
                again = order.sample(warm, min(len(warm), 20 if contender.slow else 200))
                encode = contender.batch if task == "batch" else partial(one_by_one, contender)
                cpu, clock = timed(partial(encode, given), partial(encode, again))
                key = (f"{contender.name} {contender.entries}", task)
                taken.setdefault(key, []).append((cpu / max(size, 1), clock / max(size, 1)))
    rows = []
    for contender in everyone:
        row: dict[str, Any] = {"tokenizer": contender.name, "entries": contender.entries}
        for task in TASKS:
            pairs = taken[f"{contender.name} {contender.entries}", task]
            cpu, clock = (statistics.median(pair[place] for pair in pairs) for place in (0, 1))
            if task == "short strings":
                row[task] = {"cpu_us": round(cpu * 1e6, 3), "us": round(clock * 1e6, 3)}
            else:
                row[task] = {"mb_per_cpu_s": round(1e-6 / cpu, 1), "mb_per_s": round(1e-6 / clock, 1)}
        rows.append(row)
    return rows


PROCESS = {
    "equalinfo": "from equalinfo import Tokenizer\nTokenizer.from_pretrained({0!r}).encode('Hello, world')",
    "tiktoken": (
        "import tiktoken\nranks = {{bytes([b]): b for b in range(256)}}\n"
        "tiktoken.Encoding('x', pat_str='.+', mergeable_ranks=ranks, special_tokens={{}}).encode('Hello, world')"
    ),
    "tokenizers": "import tokenizers\ntokenizers.Tokenizer.from_file({1!r}).encode('Hello, world')",
    "gigatoken": "import gigatoken\ngigatoken.Tokenizer({1!r}).encode('Hello, world')",
}


def without_awkward(links: Path) -> str:
    """A PYTHONPATH of all that is installed but awkward, which gigatoken brings and Numba imports wherever it is."""
    links.mkdir()
    paths = []
    for path in map(Path, filter(None, sys.path)):
        if path.name != "site-packages":
            paths += [] if (path / "awkward").is_dir() else [str(path)]
            continue
        for found in path.iterdir():
            if not found.name.startswith("awkward") and not (links / found.name).exists():
                (links / found.name).symlink_to(found)
    return os.pathsep.join([*paths, str(links)])


def processes(saved: Path, repeats: int) -> list[dict[str, Any]]:
    """What a process takes that encodes one string, imports included; for ours the first after an installation too."""
    rows = []
    for name in (
        "english-65k",
        "english-65k-fewest",
        "english-65k-greedy",
        "tiktoken",
        "tokenizers",
        "gigatoken",
    ):
        program = PROCESS.get(name, PROCESS["equalinfo"]).format(name, str(saved))
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "NUMBA_CACHE_DIR": f"{folder}/code"}
            options = []
            if name not in PROCESS:
                environment["PYTHONPATH"], options = without_awkward(Path(folder, "packages")), ["-S"]
            runs = []
            for _ in range(1 + repeats):
                before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
                ran = subprocess.run(
                    [sys.executable, *options, "-c", program],
                    env=environment,
                    capture_output=True,
                    check=False,
                )
                clock, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
                runs.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, clock))
        if ran.returncode:
            continue  # not installed
        later = sorted(runs[1:])[repeats // 2]
        for state, (cpu, clock) in (("first", runs[0]), ("later", later)):
            if state == "later" or name.startswith("english"):
                rows.append(
                    {
                        "tokenizer": name,
                        "process": state,
                        "cpu_seconds": round(cpu, 3),
                        "seconds": round(clock, 3),
                    }
                )
    return rows


def mapped(texts: tuple[list[str], list[str]]) -> list[dict[str, Any]]:
    """Rates of `datasets.map` with columns of Arrow's and with lists; none where datasets is not installed."""
    try:
        import datasets
    except ModuleNotFoundError:
        return []
    datasets.disable_progress_bars()
    datasets.disable_caching()
    warm, fresh = texts
    tokenizer = Tokenizer.from_pretrained("english-65k")
    tokenizer.encode_batch(warm)
    middle, rows = len(fresh) // 2, []

    def columns(table: Any) -> Any:
        return table.append_column("input_ids", tokenizer.encode_batch(table["text"], form="arrow"))

    def lists(batch: dict[str, list[str]]) -> dict[str, Any]:
        return {"input_ids": tokenizer.encode_batch(batch["text"])}

    for form, work, some in (("arrow", columns, fresh[:middle]), ("lists", lists, fresh[middle:])):
        made = datasets.Dataset.from_dict({"text": some}).with_format("arrow" if form == "arrow" else None)
        first = datasets.Dataset.from_dict({"text": warm}).with_format("arrow" if form == "arrow" else None)
        encode = partial(first.map, work, batched=True, batch_size=5000)
        cpu, _ = timed(partial(made.map, work, batched=True, batch_size=5000), encode)
        rows.append(
            {"form": form, "mb_per_cpu_s": round(sum(len(text.encode()) for text in some) / cpu / 1e6, 1)}
        )
    return rows


def hostile(everyone: list[Contender], megabytes: int) -> list[dict[str, Any]]:
    """Rates of ours on text made to be slow."""
    size = megabytes * 1_000_000
    texts = {
        "one character": "a" * size,
        "spaces": " " * size,
        "dashes": "-" * size,
        "a word of 500 bytes": ("etaoin" * 83 + " ") * (size // 499),
        "no two words alike": " ".join(f"{n * 2654435761 % 2**32:x}" for n in range(size // 9)),
    }
    rows = []
    for contender in everyone:
        if contender.name.startswith("equalinfo"):
            for kind, text in texts.items():
                cpu = min(timed(partial(contender.one, text))[0] for _ in range(2))
                rows.append(
                    {
                        "tokenizer": contender.name,
                        "text": kind,
                        "mb_per_cpu_s": round(len(text) / cpu / 1e6, 1),
                    }
                )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser, "results/tokenizer-speed.json")
    parser.add_argument(
        "--tables", action="store_true", help="write the tables of what was measured, and end"
    )
    parser.add_argument("--megabytes", type=float, default=16, help="of each kind of text, at most")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", nargs="*", default=["65k", "32k"])
    parser.add_argument("--hostile-megabytes", type=int, default=2)
    given = parser.parse_args()
    if not given.tables:
        given.work.mkdir(parents=True, exist_ok=True)
        write_json(given.out, measured(given))
    write_tables(read_json(given.out), given.out)


def measured(given: argparse.Namespace) -> dict[str, Any]:
    texts = {}
    for kind, read in TEXTS.items():
        try:
            texts[kind] = halves(read(), int(given.megabytes * 1e6))
        except EqualInfoError as error:
            print(f"left out: {kind}: {error}")
    everyone, skipped = contenders(texts["English"][0], given.work, given.sizes)
    print(*skipped, sep="\n")
    # Those kept aside for the comparison are not timed.
    kept = {kind: fresh[:CHECKED] for kind, (_, fresh) in texts.items()}
    checks: dict[str, dict[str, Any]] = {}
    for kind, some in kept.items():
        for contender in everyone:
            found = checks.setdefault(kind, {})[f"{contender.name} {contender.entries}"] = check(
                contender, some
            )
            print(f"{kind:14}{contender.name:32}{contender.entries:8} {found}", flush=True)
            if contender.name.startswith("equalinfo") and (
                not found["batch_is_one_by_one"] or found["right_ids"] < 1 or found["round_trips"] < 1
            ):
                raise EqualInfoError(
                    f"{contender.name} gives other ids than its plain parse, or does not decode: {found}"
                )
    rows = []
    for kind, (warm, fresh) in texts.items():
        for row in measure(everyone, warm, fresh[CHECKED:], given.rounds):
            rows.append({"text": kind, **row, **checks[kind][f"{row['tokenizer']} {row['entries']}"]})
            print(rows[-1], flush=True)
    return {
        "machine": {**machine(), "peers": versions()},
        "texts": {
            kind: {
                "documents": len(fresh) - CHECKED,
                "bytes": sum(len(t.encode()) for t in fresh[CHECKED:]),
            }
            for kind, (_, fresh) in texts.items()
        },
        "rounds": given.rounds,
        "skipped": skipped,
        "speed": rows,
        "processes": processes(given.work / "bpe-65536-speed.json", 5),
        "datasets_map": mapped(texts["English"]),
        "hostile": hostile([c for c in everyone if c.entries == 65536], given.hostile_megabytes),
    }


if __name__ == "__main__":
    main()
