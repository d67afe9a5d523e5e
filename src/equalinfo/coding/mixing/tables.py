"""The numbers that the mixer is made of, in integers: no machine rounds them in another way."""

import numpy as np

# The logistic domain: ln(p / (1 - p)) in steps of 1/256, from -MOST to MOST - 1.
MOST = 3072
UNIT = 256
PROBABILITY_BITS = 16


def _squash() -> np.ndarray:
    """65536 / (1 + exp(-x / 256)) for x from -MOST to MOST - 1, kept from 0 and 65536; [2 * MOST] int32."""
    one = 1 << 96
    power = term = one
    divisor = 1
    while term := term // UNIT // divisor:  # the series of exp(1/256)
        power += term
        divisor += 1
    values = np.zeros(2 * MOST, np.int32)
    whole, odds = 1 << PROBABILITY_BITS, one
    for x in range(MOST + 1):
        share = (whole * odds + (odds + one) // 2) // (odds + one)
        if x < MOST:
            values[MOST + x] = min(share, whole - 1)
        values[MOST - x] = max(whole - share, 1)
        odds = odds * power // one
    return values


# A history keeps how often a bit was 0 and 1 in a context, and which came last: both counts are small, and the more
# of the one, the fewer of the other. {smaller count: largest larger count}
_BOUNDS = {0: 30, 1: 24, 2: 12, 3: 8, 4: 6, 5: 5}


def _kept(count: int) -> int:
    """What is left of a count when the other bit comes: long runs are soon forgotten."""
    return count if count <= 3 else min(3 + (count - 2) // 3, 6)


def _histories() -> tuple[np.ndarray, np.ndarray]:
    """Transitions and first probabilities.

    Returns:
        [512] uint8: the history after history h and bit y is at 2 * h + y. History 0 is the empty one, and those of
        more bits have larger numbers.
        [256] int64: the share of ones in a history, out of 2^22.
    """
    histories = [
        (zeros + ones, zeros, ones, last)
        for zeros in range(31)
        for ones in range(31)
        if max(zeros, ones) <= _BOUNDS.get(min(zeros, ones), -1)
        for last in ((0, 1) if zeros and ones else (int(ones > 0),))
    ]
    number = {history[1:]: index for index, history in enumerate(sorted(histories))}
    following = np.zeros(512, np.uint8)
    share = np.full(256, 1 << 21, np.int64)
    for (zeros, ones, _), index in number.items():
        share[index] = ((2 * ones + 1) << 22) // (2 * (zeros + ones) + 2)
        for bit in (0, 1):
            counts = [zeros, ones]
            counts[1 - bit] = _kept(counts[1 - bit])
            counts[bit] += 1
            while max(counts) > _BOUNDS.get(min(counts), -1):
                counts[bit if counts[bit] >= counts[1 - bit] else 1 - bit] -= 1
            following[2 * index + bit] = number[counts[0], counts[1], bit]
    return following, share


SQUASH = _squash()
# The inverse, for probabilities of 12 bits; [4096] int32.
STRETCH = (np.searchsorted(SQUASH, 16 * np.arange(4096) + 8) - MOST).astype(np.int32)
FOLLOWING, SHARE = _histories()
# 2^17 / (2n + 3): how far a probability moves that has moved n times.
RATES = np.array([(1 << 17) // (2 * n + 3) for n in range(1024)], np.int64)
