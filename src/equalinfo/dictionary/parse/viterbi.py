"""Parsing into the tokens with the least sum of scores: the likeliest parse.

An entry's score is its information, so less is likelier (SentencePiece's scores are the negatives). Scores are whole
numbers (units of `ONE_BIT`), so sums are exact and ties are ties everywhere. All else is as in
`fewest`, of which this is the case of equal scores: the entries that end at a byte are found through the
Aho-Corasick machine of the trie, longest first. Ties: of the best parses, the one whose last token is longest;
among those, the one whose last but one is longest; and so on.

Reference: the Viterbi search of unigram language models (T. Kudo, "Subword regularization", ACL 2018).
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.parse.parser import Bounds, ByteVector, byte_vector
from equalinfo.dictionary.parse.short_search import LeastSumParser
from equalinfo.dictionary.parse.suffix_search import CHUNK_BYTES, suffix_states
from equalinfo.dictionary.trie.aho_corasick import longest_suffix
from equalinfo.dictionary.trie.automaton import Automaton
from equalinfo.dictionary.trie.layout import ACCEPT, LABEL_MASK, VALUE_MASK, VALUE_SHIFT, Words
from equalinfo.errors import EqualInfoError
from equalinfo.kernels import kernel

# The score of a bit: fine enough to rank parses, and a dictionary's scores are 16 bits each where they are kept.
ONE_BIT = 1 << 10
MOST = (1 << 16) - 1  # the largest score of an entry

# A word of `_chains`: score in bits 33..63, length in bits 26..32, slot of the next shorter entry in bits 0..25.
SCORE_SHIFT = np.uint64(33)
LENGTH_SHIFT = np.uint64(26)
LENGTH_MASK = np.uint64(127)
NEXT_MASK = np.uint64((1 << 26) - 1)
_ONE = np.uint64(1)
_LAST = np.uint64(63)


class ViterbiParser(LeastSumParser):
    """The parse with the least sum of scores.

    Args:
        automaton: v entries, of which the first is EOS.
        scores: int64 [v], the information of each entry in units of `ONE_BIT`, 0 to MOST; that of EOS is not used.

    Raises:
        EqualInfoError: scores of another number or outside the range.

    Examples:
        >>> from equalinfo.dictionary.trie.automaton import build
        >>> entries = [b"", *(bytes([byte]) for byte in range(256)), b"ab", b"bcd"]
        >>> scores = np.array([8 * ONE_BIT] * 257 + [2 * ONE_BIT, 20 * ONE_BIT])
        >>> [entries[token] for token in ViterbiParser(build(entries), scores).encode(b"abcd")]
        [b'ab', b'c', b'd']
    """

    def __init__(self, automaton: Automaton, scores: NDArray[np.int64]) -> None:
        super().__init__(automaton)
        if scores.shape != (len(automaton),) or scores.dtype != np.int64:
            raise EqualInfoError(f"a dictionary of {len(automaton)} needs as many scores, as int64")
        if scores.min() < 0 or scores.max() > MOST:
            raise EqualInfoError(f"a score is 0 to {MOST}")
        self.scores = scores

    @cached_property
    def machine(self) -> tuple[Words, Words]:
        """The steps of `Automaton.suffixes`, and `_chains`."""
        automaton = self.automaton
        return automaton.suffixes[0], _chains(automaton.words, *automaton.tree, self.scores)

    def _search(self, text: ByteVector, bounds: Bounds, back: ByteVector) -> Bounds:
        return _search(*self.machine, text, bounds, back, False)[0]

    def cuts(self, text: ByteVector, bounds: Bounds) -> NDArray[np.bool_]:
        """Where every parse cuts texts that lie end to end, because no entry that stands there crosses it.

        Args:
            text: uint8 [bytes]; bounds: int64 [texts + 1].

        Returns:
            [bytes + 1]; at each of the bounds too.
        """
        cuts = np.zeros(text.size + 1, bool)
        cuts[bounds] = True
        _cut(*self.machine, byte_vector(text), cuts)
        return cuts

    def scores_without_itself(self) -> NDArray[np.int64]:
        """The score of each entry's bytes when they are parsed into others: int64 [v]; single bytes keep theirs."""
        automaton = self.automaton
        back = np.empty(automaton.blob.size, np.uint8)
        _, totals = _search(*self.machine, automaton.blob, automaton.offsets.astype(np.int64), back, True)
        return np.where(automaton.lengths <= 1, self.scores, totals)


@kernel
def _chains(
    words: Words,
    slots: NDArray[np.uint32],
    parents: NDArray[np.uint32],
    depths: NDArray[np.uint8],
    scores: NDArray[np.int64],
) -> Words:
    """For each slot the longest entry that is a suffix of its path: score, length, slot of the next shorter one.

    Args:
        words: uint64 [slots]; slots, parents, depths: as `aho_corasick.breadth_first` returns them.
        scores: int64 [v].

    Returns:
        uint64 [slots]; 0 where no entry ends.
    """
    link = np.zeros(words.size, np.uint32)  # to the longest proper suffix
    chains = np.zeros(words.size, np.uint64)
    entry = np.zeros(words.size, np.uint32)  # the state of the longest entry, the state itself if it is one
    for k in range(1, slots.size):
        slot = slots[k]
        word = words[slot]
        suffix = longest_suffix(words, link, slots[parents[k]], word & LABEL_MASK)
        link[slot] = suffix
        if word & ACCEPT:
            score = np.uint64(scores[(word >> VALUE_SHIFT) & VALUE_MASK])
            entry[slot] = slot
            chains[slot] = (
                (score << SCORE_SHIFT) | (np.uint64(depths[k]) << LENGTH_SHIFT) | np.uint64(entry[suffix])
            )
        else:
            entry[slot] = entry[suffix]
            chains[slot] = chains[suffix]
    return chains


@kernel
def _search(
    steps: Words, chains: Words, text: ByteVector, bounds: Bounds, back: ByteVector, divided: bool
) -> tuple[Bounds, NDArray[np.int64]]:
    """As `LeastSumParser._search`.

    Args:
        steps: the machine of `Automaton.suffixes`; chains: `_chains`.
        divided: a document of two bytes or more is not one token.

    Returns:
        int64 [documents + 1], tokens of all documents before each; int64 [documents], the score of each.
    """
    size = np.int64(text.size)
    states = np.empty(min(int(size), 4 * CHUNK_BYTES) + 64, np.uint32)
    spent = np.zeros(64, np.int64)  # the score up to each of the last 64 positions, in turns
    tokens = np.zeros(64, np.int64)
    totals = np.zeros(bounds.size, np.int64)
    scores = np.zeros(bounds.size - 1, np.int64)
    document = 0
    position = np.uint64(0)  # in the document
    while document < bounds.size - 1 and bounds[document + 1] == 0:
        document += 1
    for begin in range(0, size, 4 * CHUNK_BYTES):
        end = min(np.int64(begin + 4 * CHUNK_BYTES), size)
        suffix_states(steps, text, begin, end, states)
        i = np.int64(begin)
        while i < end:
            stop = min(bounds[document + 1], end)
            last = bounds[document + 1] - 1
            for k in range(i, stop):
                position += _ONE
                word = chains[states[k - begin + 64]]
                longest = position
                if divided and k == last and position > _ONE:
                    longest = position - _ONE
                length = (word >> LENGTH_SHIFT) & LENGTH_MASK
                while length > longest:  # entries that begin before the document do not count
                    word = chains[word & NEXT_MASK]
                    length = (word >> LENGTH_SHIFT) & LENGTH_MASK
                best = spent[(position - length) & _LAST] + np.int64(word >> SCORE_SHIFT)
                best_length = length
                following = word & NEXT_MASK
                while following:
                    word = chains[following]
                    length = (word >> LENGTH_SHIFT) & LENGTH_MASK
                    other = spent[(position - length) & _LAST] + np.int64(word >> SCORE_SHIFT)
                    if other < best:
                        best = other
                        best_length = length
                    following = word & NEXT_MASK
                tokens[position & _LAST] = tokens[(position - best_length) & _LAST] + 1
                spent[position & _LAST] = best
                back[k] = best_length
            i = stop
            while document < bounds.size - 1 and bounds[document + 1] == i:
                totals[document + 1] = totals[document] + tokens[position & _LAST]
                scores[document] = spent[position & _LAST]
                document += 1
                position = np.uint64(0)
                spent[0] = 0
                tokens[0] = 0
    return totals, scores


@kernel
def _cut(steps: Words, chains: Words, text: ByteVector, cuts: NDArray[np.bool_]) -> None:
    """As `ViterbiParser.cuts`, which gives the bounds in `cuts`."""
    size = np.int64(text.size)
    states = np.empty(min(int(size), 4 * CHUNK_BYTES) + 64, np.uint32)
    longest = np.empty(size, np.uint8)  # of the entries that end at each byte
    for begin in range(0, size, 4 * CHUNK_BYTES):
        end = min(np.int64(begin + 4 * CHUNK_BYTES), size)
        suffix_states(steps, text, begin, end, states)
        for k in range(begin, end):
            longest[k] = (chains[states[k - begin + 64]] >> LENGTH_SHIFT) & LENGTH_MASK
    first = size  # where the entries begin that end at this byte or later
    for k in range(size - 1, -1, -1):
        first = min(first, k + 1 - np.int64(longest[k]))
        if cuts[k] or first >= k:
            cuts[k] = True
            first = size
