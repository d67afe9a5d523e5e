"""A parse drawn at random, likelier ones more often: subword regularisation for unigram dictionaries.

A segmentation is drawn with a probability in proportion to exp(-alpha * its information in nats). Forward, the sum over
all segmentations of each beginning of the text is formed; backward, from the end on, each token is drawn given what
follows (forward filtering, backward sampling). Sums are float64: a seed draws the same parse wherever exp and log
round alike.

Reference: T. Kudo, "Subword regularization", ACL 2018.
"""

import math

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.parse.parser import ByteVector, Ids
from equalinfo.dictionary.parse.suffix_search import suffix_states, write_ids
from equalinfo.dictionary.parse.viterbi import (
    LENGTH_MASK,
    LENGTH_SHIFT,
    NEXT_MASK,
    ONE_BIT,
    SCORE_SHIFT,
    ViterbiParser,
)
from equalinfo.dictionary.trie.layout import Words
from equalinfo.errors import EqualInfoError
from equalinfo.kernels import kernel
from equalinfo.seeded import Bits, uniforms


def sampled(parser: ViterbiParser, text: bytes, alpha: float, source: Bits) -> Ids:
    """Ids of a random segmentation of `text` into entries.

    Args:
        alpha: 0 draws all segmentations equally often; the larger, the closer to the likeliest one.
        source: `seeded.bits`; gives one number for each byte.

    Raises:
        EqualInfoError: alpha is negative or not finite.
    """
    if not (math.isfinite(alpha) and alpha >= 0):
        raise EqualInfoError(f"sample={alpha} must be a finite number, 0 or more; 0.1 to 0.5 is usual")
    array = np.frombuffer(text, np.uint8)
    back = np.empty(array.size, np.uint8)
    weight = -alpha * math.log(2) / ONE_BIT
    count = _draw(*parser.machine, array, weight, uniforms(source, array.size), back)
    out = np.empty(count, parser.id_type)
    write_ids(parser.automaton.words, array, np.array([0, array.size]), back, np.array([0, count]), out)
    return out


@kernel
def _draw(
    steps: Words,
    chains: Words,
    text: ByteVector,
    weight: float,
    chances: NDArray[np.float64],
    back: ByteVector,
) -> int:
    """Draws tokens from the end of the text to its beginning.

    Args:
        steps, chains: as in `viterbi`.
        weight: of a unit of score in the logarithm of a segmentation's probability.
        chances: float64 [bytes], in [0, 1).
        back: uint8 [bytes]; receives the length of the token that ends with byte i, at the ends of those drawn.

    Returns:
        how many tokens there are.
    """
    states = np.empty(text.size + 64, np.uint32)
    suffix_states(steps, text, 0, np.int64(text.size), states)
    logs = np.zeros(text.size + 1)  # of the sum over all segmentations of each beginning
    for end in range(1, text.size + 1):
        word = _within(chains, chains[states[end + 63]], end)
        most = -np.inf
        following = word
        while True:
            log = logs[end - _length(following)] + weight * np.float64(following >> SCORE_SHIFT)
            most = max(most, log)
            if not following & NEXT_MASK:
                break
            following = chains[following & NEXT_MASK]
        total = 0.0
        while True:
            log = logs[end - _length(word)] + weight * np.float64(word >> SCORE_SHIFT)
            total += math.exp(log - most)
            if not word & NEXT_MASK:
                break
            word = chains[word & NEXT_MASK]
        logs[end] = most + math.log(total)
    count = 0
    end = text.size
    while end:
        word = _within(chains, chains[states[end + 63]], end)
        left = chances[end - 1]
        while True:
            length = _length(word)
            left -= math.exp(logs[end - length] + weight * np.float64(word >> SCORE_SHIFT) - logs[end])
            if left < 0 or not word & NEXT_MASK:
                break
            word = chains[word & NEXT_MASK]
        back[end - 1] = length
        end -= length
        count += 1
    return count


@kernel(forceinline=True)
def _within(chains: Words, word: np.uint64, most: int) -> np.uint64:
    """The longest entry of a chain that has no more than `most` bytes."""
    while _length(word) > most:
        word = chains[word & NEXT_MASK]
    return word


@kernel(forceinline=True)
def _length(word: np.uint64) -> int:
    return int((word >> LENGTH_SHIFT) & LENGTH_MASK)
