"""The formulas that every number in a table comes from, each written once.

Bytes are always bytes of the *source* text of the scored tokens, never of decoded text: counting after
decoding is the usual way to get bits/byte wrong. "Tokens" are the scored ones.
All functions raise ValueError for numbers that no measurement gives (zero bytes, negative or
non-finite values).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def bits_per_byte(loss_nats: float, tokens: int, source_bytes: int) -> float:
    """(tokens / bytes) * loss / ln 2: bits of M2's code per source byte (Lester et al. 2024, Evaluation).

    Args:
        loss_nats: mean cross entropy per token, in nats.
        tokens: number of tokens the mean is over.
        source_bytes: number of source bytes that these tokens stand for.

    Examples:
        >>> round(bits_per_byte(loss_nats=5.67, tokens=1000, source_bytes=3610), 3)
        2.266
    """
    _refuse_negative(loss_nats=loss_nats)
    _refuse_unless_positive(tokens=tokens, source_bytes=source_bytes)
    return tokens / source_bytes * loss_nats / math.log(2)


def bytes_per_token(source_bytes: int, tokens: int) -> float:
    """The paper's token ratio (table 1); also bytes per decoding step, the axis of its Figure 4.

    Examples:
        >>> bytes_per_token(source_bytes=76, tokens=16)
        4.75
    """
    _refuse_unless_positive(source_bytes=source_bytes, tokens=tokens)
    return source_bytes / tokens


def bit_ratio(source_bytes: int, tokens: int, vocab: int) -> float:
    """8 * bytes / (log2(vocab) * tokens): source bits over token bits (table 1).

    For vocabularies that are no power of two the paper's table 1 counts whole bits instead (15 for
    SentencePiece's 32,000), which gives it 2.28 where this gives 2.29.

    Examples:
        >>> bit_ratio(source_bytes=76, tokens=16, vocab=4096)
        3.1666666666666665
    """
    _refuse_unless_positive(source_bytes=source_bytes, tokens=tokens)
    return 8 * source_bytes / (_bits_of(vocab) * tokens)


def uniform_bits_per_byte(vocab: int, bytes_per_token: float) -> float:
    """log2(vocab) / (bytes/token): the score of a model that has learned nothing (table 3).

    Examples:
        >>> uniform_bits_per_byte(vocab=4096, bytes_per_token=4.0)
        3.0
    """
    _refuse_unless_positive(bytes_per_token=bytes_per_token)
    return _bits_of(vocab) / bytes_per_token


def unigram_bits_per_byte(train_counts: ArrayLike, evaluation_counts: ArrayLike, source_bytes: int) -> float:
    """Cross entropy of the evaluation tokens under training frequencies, per source byte (table 3).

    Frequencies are smoothed by adding one to every count, so that a token unseen in training costs a
    finite number of bits.

    Args:
        train_counts: integers [vocab], how often each id occurs in the training tokens.
        evaluation_counts: integers [vocab], the same for the evaluation tokens; not all zero.
        source_bytes: source bytes of the evaluation tokens.

    Examples:
        >>> unigram_bits_per_byte([1, 1], [4, 4], source_bytes=8)
        1.0
    """
    _refuse_unless_positive(source_bytes=source_bytes)
    train, evaluation = _counts(train_counts, "train_counts"), _counts(evaluation_counts, "evaluation_counts")
    if train.shape != evaluation.shape:
        raise ValueError(
            f"counts differ in vocabulary: {train.size} in training, {evaluation.size} in evaluation"
        )
    if not evaluation.any():
        raise ValueError("evaluation_counts holds no token")
    # float64 holds counts exactly to 2^53, far above any corpus, and cannot overflow like int64 sums.
    smoothed = train.astype(np.float64) + 1
    bits = np.log2(smoothed.sum()) - np.log2(smoothed)
    return float(evaluation.astype(np.float64) @ bits) / source_bytes


def flops_per_byte(m2_parameters: float, bytes_per_token: float, m1_parameters: float = 0) -> float:
    """Forward FLOPs per source byte: 2 * M2 / (bytes/token) + 2 * M1 (Figure 3, tables 15 and 16).

    Args:
        m2_parameters: M2's parameters without embeddings.
        bytes_per_token: the tokenizer's token ratio.
        m1_parameters: the same for M1, which runs once per byte; 0 for methods that do not run it.

    Examples:
        >>> flops_per_byte(m2_parameters=3e6, bytes_per_token=4.0)
        1500000.0
    """
    _refuse_unless_positive(m2_parameters=m2_parameters, bytes_per_token=bytes_per_token)
    _refuse_negative(m1_parameters=m1_parameters)
    return 2 * m2_parameters / bytes_per_token + 2 * m1_parameters


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


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (n - 1) over seeds; no deviation for a single value.

    Examples:
        >>> mean_and_deviation([2.0, 4.0])
        (3.0, 1.4142135623730951)
        >>> mean_and_deviation([2.0])
        (2.0, None)
    """
    if not values:
        raise ValueError("no value to average")
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _bits_of(vocab: int) -> float:
    if vocab < 2:
        raise ValueError(f"vocab must be at least 2, not {vocab}")
    return math.log2(vocab)


def _counts(values: ArrayLike, name: str) -> NDArray[np.integer]:
    counts = np.asarray(values)
    if counts.ndim != 1 or counts.size < 2 or not np.issubdtype(counts.dtype, np.integer):
        raise ValueError(f"{name} must be a vector of at least two integers")
    if (counts < 0).any():
        raise ValueError(f"{name} holds a negative count")
    return counts


def _refuse_unless_positive(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a positive number, not {value}")


def _refuse_negative(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be a number of at least 0, not {value}")
