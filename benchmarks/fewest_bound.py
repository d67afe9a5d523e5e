"""How far dictionaries of 4,096 ids are from the fewest tokens that any dictionary within words allows.

    python -m benchmarks.fewest_bound

Which entries give the fewest tokens is an integer program: a string is in the dictionary or not, and a word is a path
of entries. Its relaxation, where a string may be in it by half, is solved from below: each place of a string in a word
has a price, a word pays for the places it uses beside a token each, and the entries keep what the dearest of them take.
Any prices at all give a bound (Lagrange): the cheapest paths of all words, less the income of the dearest strings.
Prices go up where more words use a place than its string is in the dictionary, and down where fewer do, with both made
smooth (Nesterov 2005) ever less. Words are those of the embedded corpus's training text, all of them with all their
strings of bytes; strings that stand in one place do nothing that the whole word, if it can be an entry, does not do
better.

Beside the bound are the tokens of dictionaries made from the same text, and of the strings with the largest share in
the relaxation, parsed into the fewest tokens. Writes results/fewest-bound.json and .md.
"""

import argparse
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from benchmarks._common import machine
from equalinfo.corpus.corpus import Corpus
from equalinfo.dictionary.parse.fewest import FewestParser
from equalinfo.dictionary.train.prune import with_singles
from equalinfo.dictionary.train.word_boundaries import within_word
from equalinfo.dictionary.train.word_counts import WordCounts, count_words
from equalinfo.dictionary.trie.automaton import build
from equalinfo.files import atomic_file, write_json
from equalinfo.kernels import kernel
from equalinfo.limits import MAX_ENTRY_BYTES
from equalinfo.progress import progress_bar
from equalinfo.score.tables import code, markdown_table
from equalinfo.tokens.compile import compile_tokenizer
from equalinfo.tokens.spec import NAMES_BY_SIZE, Spec

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
SPECS = (
    "EqualInfo[v={},fewest,words]",
    "EqualInfo[v={},unigram,words]",
    "BPE[v={},words]",
    "SentencePiece[v={}]",
    "BPE[v={}]",
    "EqualInfo[v={}]",
)
LOOK_EVERY = 25  # steps


@kernel
def _strings(text: NDArray[np.uint8], bounds: Numbers, edges: Numbers, hashes: NDArray[np.uint64]) -> None:
    """Every string of two bytes or more in each word: where it begins and ends, and a hash of it."""
    n = 0
    for word in range(bounds.size - 1):
        for begin in range(bounds[word], bounds[word + 1] - 1):
            h = np.uint64(text[begin]) + np.uint64(1)
            for end in range(begin + 1, min(bounds[word + 1], begin + MAX_ENTRY_BYTES)):
                h = (
                    (h ^ (h >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15)
                    + np.uint64(text[end])
                    + np.uint64(1)
                )
                edges[n, 0], edges[n, 1], edges[n, 2] = begin, end + 1, word
                hashes[n] = h
                n += 1


@kernel
def _cheapest(begin: int, end: int, first: Numbers, ends: Numbers, prices: Floats, costs: Floats) -> float:
    """The cost of the cheapest path through a word, and of those to each of its bytes.

    Args:
        first: [bytes + 1], where the strings that begin at each byte stand in `ends` and `prices`.
        costs: gets the costs, from its beginning on.
    """
    costs[: end - begin + 1] = np.inf
    costs[0] = 0.0
    for i in range(begin, end):
        here = costs[i - begin] + 1.0
        costs[i - begin + 1] = min(costs[i - begin + 1], here)
        for k in range(first[i], first[i + 1]):
            costs[ends[k] - begin] = min(costs[ends[k] - begin], here + prices[k])
    return float(costs[end - begin])


@kernel
def _paid(bounds: Numbers, weights: Floats, first: Numbers, ends: Numbers, prices: Floats) -> float:
    """The sum of the cheapest paths of all words, times how often they come."""
    total = 0.0
    costs = np.empty(int((bounds[1:] - bounds[:-1]).max()) + 1)
    for word in range(weights.size):
        total += weights[word] * _cheapest(bounds[word], bounds[word + 1], first, ends, prices, costs)
    return total


@kernel
def _flows(
    bounds: Numbers, first: Numbers, ends: Numbers, prices: Floats, heat: float, flows: Floats
) -> None:
    """How much of each word goes through each string where a path is as likely as exp(-cost / heat)."""
    size = int((bounds[1:] - bounds[:-1]).max()) + 1
    costs, before, after = np.empty(size), np.empty(size), np.empty(size)
    for word in range(bounds.size - 1):
        begin, end = bounds[word], bounds[word + 1]
        n = end - begin
        _cheapest(begin, end, first, ends, prices, costs)
        before[: n + 1] = 0.0
        before[0] = 1.0
        # Likelihoods are taken beside those of the cheapest paths, so that none is too small for a number.
        for i in range(begin, end):
            here = before[i - begin]
            cost = costs[i - begin] + 1.0
            before[i - begin + 1] += here * np.exp((costs[i - begin + 1] - cost) / heat)
            for k in range(first[i], first[i + 1]):
                flows[k] = np.exp((costs[ends[k] - begin] - cost - prices[k]) / heat)
                before[ends[k] - begin] += here * flows[k]
        after[n] = 1.0 / before[n]
        for i in range(end - 1, begin - 1, -1):
            cost = costs[i - begin] + 1.0
            sum_ = after[i - begin + 1] * np.exp((costs[i - begin + 1] - cost) / heat)
            for k in range(first[i], first[i + 1]):
                through = after[ends[k] - begin] * flows[k]
                sum_ += through
                flows[k] = before[i - begin] * through
            after[i - begin] = sum_


class Relaxation:
    """The relaxed program of some words.

    Args:
        words: distinct words and how often each comes.
        room: entries of two bytes or more.
    """

    def __init__(self, words: WordCounts, room: int) -> None:
        self.words, self.room, self.bounds = words, room, np.array(words.bounds)
        self.weights = words.counts.astype(np.float64)
        lengths = np.diff(self.bounds)
        last = np.minimum(lengths, MAX_ENTRY_BYTES)  # the strings of a word of n bytes, of two to 64 each
        count = int((last * (2 * lengths - last + 1) // 2 - lengths).sum())
        edges, hashes = np.empty((count, 3), np.int64), np.empty(count, np.uint64)
        _strings(words.text, self.bounds, edges, hashes)
        _, which, times = np.unique(hashes, return_inverse=True, return_counts=True)
        whole = edges[:, 1] - edges[:, 0] == lengths[edges[:, 2]]
        # Of a word that is longer than any entry, the whole is no string of it, and none has a better one.
        kept = (times[which] > 1) | whole | (lengths[edges[:, 2]] > MAX_ENTRY_BYTES)
        edges, which = edges[kept], which[kept]
        _, self.some_place, self.string = np.unique(which, return_index=True, return_inverse=True)
        self.begins, self.ends = edges[:, 0], np.ascontiguousarray(edges[:, 1])
        self.word = edges[:, 2]
        self.first = np.searchsorted(self.begins, np.arange(len(words.text) + 1))

    def incomes(self, prices: Floats) -> Floats:
        """What each string gets of all words, [strings]."""
        return np.bincount(self.string, self.weights[self.word] * prices)

    def bound(self, prices: Floats) -> float:
        """Tokens of all words that no dictionary goes below."""
        incomes = self.incomes(prices)
        dearest = (
            np.partition(incomes, -self.room)[-self.room :].sum()
            if self.room < incomes.size
            else incomes.sum()
        )
        paths: float = _paid(self.bounds, self.weights, self.first, self.ends, prices)
        return paths - float(dearest)

    def shares(self, incomes: Floats, width: float) -> Floats:
        """How much of each string is in the dictionary, `room` in all: more where its income is more."""
        low, high = float(incomes.min()) - width, float(incomes.max()) + width
        for _ in range(60):
            middle = (low + high) / 2
            if np.clip((incomes - middle) / width + 0.5, 0.0, 1.0).sum() > self.room:
                low = middle
            else:
                high = middle
        return np.clip((incomes - high) / width + 0.5, 0.0, 1.0)

    def text(self, string: int) -> bytes:
        place = self.some_place[string]
        return self.words.text[self.begins[place] : self.ends[place]].tobytes()


def ascend(program: Relaxation, steps: int, advance: Callable[[int], object]) -> tuple[float, Floats]:
    """The best bound of so many steps, and how much of each string was in the dictionary in their second half.

    Args:
        advance: called with how many steps are done.
    """
    prices = np.zeros(program.ends.size)
    flows, speed = np.empty_like(prices), np.zeros_like(prices)
    best, shared = program.bound(prices), np.zeros(program.some_place.size)
    for step in range(steps):
        left = 1.0 - step / steps
        heat, rate = 0.02 + 0.2 * left**2, 0.005 + 0.05 * left
        _flows(program.bounds, program.first, program.ends, prices, heat, flows)
        incomes = program.incomes(prices)
        threshold = float(np.partition(incomes, -program.room)[-program.room])
        shares = program.shares(incomes, max(threshold, 1.0) * (0.02 + 0.5 * left**2))
        speed = 0.9 * speed + flows - shares[program.string]
        np.maximum(prices + rate * speed, 0.0, out=prices)
        if 2 * step >= steps:
            shared += shares
        if step % LOOK_EVERY == LOOK_EVERY - 1:
            best = max(best, program.bound(prices))
        advance(step + 1)
    return best, shared


def made(specs: Iterable[str], corpus: Corpus, m1: str, progress: Progress) -> Iterator[tuple[str, int, int]]:
    """Of each spec its tokens of the training text, and how many of its entries cross the start of a word.

    Entries within words are chosen from the text's own strings, others from those of M1.
    """
    for spec in specs:
        with tempfile.TemporaryDirectory() as folder:
            tokenizer = compile_tokenizer(
                Spec.parse(spec),
                None if "words" in spec else Path(m1),
                corpus,
                Path(folder) / "tok",
                progress,
            )
        tokens = sum(map(len, tokenizer.encode_batch(list(corpus.documents("train")))))
        longer = (entry for entry in tokenizer.vocab_entries() if len(entry) > 1 and is_text(entry))
        yield spec, tokens, sum(not within_word(entry) for entry in longer)


def is_text(entry: bytes) -> bool:
    return entry.decode(errors="ignore").encode() == entry


def markdown(found: dict[str, Any]) -> str:
    bound, lines = found["bound"], []
    for row in [{"name": "no dictionary takes fewer", "tokens": bound}, *found["rows"]]:
        over = row["tokens"] / bound - 1
        lines.append([
            row["name"] if " " in row["name"] else code(row["name"]), f"{row['tokens']:,}",
            f"{found['bytes'] / row['tokens']:.3f}", f"{over:.1%}", str(row.get("across", 0)),
        ])  # fmt: skip
    heads = ["dictionary", "tokens", "bytes/token", "above the bound", "entries across words"]
    return markdown_table(heads, lines, range(1, len(heads)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", default="embedded")
    parser.add_argument("--m1", default="english-m1")
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("results/fewest-bound.json"))
    given = parser.parse_args()
    corpus = Corpus(given.corpus)
    words = count_words(corpus.documents("train"), threads=1)
    program = Relaxation(words, given.vocab - 256)
    with progress_bar() as progress:
        task = progress.add_task("raise the bound", total=given.steps, note="")
        bound, shared = ascend(program, given.steps, lambda done: progress.update(task, completed=done))
        # EOS takes an id of ours.
        most = np.argsort(-shared, kind="stable")[: given.vocab - 257].tolist()
        rounded = FewestParser(build(with_singles([program.text(string) for string in most])))
        tokens = int(words.usage(rounded, "parse", threads=1).sum())
        rows = [{"name": "the relaxation, rounded", "tokens": tokens, "across": 0}]
        specs = (spec.format(NAMES_BY_SIZE.get(given.vocab, given.vocab)) for spec in SPECS)
        for name, tokens, across in made(specs, corpus, given.m1, progress):
            rows.append({"name": name, "tokens": tokens, "across": across})
    rows.sort(key=lambda row: row["tokens"])
    found = {
        "corpus": given.corpus,
        "vocab": given.vocab,
        "steps": given.steps,
        "bytes": int(np.diff(words.bounds) @ words.counts),
        "distinct_words": len(words),
        "strings": program.some_place.size,
        # Sums of prices are rounded: a bound that may be too high in its tenth digit is not rounded up.
        "bound": math.floor(bound),
        "rows": rows,
        "machine": machine(),
    }
    write_json(given.out, found)
    with atomic_file(given.out.with_suffix(".md")) as stream:
        stream.write(markdown(found).encode())


if __name__ == "__main__":
    main()
