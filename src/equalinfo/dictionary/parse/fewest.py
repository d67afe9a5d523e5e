"""Parsing into the fewest tokens, exactly, in one pass and one byte of memory per byte of text.

The number of tokens that a text up to some byte needs is one more than the least over all entries that end
there. Which entries end there is one word per state of the Aho-Corasick machine of the trie, bit 64 - n for
length n (`Automaton.suffixes`), so no text makes it slow: neither a run of one character, in
which sixty entries end at every byte, nor the longest entry repeated.

Ties: of the parses with the fewest tokens, the one whose last token is longest; among those, the one whose
last but one is longest; and so on. That is the choice of Hugging Face's `Unigram` model if all scores are
equal, whose Viterbi search keeps the first, that is the longest, of equally good last tokens.

If every prefix of an entry is an entry (prefixes that are whole characters suffice), the longest entry that
ends at a byte is always a best one, and the parse is the greedy one from the right (M. Cohn, R. Khazan,
"Parsing with prefix and suffix dictionaries", DCC 1996); the search below then hardly ever looks further.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.parse.parser import Bounds, ByteVector
from equalinfo.dictionary.parse.short_search import LeastSumParser
from equalinfo.dictionary.parse.suffix_search import CHUNK_BYTES, suffix_states
from equalinfo.dictionary.trie.intrinsics import leading_zeros, trailing_zeros
from equalinfo.dictionary.trie.layout import Words
from equalinfo.kernels import kernel

_ONE = np.uint64(1)
_ALL = np.uint64(2**64 - 1)
_LAST = np.uint64(63)
_WINDOW = np.uint64(64)
_NEWEST = np.uint64(1 << 63)


class FewestParser(LeastSumParser):
    """The fewest tokens in all.

    Examples:
        >>> from equalinfo.dictionary.trie.automaton import build
        >>> entries = [b"", *(bytes([byte]) for byte in range(256)), b"ab", b"bcd"]
        >>> parser = FewestParser(build(entries))
        >>> [entries[token] for token in parser.encode(b"abcd")]
        [b'a', b'bcd']
    """

    @cached_property
    def scores(self) -> NDArray[np.int64]:  # type: ignore[override]
        return np.ones(len(self.automaton), np.int64)

    def _search(self, text: ByteVector, bounds: Bounds, back: ByteVector) -> Bounds:
        return _search(*self.automaton.suffixes, text, bounds, back)


@kernel
def _search(steps: Words, ends: Words, text: ByteVector, bounds: Bounds, back: ByteVector) -> Bounds:
    """As `LeastSumParser._search`; steps, ends: `Automaton.suffixes`."""
    size = np.int64(text.size)
    states = np.empty(min(int(size), 4 * CHUNK_BYTES) + 64, np.uint32)
    needed = np.zeros(64, np.int64)  # tokens needed up to each of the last 64 positions, in turns
    totals = np.zeros(bounds.size, np.int64)
    document = 0
    position = np.uint64(0)  # in the document
    least = _NEWEST  # bit 64 - n: up to no position since n positions ago were fewer tokens needed than up to there
    while document < bounds.size - 1 and bounds[document + 1] == 0:
        document += 1
    for begin in range(0, size, 4 * CHUNK_BYTES):
        end = min(np.int64(begin + 4 * CHUNK_BYTES), size)
        suffix_states(steps, text, begin, end, states)
        i = np.int64(begin)
        while i < end:
            stop = min(bounds[document + 1], end)
            for k in range(np.uint64(i), np.uint64(stop)):
                position += _ONE
                lengths = ends[states[k - np.uint64(begin) + _WINDOW]]
                if position < _WINDOW:  # entries that begin before the document do not count
                    lengths &= _ALL << (_WINDOW - position)
                best_bit = trailing_zeros(lengths)
                best = needed[(position + best_bit) & _LAST]
                # A shorter token can only be better than the longest if up to a position since where that one
                # begins fewer tokens were needed, which is rare; of equals the longer stays.
                if not least >> best_bit & _ONE:
                    others = lengths & (lengths - _ONE)
                    while others:
                        bit = trailing_zeros(others)
                        other = needed[(position + bit) & _LAST]
                        if other < best:
                            best = other
                            best_bit = bit
                        others &= others - _ONE
                best += 1
                needed[position & _LAST] = best
                least >>= _ONE
                while least:
                    bit = _LAST - leading_zeros(least)
                    if needed[(position + bit + _ONE) & _LAST] <= best:
                        break
                    least &= (_ONE << bit) - _ONE
                least |= _NEWEST
                back[k] = _WINDOW - best_bit
            i = stop
            while document < bounds.size - 1 and bounds[document + 1] == i:
                totals[document + 1] = totals[document] + needed[position & _LAST]
                document += 1
                position = np.uint64(0)
                least = _NEWEST
                needed[0] = 0
    return totals
