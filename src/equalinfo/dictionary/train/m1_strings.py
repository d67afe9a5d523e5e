"""The most probable strings under M1 from the empty context: where dictionaries come from.

A string's information is the sum over its bytes of -log2(frequency / 2^14), in fixed point, from a table made
with integers alone. Strings are ordered by it, equal ones by their bytes, so the order is the same on every
machine. No string is more probable than its beginning, so all strings up to some information are found by a
walk that never goes below one that exceeds it; how much information gives enough strings is searched for.
"""

from functools import cache
from threading import Lock

import numpy as np

from equalinfo.dictionary.train.word_boundaries import DEAD, FREELY, START, TRANSITIONS, character_classes
from equalinfo.kernels import kernel
from equalinfo.limits import MAX_ENTRY_BYTES
from equalinfo.predict.base import FREQUENCY_TOTAL, PRECISION, OnProgress, Predictor
from equalinfo.predict.prefixes import visit_prefixes

INFORMATION_BITS = 24  # fractional bits of information in fixed point
ONE_BIT = 1 << INFORMATION_BITS
# A search for N strings gives up a trial that found this many times N, and tries less information.
FAR_TOO_MANY = 3


@cache
def information() -> np.ndarray:
    """-log2(f / 2^14) for f = 0 to 2^14 in units of 2^-24 bits, rounded up; [2^14 + 1] int64, f = 0 unused.

    By integers: the logarithm's bits are read off one after the other by squaring a 96-bit mantissa.
    """
    guard = 96
    table = [0]
    for frequency in range(1, FREQUENCY_TOTAL + 1):
        whole = frequency.bit_length() - 1
        mantissa, log = frequency << (guard - whole), whole
        for _ in range(INFORMATION_BITS):
            mantissa = mantissa * mantissa >> guard
            log <<= 1
            if mantissa >> (guard + 1):
                mantissa >>= 1
                log |= 1
        table.append((PRECISION << INFORMATION_BITS) - log)
    return np.array(table, np.int64)


def likely_strings(
    predictor: Predictor,
    count: int,
    words: bool = False,
    threads: int = 1,
    on_progress: OnProgress | None = None,
) -> list[bytes]:
    """The `count` strings with the least information, in that order, each of two bytes or more.

    Strings are valid UTF-8, whole characters, at most MAX_ENTRY_BYTES. Fewer come back only if there are no more.
    What was found last is kept: fewer of the same predictor's are the first of it, and several tokenizers are often
    made from one.

    Args:
        words: only strings that cross no start of a word (`dictionary.train.word_boundaries`).
        threads: has no influence on the result.
        on_progress: called now and then with how many strings are found, of how many that are looked for.
    """
    asked = (predictor.fingerprint, words)
    if asked not in _kept or len(_kept[asked]) < count:
        strings = _search(predictor, count, words, threads, on_progress)
        for other in [key for key in _kept if key[0] != predictor.fingerprint]:
            del _kept[other]
        _kept[asked] = strings
    return _kept[asked][:count]


_kept: dict[tuple[str, bool], list[bytes]] = {}


def _search(
    predictor: Predictor, count: int, words: bool, threads: int, on_progress: OnProgress | None
) -> list[bytes]:
    """At least `count` strings in order, or all there are."""
    enough, too_much = 0.0, float(PRECISION * MAX_ENTRY_BYTES)  # bits that give too few strings, or too many
    bits, before = 8.0, (0.0, 1)
    while True:
        # Once hardly any room is left, more strings than wanted are equally probable: take them all.
        most = None if too_much - enough < 1 / 64 else FAR_TOO_MANY * count + 10_000
        strings = _strings_within(predictor, int(bits * ONE_BIT), words, threads, most, count, on_progress)
        if strings is not None and (len(strings) >= count or bits >= PRECISION * MAX_ENTRY_BYTES):
            return strings
        if strings is None:
            too_much = bits
            bits = (enough + too_much) / 2
            continue
        # The number of strings grows by a nearly constant factor per bit.
        slope = np.log2((len(strings) + 1) / before[1]) / (bits - before[0]) if before[0] else 1.0
        before, enough = (bits, len(strings) + 1), bits
        # First to about an eighth of the strings, which shows the factor there, then to all. The factor falls
        # slowly, hence 0.95: a trial that finds a few too many costs less than one more trial.
        aim = count / 8 if len(strings) < count / 12 else 1.08 * count
        step = np.log2((aim + 1) / (len(strings) + 1)) / min(max(0.95 * slope, 0.3), 1.5)
        bits = min(bits + min(max(float(step), 1 / 128), 8.0), (enough + too_much) / 2)
        if too_much == PRECISION * MAX_ENTRY_BYTES and before[1] == 1:
            bits = enough + 4  # nothing yet: no factor to go by


def _strings_within(
    predictor: Predictor,
    limit: int,
    words: bool,
    threads: int,
    most: int | None,
    wanted: int,
    on_progress: OnProgress | None,
) -> list[bytes] | None:
    """All strings of two bytes or more with at most `limit` information, in order; None if more than `most`."""
    number, counting = 0, Lock()
    table, classes = information(), character_classes()

    def visit(
        frequencies: np.ndarray, texts: np.ndarray, payload: np.ndarray
    ) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]:
        nonlocal number
        parents, symbols, children = _children(frequencies, payload, limit, table, classes, TRANSITIONS)
        whole = children[:, 1] == 0
        strings = np.column_stack([texts[parents[whole]], symbols[whole].astype(np.uint8)])
        costs = children[whole, 0]
        if strings.shape[1] < 2:
            strings, costs = strings[:0], costs[:0]
        with counting:
            number += len(strings)
            if on_progress:
                on_progress(min(number, wanted), wanted)
        if texts.shape[1] + 1 >= MAX_ENTRY_BYTES or (most is not None and number > most):
            parents, symbols, children = parents[:0], symbols[:0], children[:0]
        return (strings, costs), (parents, symbols, children)

    start = np.array([0, 0, 0, START if words else FREELY])
    costed: list[tuple[int, bytes]] = []
    for strings, costs in visit_prefixes(predictor, start, visit, threads):
        length, blob = strings.shape[1], strings.tobytes()
        costed += ((cost, blob[i * length : (i + 1) * length]) for i, cost in enumerate(costs.tolist()))
    if most is not None and number > most:
        return None
    costed.sort()
    return [string for _, string in costed]


@kernel
def _children(
    frequencies: np.ndarray,
    payload: np.ndarray,
    limit: int,
    table: np.ndarray,
    classes: np.ndarray,
    transitions: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Longer strings within the limit that are, or can become, valid UTF-8 and one word.

    Args:
        payload: [n, 4] int64: information; what the open character still needs, as bytes needed + 8 x lowest
            next byte + 2048 x highest (0: no character is open); its bits so far; state of the word.

    Returns:
        Parents [m], bytes [m] and payload [m, 4], all int64.
    """
    rows = payload.shape[0]
    count = 0
    for n in range(rows):
        for c in range(256):
            count += payload[n, 0] + table[frequencies[n, c]] <= limit
    parents = np.empty(count, np.int64)
    symbols = np.empty(count, np.int64)
    out = np.empty((count, 4), np.int64)
    m = 0
    for n in range(rows):
        needed = payload[n, 1] & 7
        lowest = (payload[n, 1] >> 3) & 255
        highest = (payload[n, 1] >> 11) & 255
        for c in range(256):
            cost = payload[n, 0] + table[frequencies[n, c]]
            if cost > limit:
                continue
            # RFC 3629, section 4: which bytes may begin and continue a character.
            low, high = 0x80, 0xBF
            if needed:
                if c < lowest or c > highest:
                    continue
                more, character = needed - 1, (payload[n, 2] << 6) | (c & 0x3F)
            elif c < 0x80:
                more, character = 0, c
            elif 0xC2 <= c <= 0xDF:
                more, character = 1, c & 0x1F
            elif 0xE0 <= c <= 0xEF:
                more, character = 2, c & 0x0F
                low = 0xA0 if c == 0xE0 else 0x80
                high = 0x9F if c == 0xED else 0xBF
            elif 0xF0 <= c <= 0xF4:
                more, character = 3, c & 0x07
                low = 0x90 if c == 0xF0 else 0x80
                high = 0x8F if c == 0xF4 else 0xBF
            else:
                continue
            word = payload[n, 3]
            if more == 0 and word != FREELY:
                word = np.int64(transitions[word, classes[character]])
                if word == DEAD:
                    continue
            parents[m], symbols[m] = n, c
            out[m, 0] = cost
            out[m, 1] = more | (low << 3) | (high << 11) if more else 0
            out[m, 2] = character if more else 0
            out[m, 3] = word
            m += 1
    return parents[:m], symbols[:m], out[:m]
