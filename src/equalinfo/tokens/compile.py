"""EqualInfo: which tokenizer a spec names, and compiling it from M1 (design, sections 3 and 4).

`EqualInfo[b=...,v=...]` are windows by interval splitting, listed at compile time where there are few enough.
`EqualInfo[v=...]` is a dictionary of the strings most probable under M1. With `fewest` they are chosen from more
such strings by use on a corpus, with `unigram` from those and the corpus's own by what they save it; with `words`
none crosses the start of a word, with `phrases` some do.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from equalinfo.coding.interval_splitting import LISTED_BITS, check_bits
from equalinfo.dictionary.trie.automaton import build
from equalinfo.errors import EqualInfoError
from equalinfo.parallel import cores
from equalinfo.predict.base import Predictor
from equalinfo.tokens.dictionaries import (
    CompiledTokenizer,
    CompiledWindows,
    ScoredTokenizer,
    load_automaton,
    load_scores,
)
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer

SMALLEST_DICTIONARY, LARGEST_DICTIONARY = 512, 1 << 20
# Strings from M1 for every one that pruning leaves: 8, and fewer where that would be more than a million, down to 2.
MOST_CANDIDATES, FEWEST_CANDIDATES, MANY = 8, 2, 1 << 20
COUNTED_CANDIDATES = 16  # as MOST_CANDIDATES, of strings that the corpus repeats
PHRASES = 16  # one in so many entries joins words, with `phrases`
ALWAYS_LISTED = 16  # up to so many bits windows are listed, even if a window is several ids
WIDEST_ID = 16  # bits of an id where a window is several: `coding.bits` makes uint16

# What is being done, how much of it is done, and of how much (0: not known yet).
Report = Callable[[str, int, int], None]


def check_spec(spec: Spec) -> None:
    """Raises EqualInfoError, one line, for options of EqualInfo that do not go together."""
    bits, vocab = spec.get("b"), spec["v"]
    if bits is None:
        if not SMALLEST_DICTIONARY <= vocab <= LARGEST_DICTIONARY:
            raise EqualInfoError(
                f"{spec}: a dictionary has {SMALLEST_DICTIONARY} to {LARGEST_DICTIONARY} ids; choose a v within"
            )
        return
    check_bits(bits)
    if spec.flags:
        raise EqualInfoError(f"{spec}: {spec.flags[0]} is for dictionaries; leave out b={bits}")
    width = vocab.bit_length() - 1
    if vocab < 2 or 1 << width != vocab:
        raise EqualInfoError(f"{spec}: v={vocab} is not a power of two, as ids cut from windows need")
    if bits % width:
        raise EqualInfoError(f"{spec}: b={bits} is not a multiple of the {width} bits of an id")
    if width > WIDEST_ID and not (bits == width <= LISTED_BITS):
        raise EqualInfoError(
            f"{spec}: ids of {width} bits need windows of one id, at most b={LISTED_BITS}; use v=65k or less"
        )


def is_listed(spec: Spec) -> bool:
    """Whether the windows of a spec are compiled into a table."""
    bits = spec.get("b")
    return bits is not None and (bits <= ALWAYS_LISTED or 1 << bits == spec["v"])


def compile_equal_info(
    spec: Spec,
    predictor: Predictor,
    documents: Callable[[], Iterable[bytes]] | None,
    report: Report | None = None,
    threads: int | None = None,
) -> Tokenizer:
    """The tokenizer of an EqualInfo spec; the same for any number of threads.

    Args:
        predictor: M1, or what the spec names in its place.
        documents: opens the corpus, for `fewest` and `unigram`; called once for every round of pruning.
        report: called with what is being done, how much of it is done, and of how much (0: not known).
        threads: all cores by default.

    Raises:
        EqualInfoError: options that do not go together, no corpus where one is needed, or one that is too small.
    """
    # Here and not above, because they bring in Numba: a process that only loads a tokenizer does not wait for it.
    from equalinfo.coding.interval_table import list_windows
    from equalinfo.dictionary.train.corpus_strings import frequent_phrases, frequent_strings
    from equalinfo.dictionary.train.m1_strings import likely_strings
    from equalinfo.dictionary.train.prune import prune, with_singles
    from equalinfo.dictionary.train.unigram import select
    from equalinfo.tokens.windows import SplittingTokenizer

    check_spec(spec)
    threads = cores() if threads is None else threads
    bits, vocab = spec.get("b"), spec["v"]
    if bits is not None:
        if not is_listed(spec):
            return SplittingTokenizer(spec, predictor)
        listed = list_windows(predictor, bits, threads, _stage("list the windows", report))
        return CompiledWindows(spec, build(listed if bits > 8 else [b"", *listed]))
    if spec.needs_corpus:
        _check_corpus(spec, documents)
    if not spec.chosen_by_use:
        longer = likely_strings(predictor, vocab - 257, False, threads, _stage("find strings", report))
        if len(longer) < vocab - 257:
            raise EqualInfoError(
                f"{spec}: the predictor knows only {len(longer)} strings; the largest v is {len(longer) + 257}"
            )
        return CompiledTokenizer(spec, build(with_singles(longer)))
    assert documents is not None
    count = _candidates(vocab, MOST_CANDIDATES)
    stage = _stage("find candidates", report)
    # Phrases are not M1's, so even with them its strings are within words.
    within = "words" in spec or "phrases" in spec
    candidates = likely_strings(predictor, count, within, threads, stage)
    if "unigram" not in spec:
        return CompiledTokenizer(spec, prune(candidates, vocab, documents, threads, report))
    counted = _candidates(vocab, COUNTED_CANDIDATES)
    repeated = frequent_strings(documents(), counted, report)
    merged = list(dict.fromkeys([*candidates, *repeated]))
    phrases: list[bytes] = []
    if "phrases" in spec:
        phrases = frequent_phrases(documents(), counted, report)
    joined = min(vocab // PHRASES, len(phrases))
    chosen = select(merged, vocab - joined, documents, threads=threads, report=report)
    if joined:
        inside = chosen.automaton.entries()[257:]
        chosen = select(
            inside + phrases, vocab, documents, always=len(inside), threads=threads, report=report
        )
    return ScoredTokenizer(spec, chosen.automaton, chosen.scores.astype(np.uint16))


def _check_corpus(spec: Spec, documents: Callable[[], Iterable[bytes]] | None) -> None:
    """Refuses a corpus that repeats fewer strings than a dictionary has entries: it has no use for the others.

    Raises:
        EqualInfoError: such a corpus, with the largest v that it supports; or none.
    """
    from equalinfo.dictionary.train.corpus_strings import repeated_strings

    if documents is None:
        raise EqualInfoError(f"{spec} is made from text: give a corpus as --corpus")
    vocab = spec["v"]
    largest = 257 + repeated_strings(documents(), vocab - 257)
    if largest < vocab:
        instead = f"the largest v it supports is {largest}"
        if largest < SMALLEST_DICTIONARY:
            instead = f"give more text (the smallest dictionary has {SMALLEST_DICTIONARY})"
        raise EqualInfoError(
            f"{spec}: the corpus is too small for {vocab} ids, it repeats only {largest - 257} strings; {instead}"
        )


def _candidates(vocab: int, times: int) -> int:
    return min(times * vocab, max(FEWEST_CANDIDATES * vocab, MANY))


def _stage(name: str, report: Report | None) -> Callable[[int, int], None] | None:
    return (lambda done, total: report(name, done, total)) if report else None


def load_equal_info(spec: Spec, directory: Path) -> Tokenizer:
    """The tokenizer that was saved into `directory`.

    Raises:
        DamagedArtifact: its files are not what `spec` needs.
    """
    check_spec(spec)
    if spec.get("b") is None:
        automaton = load_automaton(directory)
        if "unigram" in spec:
            return ScoredTokenizer(spec, automaton, load_scores(directory))
        return CompiledTokenizer(spec, automaton)
    if is_listed(spec):
        return CompiledWindows(spec, load_automaton(directory))
    from equalinfo.tokens.coded import load_predictor
    from equalinfo.tokens.windows import SplittingTokenizer

    return SplittingTokenizer(spec, load_predictor(directory))
