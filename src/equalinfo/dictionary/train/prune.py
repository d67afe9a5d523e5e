"""Makes a dictionary smaller by use: parse a corpus into the fewest tokens, drop the least used, repeat."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.parse.fewest import FewestParser
from equalinfo.dictionary.parse.parser import Parser
from equalinfo.dictionary.train.word_counts import OnStage, WordCounts
from equalinfo.dictionary.trie.automaton import Automaton, build
from equalinfo.errors import EqualInfoError

SINGLES = [bytes([byte]) for byte in range(256)]
DROPPED = (3, 10)  # a round drops at most 3 of every 10 longer entries

Corpus = Callable[[], Iterable[bytes]] | WordCounts


def with_singles(longer: Iterable[bytes]) -> list[bytes]:
    """A dictionary's entries in the order of their ids: EOS, the 256 single bytes, the longer ones."""
    return [b"", *SINGLES, *longer]


def wanted_of(candidates: list[bytes], size: int) -> int:
    """How many longer entries a dictionary of `size` ids has; EqualInfoError if there are fewer candidates."""
    wanted = size - 257
    if len(candidates) < wanted:
        raise EqualInfoError(
            f"v={size} needs {wanted} strings, and only {len(candidates)} were found; the largest v is "
            f"{len(candidates) + 257}"
        )
    return wanted


def left_after_a_round(entries: int, wanted: int) -> int:
    """How many of the longer entries a round keeps."""
    return max(wanted, entries - max(1, entries * DROPPED[0] // DROPPED[1]))


def prune(
    candidates: list[bytes],
    size: int,
    corpus: Corpus,
    threads: int | None = None,
    on_progress: OnStage | None = None,
) -> Automaton:
    """The dictionary of `size` ids that is left of the candidates.

    Each round parses all documents into the fewest tokens and keeps the most used seven tenths of the longer
    entries, or as many as `size` asks for; of equally used ones those that came first. Single bytes always stay. Ids:
    0 is EOS, 1 to 256 are the single bytes, then the longer entries by their use in the last round, most used
    first. Memory does not grow with the corpus.

    Args:
        candidates: longer entries, two to 64 bytes, best first, without repeats.
        corpus: opens its documents; called once a round. Or its words, where candidates lie within words.
        threads: all cores by default; no influence on the result.

    Raises:
        EqualInfoError: fewer candidates than the dictionary needs, or a corpus without bytes.
    """
    wanted = wanted_of(candidates, size)
    entries, total = candidates, 0
    while True:
        automaton = build(with_singles(entries))
        use, total = usage(FewestParser(automaton), corpus, total, threads, on_progress)
        use = use[257:]
        kept = left_after_a_round(len(entries), wanted)
        # Stable: of equal uses the earlier stays, so the result is the same on any number of threads.
        order = np.argsort(-use, kind="stable")[:kept].tolist()
        if kept == wanted:
            return build(with_singles(entries[i] for i in order))
        entries = [entries[i] for i in sorted(order)]


def usage(
    parser: Parser, corpus: Corpus, total: int, threads: int | None, on_progress: OnStage | None
) -> tuple[NDArray[np.int64], int]:
    """How often the parse of a corpus takes each entry, [v]; and the corpus's bytes, as far as they are known.

    Raises:
        EqualInfoError: documents without a byte.
    """
    stage = f"parse with {len(parser.automaton):,} entries"
    if isinstance(corpus, WordCounts):
        return corpus.usage(parser, stage, threads, on_progress), total
    done = 0

    def counted() -> Iterator[bytes]:
        nonlocal done
        shown = 0
        for document in corpus():
            done += len(document)
            yield document
            if on_progress and done - shown >= 1 << 20:
                shown = done
                on_progress(stage, done, total)
        if on_progress:
            on_progress(stage, done, done)

    use = parser.usage(counted(), threads)
    if not done:
        raise EqualInfoError("the corpus holds no bytes; give a corpus with text")
    return use, done
