"""How far the bits of a token stream are from uniform: KL divergence by two estimators, and a random control."""

import hashlib
import math

import numpy as np


def entropy_bits(counts: np.ndarray, miller_madow: bool = False) -> float:
    """Entropy in bits of the distribution that `counts` were drawn from.

    The plug-in estimate is too low by about (symbols seen - 1) / (2 samples ln 2), which Miller (1955) and Madow add.

    Raises:
        ValueError: no count.
    """
    seen = counts[counts > 0].astype(np.float64)
    total = seen.sum()
    if not total:
        raise ValueError("no samples to estimate an entropy from")
    entropy = float(math.log2(total) - (seen @ np.log2(seen)) / total)
    if miller_madow:
        entropy += (len(seen) - 1) / (2 * total * math.log(2))
    return entropy


def kl_from_uniform(counts: np.ndarray, n: int, miller_madow: bool = False) -> float:
    """KL divergence in bits of n-bit symbols from the uniform distribution: n minus their entropy.

    Miller and Madow's correction may make it negative, as an estimate of 0 may be.
    """
    return n - entropy_bits(counts, miller_madow)


def overlapping(bits: np.ndarray, n: int) -> np.ndarray:
    """Counts [2^n] of the n-grams of a bit array (0/1), each starting one bit after the other."""
    if len(bits) < n:
        return np.zeros(1 << n, np.int64)
    values = np.zeros(len(bits) - n + 1, np.int64)
    for place in range(n):
        values = (values << 1) | bits[place : place + len(values)]
    return np.bincount(values, minlength=1 << n)


def disjoint(bits: np.ndarray, n: int) -> np.ndarray:
    """Counts [2^n] of n-bit tokens: the bit array cut every n bits, what is left over dropped."""
    whole = bits[: len(bits) // n * n].astype(np.int64).reshape(-1, n)
    return np.bincount(whole @ (1 << np.arange(n - 1, -1, -1)), minlength=1 << n)


def random_bits(count: int, key: bytes = b"equalinfo") -> np.ndarray:
    """Bits (0/1, uint8) of a cryptographic generator, always the same: SHA-256 of a key and a counter."""
    blocks = (hashlib.sha256(key + i.to_bytes(8, "big")).digest() for i in range(-(-count // 256)))
    return np.unpackbits(np.frombuffer(b"".join(blocks), np.uint8))[:count]
