"""Where words begin, for dictionaries whose entries cross no start of a word.

A word is an optional space and letters (with their marks), or digits, or other signs; a run of white space is
a word too. An entry lies inside one word, of which it may be any part. Classes are Unicode's: letters L and M,
digits N, white space White_Space, all else is a sign (control characters included).

Every parse into such entries cuts a text at every match of SPLIT_PATTERN, because no entry has on its inside a
letter beside a digit, a sign beside a letter, or white space after any of them. So text need not be split
before it is parsed, and splitting it by that pattern first, as an exported tokenizer may, changes no token.
"""

import unicodedata
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

# White space, if any, and what follows it: each run of a parse between two cuts that are always made.
SPLIT_PATTERN = r"\s*(?:[\p{L}\p{M}]+|\p{N}+|[^\s\p{L}\p{M}\p{N}]+)|\s+"

SPACE, WHITE, LETTER, DIGIT, SIGN = range(5)
# Unicode's White_Space property, which \s means in a Hugging Face Split; str.isspace() holds four more.
WHITE_SPACE = (
    *range(0x09, 0x0E),
    0x20,
    0x85,
    0xA0,
    0x1680,
    *range(0x2000, 0x200B),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
)

# States of a string read from its start. FREELY is no state of the table: it marks strings without the rule.
START, ONE_SPACE, IN_WHITE, IN_LETTERS, IN_DIGITS, IN_SIGNS = range(6)
DEAD, FREELY = -1, -2
TRANSITIONS = np.array(
    [
        [ONE_SPACE, IN_WHITE, IN_LETTERS, IN_DIGITS, IN_SIGNS],
        [IN_WHITE, IN_WHITE, IN_LETTERS, IN_DIGITS, IN_SIGNS],
        [IN_WHITE, IN_WHITE, DEAD, DEAD, DEAD],
        [DEAD, DEAD, IN_LETTERS, DEAD, DEAD],
        [DEAD, DEAD, DEAD, IN_DIGITS, DEAD],
        [DEAD, DEAD, DEAD, DEAD, IN_SIGNS],
    ],
    np.int8,
)


@cache
def character_classes(count: int = 0x110000) -> np.ndarray:
    """The class of every code point below `count`, uint8, by the Unicode version of this Python."""
    kinds = {"L": LETTER, "M": LETTER, "N": DIGIT}
    first = (unicodedata.category(chr(point))[0] for point in range(count))
    classes = np.fromiter((kinds.get(letter, SIGN) for letter in first), np.uint8, count)
    classes[list(WHITE_SPACE)] = WHITE
    classes[0x20] = SPACE
    return classes


def within_word(entry: bytes) -> bool:
    """Whether `entry` is UTF-8 and crosses no start of a word: what the compiled search does, to be read.

    Examples:
        >>> within_word(b" equal"), within_word(b"of equal")
        (True, False)
    """
    try:
        text = entry.decode()
    except UnicodeDecodeError:
        return False
    state = START
    for character in text:
        state = int(TRANSITIONS[state, character_classes()[ord(character)]])
        if state == DEAD:
            return False
    return True


def words_of(text: str) -> list[str]:
    """`text` cut at every start of a word, so that no piece crosses one and no two neighbours could be one piece.

    A space belongs to what follows it, if that is not white space; the rest of a run of white space is one piece.

    Examples:
        >>> words_of("Windows of 16 bits.")
        ['Windows', ' of', ' 16', ' bits', '.']
    """
    if not text:
        return []
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    ends = np.zeros(len(points) + 1, bool)
    ends[[0, -1]] = True
    return [text[a:b] for a, b in pairwise(np.flatnonzero(cuts(points, ends)).tolist())]


def cuts(points: NDArray[np.uint32], between: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where `words_of` cuts texts that lie end to end.

    Args:
        points: code points [n].
        between: [n + 1], whether a text begins or the last ends there.

    Returns:
        [n + 1], whether a word begins or the last ends there.
    """
    kinds = character_classes()[points]
    before, after = kinds[:-1], kinds[1:]
    white, next_white = before <= WHITE, (after <= WHITE) & ~between[1:-1]
    cut = between.copy()
    cut[1:-1] |= np.where(white, ~next_white & (before != SPACE), before != after)
    # Of several white characters the last, if it is a space, goes to what follows.
    leaves = white[:-1] & (after[:-1] == SPACE) & ~next_white[1:] & ~between[1:-2] & ~between[2:-1]
    cut[1:-2] |= leaves
    return cut
