"""Inner loops of windows from a table: closing texts while they are listed, checking, walking, joining.

The walk's trie is a double array (Aoe 1989) of one 64-bit word for each text::

    bits 41..63  base    the text that goes on by byte c, if there is one, is in slot base + c
    bits 21..40  code    what closes a window that holds this text
    bit  20      mended  that is not the paper's code
    bits 9..19   back    bytes at the text's end that the code does not stand for; the next window takes them
    bits 0..8    label   the byte that leads here; 256 marks a slot that is nobody's

Bases of texts that go on are all different, so a label is as good a check as the text before it. Slot 0 is the
empty text, whose base is 256; base 0, under which nothing ever matches, is that of texts that do not go on. So a
byte costs one load, and what a window needs has been loaded with its text.
"""

import numpy as np

from equalinfo.coding.equal_info_windows import GUARD, STOP_CODEWORDS
from equalinfo.kernels import kernel
from equalinfo.predict.base import PRECISION

BASE_SHIFT, WINDOW_SHIFT, BACK_SHIFT = np.uint64(41), np.uint64(20), np.uint64(9)
LABEL_MASK = np.uint64(511)
FREE = np.uint64(256)
ROOT_BASE = np.uint64(256)
MOST_BACK = (1 << 11) - 1
BACK_MASK = np.uint64(MOST_BACK)
LANES = 4
PATIENCE = 16  # free slots that a search may pass before the next one starts further on
INHERITED = -2  # a text that is closed by the code of a shorter one

_ZERO, _ONE = np.uint64(0), np.uint64(1)


@kernel(inline="always")
def _paper_code(low: int, width: int) -> int:
    """`equal_info_windows.paper_code`."""
    size = 1
    while size <= width >> 1:
        size <<= 1
    start = -(-low // size) * size
    if start + size > low + width:
        size >>= 1
        start = -(-low // size) * size
    return int(start >> GUARD)


@kernel(inline="always")
def _has_owner(low: int, width: int, codeword: int, bounds: np.ndarray) -> bool:
    """Whether the whole of `codeword` lies in the interval of one byte."""
    position = (codeword << GUARD) - low
    target = (((position + 1) << PRECISION) - 1) // width
    byte, above = 0, 256  # bounds[byte] <= target < bounds[above]
    while above - byte > 1:
        middle = (byte + above) >> 1
        if bounds[middle] <= target:
            byte = middle
        else:
            above = middle
    return bool(position + (1 << GUARD) <= width * bounds[above] >> PRECISION)


@kernel
def close_arithmetic(
    low: np.ndarray, width: np.ndarray, first: np.ndarray, last: np.ndarray, bounds: np.ndarray, delay: bool
) -> tuple[np.ndarray, np.ndarray]:
    """`equal_info_windows.closing_code` of texts whose intervals fit into 48 bits.

    Args:
        low, width, first, last: of each text's interval, [n] int64.
        bounds: cumulative frequencies of the byte that follows each, [n, 257] int64.
        delay: take the paper's code in any case.

    Returns:
        codes [n] int64, INHERITED where there is none, and whether each is another than the paper's, [n] bool.
    """
    count = len(low)
    codes, mended = np.empty(count, np.int64), np.zeros(count, np.bool_)
    for i in range(count):
        code = _paper_code(low[i], width[i])
        codes[i] = code
        reserves = last[i] - first[i] >= STOP_CODEWORDS
        if delay or (reserves and code == first[i]):
            continue
        if code >= first[i] and not _has_owner(low[i], width[i], code, bounds[i]):
            continue
        mended[i] = True
        codes[i] = INHERITED
        if reserves:
            codes[i] = first[i]
            continue
        for codeword in range(first[i], last[i]):
            if not _has_owner(low[i], width[i], codeword, bounds[i]):
                codes[i] = codeword
                break
    return codes, mended


@kernel
def parents(depths: np.ndarray, symbols: np.ndarray) -> np.ndarray:
    """The text one byte shorter than each, [n] uint32; an empty array if the texts are not in order or incomplete."""
    count = len(depths)
    result = np.zeros(count, np.uint32)
    path = np.zeros(MOST_BACK + 2, np.int64)  # the last text of each length
    if depths[0] != 0:
        return result[:0]
    for i in range(1, count):
        depth, before = np.int64(depths[i]), np.int64(depths[i - 1])
        if depth < 1 or depth > before + 1 or depth > MOST_BACK:
            return result[:0]
        if depth <= before and symbols[path[depth]] >= symbols[i]:
            return result[:0]
        path[depth] = i
        result[i] = path[depth - 1]
    return result


@kernel
def reads_back(
    parents: np.ndarray, depths: np.ndarray, codes: np.ndarray, mended: np.ndarray, texts: np.ndarray
) -> bool:
    """Whether the encoder comes to the end of any text, and what it writes is read as that text.

    Every byte begins a window; the encoder gets to a text over texts that it gets to; each has a code, and that
    stands for the text itself or a beginning of it that is not empty.
    """
    count = len(parents)
    if count == 0 or codes[0] != -1:
        return False
    for i in range(len(texts)):
        if texts[i] >= count:
            return False
    ends = np.zeros(count, np.int64)  # where the texts that begin with each one end
    for i in range(count - 1, -1, -1):
        ends[i] = max(ends[i], i + 1)
        ends[parents[i]] = max(ends[parents[i]], ends[i])
    singles = 0
    for i in range(1, count):
        if mended[i] > 1:
            return False
        if codes[i] == -1:
            continue
        if codes[i] < 0 or codes[i] >= len(texts):
            return False
        if parents[i] == 0:
            singles += 1
        elif codes[parents[i]] == -1:
            return False
        text = texts[codes[i]]
        if text == 0 or text > i or i >= ends[text]:
            return False
    return singles == 256


@kernel
def owners(
    depths: np.ndarray, codes: np.ndarray, from_: np.ndarray, to: np.ndarray, size: int, shortest: bool
) -> np.ndarray:
    """The text that each code below `size` stands for: the longest that holds it, or the first that it closes."""
    texts = np.zeros(size, np.uint32)
    settled = np.zeros(size, np.bool_)
    for i in range(1, len(depths)):
        for code in range(from_[i], to[i]):
            if not settled[code]:
                texts[code] = i
        if shortest:
            settled[codes[i]] = True
    return texts


@kernel
def inherit(parents: np.ndarray, codes: np.ndarray, mended: np.ndarray) -> None:
    """Gives texts that cannot be closed themselves the code of the text before them."""
    for i in range(1, len(codes)):
        if codes[i] == INHERITED:
            codes[i] = codes[parents[i]]
            mended[i] = 1


@kernel
def place(
    parents: np.ndarray,
    depths: np.ndarray,
    symbols: np.ndarray,
    codes: np.ndarray,
    mended: np.ndarray,
    texts: np.ndarray,
) -> np.ndarray:
    """The words of the double array, uint64 [slots]; arguments as `reads_back` accepts them."""
    count = len(parents)
    # The texts that go on from each, as lists: the first, and the next of the same length.
    first, following = np.zeros(count, np.uint32), np.zeros(count, np.uint32)
    for i in range(count - 1, 0, -1):
        if codes[i] >= 0:
            following[i] = first[parents[i]]
            first[parents[i]] = i
    size = 2 * count + 1024
    words = np.full(size, FREE, np.uint64)
    taken = np.zeros(size, np.bool_)  # bases
    next_free = np.arange(1, size + 2)
    queue, slots = np.zeros(count, np.uint32), np.zeros(count, np.int64)
    tail, start, largest = 1, 512, 256
    for head in range(count):
        if head >= tail:
            break
        text = queue[head]
        child = first[text]
        if child == 0:
            continue
        base = 256
        if head > 0:
            gap, passed = start, 0
            while True:
                # `next_free` leads to the next slot that may be free, over those that were found taken.
                while gap < size and words[gap] != FREE:
                    gap = next_free[gap]
                if gap + 256 >= size:
                    words = np.concatenate((words, np.full(size, FREE, np.uint64)))
                    taken = np.concatenate((taken, np.zeros(size, np.bool_)))
                    next_free = np.concatenate((next_free[:size], np.arange(size + 1, 2 * size + 2)))
                    size *= 2
                base = gap - int(symbols[child])
                fits = not taken[base]
                other = following[child]
                while fits and other != 0:
                    fits = words[base + np.int64(symbols[other])] == FREE
                    other = following[other]
                if fits:
                    break
                gap += 1
                passed += 1
            if passed > PATIENCE:
                start = gap
        taken[base] = True
        largest = max(largest, base)
        words[slots[text]] |= np.uint64(base) << BASE_SHIFT
        while child != 0:
            slot = base + np.int64(symbols[child])
            back = np.uint64(depths[child] - depths[texts[codes[child]]])
            window = np.uint64(codes[child]) << _ONE | np.uint64(mended[child])
            words[slot] = window << WINDOW_SHIFT | back << BACK_SHIFT | np.uint64(symbols[child])
            if slot + 1 < size and words[slot + 1] != FREE:
                next_free[slot] = next_free[slot + 1]
            slots[child] = slot
            queue[tail] = child
            tail += 1
            child = following[child]
    return words[: largest + 256].copy()


@kernel(forceinline=True)
def _step(
    words: np.ndarray, text: np.ndarray, word: np.uint64, at: np.uint64, out: np.ndarray, n: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64]:
    """One byte further: the new word, position and number of windows.

    The next text is the one that goes on by the byte or, if there is none, a window is complete and the next begins
    with the first byte that it does not keep. Both are loaded and the window is written in any case; only n
    says whether it stays. Branches would be mispredicted once for each window.
    """
    c = np.uint64(text[at])
    child = words[(word >> BASE_SHIFT) + c]
    back = (word >> BACK_SHIFT) & BACK_MASK
    fresh = words[ROOT_BASE + np.uint64(text[at - back])]
    closes = np.uint64((child & LABEL_MASK) != c)
    out[n] = np.uint32(word >> WINDOW_SHIFT)
    chosen = _ZERO - closes
    return child ^ ((child ^ fresh) & chosen), at + _ONE - (back & chosen), n + closes


@kernel
def _walk1(
    words: np.ndarray,
    text: np.ndarray,
    word: np.uint64,
    at: np.uint64,
    end: np.uint64,
    out: np.ndarray,
    n: np.uint64,
) -> np.uint64:
    """Walks on to `end`; returns the new n, the last window included."""
    while at < end or word != words[0]:
        while at < end:
            word, at, n = _step(words, text, word, at, out, n)
        out[n] = np.uint32(word >> WINDOW_SHIFT)
        n += _ONE
        at -= (word >> BACK_SHIFT) & BACK_MASK
        word = words[0]
    return n


@kernel
def walk(words: np.ndarray, text: np.ndarray, bounds: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Cuts documents into windows, LANES of them side by side, because a step waits for its load.

    Args:
        words: from `place`.
        text: the documents one after the other, and one byte more, uint8.
        bounds: where they begin and end, [documents + 1] int64.
        out: written: code and mended bit of each window, in the lowest b + 1 bits; those of a document from where its
            bytes begin. As long as `text`, uint32.

    Returns:
        how many windows each document has, [documents] int64.
    """
    documents = len(bounds) - 1
    counts = np.zeros(documents, np.int64)
    word, at = np.zeros(LANES, np.uint64), np.zeros(LANES, np.uint64)
    end, n = np.zeros(LANES, np.uint64), np.zeros(LANES, np.uint64)
    who = np.zeros(LANES, np.int64)
    live, document = 0, 0
    while True:
        while live < LANES and document < documents:
            if bounds[document + 1] > bounds[document]:
                at[live], end[live], n[live] = bounds[document], bounds[document + 1], bounds[document]
                word[live] = words[0]
                who[live] = document
                live += 1
            document += 1
        if live < LANES:
            break
        word0, word1, word2, word3 = word[0], word[1], word[2], word[3]
        at0, at1, at2, at3 = at[0], at[1], at[2], at[3]
        n0, n1, n2, n3 = n[0], n[1], n[2], n[3]
        steps = min(min(end[0] - at0, end[1] - at1), min(end[2] - at2, end[3] - at3))
        for _ in range(steps):
            word0, at0, n0 = _step(words, text, word0, at0, out, n0)
            word1, at1, n1 = _step(words, text, word1, at1, out, n1)
            word2, at2, n2 = _step(words, text, word2, at2, out, n2)
            word3, at3, n3 = _step(words, text, word3, at3, out, n3)
        word[0], word[1], word[2], word[3] = word0, word1, word2, word3
        at[0], at[1], at[2], at[3] = at0, at1, at2, at3
        n[0], n[1], n[2], n[3] = n0, n1, n2, n3
        lane = 0
        while lane < live:
            # A lane that put bytes back is not at its end yet; it goes on alone if that is near.
            if end[lane] - at[lane] > 16:
                lane += 1
                continue
            last = _walk1(words, text, word[lane], at[lane], end[lane], out, n[lane])
            counts[who[lane]] = np.int64(last) - bounds[who[lane]]
            live -= 1
            at[lane], end[lane], n[lane] = at[live], end[live], n[live]
            word[lane], who[lane] = word[live], who[live]
    for lane in range(live):
        last = _walk1(words, text, word[lane], at[lane], end[lane], out, n[lane])
        counts[who[lane]] = np.int64(last) - bounds[who[lane]]
    return counts


@kernel
def pack(
    windows: np.ndarray,
    bounds: np.ndarray,
    counts: np.ndarray,
    bits: int,
    width: int,
    ids: np.ndarray,
    id_bounds: np.ndarray,
) -> np.int64:
    """Cuts each document's windows into ids of `width` bits, zeros added at the end; returns how many are mended.

    Args:
        windows, bounds, counts: as `walk` takes and gives them.
        ids: written, uint16; a document's begin at `id_bounds`.
    """
    mended = np.int64(0)
    mask, id_mask = np.uint64((1 << bits) - 1), np.uint64((1 << width) - 1)
    for document in range(len(counts)):
        to, start = id_bounds[document], bounds[document]
        held, left = _ZERO, 0  # bits that are not in an id yet
        for i in range(start, start + counts[document]):
            window = np.uint64(windows[i])
            mended += np.int64(window & _ONE)
            held = held << np.uint64(bits) | (window >> _ONE & mask)
            left += bits
            while left >= width:
                left -= width
                ids[to] = held >> np.uint64(left) & id_mask
                to += 1
        if left:
            ids[to] = held << np.uint64(width - left) & id_mask
    return mended


@kernel
def unpack(ids: np.ndarray, bits: int, width: int) -> tuple[np.ndarray, int, np.int64]:
    """The windows of ids, [n] uint32, the number of bits that follow the last, and what they are."""
    codes = np.empty(len(ids) * width // bits, np.uint32)
    held, left, to = _ZERO, 0, 0
    mask = np.uint64((1 << bits) - 1)
    for i in range(len(ids)):
        held = held << np.uint64(width) | np.uint64(ids[i])
        left += width
        if left >= bits:
            left -= bits
            codes[to] = held >> np.uint64(left) & mask
            to += 1
    return codes, left, np.int64(held & ((_ONE << np.uint64(left)) - _ONE))


@kernel
def join(parents: np.ndarray, depths: np.ndarray, symbols: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """The bytes of `texts` [n], given by their numbers, one after the other, uint8."""
    size = np.int64(0)
    for i in range(len(texts)):
        size += np.int64(depths[texts[i]])
    out = np.empty(size, np.uint8)
    end = np.int64(0)
    for i in range(len(texts)):
        text = texts[i]
        end += np.int64(depths[text])
        at = end
        while text != 0:
            at -= 1
            out[at] = symbols[text]
            text = parents[text]
    return out
