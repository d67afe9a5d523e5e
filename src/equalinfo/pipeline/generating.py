"""Text continued by an M2 (`equalinfo generate`)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from equalinfo.errors import EqualInfoError
from equalinfo.model.decoder import Decoder
from equalinfo.model.sampling import sample
from equalinfo.pipeline.m2 import load_m2
from equalinfo.tokens.base import Tokenizer


def generate(path: Path, prompt: bytes, count: int, temperature: float, top_k: int, seed: int) -> bytes:
    """The prompt and its continuation by `count` tokens, decoded to bytes.

    Raises:
        EqualInfoError: a negative temperature or count.
    """
    model, tokenizer, _ = load_m2(path)
    return continued(model, tokenizer, prompt, count, temperature, top_k, seed)


def continued(
    model: Decoder, tokenizer: Tokenizer, prompt: bytes, count: int, temperature: float, top_k: int, seed: int
) -> bytes:
    """As `generate`, with a loaded model and tokenizer."""
    if temperature < 0 or count < 1 or top_k < 0:
        raise EqualInfoError("temperature and top-k must be 0 or more, and at least 1 token generated")
    start = tokenizer.encode_prompt(prompt)
    drawn: Iterator[int] = sample(model, start.tolist(), count, temperature, top_k, seed)
    ids = np.concatenate([start.astype(np.int64), np.fromiter(drawn, np.int64)])
    text = tokenizer.decode(ids, partial=True)
    # A code stream that closes inside the prompt may decode to less than it, never to something else before
    # the last window; the prompt itself is known.
    return prompt + text[len(prompt) :]
