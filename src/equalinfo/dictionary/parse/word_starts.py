"""Where words start, 64 bytes at a time: places that no entry of a dictionary within words crosses.

A start lies between two characters, the first of which is no white space, of different classes; or after white
space, except after a space (`train.word_boundaries` has the classes). That is each place where SPLIT_PATTERN cuts, and
after line ends and tabs. What is before and after a place decides alone, so text may be looked at from any start on.

Places that are not cut do no harm: bytes that are not UTF-8 and characters whose class is not known are cut from
nothing.
"""

import numpy as np
from numpy.typing import NDArray

from equalinfo.dictionary.parse.memory import class_masks, load8, load64, ones, stack, store16, store64
from equalinfo.dictionary.train.word_boundaries import DIGIT, LETTER, SIGN, WHITE, character_classes
from equalinfo.dictionary.trie.automaton import Automaton
from equalinfo.dictionary.trie.intrinsics import trailing_zeros
from equalinfo.kernels import kernel

UNKNOWN = SIGN + 1  # beside the classes of `word_boundaries`
CODE_POINTS = 0x20000  # characters from here on, rare ideographs, are not looked up
AHEAD = 67  # bytes after a text that may be read, whatever is there

_MASKS_BYTES = 16 * (UNKNOWN + 1)  # two words for each class; those of spaces, which are ASCII, are not read
_0, _1, _2, _3, _6, _8, _12, _18 = (np.uint64(n) for n in (0, 1, 2, 3, 6, 8, 12, 18))
_32, _63, _64 = (np.uint64(n) for n in (32, 63, 64))
_TWO, _THREE, _FOUR, _FIVE = (np.uint64(n) for n in (0xC0, 0xE0, 0xF0, 0xF8))  # lead bytes of so many
_LAST = np.uint64(0x80)
_UNKNOWN, _CODE_POINTS = np.uint64(UNKNOWN), np.uint64(CODE_POINTS)


def classes_for(automaton: Automaton) -> NDArray[np.uint8] | None:
    """The class of each code point below CODE_POINTS, uint8, by which no entry crosses a start; None if some do.

    Where Python's Unicode is another than that by which entries were made, characters of those that would be cut count
    as unknown.
    """
    lengths = automaton.lengths.astype(np.int64)
    longer = lengths > 1
    try:
        text = automaton.blob[np.repeat(longer, lengths)].tobytes().decode()
    except UnicodeDecodeError:
        return None
    begins = automaton.blob[automaton.offsets[:-1][longer]]
    if ((begins & 0xC0) == 0x80).any():
        return None
    classes = character_classes(CODE_POINTS).copy()
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    sizes = 1 + (points > 0x7F) + (points > 0x7FF) + (points > 0xFFFF)
    # Whether an entry goes on after a character.
    inside = ~np.isin(np.cumsum(sizes), np.cumsum(lengths[longer]))[:-1]
    crossed = np.flatnonzero(inside & _starts_between(points, classes))
    if crossed.size:
        around = np.concatenate([points[crossed], points[crossed + 1]])
        classes[around[(around > 0x7F) & (around < CODE_POINTS)]] = UNKNOWN
        if (inside & _starts_between(points, classes)).any():
            return None
    return classes


def _starts_between(points: NDArray[np.uint32], classes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether a word starts between each two neighbours of some characters: what the kernel does, to be read."""
    kinds = np.where(points < CODE_POINTS, classes[np.minimum(points, CODE_POINTS - 1)], UNKNOWN)
    is_word = (kinds >= LETTER) & (kinds <= SIGN)
    before, after = kinds[:-1], kinds[1:]
    return (after != UNKNOWN) & np.where(is_word[:-1], before != after, (before == WHITE) & is_word[1:])


@kernel
def _foreign(text: np.uint64, todo: np.uint64, classes: np.uint64, masks: np.uint64) -> None:
    """Adds the bytes of a block that are not ASCII, which `todo` has, to the masks of their classes.

    Args:
        masks: of two words for each class; the second has the bytes of a last character that are in the next block.
    """
    while todo:
        i = trailing_zeros(todo)
        p = text + i
        lead = load8(p)
        size = _1
        kind = _UNKNOWN
        b1 = load8(p + _1) ^ _LAST
        if lead >= _TWO and b1 < _64:
            if lead < _THREE:
                size = _2
                kind = load8(classes + ((lead & np.uint64(31)) << _6 | b1))
            else:
                b2 = load8(p + _2) ^ _LAST
                if b2 < _64:
                    if lead < _FOUR:
                        size = _3
                        kind = load8(classes + ((lead & np.uint64(15)) << _12 | b1 << _6 | b2))
                    elif lead < _FIVE:
                        b3 = load8(p + _3) ^ _LAST
                        if b3 < _64:
                            size = np.uint64(4)
                            point = (lead & np.uint64(7)) << _18 | b1 << _12 | b2 << _6 | b3
                            if point < _CODE_POINTS:
                                kind = load8(classes + point)
        bits = ((_1 << size) - _1) << i
        mask = masks + (kind << np.uint64(4))
        store64(mask, load64(mask) | bits)
        if i + size > _64:
            store64(mask + _8, ((_1 << size) - _1) >> (_64 - i))
        todo &= ~bits


@kernel(forceinline=True)
def word_starts(text: np.uint64, size: np.uint64, classes: np.uint64, starts: np.uint64) -> np.uint64:
    """Writes where words start in `size` bytes at `text`, the first at 0.

    Args:
        text: an address, at which a word starts; AHEAD bytes behind it may be read.
        size: 1 to 65,535.
        classes: the address of those of `classes_for`.
        starts: an address with room for `size` 16-bit numbers and 15 more.

    Returns:
        how many there are.
    """
    masks = stack(_MASKS_BYTES)
    for k in range(2 * WHITE, 2 * UNKNOWN + 2):
        store64(masks + np.uint64(8 * k), _0)
    count = _0
    letters_before = digits_before = signs_before = whites_before = _0
    cut = _1
    block = _0
    while block < size:
        space, white, letter, digit, high = class_masks(text + block)
        unknown = _0
        if high:
            for k in range(WHITE, UNKNOWN + 1):
                mask = masks + np.uint64(16 * k)
                store64(mask, load64(mask + _8))
                high &= ~load64(mask)
                store64(mask + _8, _0)
            _foreign(text + block, high, classes, masks)
            letter |= load64(masks + np.uint64(16 * LETTER))
            digit |= load64(masks + np.uint64(16 * DIGIT))
            white |= load64(masks + np.uint64(16 * WHITE))
            unknown = load64(masks + np.uint64(16 * UNKNOWN))
        sign = ~(space | white | letter | digit | unknown)
        cut |= (
            ((letter << _1 | letters_before) & ~letter)
            | ((digit << _1 | digits_before) & ~digit)
            | ((sign << _1 | signs_before) & ~sign)
            | ((white << _1 | whites_before) & ~(white | space))
        ) & ~unknown
        letters_before, digits_before = letter >> _63, digit >> _63
        signs_before, whites_before = sign >> _63, white >> _63
        if size - block < _64:
            cut &= (_1 << (size - block)) - _1
        at = starts + (count << _1)
        count += ones(cut)
        # Sixteen at once, which few blocks have more than: a loop over as many as there are ends where none foresees.
        while True:
            for k in range(16):
                store16(at + np.uint64(2 * k), block + trailing_zeros(cut))
                cut &= cut - _1
            at += _32
            if cut == _0:
                break
        block += _64
    return count
