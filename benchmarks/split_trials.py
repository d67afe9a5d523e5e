"""What an entry may hold, judged by an M2: digits, contractions, case, indentation, and what pruning goes by.

    python -m scripts.corpus_mix --out mix
    python -m benchmarks.split_trials --corpus mix/text --trials "as it is" "digits 1" "digits 2" "digits 3"
    python -m benchmarks.split_trials --table

All are unigram dictionaries within words of --vocab ids, chosen from the strings that cover most of the corpus. A trial
forbids some of these strings, or writes the text in another way first, from which it can be read back. M2s have the
same number of parameters, of steps and of tokens a step: equal compute. Pairs are a model of each token by the one
before it, counted on COUNTED_BYTES of training text, which takes seconds and is a hint where no M2 was trained
(--steps 0). A row for each trial and seed goes to results/split-trials.jsonl, a table to results/split-trials.md; what
is there already is not made again.
"""

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.examples import ShuffledExamples, cut_examples
from equalinfo.dictionary.parse.viterbi import ONE_BIT, ViterbiParser
from equalinfo.dictionary.train.corpus_strings import frequent_strings
from equalinfo.dictionary.train.prune import left_after_a_round, wanted_of, with_singles
from equalinfo.dictionary.train.unigram import PARSES, information_of, select
from equalinfo.dictionary.train.word_counts import WordCounts, count_words
from equalinfo.dictionary.trie.automaton import build
from equalinfo.experiments.learning_curve import Course, learning_curve, points_of, spread
from equalinfo.files import atomic_file, sha256_bytes
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.decoder import Decoder
from equalinfo.model.scoring import nats_of_ids
from equalinfo.model.train_loop import Trainer, TrainingData
from equalinfo.progress import progress_bar
from equalinfo.score.metrics import mean_and_deviation
from equalinfo.score.significance import welch
from equalinfo.score.tables import markdown_table
from equalinfo.sizes import size_by_name
from equalinfo.train.config import M2Config

VOCAB, CANDIDATES = 4096, 16
EXAMPLE, SEQUENCE, BATCH = 10_240, 256, 8
HELD_OUT = 64  # examples that an M2 is scored on
TEXT_BYTES = 5  # of training text for each token that an M2 reads, more than any dictionary has
COUNTED_BYTES = 40_000_000
USUAL_STEPS = 1000
DISCOUNT = 0.75
LETTER_APOSTROPHE = "\ua78c"  # a letter that looks like one
CAPITAL, CAPITALS = "\1", "\2"  # before a word that begins with a capital, or has nothing else
SIGN_OF = {"\n": "\u2424", "\r": "\u240d"}  # line ends as signs, which an entry may hold behind others
LETTER_CAPITAL, LETTER_CAPITALS = "\ua78e", "\ua794"  # the same as letters, which an entry may begin with
WORD = r"[^\W\d_]+"

Choose = Callable[[list[bytes], WordCounts, int], ViterbiParser]


def same(text: str) -> str:
    return text


def contracted(text: str) -> str:
    """Apostrophes before the ends of English contractions as letters."""
    return re.sub(r"(?<=[^\W\d_])'(?=(?:s|t|re|ve|m|ll|d)\b)", LETTER_APOSTROPHE, text)


def expanded(text: str) -> str:
    return text.replace(LETTER_APOSTROPHE, "'")


def marked(text: str, capital: str = CAPITAL, capitals: str = CAPITALS, inside: bool = False) -> str:
    """Words in small letters, with a mark before the space that goes before them, or `inside`, behind that."""

    def written(found: re.Match[str]) -> str:
        space, word = found.groups()
        small = word.lower()
        if small == word or len(small) != len(word):
            return found[0]
        if small.capitalize() == word:
            mark = capital
        elif small.upper() == word:
            mark = capitals
        else:
            return found[0]
        return f"{space}{mark}{small}" if inside else f"{mark}{space}{small}"

    return re.sub(f"( ?)({WORD})", written, text)


def unmarked(text: str, capital: str = CAPITAL, capitals: str = CAPITALS) -> str:
    text = re.sub(f"{capital}( ?)({WORD})", lambda found: found[1] + found[2].capitalize(), text)
    return re.sub(f"{capitals}( ?)({WORD})", lambda found: found[1] + found[2].upper(), text)


def with_signs(text: str) -> str:
    """Line ends behind a sign as signs themselves, as the splits of recent BPEs join them."""
    return re.sub(r"(?<=[^\w\s]|_)[\r\n]+", lambda found: "".join(SIGN_OF[one] for one in found[0]), text)


def without_signs(text: str) -> str:
    for end, sign in SIGN_OF.items():
        text = text.replace(sign, end)
    return text


def by_saving(candidates: list[bytes], corpus: WordCounts, vocab: int) -> ViterbiParser:
    return select(candidates, vocab, corpus, threads=1)


def by_use(candidates: list[bytes], corpus: WordCounts, vocab: int) -> ViterbiParser:
    """Drops the least used entries in each round: Land and Pinter's "final-style pruning" (arXiv 2512.12641)."""
    wanted = wanted_of(candidates, vocab)
    entries, scores = candidates, np.full(len(candidates) + 257, ONE_BIT, np.int64)
    while True:
        parser = ViterbiParser(build(with_singles(entries)), scores)
        for _ in range(PARSES):
            use = corpus.usage(parser, "parse", threads=1)
            parser = ViterbiParser(parser.automaton, information_of(use))
        if len(entries) == wanted:
            return parser
        kept = np.sort(np.argsort(-use[257:], kind="stable")[: left_after_a_round(len(entries), wanted)])
        entries = [entries[i] for i in kept.tolist()]
        scores = parser.scores[np.concatenate([np.arange(257), 257 + kept])]


def digits(most: int) -> Callable[[str], bool]:
    return lambda entry: sum(map(str.isnumeric, entry)) <= most


@dataclass(frozen=True)
class Trial:
    """How entries are chosen.

    Args:
        allowed: whether a string may be an entry; single bytes always are.
        write, read: what is done to a text first, and its inverse.
    """

    allowed: Callable[[str], bool] = lambda entry: True
    write: Callable[[str], str] = same
    read: Callable[[str], str] = same
    choose: Choose = by_saving


# Marks are letters here, so an entry may hold one: " The" can be an entry of its own again.
INSIDE = Trial(
    write=partial(marked, capital=LETTER_CAPITAL, capitals=LETTER_CAPITALS, inside=True),
    read=partial(unmarked, capital=LETTER_CAPITAL, capitals=LETTER_CAPITALS),
)
TRIALS = {
    "as it is": Trial(),
    "digits 1": Trial(digits(1)),
    "digits 2": Trial(digits(2)),
    "digits 3": Trial(digits(3)),
    # As GPT-2's split: the end of a contraction is a word of its own.
    "contractions apart": Trial(lambda entry: LETTER_APOSTROPHE not in entry[1:], contracted, expanded),
    "contractions inside": Trial(write=contracted, read=expanded),
    "case marked": Trial(lambda entry: not {CAPITAL, CAPITALS} & set(entry), marked, unmarked),
    "cut before capitals": Trial(lambda entry: not re.search(r"[a-z][A-Z]", entry)),
    "line ends apart": Trial(lambda entry: not re.search(r"[\r\n][^\r\n]", entry)),
    "case marked inside": INSIDE,
    "line ends with signs": Trial(write=with_signs, read=without_signs),
    "both of these": Trial(
        write=lambda text: with_signs(INSIDE.write(text)), read=lambda text: INSIDE.read(without_signs(text))
    ),
    "single white space": Trial(lambda entry: not re.search(r"\s\s", entry)),
    "by use": Trial(choose=by_use),
}


class Pairs:
    """How likely a token is after another: absolute discounting, interpolated with how often it comes at all.

    Args:
        ids: of the text that it is counted on.
    """

    def __init__(self, ids: np.ndarray, vocab: int) -> None:
        self._vocab = vocab
        counts = np.bincount(ids, minlength=vocab)
        self._shares = (counts + 1) / (len(ids) + vocab)
        self._pairs, self._counts = np.unique(self._keys(ids), return_counts=True)
        firsts = self._pairs // vocab
        self._before = np.maximum(np.bincount(firsts, self._counts, vocab), 1)
        self._left = DISCOUNT * np.bincount(firsts, minlength=vocab) / self._before
        self._left[self._left == 0] = 1.0

    def bits(self, ids: np.ndarray) -> float:
        """Of a text that begins after nothing known."""
        keys = self._keys(ids)
        at = np.minimum(np.searchsorted(self._pairs, keys), len(self._pairs) - 1)
        counts = np.where(self._pairs[at] == keys, self._counts[at] - DISCOUNT, 0.0)
        likely = counts / self._before[ids[:-1]] + self._left[ids[:-1]] * self._shares[ids[1:]]
        return -float(np.log2(likely).sum() + np.log2(self._shares[ids[0]]))

    def _keys(self, ids: np.ndarray) -> np.ndarray:
        return ids[:-1].astype(np.int64) * self._vocab + ids[1:]


class Data:
    """What an M2 of a trial reads: tokens of training text, and of each held-out example."""

    def __init__(self, trial: Trial, corpus: Corpus, steps: int, vocab: int) -> None:
        def written(text: bytes) -> bytes:
            # Bytes that are not UTF-8 stay.
            return trial.write(text.decode(errors="surrogateescape")).encode(errors="surrogateescape")

        words = count_words(map(written, _usable(corpus.documents("train"))), threads=1)
        self.vocab, strings = vocab, frequent_strings(words, CANDIDATES * vocab)
        parser = trial.choose([string for string in strings if trial.allowed(string.decode())], words, vocab)
        self.parser = parser
        examples = ShuffledExamples(cut_examples(_usable(corpus.documents("train")), EXAMPLE))
        read = [
            parser.encode(written(one.data))
            for one in islice(examples.iterate(0), min(len(examples), COUNTED_BYTES // EXAMPLE))
        ]
        self.pairs = Pairs(np.concatenate(read), vocab)
        read = read[: TEXT_BYTES * steps * SEQUENCE * BATCH // EXAMPLE + 1]
        whole = [ids[: len(ids) // SEQUENCE * SEQUENCE].reshape(-1, SEQUENCE) for ids in read]
        self.sequences = np.concatenate(whole).astype(np.uint16)
        held_out = list(cut_examples(_usable(corpus.documents("validation")), EXAMPLE))
        held_out = [held_out[number] for number in spread(len(held_out), HELD_OUT)]
        self.held_out = [parser.encode(written(one.data)) for one in held_out]
        self.sizes = [one.source_bytes for one in held_out]
        for one in held_out:
            text = one.data.decode(errors="surrogateescape")
            assert trial.read(trial.write(text)) == text, "a trial has to be read back"

    @property
    def fingerprint(self) -> str:
        return sha256_bytes(b"".join([self.sequences.tobytes(), *(ids.tobytes() for ids in self.held_out)]))

    @property
    def pair_bits_per_byte(self) -> float:
        return sum(map(self.pairs.bits, self.held_out)) / sum(self.sizes)

    @property
    def bytes_per_token(self) -> float:
        return sum(self.sizes) / sum(map(len, self.held_out))


def _usable(documents: Iterable[bytes]) -> Iterable[bytes]:
    """Without the few documents that hold what trials write."""
    written = (LETTER_APOSTROPHE, CAPITAL, CAPITALS, LETTER_CAPITAL, LETTER_CAPITALS, *SIGN_OF.values())
    marks = [mark.encode() for mark in written]
    return (document for document in documents if not any(mark in document for mark in marks))


def judged(name: str, data: Data, config: M2Config, work: Path, progress: Progress) -> float:
    """Bits/byte of an M2 after its last step."""

    def trainer(folder: Path, key: str) -> Trainer:
        batches = SequenceBatches(data.sequences, BATCH, config.seed)
        read = TrainingData(batches, key, lambda nats: nats / np.log(2) / data.bytes_per_token)
        return Trainer(
            Decoder(size_by_name(config.size), data.vocab, config.preset), read, config, folder, title=name
        )

    def bits(model: Decoder) -> list[float]:
        return [float(nats_of_ids(model, ids, SEQUENCE, SEQUENCE).sum() / np.log(2)) for ids in data.held_out]

    about = ("split trials", name, data.fingerprint, config.plan())
    course = Course(
        about, trainer, bits, data.sizes, [len(ids) for ids in data.held_out], SEQUENCE * BATCH * data.bytes_per_token
    )  # fmt: skip
    return learning_curve(course, points_of(config.steps, config.steps), work, progress)[-1].bits_per_byte


def table(rows: list[dict[str, Any]]) -> str:
    """Each trial beside the same text as it is."""
    groups: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        kind = row["corpus"].removesuffix("/text") + (", float32" if row["precision"] == "float32" else "")
        kind += f", v={row['vocab']:,}" if "vocab" in row else ""
        kind += f", {row['steps']:,} steps" if row["steps"] > USUAL_STEPS else ""
        groups[kind][row["trial"]].append(row)
    lines = []
    for corpus, trials in groups.items():
        usual = trials["as it is"]
        for trial, own in trials.items():
            of_trial, of_usual = (
                [row["bits_per_byte"] for row in one if row["steps"]] for one in (own, usual)
            )
            mean = deviation = p = None
            if of_trial:
                mean, deviation = mean_and_deviation(of_trial)
            if trial != "as it is" and min(len(of_trial), len(of_usual)) > 1:
                p = welch(of_trial, of_usual).p
            (length, pairs), (usual_length, usual_pairs) = (
                (one[0]["bytes_per_token"], one[0]["pair_bits_per_byte"]) for one in (own, usual)
            )
            lines.append([
                corpus, trial, f"{length:.3f}", f"{length / usual_length - 1:+.2%}",
                f"{pairs:.4f}", f"{pairs - usual_pairs:+.4f}",
                *("–" if number is None else f"{number:.4f}" for number in (mean, deviation)),
                "–" if p is None else f"{p:.3f}", str(len(of_trial)),
            ])  # fmt: skip
    heads = [
        "text", "trial", "bytes/token", "longer", "pairs, bits/byte", "more", "M2, bits/byte", "deviation", "p", "seeds"
    ]  # fmt: skip
    return markdown_table(heads, lines, range(2, len(heads)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", default="mix/text")
    parser.add_argument("--trials", nargs="+", choices=TRIALS, default=list(TRIALS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=USUAL_STEPS)
    parser.add_argument("--size", default="1m")
    parser.add_argument("--vocab", type=int, default=VOCAB)
    parser.add_argument("--precision", default="bfloat16", help="float32 where a processor has no bfloat16")
    parser.add_argument("--work", type=Path, default=Path("runs/trials"), help="keeps trained M2s")
    parser.add_argument("--out", type=Path, default=Path("results/split-trials.jsonl"))
    parser.add_argument("--table", action="store_true", help="only write the table of --out")
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    for name in [] if given.table else given.trials:
        data: Data | None = None
        for seed in given.seeds if given.steps else [0]:
            key = {
                "trial": name,
                "corpus": given.corpus,
                "size": given.size,
                "steps": given.steps,
                "seed": seed,
                "precision": given.precision,
            } | ({"vocab": given.vocab} if given.vocab != VOCAB else {})
            if any(key.items() <= row.items() and row.get("vocab", VOCAB) == given.vocab for row in rows):
                continue
            data = data or Data(TRIALS[name], Corpus(given.corpus), given.steps, given.vocab)
            config = M2Config(
                size=given.size, steps=given.steps or 1, batch_size=BATCH, sequence_length=SEQUENCE, optimizer="muon",
                precision=given.precision, preset="llama", threads=1, seed=seed,
            )  # fmt: skip
            row = key | {
                "bytes_per_token": data.bytes_per_token,
                "pair_bits_per_byte": data.pair_bits_per_byte,
            }
            if given.steps:
                with progress_bar() as progress:
                    row["bits_per_byte"] = judged(name, data, config, given.work, progress)
            rows.append(row)
            with given.out.open("a") as stream:
                stream.write(json.dumps(rows[-1]) + "\n")
    with atomic_file(given.out.with_suffix(".md")) as stream:
        stream.write(table(rows).encode())


if __name__ == "__main__":
    main()
