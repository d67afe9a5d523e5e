"""Inner loops of windows whose beginnings are remembered: walking as far as they go, and what to read next."""

import numpy as np

from equalinfo.coding.equal_info_windows import GUARD, STOP_CODEWORDS
from equalinfo.coding.window_kernels import MOST_BACK
from equalinfo.kernels import kernel
from equalinfo.predict.base import PRECISION

Arrays = tuple[np.ndarray, ...]
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
MOST_VISITS = np.uint32(0xFFFFFFFF)  # no more are counted: a text never has fewer than one that it begins


@kernel(inline="always")
def _place(key: np.uint64, mask: np.uint64) -> np.uint64:
    mixed = key * _MIX
    return (mixed ^ (mixed >> _SHIFT)) & mask


@kernel
def insert(
    keys: np.ndarray, values: np.ndarray, parents: np.ndarray, symbols: np.ndarray, start: int, stop: int
) -> None:
    """Enters texts by the one before and the last byte into a hash table; a key of 0 is a free place.

    Args:
        keys: uint64 [places], a power of two, at most half of them taken.
        values: numbers of texts, int32 [places].
    """
    mask = np.uint64(len(keys) - 1)
    for text in range(start, stop):
        key = (np.uint64(parents[text]) << np.uint64(8) | np.uint64(symbols[text])) + np.uint64(1)
        place = _place(key, mask)
        while keys[place] != 0:
            place = (place + np.uint64(1)) & mask
        keys[place] = key
        values[place] = text


@kernel
def advance(
    known: Arrays, closings: Arrays, text: np.ndarray, ends: np.ndarray, lanes: Arrays, written: Arrays
) -> None:
    """Walks every lane on to the end of its document, to a window that is written, or to where M1 has to be asked.

    Args:
        known: keys and values of the hash table; fits [texts, 4] uint64, visits [texts] uint32.
        closings: depth, back, mended and code of each text.
        text: all documents, uint8; ends: where the document of each lane ends.
        lanes: of each: where it is, at its end once it is done; the text its window holds.
        written: at the byte with which a window begins its code, the bytes in it (0: none is written), whether it is
            mended.
    """
    keys, values, fits, visits = known
    depths, backs, mended, codes = closings
    at, nodes = lanes
    out_codes, out_lengths, out_mended = written
    mask = np.uint64(len(keys) - 1)
    for lane in range(len(ends)):
        i, node, end = at[lane], np.int64(nodes[lane]), ends[lane]
        while i < end or node != 0:
            closes = i == end
            if not closes:
                c = np.uint64(text[i])
                key = (np.uint64(node) << np.uint64(8) | c) + np.uint64(1)
                place = _place(key, mask)
                while keys[place] != key and keys[place] != 0:
                    place = (place + np.uint64(1)) & mask
                if keys[place] == key:
                    node = np.int64(values[place])
                    visits[node] += np.uint32(visits[node] < MOST_VISITS)
                    i += 1
                    continue
                if (fits[node, np.int64(c >> np.uint64(6))] >> (c & np.uint64(63))) & np.uint64(1):
                    break
            begin, back = i - np.int64(depths[node]), np.int64(backs[node])
            out_codes[begin], out_mended[begin] = codes[node], mended[node]
            out_lengths[begin] = i - back - begin
            i -= back
            node = np.int64(0)
            if i < end and out_lengths[i]:
                i = end
        at[lane], nodes[lane] = i, node


@kernel
def followed(starts: np.ndarray, ends: np.ndarray, written: Arrays) -> np.ndarray:
    """Moves the windows of each document, each of which begins where the one before ends, to its start in `written`.

    Returns:
        where they end there, [documents] int64.
    """
    codes, lengths, mended = written
    stops = np.empty(len(starts), np.int64)
    for document in range(len(starts)):
        i = n = starts[document]
        while i < ends[document]:
            length = np.int64(lengths[i])
            codes[n], lengths[n], mended[n] = codes[i], length, mended[i]
            i += length
            n += 1
        stops[document] = n
    return stops


@kernel
def next_reads(
    parents: np.ndarray, symbols: np.ndarray, cached: np.ndarray, pairs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What M1 reads next for texts and the bytes that follow them.

    Args:
        pairs: number of a text << 8 | byte, [n] int64, all different.

    Returns:
        of what can be read at once, each once: the text before, which is cached; the byte; the text's number, -1 where
        it has none yet.
    """
    before, bytes_ = np.empty(len(pairs), np.int64), np.empty(len(pairs), np.int64)
    targets, taken = np.empty(len(pairs), np.int64), 0
    asked = np.zeros(len(cached), np.bool_)
    for i in range(len(pairs)):
        text = pairs[i] >> 8
        missing = np.int64(-1)
        while cached[text] < 0:
            missing = text
            text = np.int64(parents[text])
        if missing < 0:
            before[taken], bytes_[taken], targets[taken] = pairs[i] >> 8, pairs[i] & 255, -1
            taken += 1
        elif not asked[missing]:
            asked[missing] = True
            before[taken], bytes_[taken], targets[taken] = text, np.int64(symbols[missing]), missing
            taken += 1
    return before[:taken], bytes_[:taken], targets[:taken]


@kernel
def paths(parents: np.ndarray, cached: np.ndarray, texts: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """Places in the cache of each text's beginnings, from the empty one to itself, [n, longest] int32."""
    cached_places = np.zeros((len(texts), depths.max()), np.int32)
    for i in range(len(texts)):
        text = np.int64(texts[i])
        for place in range(depths[i] - 1, -1, -1):
            cached_places[i, place] = cached[text]
            text = np.int64(parents[text])
    return cached_places


@kernel
def fill(caches: np.ndarray, kept: np.ndarray, cached_places: np.ndarray, depths: np.ndarray) -> None:
    """Copies keys or values of texts' beginnings.

    Args:
        caches: receives them, [n, H, positions, K] int16.
        kept: [places, H, K] int16.
        found: as `paths` gives them; depths: how many each text has, [n].
    """
    for i in range(len(depths)):
        for position in range(depths[i]):
            for h in range(kept.shape[1]):
                for k in range(kept.shape[2]):
                    caches[i, h, position, k] = kept[cached_places[i, position], h, k]


@kernel
def intervals(parents: np.ndarray, bounds: np.ndarray, texts: np.ndarray, bits: int) -> np.ndarray:
    """`equal_info_windows.TextInterval` of texts: low, width, first, last, reserved_until, [n, 5] int64.

    Args:
        bounds: cumulative frequencies of each text's last byte, [texts, 2] uint16.
    """
    result = np.empty((len(texts), 5), np.int64)
    path = np.empty(MOST_BACK, np.int64)
    for i in range(len(texts)):
        text, depth = np.int64(texts[i]), 0
        while text != 0:
            path[depth] = text
            text = np.int64(parents[text])
            depth += 1
        low = first = last = reserved = np.int64(0)
        width = np.int64(1 << (bits + GUARD))
        while depth > 0:
            depth -= 1
            begin = width * np.int64(bounds[path[depth], 0]) >> PRECISION
            width = (width * np.int64(bounds[path[depth], 1]) >> PRECISION) - begin
            low += begin
            first, last = max(-(-low >> GUARD), reserved), (low + width) >> GUARD
            if last - first >= STOP_CODEWORDS:
                reserved = first + 1
        result[i] = low, width, first, last, reserved
    return result


@kernel
def backs_to_first(
    parents: np.ndarray, codes: np.ndarray, texts: np.ndarray, closing: np.ndarray
) -> np.ndarray:
    """With `delay` a code stands for the first text of a window that has it: how many bytes shorter, [n] uint16.

    Args:
        codes: of the shorter texts; closing: of `texts`.
    """
    backs = np.zeros(len(texts), np.uint16)
    for i in range(len(texts)):
        shorter, distance = np.int64(parents[texts[i]]), 1
        while shorter != 0:
            if np.int64(codes[shorter]) == closing[i]:
                backs[i] = distance
            shorter = np.int64(parents[shorter])
            distance += 1
    return backs
