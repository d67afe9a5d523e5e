"""The adaptive predictor and its arithmetic code: one bit after another, the same steps to code and to decode.

Structure after lpaq and zpaq (Mahoney), in our own code: bits are predicted one by one, from histories kept under
hashes of contexts; each has a probability that is learned; a logistic mixer weighs them; a last table corrects it.

A text is coded in one lane, or in several that take turns byte by byte (for a model that must read them side by side).
"""

from typing import NamedTuple

import numpy as np

from equalinfo.coding.mixing.tables import FOLLOWING, MOST, RATES, SQUASH, STRETCH
from equalinfo.coding.mixing.vectors import WIDTH, dot, prefetch, train
from equalinfo.kernels import kernel

CONTEXTS = 13
MATCHES = 2
SETS = 4
# Rows of weights: by the bits of this byte; by match; by the byte before; by the field of the line.
BY_MATCH, BY_BYTE, BY_FIELD, ROWS = 256, 320, 576, 832
# Rows of learned probabilities: of each context's histories, of matches by length, of bits without context.
MATCH_MAP, BARE_MAP, MAPS = 256 * CONTEXTS, 256 * CONTEXTS + 128, 256 * CONTEXTS + 384
STEPS = 33  # of the last table, for each two bytes of context
SLOT = 16  # bytes: a check, and histories of the 15 nodes of half a byte

LOWEST_RATE = 6 << 8
LAST_RATE = 6
PAGE = 4096
FEWEST_SKIPPED, MOST_SKIPPED = 4 * PAGE, 64 * PAGE
INCOMPRESSIBLE = PAGE - 64
REPEATED = 16  # bytes that came before in this order: no noise then

MASK = (1 << 32) - 1

# What is kept of each lane: its last eight bytes; hashes of the word, the word before and the field; the field's
# number; the line's first bytes, its start, that of the line before; for each match, where it is and how long.
LAST, OLDER, WORD, WORD_BEFORE, FIELD, FIELD_NUMBER, HEAD, LINE, LINE_BEFORE, AT, LONG = range(11)
LANE = LONG + MATCHES * 2 - 1
# What is kept of the code: the interval, what is read of it, bytes written or read; the mixer's rate (256ths); bytes
# coded, where the page's code began, bytes to pass without predicting, and how many the next time.
LOW, HIGH, VALUE, SHIFTS, RATE, DONE, PAGE_START, SKIP, NEXT_SKIP = range(9)
STATE = NEXT_SKIP + 1


class Learned(NamedTuple):
    """All that is learned.

    Args:
        histories: [slots * SLOT] uint8, slots a power of two.
        maps: [MAPS] uint32, a probability of 22 bits and how often it moved (10 bits).
        weights: [ROWS * WIDTH] int32, 2^16 is 1.
        last_weights: [256 * SETS] int64.
        corrections: [65536 * STEPS] uint16, probabilities by byte before, bits of this byte, and probability.
        recent: [MATCHES * places] int32, where the bytes before were last met; places a power of two.
    """

    histories: np.ndarray
    maps: np.ndarray
    weights: np.ndarray
    last_weights: np.ndarray
    corrections: np.ndarray
    recent: np.ndarray


@kernel
def hashed(first: int, second: int) -> int:
    """42 bits of hash."""
    x = (first * 0x2F0B4C47 + second * 0x3C6EF372 + 0x1234567) & 0x3FFFFFFFFFFFFFF
    x ^= x >> 29
    x = (x * 0x2545F491) & 0x3FFFFFFFFFFFFFF
    return (x ^ (x >> 25)) & 0x3FFFFFFFFFF


@kernel
def find_slot(histories: np.ndarray, place: int) -> int:
    """Where the slot of a hash begins; one of three near each other, the least used given up for a new context."""
    check = (place >> 30) & 255
    first = (place << 4) & (len(histories) - 1)
    if histories[first] == check:
        return first
    second, third = first ^ SLOT, first ^ (2 * SLOT)
    if histories[second] == check:
        return second
    if histories[third] == check:
        return third
    if histories[second + 1] < histories[first + 1]:
        first = second
    if histories[third + 1] < histories[first + 1]:
        first = third
    for index in range(first, first + SLOT):
        histories[index] = 0
    histories[first] = check
    return first


@kernel
def learn(maps: np.ndarray, index: int, bit: int, limit: int) -> None:
    """Moves a probability towards the bit, less the more often it has moved."""
    value = maps[index]
    times, share = value & 1023, value >> 10
    share += ((((bit << 22) - share) >> 3) * RATES[times]) >> 13
    if times < limit:
        times += 1
    maps[index] = (share << 10) | times


@kernel
def code_bit(state: np.ndarray, code: np.ndarray, share: int, bit: int, decode: bool) -> int:
    """Codes or decodes one bit, which is 1 with probability `share` / 65536; returns it."""
    low, high = state[LOW], state[HIGH]
    size = high - low
    middle = low + (size >> 16) * share + (((size & 0xFFFF) * share) >> 16)
    if decode:
        bit = 1 if state[VALUE] <= middle else 0
    if bit:
        high = middle
    else:
        low = middle + 1
    while (low ^ high) & 0xFF000000 == 0:
        if decode:
            at = state[SHIFTS] + 4
            following = code[at] if at < len(code) else 0
            state[VALUE] = ((state[VALUE] << 8) & MASK) | following
        else:
            code[state[SHIFTS]] = high >> 24
        state[SHIFTS] += 1
        low = (low << 8) & MASK
        high = ((high << 8) & MASK) | 255
    state[LOW], state[HIGH] = low, high
    return bit


@kernel
def set_contexts(lane: np.ndarray, text: np.ndarray, position: int, contexts: np.ndarray) -> None:
    """Hashes of what the next byte is predicted from."""
    last, older, word, head = lane[LAST], lane[OLDER], lane[WORD], lane[HEAD]
    before = last & 255
    column = position - lane[LINE]
    above = 0
    if lane[LINE_BEFORE] + column < lane[LINE]:
        above = text[lane[LINE_BEFORE] + column]
    contexts[0] = hashed(before, 1)
    contexts[1] = hashed(last & 0xFFFF, 2)
    contexts[2] = hashed(last & 0xFFFFFF, 3)
    contexts[3] = hashed(last, 4)
    contexts[4] = hashed(last, (older & 0xFF) * 16 + 5)
    contexts[5] = hashed(last, (older & 0xFFFF) * 16 + 6)
    contexts[6] = hashed(word, before * 16 + 7)
    contexts[7] = hashed(word, lane[WORD_BEFORE] * 16 + 8)
    contexts[8] = hashed(above * 256 + before, min(column, 255) * 16 + 9)
    contexts[9] = hashed(head, column * 4096 + before * 16 + 10)
    contexts[10] = hashed(last & 0xFFFF0000, 11)
    contexts[11] = hashed(above * 256 + before, word * 16 + 12)
    contexts[12] = hashed(lane[FIELD_NUMBER], lane[FIELD] * 16 + 13)


@kernel
def start_matches(
    lane: np.ndarray, text: np.ndarray, position: int, recent: np.ndarray, primed: int, size: int
) -> None:
    """Looks for an earlier place where the same bytes went before, and notes this one."""
    places = len(recent) // MATCHES
    start = primed + (position - primed) // size * size if position >= primed else 0
    for match in range(MATCHES):
        key = hashed(lane[LAST], lane[OLDER] * 16 + 15 if match else (lane[OLDER] & 0xFF) * 16 + 14)
        index = match * places + (key & (places - 1))
        if lane[LONG + 2 * match] == 0:
            candidate = recent[index]
            if candidate > 0:
                # A lane's own bytes only: those of the lane before are not all known yet.
                begin = primed + (candidate - primed) // size * size if candidate >= primed else 0
                most = min(position - start, candidate - begin, 32)
                length = 0
                while length < most and text[candidate - 1 - length] == text[position - 1 - length]:
                    length += 1
                if length >= (12 if match else 5):
                    lane[LONG + 2 * match] = length
                    lane[AT + 2 * match] = candidate
        recent[index] = position


@kernel
def length_class(length: int) -> int:
    """0 to 63."""
    if length < 16:
        return length
    if length < 80:
        return 16 + ((length - 16) >> 2)
    return min(32 + ((length - 80) >> 5), 63)


@kernel
def take_byte(lane: np.ndarray, byte: int, position: int, end: int) -> None:
    """The lane's state after a byte."""
    for match in range(MATCHES):
        if lane[LONG + 2 * match] > 0:
            lane[LONG + 2 * match] = min(lane[LONG + 2 * match] + 1, 65535)
            lane[AT + 2 * match] += 1
            if lane[AT + 2 * match] >= end:
                lane[LONG + 2 * match] = 0
    column = position - lane[LINE]
    lane[OLDER] = ((lane[OLDER] << 8) | (lane[LAST] >> 24)) & MASK
    lane[LAST] = ((lane[LAST] << 8) | byte) & MASK
    if 97 <= byte <= 122 or 65 <= byte <= 90 or byte >= 128:
        lane[WORD] = hashed(lane[WORD], byte | 32) & MASK
    elif lane[WORD]:
        lane[WORD_BEFORE] = lane[WORD]
        lane[WORD] = 0
    if byte == 10:
        lane[FIELD_NUMBER] = lane[FIELD] = lane[HEAD] = 0
        lane[LINE_BEFORE] = lane[LINE]
        lane[LINE] = position + 1
        return
    if byte == 32 or byte == 44 or byte == 9 or byte == 59:  # blank, comma, tab, semicolon
        lane[FIELD_NUMBER] += 1
        lane[FIELD] = 0
    else:
        lane[FIELD] = hashed(lane[FIELD], byte) & MASK
    if column < 4:
        lane[HEAD] = lane[HEAD] * 256 + byte


@kernel
def should_skip(state: np.ndarray, length: int) -> bool:
    """Whether the next byte is passed as it is: after a page that no context made smaller, some are not tried.

    Args:
        length: of the longest match that ends here.
    """
    if state[SKIP] > 0:
        state[SKIP] = state[SKIP] - 1 if length < REPEATED else 0
        if state[SKIP] > 0:
            return True
        state[PAGE_START] = state[SHIFTS]
        state[DONE] = 0
        return False
    if state[DONE] < PAGE:
        return False
    spent = state[SHIFTS] - state[PAGE_START]
    state[PAGE_START] = state[SHIFTS]
    state[DONE] = 0
    if spent < INCOMPRESSIBLE:
        state[NEXT_SKIP] = FEWEST_SKIPPED
        return False
    state[SKIP] = state[NEXT_SKIP]
    state[NEXT_SKIP] = min(2 * state[NEXT_SKIP], MOST_SKIPPED)
    return True


@kernel
def pass_byte(lane: np.ndarray, state: np.ndarray, code: np.ndarray, byte: int, decode: bool) -> int:
    """Codes or decodes a byte as it is; returns it."""
    node = 1
    for place in range(8):
        node = 2 * node + code_bit(state, code, 1 << 15, (byte >> (7 - place)) & 1, decode)
    for match in range(MATCHES):
        lane[LONG + 2 * match] = 0
    return node & 255


class Span(NamedTuple):
    """Which bytes of each lane are coded.

    Args:
        primed: bytes before the first lane, which are known to both sides.
        size: bytes of a lane; the last may be shorter.
        first, last: of each lane, from its beginning.
    """

    primed: int
    size: int
    first: int
    last: int


@kernel
def code_steps(
    learned: Learned,
    lanes: np.ndarray,
    state: np.ndarray,
    text: np.ndarray,
    span: Span,
    rows: np.ndarray,
    code: np.ndarray,
    decode: bool,
) -> bool:
    """Codes some bytes of each lane, or decodes them into `text`.

    In one piece, since what it holds of a byte in registers is a sixth of its speed: cut into functions that the
    compiler puts together again, it gave the same code at 0.57 MB/s where this does at 0.69.

    Args:
        lanes: [lanes, LANE] int64.
        state: [STATE] int64.
        text: [primed + bytes] uint8.
        rows: [lanes, 256] int32, a model's frequencies of this one byte in each lane; [0, 256] without a model.
        code: uint8; written or read.

    Returns:
        False if `code` has no room left.
    """
    histories, maps, weights, last_weights, corrections, recent = learned
    primed, size, first, last = span
    inputs = np.zeros(WIDTH, np.int32)
    contexts = np.zeros(CONTEXTS, np.int64)
    slots = np.zeros(CONTEXTS, np.int64)
    used = np.zeros(CONTEXTS, np.int64)
    expected = np.zeros(MATCHES, np.int64)
    match_maps = np.zeros(MATCHES, np.int64)
    chosen = np.zeros(SETS, np.int64)
    votes = np.zeros(SETS, np.int64)
    end = len(text)
    for step in range(first, last):
        for number in range(len(lanes)):
            position = primed + number * size + step
            if position >= end:
                continue
            if not decode and state[SHIFTS] + 32 > len(code):
                return False
            lane = lanes[number]
            start_matches(lane, text, position, recent, primed, size)
            if should_skip(state, lane[LONG + 2]):
                text[position] = pass_byte(lane, state, code, text[position], decode)
                take_byte(lane, text[position], position, end)
                continue
            state[DONE] += 1
            set_contexts(lane, text, position, contexts)
            for index in range(CONTEXTS):
                prefetch(histories, (contexts[index] << 4) & (len(histories) - 1))
            for match in range(MATCHES):
                expected[match] = text[lane[AT + 2 * match]] if lane[LONG + 2 * match] else 0
            before = lane[LAST] & 255
            by_field = BY_FIELD + min(lane[FIELD_NUMBER], 15) * 16 + (8 if lane[WORD] == 0 else 0)
            rate = state[RATE] >> 8
            if state[RATE] > LOWEST_RATE:
                state[RATE] -= 1
            node = half = 1  # the bits of this byte so far, and those of this half of it, after a 1
            whole = 0
            if len(rows):
                for symbol in range(256):
                    whole += rows[number, symbol]
            for place in range(8):
                if place == 4:
                    half = 1
                    for index in range(CONTEXTS):
                        contexts[index] = hashed(contexts[index], node)
                        prefetch(histories, (contexts[index] << 4) & (len(histories) - 1))
                if place % 4 == 0:
                    for index in range(CONTEXTS):
                        slots[index] = find_slot(histories, contexts[index])
                # What each context says.
                for index in range(CONTEXTS):
                    history = histories[slots[index] + half]
                    used[index] = history
                    share = maps[256 * index + history] >> 10
                    if history:
                        inputs[2 * index] = STRETCH[share >> 10]
                        inputs[2 * index + 1] = (share - (1 << 21)) >> 12
                    else:
                        inputs[2 * index] = inputs[2 * index + 1] = 0
                longest = 0
                for match in range(MATCHES):
                    length = lane[LONG + 2 * match]
                    filled = 2 * CONTEXTS + 2 * match
                    match_maps[match] = 0
                    inputs[filled] = inputs[filled + 1] = 0
                    if length and (expected[match] | 256) >> (8 - place) == node:
                        longest = length
                        index = MATCH_MAP + 64 * match + length_class(length)
                        match_maps[match] = index
                        share = maps[index] >> 10
                        sign = 1 if (expected[match] >> (7 - place)) & 1 else -1
                        inputs[filled] = sign * STRETCH[share >> 10]
                        inputs[filled + 1] = sign * ((share - (1 << 21)) >> 11)
                ones = 0
                if len(rows):
                    begin = (2 * node + 1) << (7 - place) & 255
                    for symbol in range(begin, begin + (128 >> place)):
                        ones += rows[number, symbol]
                    share = min(max((ones << 12) // whole, 1), 4095)
                    inputs[WIDTH - 2] = STRETCH[share]
                    inputs[WIDTH - 1] = (share - 2048) >> 1
                else:
                    inputs[WIDTH - 2] = STRETCH[maps[BARE_MAP + node] >> 20]
                    inputs[WIDTH - 1] = 256
                # Their votes, by four rows of weights; and the votes of these.
                class_ = 0
                if longest:
                    class_ = 1
                    for bound in (8, 12, 16, 24, 32, 64):
                        class_ += longest >= bound
                chosen[0] = node * WIDTH
                chosen[1] = (BY_MATCH + class_ * 8 + place) * WIDTH
                chosen[2] = (BY_BYTE + before) * WIDTH
                chosen[3] = (by_field + place) * WIDTH
                total = 0
                for index in range(SETS):
                    votes[index] = min(max(dot(weights, chosen[index], inputs) >> 8, -2047), 2047)
                    total += votes[index] * last_weights[SETS * node + index]
                total = min(max(total >> 16, 1 - MOST), MOST - 1)
                mixed = SQUASH[total + MOST]
                # What such predictions were worth after this byte.
                inside = min(max(total, -2047), 2047) + 2048
                correction = (before << 8 | node) * STEPS + (inside >> 7)
                part = inside & 127
                corrected = (corrections[correction] * (128 - part) + corrections[correction + 1] * part) >> 7
                share = min(max((mixed + 3 * corrected + 2) >> 2, 1), 65535)
                bit = code_bit(state, code, share, (text[position] >> (7 - place)) & 1, decode)
                # All of them learn.
                for index in range(CONTEXTS):
                    learn(maps, 256 * index + used[index], bit, 255)
                    histories[slots[index] + half] = FOLLOWING[2 * used[index] + bit]
                for match in range(MATCHES):
                    if match_maps[match]:
                        right = 1 if (expected[match] >> (7 - place)) & 1 == bit else 0
                        learn(maps, match_maps[match], right, 1023)
                        if not right:
                            lane[LONG + 2 * match] = 0
                learn(maps, BARE_MAP + node, bit, 255)
                for index in range(SETS):
                    error = ((bit << 16) - SQUASH[votes[index] + MOST]) * rate
                    train(weights, chosen[index], inputs, error >> 3)
                error = ((bit << 16) - mixed) * LAST_RATE
                for index in range(SETS):
                    last_weights[SETS * node + index] += (votes[index] * error + (1 << 17)) >> 18
                nearest = correction + (part >> 6)
                aim = 65535 if bit else 0
                corrections[nearest] += (aim - corrections[nearest]) >> 6
                whole = ones if bit else whole - ones
                node = 2 * node + bit
                half = 2 * half + bit
            text[position] = node & 255
            take_byte(lane, node & 255, position, end)
    return True
