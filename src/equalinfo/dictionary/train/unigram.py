"""Makes a dictionary smaller by what its entries save: drop those whose loss costs the corpus least, repeat.

As in unigram language models (T. Kudo, "Subword regularization", ACL 2018), with counts of the cheapest parse in
place of expected counts, so that everything is whole numbers: the same on every machine and any number of threads.
"""

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.parse.viterbi import MOST, ONE_BIT, ViterbiParser
from equalinfo.dictionary.train.prune import left_after_a_round, wanted_of, with_singles
from equalinfo.dictionary.train.word_counts import OnStage, WordCounts, add_up
from equalinfo.dictionary.trie.automaton import build
from equalinfo.parallel import in_order, worker_threads

# Parses with the same entries before a round drops some: each gives scores to the next.
PARSES = 2


def information_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """-log2 of each count's share, in units of 1 / ONE_BIT bits; counts of 0 have a bit more than counts of 1.

    float64 log2 of whole numbers below 2^53 is rounded to 2^-10 here; a value so near the middle of two that
    libraries round it apart has not been seen.
    """
    total = max(int(counts.sum()), 1)
    doubled = np.where(counts > 0, 2 * counts, 1).astype(np.float64)
    bits = np.log2(2.0 * total) - np.log2(doubled)
    return np.minimum(np.rint(bits * ONE_BIT), MOST).astype(np.int64)


def select(
    candidates: list[bytes],
    size: int,
    corpus: WordCounts,
    always: int = 0,
    threads: int | None = None,
    on_progress: OnStage | None = None,
) -> ViterbiParser:
    """The dictionary of `size` ids that is left of the candidates, as the parser by its entries' scores.

    What an entry saves is its use times how much more its bytes would score in other entries. A round drops
    the 3 of every 10 longer entries that save least, or as many as are too many; single bytes always stay. Ids: 0 is
    EOS, 1 to 256 are the single bytes, then the candidates in their order.

    Args:
        candidates: longer entries, two to 64 bytes, without repeats.
        corpus: its words, where candidates lie within words; `whole` documents otherwise.
        always: so many of the first candidates stay, whatever they save.
        threads: all cores by default; no influence on the result.
        on_progress: called with what is being done, how much of it is done, and of how much (0: not known).

    Raises:
        EqualInfoError: fewer candidates than the dictionary needs.
    """
    wanted = wanted_of(candidates, size)
    entries, scores = candidates, np.full(len(candidates) + 257, ONE_BIT, np.int64)
    stay, cut_at = 257 + always, len(entries)
    while True:
        parser = ViterbiParser(build(with_singles(entries)), scores)
        if 2 * len(entries) <= cut_at:
            corpus, cut_at = _cut(corpus, parser, threads), len(entries)
        for _ in range(PARSES):
            use = corpus.usage(parser, f"parse with {len(parser.automaton):,} entries", threads, on_progress)
            parser = ViterbiParser(parser.automaton, information_of(use))
        if len(entries) == wanted:
            return parser
        saved = (parser.scores_without_itself() - parser.scores)[stay:] * use[stay:].astype(np.float64)
        kept = left_after_a_round(len(saved), wanted - always)
        order = np.argsort(-saved, kind="stable")[:kept]
        ids = np.concatenate([np.arange(stay), stay + np.sort(order)])
        entries, scores = [entries[i - 257] for i in ids[257:].tolist()], parser.scores[ids]


def _cut(corpus: WordCounts, parser: ViterbiParser, threads: int | None) -> WordCounts:
    """The stretches of a corpus that no entry crosses, each once: fewer bytes, and the same use of every entry.

    The fewer entries there are, the shorter they are and the more often the same one comes.
    """

    def cut(group: WordCounts) -> WordCounts:
        return group.divided(np.flatnonzero(parser.cuts(group.text, group.bounds)))

    with worker_threads(threads) as workers:
        return add_up(in_order(workers, cut, corpus.groups()))
