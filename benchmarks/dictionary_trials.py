"""What a dictionary should hold and how it should parse, judged by an M2: results/dictionary-trials.jsonl.

    python -m scripts.corpus_mix --out mix
    equalinfo train-m1 mix/text --size 3m --out m1
    python benchmarks/dictionary_trials.py --m1 m1 --corpus mix/text --variants fewest,words unigram,words --seeds 0 1 2

Every variant has the same number of ids, and its M2 the same size, steps and tokens a step: equal compute. They differ
in how much text those tokens are. A row for each variant and seed; what is in the file already is not done again.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.examples import Example, cut_examples
from equalinfo.dictionary.parse.fewest import FewestParser
from equalinfo.dictionary.parse.greedy import GreedyParser
from equalinfo.dictionary.parse.parser import Parser
from equalinfo.dictionary.parse.viterbi import ONE_BIT, ViterbiParser
from equalinfo.dictionary.train.corpus_strings import frequent_phrases, frequent_strings
from equalinfo.dictionary.train.m1_strings import likely_strings
from equalinfo.dictionary.train.prune import prune
from equalinfo.dictionary.train.unigram import information_of, select
from equalinfo.dictionary.train.word_boundaries import within_word
from equalinfo.dictionary.trie.automaton import Automaton
from equalinfo.model.decoder import Decoder
from equalinfo.model.loss import next_id_loss
from equalinfo.model.optim import LEARNING_RATES
from equalinfo.predict.exact_files import load_m1
from equalinfo.score import metrics
from equalinfo.seeded import permutation
from equalinfo.sizes import size_by_name
from equalinfo.tokens.build import make_tokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.train.m1 import load_float_m1
from equalinfo.train.table_init import start_tables, states_after, sums_of_spelling

try:
    from benchmarks._common import train_bpe
    from benchmarks._small_m2 import OPTIMIZER, bits_per_byte, train
except ModuleNotFoundError:  # run as a script
    from _common import train_bpe  # type: ignore[import-not-found, no-redef]
    from _small_m2 import OPTIMIZER, bits_per_byte, train  # type: ignore[import-not-found, no-redef]

SEQUENCE, BATCH = 128, 16
CANDIDATES = 8


@dataclass(frozen=True)
class Encode:
    """How texts become ids, and the texts of the ids where each has one."""

    batch: Callable[[Sequence[bytes]], list[np.ndarray]]
    entries: Callable[[], list[bytes]] | None = None

    def __call__(self, texts: Sequence[bytes]) -> list[np.ndarray]:
        return self.batch(texts)


@dataclass
class Sources:
    """What variants are made from."""

    vocab: int
    documents: Callable[[], list[bytes]]
    m1: Path
    work: Path

    def candidates(self, words: bool, times: int = CANDIDATES) -> list[bytes]:
        saved = self.work / f"candidates-{self.m1.name}-{self.vocab * times}-{words}.json"
        if not saved.exists():
            found = likely_strings(load_m1(self.m1), self.vocab * times, words)
            saved.write_text(json.dumps([text.decode() for text in found]))
        return [text.encode() for text in json.loads(saved.read_text())]


def by(parser: Parser) -> Encode:
    return Encode(lambda texts: parser.encode_batch(texts, 1), parser.automaton.entries)


def by_fewest(automaton: Automaton) -> Encode:
    return by(FewestParser(automaton))


def by_greedy(automaton: Automaton) -> Encode:
    return by(GreedyParser(automaton))


def equal_scores(counts: np.ndarray) -> np.ndarray:
    return np.full(len(counts), ONE_BIT, np.int64)


def plus(bits: float) -> Callable[[np.ndarray], np.ndarray]:
    """Information and so many bits a token: between the likeliest parse and the fewest tokens."""
    return lambda counts: information_of(counts) + int(bits * ONE_BIT)


def scored(automaton: Automaton, documents: Callable[[], Iterable[bytes]], rounds: int = 4) -> ViterbiParser:
    """The same entries with scores by use."""
    parser = ViterbiParser(automaton, equal_scores(np.zeros(len(automaton))))
    for _ in range(rounds):
        parser = ViterbiParser(automaton, information_of(parser.usage(documents())))
    return parser


def library(spec: str, s: Sources) -> Encode:
    made = make_tokenizer(Spec.parse(spec), s.m1, s.documents)
    return Encode(made.encode_batch, made.vocab_entries)


def bpe(s: Sources, pattern: str, name: str) -> Encode:
    """Byte-level BPE behind a split."""
    made = train_bpe(s.documents(), s.vocab, s.work, pattern=pattern, name=name)
    return Encode(
        lambda texts: [
            np.array(one.ids, np.uint32)
            for one in made.encode_batch([t.decode(errors="replace") for t in texts])
        ]
    )


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
OURS = r" ?[\p{L}\p{M}]+| ?\p{N}+| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?=\s[^\s])|\s+"


def counted(s: Sources, times: int = CANDIDATES) -> list[bytes]:
    """The strings within words that cover most of the corpus, in place of M1's."""
    return frequent_strings(s.documents(), s.vocab * times)


def counted_across(s: Sources, number: int, times: int = CANDIDATES) -> Encode:
    """As `across`, both kinds of candidates counted in the corpus."""
    inside = select(counted(s, times), s.vocab - number, s.documents).automaton.entries()[257:]
    runs = frequent_phrases(s.documents(), s.vocab * CANDIDATES)
    return by(select(inside + runs, s.vocab, s.documents, always=len(inside)))


def both(s: Sources, times: int = CANDIDATES) -> list[bytes]:
    """M1's candidates and those of the corpus, as many of each."""
    return list(dict.fromkeys(counted(s, times) + s.candidates(True, times)))


def across(s: Sources, number: int, scores_of: Callable[[np.ndarray], np.ndarray]) -> Encode:
    """Entries within words and `number` across, chosen after them by the same rule."""
    inside = select(s.candidates(True), s.vocab - number, s.documents, scores_of).automaton.entries()[257:]
    joined = [text for text in s.candidates(False) if not within_word(text)]
    return by(select(inside + joined, s.vocab, s.documents, scores_of, len(inside)))


VARIANTS: dict[str, Callable[[Sources], Encode]] = {
    "bytes": lambda s: library("Bytes", s),
    "sentencepiece": lambda s: library(f"SentencePiece[v={s.vocab}]", s),
    "bpe-gpt2": lambda s: bpe(s, GPT2, "gpt2"),
    "bpe-words": lambda s: bpe(s, OURS, "words"),
    "fewest,words": lambda s: by_fewest(prune(s.candidates(True), s.vocab, s.documents)),
    "words-greedy": lambda s: by_greedy(prune(s.candidates(True), s.vocab, s.documents)),
    "words-scored": lambda s: by(scored(prune(s.candidates(True), s.vocab, s.documents), s.documents)),
    "words-saving": lambda s: by(select(s.candidates(True), s.vocab, s.documents, equal_scores)),
    "unigram,words": lambda s: by(select(s.candidates(True), s.vocab, s.documents)),
    "unigram-16": lambda s: by(select(s.candidates(True, 16), s.vocab, s.documents)),
    "unigram-64": lambda s: by(select(s.candidates(True, 64), s.vocab, s.documents)),
    "unigram-counted-64": lambda s: by(select(counted(s, 64), s.vocab, s.documents)),
    "unigram-fewest": lambda s: by_fewest(select(s.candidates(True), s.vocab, s.documents).automaton),
    "unigram+1": lambda s: by(select(s.candidates(True), s.vocab, s.documents, plus(1))),
    "unigram+3": lambda s: by(select(s.candidates(True), s.vocab, s.documents, plus(3))),
    "unigram+6": lambda s: by(select(s.candidates(True), s.vocab, s.documents, plus(6))),
    "unigram-counted": lambda s: by(select(counted(s), s.vocab, s.documents)),
    "words-counted": lambda s: by_fewest(prune(counted(s), s.vocab, s.documents)),
    "unigram-anywhere": lambda s: by(select(s.candidates(False), s.vocab, s.documents)),
    "fewest": lambda s: by_fewest(prune(s.candidates(False), s.vocab, s.documents)),
    "unigram-both": lambda s: by(select(both(s), s.vocab, s.documents)),
    "unigram-both-16": lambda s: by(select(both(s, 16), s.vocab, s.documents)),
    "unigram-counted-16": lambda s: by(select(counted(s, 16), s.vocab, s.documents)),
    "both+3": lambda s: by(select(both(s), s.vocab, s.documents, plus(3))),
    "counted+3": lambda s: by(select(counted(s), s.vocab, s.documents, plus(3))),
    "counted-across64": lambda s: counted_across(s, 64),
    "counted-across256": lambda s: counted_across(s, 256),
    "counted-16-across256": lambda s: counted_across(s, 256, 16),
    "counted-across1024": lambda s: counted_across(s, 1024),
    "unigram-across64": lambda s: across(s, 64, information_of),
    "unigram-across256": lambda s: across(s, 256, information_of),
    "saving-across256": lambda s: across(s, 256, equal_scores),
}


@dataclass
class Data:
    sequences: np.ndarray
    held_out: list[np.ndarray]
    source_bytes: int
    train_tokens: int
    counts: np.ndarray

    @property
    def tokens(self) -> int:
        return sum(map(len, self.held_out))


def data_of(encode: Encode, vocab: int, s: Sources, train_bytes: int, held_out: list[Example]) -> Data:
    examples, size = [], 0
    for example in cut_examples(s.documents()):
        examples.append(example.data)
        size += len(example.data)
        if size >= train_bytes:
            break
    training = encode(examples)
    whole = np.concatenate([ids[: len(ids) // SEQUENCE * SEQUENCE].reshape(-1, SEQUENCE) for ids in training])
    counts = np.bincount(np.concatenate(training), minlength=vocab)
    return Data(
        whole.astype(np.uint16),
        encode([example.data for example in held_out]),
        sum(example.source_bytes for example in held_out),
        int(counts.sum()),
        counts,
    )


def start_states(kind: str, m1: Path, texts: list[bytes]) -> torch.Tensor:
    """What tables start from: [texts, D], D being M1's width."""
    model = load_float_m1(m1)
    if kind == "m1":
        return states_after(model, texts)
    if kind == "spelling":
        return sums_of_spelling(texts, model.size.d_model)
    return torch.randn(len(texts), model.size.d_model, generator=torch.Generator().manual_seed(0))


def judged(
    data: Data,
    vocab: int,
    size: str,
    steps: int,
    seed: int,
    rate: float,
    start: tuple[list[int], torch.Tensor] | None = None,
) -> dict[str, float]:
    """Bits/byte of an M2 of this seed, and how long it trained."""
    model = Decoder(size_by_name(size), vocab, "llama")
    model.init_weights(seed)
    if start is not None:
        start_tables(model, *start)
    order = np.concatenate(
        [permutation(len(data.sequences), seed, e) for e in range(steps * BATCH // len(data.sequences) + 1)]
    )

    def batch(step: int) -> torch.Tensor:
        return torch.from_numpy(data.sequences[order[step * BATCH : (step + 1) * BATCH]].astype(np.int64))

    started = time.monotonic()
    train(model, lambda ids_BT: next_id_loss(model, ids_BT)[0], batch, steps, rate)
    seconds = time.monotonic() - started
    scored = bits_per_byte(
        lambda ids_T: next_id_loss(model, ids_T[None], 0.0)[1] * len(ids_T),
        data.held_out,
        data.source_bytes,
        SEQUENCE,
    )
    return {"bits_per_byte": scored, "seconds": seconds}


def _name(row: dict[str, Any]) -> str:
    return row["variant"] + (f", start {row['start']}" if "start" in row else "")


def table(rows: list[dict[str, Any]]) -> str:
    """Mean and deviation over seeds of every variant that an M2 judged, best first, as Markdown."""
    by_variant: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["steps"]:
            by_variant.setdefault(_name(row), []).append(row)
    lines = [
        "| variant | bytes/token | unigram | bits/byte | deviation | seeds |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    found = []
    for name, own in by_variant.items():
        mean, deviation = metrics.mean_and_deviation([row["bits_per_byte"] for row in own])
        found.append((mean, name, own[0], deviation, len(own)))
    for mean, name, row, deviation, seeds in sorted(found, key=lambda line: line[:2]):
        spread = "-" if deviation is None else f"{deviation:.3f}"
        lines.append(
            f"| `{name}` | {row['bytes_per_token']:.3f} | {row['unigram']:.3f} | {mean:.3f} | {spread} | {seeds} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/dictionary-trials.jsonl"))
    parser.add_argument("--work", type=Path, default=Path("runs/trials"))
    parser.add_argument("--m1", type=Path, default=Path("m1"), help="M1 directory that proposes strings")
    parser.add_argument("--corpus", default="embedded")
    parser.add_argument("--variants", nargs="+", default=["sentencepiece", "fewest,words"], choices=VARIANTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--size", default="1m")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=LEARNING_RATES[OPTIMIZER])
    parser.add_argument("--train-bytes", type=int, default=1 << 40)
    parser.add_argument("--held-out", type=int, default=32, help="examples of 10,240 bytes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--only-tokens", action="store_true", help="no M2: bytes/token and the unigram's bits/byte"
    )
    parser.add_argument(
        "--start",
        choices=("m1", "spelling", "same"),
        help="M2's tables start from M1's states after each entry; from sums over its bytes; from the same drawn rows",
    )
    parser.add_argument("--table", action="store_true", help="print the table of --out and do nothing")
    given = parser.parse_args()
    if given.table:
        print(table([json.loads(line) for line in given.out.read_text().splitlines()]))
        return
    torch.set_num_threads(given.threads)
    given.work.mkdir(parents=True, exist_ok=True)
    corpus = Corpus(given.corpus)
    documents = list(corpus.documents("train"))
    s = Sources(given.vocab, lambda: documents, given.m1, given.work)
    held_out = list(cut_examples(corpus.documents("validation")))
    held_out = held_out[:: max(1, len(held_out) // given.held_out)][: given.held_out]
    rows = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    for name in given.variants:
        data = None
        for seed in given.seeds:
            key: dict[str, Any] = {
                "variant": name,
                "corpus": Path(given.corpus).name,
                "m1": given.m1.name,
                "vocab": given.vocab,
                "size": given.size,
                "steps": 0 if given.only_tokens else given.steps,
                "rate": given.rate,
                "seed": seed,
            }
            if given.start:
                key["start"] = given.start
            if any(key.items() <= row.items() and row.get("start") == given.start for row in rows):
                continue
            if data is None:
                started = time.monotonic()
                vocab = 256 if name == "bytes" else given.vocab
                encode = VARIANTS[name](s)
                data = data_of(encode, vocab, s, given.train_bytes, held_out)
                start = None
                if given.start:
                    assert encode.entries is not None, f"entries of {name} are not known"
                    texts = {token: text for token, text in enumerate(encode.entries()) if text}
                    start = list(texts), start_states(given.start, given.m1, list(texts.values()))
                print(f"{name}: made in {time.monotonic() - started:.0f} s", flush=True)
            counts = np.bincount(np.concatenate(data.held_out), minlength=len(data.counts))
            row = key | {
                "bytes_per_token": data.source_bytes / data.tokens,
                "unigram": metrics.unigram_bits_per_byte(data.counts, counts, data.source_bytes),
                "epochs": given.steps * BATCH * SEQUENCE / data.train_tokens,
            }
            if not given.only_tokens:
                row |= judged(data, len(data.counts), given.size, given.steps, seed, given.rate, start)
            print(json.dumps(row), flush=True)
            with given.out.open("a") as stream:
                stream.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
