"""Parsing into the tokens with the least cost in all: the likeliest parse, if costs are information.

Costs are whole numbers (units of `ONE_BIT`), so sums are exact and ties are ties everywhere. All else is as in
`fewest`, of which this is the case of equal costs: the entries that end at a byte are found through the
Aho-Corasick machine of the trie, longest first. Ties: of the cheapest parses, the one whose last token is longest;
among those, the one whose last but one is longest; and so on.

Reference: the Viterbi search of unigram language models (T. Kudo, "Subword regularization", ACL 2018).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.parse import parser
from equalinfo.dictionary.parse.parser import Bytes, Documents
from equalinfo.dictionary.parse.suffix_search import CHUNK_BYTES, suffix_states, write_ids
from equalinfo.dictionary.trie.aho_corasick import longest_suffix
from equalinfo.dictionary.trie.automaton import Automaton
from equalinfo.dictionary.trie.layout import ACCEPT, LABEL_MASK, VALUE_MASK, VALUE_SHIFT
from equalinfo.errors import EqualInfoError
from equalinfo.kernels import kernel

# A cost of a bit: fine enough to rank parses, and a dictionary's costs are 16 bits each where they are kept.
ONE_BIT = 1 << 10
MOST = (1 << 16) - 1  # the largest cost of an entry

# A word of `_chains`: cost in bits 33..63, length in bits 26..32, slot of the next shorter entry in bits 0..25.
_COST_SHIFT = np.uint64(33)
_LENGTH_SHIFT = np.uint64(26)
_LENGTH_MASK = np.uint64(127)
_NEXT_MASK = np.uint64((1 << 26) - 1)
_ONE = np.uint64(1)
_LAST = np.uint64(63)
_WINDOW = np.uint64(64)


@dataclass(frozen=True, eq=False)
class ScoredVocabulary:
    """A dictionary and what each of its entries costs.

    Args:
        automaton: v entries, of which the first is EOS.
        costs: int64 [v], 0 to MOST; that of EOS is not used.

    Raises:
        EqualInfoError: costs of another number or outside the range.
    """

    automaton: Automaton
    costs: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.costs.shape != (len(self.automaton),) or self.costs.dtype != np.int64:
            raise EqualInfoError(f"a dictionary of {len(self.automaton)} needs as many costs, as int64")
        if self.costs.min() < 0 or self.costs.max() > MOST:
            raise EqualInfoError(f"a cost is 0 to {MOST}")

    @cached_property
    def chains(self) -> NDArray[np.uint64]:
        """For each slot the longest entry that ends there, [slots]; see `_chains`."""
        automaton = self.automaton
        return _chains(automaton.words, *automaton.tree, self.costs)


def encode(costed: ScoredVocabulary, text: Bytes) -> NDArray[np.uint32]:
    """Token ids of one text: uint32 [tokens]. Arguments and errors as in `greedy.encode`."""
    vector = parser.byte_vector(text)
    return encode_flat(costed, vector, np.array([0, vector.size], np.int64))[0]


def count(costed: ScoredVocabulary, text: Bytes) -> int:
    """``len(encode(costed, text))``, without making the ids."""
    vector = parser.byte_vector(text)
    steps, _ = costed.automaton.suffixes
    back = np.empty(vector.size, np.uint8)
    bounds = np.array([0, vector.size], np.int64)
    return int(_search(steps, costed.chains, vector, bounds, back, False)[0][1])


def encode_flat(
    costed: ScoredVocabulary, text: NDArray[np.uint8], bounds: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Token ids of documents that lie one after the other; all as in `greedy.encode_flat`."""
    text = parser.byte_vector(text)
    parser.check_bounds(text, bounds)
    steps, _ = costed.automaton.suffixes
    back = np.empty(text.size, np.uint8)
    id_bounds, _ = _search(steps, costed.chains, text, bounds, back, False)
    out = np.empty(int(id_bounds[-1]), np.uint32)
    write_ids(costed.automaton.words, text, bounds, back, id_bounds, out)
    return out, id_bounds


def encode_batch(
    costed: ScoredVocabulary, documents: Documents, threads: int | None = None
) -> list[NDArray[np.uint32]]:
    """Token ids of each document, on `threads` cores (all by default); the same as `encode` one by one."""
    return parser.split_encode(
        lambda _, text, bounds: encode_flat(costed, text, bounds), costed.automaton, documents, threads
    )


def usage(costed: ScoredVocabulary, documents: Documents, threads: int | None = None) -> NDArray[np.int64]:
    """How often each id occurs in the parses of `documents`: int64 [v], the same on any number of threads."""

    def counts(_: Automaton, text: NDArray[np.uint8], bounds: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(encode_flat(costed, text, bounds)[0], minlength=len(costed.automaton))

    return parser.split_usage(counts, costed.automaton, documents, threads)


def without_itself(costed: ScoredVocabulary) -> NDArray[np.int64]:
    """What each entry's bytes cost when they are parsed into other entries: int64 [v]; single bytes keep theirs."""
    automaton = costed.automaton
    steps, _ = automaton.suffixes
    offsets = automaton.offsets.astype(np.int64)
    back = np.empty(automaton.blob.size, np.uint8)
    _, totals = _search(steps, costed.chains, automaton.blob, offsets, back, True)
    single = automaton.lengths <= 1
    return np.where(single, costed.costs, totals)


@kernel
def _chains(words, slots, parents, depths, costs):  # type: ignore[no-untyped-def]
    """For each slot the longest entry that is a suffix of its path: cost, length, slot of the next shorter one.

    Args:
        words: uint64 [slots]; slots, parents, depths: as `aho_corasick.breadth_first` returns them.
        costs: int64 [v].

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
            cost = np.uint64(costs[(word >> VALUE_SHIFT) & VALUE_MASK])
            entry[slot] = slot
            chains[slot] = (
                (cost << _COST_SHIFT) | (np.uint64(depths[k]) << _LENGTH_SHIFT) | np.uint64(entry[suffix])
            )
        else:
            entry[slot] = entry[suffix]
            chains[slot] = chains[suffix]
    return chains


@kernel
def _search(steps, chains, text, bounds, back, divided):  # type: ignore[no-untyped-def]
    """Finds the cheapest last token of every beginning of every document.

    Args:
        steps: the machine of `Automaton.suffixes`; chains: `_chains`.
        text, bounds: as in `encode_flat`.
        back: uint8 [bytes]; receives at i the length of the token that ends with byte i in the best parse up to there.
        divided: a document of two bytes or more is not one token.

    Returns:
        int64 [documents + 1], tokens of all documents before each; int64 [documents], the cost of each.
    """
    size = np.int64(text.size)
    states = np.empty(4 * CHUNK_BYTES + 64, np.uint32)
    spent = np.zeros(64, np.int64)  # the cost up to each of the last 64 positions, in turns
    tokens = np.zeros(64, np.int64)
    totals = np.zeros(bounds.size, np.int64)
    costs = np.zeros(bounds.size - 1, np.int64)
    document = 0
    position = np.uint64(0)  # in the document
    while document < bounds.size - 1 and bounds[document + 1] == 0:
        document += 1
    for begin in range(0, size, 4 * CHUNK_BYTES):
        end = np.int64(begin + 4 * CHUNK_BYTES)
        if end > size:
            end = size
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
                length = (word >> _LENGTH_SHIFT) & _LENGTH_MASK
                while length > longest:  # entries that begin before the document do not count
                    word = chains[word & _NEXT_MASK]
                    length = (word >> _LENGTH_SHIFT) & _LENGTH_MASK
                best = spent[(position - length) & _LAST] + np.int64(word >> _COST_SHIFT)
                best_length = length
                following = word & _NEXT_MASK
                while following:
                    word = chains[following]
                    length = (word >> _LENGTH_SHIFT) & _LENGTH_MASK
                    other = spent[(position - length) & _LAST] + np.int64(word >> _COST_SHIFT)
                    if other < best:
                        best = other
                        best_length = length
                    following = word & _NEXT_MASK
                tokens[position & _LAST] = tokens[(position - best_length) & _LAST] + 1
                spent[position & _LAST] = best
                back[k] = best_length
            i = stop
            while document < bounds.size - 1 and bounds[document + 1] == i:
                totals[document + 1] = totals[document] + tokens[position & _LAST]
                costs[document] = spent[position & _LAST]
                document += 1
                position = np.uint64(0)
                spent[0] = 0
                tokens[0] = 0
    return totals, costs
