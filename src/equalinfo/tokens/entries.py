"""The entries of a dictionary: strings from M1 and a corpus, chosen as a spec says (design, section 4)."""

import re

import numpy as np

from equalinfo.dictionary.parse.viterbi import ViterbiParser
from equalinfo.dictionary.train.corpus_strings import frequent_phrases, frequent_strings, repeated_strings
from equalinfo.dictionary.train.m1_strings import likely_strings
from equalinfo.dictionary.train.prune import Corpus, prune, with_singles
from equalinfo.dictionary.train.unigram import select
from equalinfo.dictionary.train.word_boundaries import DIGIT, character_classes
from equalinfo.dictionary.train.word_counts import WordCounts
from equalinfo.dictionary.trie.automaton import Automaton
from equalinfo.errors import EqualInfoError
from equalinfo.limits import MAX_ENTRY_BYTES
from equalinfo.tokens.dictionary_options import SMALLEST_DICTIONARY
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec

# Strings from M1 for every one that pruning leaves: 8, and fewer where that would be more than a million, down to 2.
MOST_CANDIDATES, FEWEST_CANDIDATES, MANY = 8, 2, 1 << 20
COUNTED_CANDIDATES = 16  # as MOST_CANDIDATES, of strings that the corpus repeats
PHRASES = 16  # one in so many entries joins words, with `phrases`
# Bytes: of a larger corpus, phrases, and the scores beside them, are of a sample of that size.
PHRASES_FROM = 192 << 20


def most_probable(spec: Spec, sources: Sources) -> list[bytes]:
    """The entries of a greedy dictionary, by id: EOS, single bytes, the most probable strings under M1.

    Raises:
        EqualInfoError: no predictor, or one that knows fewer strings.
    """
    wanted = spec["v"] - 257
    longer = _from_predictor(spec, sources, wanted, "find strings")
    if len(longer) < wanted:
        raise EqualInfoError(
            f"{spec}: the predictor knows only {len(longer)} strings; the largest v is {len(longer) + 257}"
        )
    return with_singles(longer)


def most_used(spec: Spec, sources: Sources) -> Automaton:
    """The dictionary of those of more such strings that a corpus uses most, parsed into the fewest tokens.

    Raises:
        EqualInfoError: no predictor where entries may cross words, no corpus, or a corpus that is too small.
    """
    corpus = _words(spec, sources) if "words" in spec else sources.corpus(spec)
    candidates = _with_few_digits(spec, _candidates(spec, sources, corpus))
    return prune(candidates, spec["v"], corpus, sources.threads, sources.on_progress)


def most_saving(spec: Spec, sources: Sources) -> ViterbiParser:
    """The parser of those strings, and of the corpus's own, that save the corpus most; errors as in `most_used`."""
    vocab, threads, on_progress = spec["v"], sources.threads, sources.on_progress
    corpus = _words(spec, sources)
    candidates = _candidates(spec, sources, corpus)
    counted = _so_many(vocab, COUNTED_CANDIDATES)
    merged = list(dict.fromkeys([*candidates, *frequent_strings(corpus, counted, on_progress)]))
    merged = _with_few_digits(spec, merged)
    if "phrases" not in spec:
        return select(merged, vocab, corpus, threads=threads, on_progress=on_progress)
    sample = sources.sample(spec, PHRASES_FROM / int(np.diff(corpus.bounds) @ corpus.counts))
    phrases = _with_few_digits(spec, frequent_phrases(sample, counted, threads, on_progress))
    joined = min(vocab // PHRASES, len(phrases))
    chosen = select(merged, vocab - joined, corpus, threads=threads, on_progress=on_progress)
    if not joined:
        return chosen
    inside = chosen.automaton.entries()[257:]
    return select(
        inside + phrases, vocab, sample, always=len(inside), threads=threads, on_progress=on_progress
    )


def _words(spec: Spec, sources: Sources) -> WordCounts:
    """The corpus's words, for which it is read once; EqualInfoError if it is too small."""
    _check_corpus(spec, sources)
    return sources.words(spec)


def _candidates(spec: Spec, sources: Sources, corpus: Corpus) -> list[bytes]:
    """Strings to choose from: the predictor's; without one, where entries lie within words, the corpus's own.

    Unigram dictionaries take the corpus's own anyway, so there is nothing to add for these.
    """
    if sources.has_predictor(spec) or not _within_words(spec):
        return _from_predictor(spec, sources, _so_many(spec["v"], MOST_CANDIDATES), "find candidates")
    if not isinstance(corpus, WordCounts) or "unigram" in spec:
        return []
    return frequent_strings(corpus, _so_many(spec["v"], COUNTED_CANDIDATES), sources.on_progress)


def _with_few_digits(spec: Spec, strings: list[bytes]) -> list[bytes]:
    """Those without a run of more digits than the spec allows."""
    most = spec.get("digits")
    if most is None or most >= MAX_ENTRY_BYTES:
        return strings
    digits = "".join(map(chr, np.flatnonzero(character_classes() == DIGIT).tolist()))
    too_many = re.compile(f"[{digits}]{{{most + 1}}}")
    return [string for string in strings if not too_many.search(string.decode())]


def _within_words(spec: Spec) -> bool:
    """Whether strings of a predictor have to lie within words; phrases are not M1's, so with them too."""
    return "words" in spec or "phrases" in spec


def _from_predictor(spec: Spec, sources: Sources, count: int, stage: str) -> list[bytes]:
    predictor = sources.predictor(spec)
    if spec.needs_corpus:
        _check_corpus(spec, sources)
    return likely_strings(predictor, count, _within_words(spec), sources.cores, sources.stage(stage))


def _so_many(vocab: int, times: int) -> int:
    return min(times * vocab, max(FEWEST_CANDIDATES * vocab, MANY))


def _check_corpus(spec: Spec, sources: Sources) -> None:
    """Refuses a corpus that repeats fewer strings than a dictionary has entries: it has no use for the others.

    Raises:
        EqualInfoError: such a corpus, with the largest v that it supports.
    """
    vocab = spec["v"]
    largest = 257 + repeated_strings(sources.corpus(spec)(), vocab - 257)
    if largest >= vocab:
        return
    instead = f"the largest v it supports is {largest}"
    if largest < SMALLEST_DICTIONARY:
        instead = f"give more text (the smallest dictionary has {SMALLEST_DICTIONARY})"
    raise EqualInfoError(
        f"{spec}: the corpus is too small for {vocab} ids, it repeats only {largest - 257} strings; {instead}"
    )
