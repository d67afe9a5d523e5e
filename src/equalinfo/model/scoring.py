"""How many nats a model spends on sequences of ids; bits/byte follow from it in `score.metrics`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

from equalinfo.errors import EqualInfoError
from equalinfo.model.decoder import Decoder

BATCH = 32


@torch.no_grad()
def total_nats(
    model: Decoder,
    sequences: Sequence[np.ndarray],
    advance: Callable[[int], None] | None = None,
    read_only: Sequence[int] | None = None,
) -> float:
    """Summed cross-entropy in nats of every id of every sequence, each sequence from an empty context.

    Args:
        advance: called with the number of sequences done.
        read_only: how many ids at the start of each sequence are context and not scored; default: none.

    Raises:
        EqualInfoError: the model's probabilities are no numbers.
    """
    total = 0.0
    for indices, nats in _batches(model, sequences):
        for index, losses in zip(indices, nats, strict=True):
            total += float(losses[read_only[index] if read_only is not None else 0 :].sum(dtype=np.float64))
        if advance:
            advance(len(indices))
    return total


def nats_of_ids(model: Decoder, ids: np.ndarray, length: int, stride: int) -> np.ndarray:
    """Nats of each id of one text, [T] float64, in windows as `cut_windows` cuts them."""
    windows = cut_windows(ids, length, stride)
    scored: list[np.ndarray] = [np.empty(0)] * len(windows)
    for indices, nats in _batches(model, [window for window, _ in windows]):
        for index, losses in zip(indices, nats, strict=True):
            scored[index] = losses[windows[index][1] :].astype(np.float64)
    return np.concatenate([np.empty(0), *scored])


@torch.no_grad()
def _batches(model: Decoder, sequences: Sequence[np.ndarray]) -> Iterator[tuple[list[int], list[np.ndarray]]]:
    """Nats of every id, [T] float32 for each sequence, in batches of sequences of similar length.

    Sequences of different lengths are padded; padding is not scored.
    """
    model.eval()
    device = next(model.parameters()).device
    order = sorted(range(len(sequences)), key=lambda index: -len(sequences[index]))
    for start in range(0, len(order), BATCH):
        indices = order[start : start + BATCH]
        rows = [torch.from_numpy(np.asarray(sequences[index], np.int64)) for index in indices]
        ids_BT = pad_sequence(rows, batch_first=True).to(device)
        with _untranslated():
            hidden_BTD = model.hidden(model.shifted(ids_BT))
        # One sequence at a time through the output layer: B x T x V logits may not fit.
        nats = []
        for row, index in enumerate(indices):
            length = len(sequences[index])
            logits_TV = model.lm_head(hidden_BTD[row, :length])
            nats_T = F.cross_entropy(logits_TV, ids_BT[row, :length], reduction="none")
            nats.append(nats_T.float().cpu().numpy())
        if not all(np.isfinite(losses).all() for losses in nats):
            raise EqualInfoError(
                "the model gives probabilities that are no numbers: its training diverged, or its weights are damaged; "
                "train it again, with a lower learning rate"
            )
        yield indices, nats


def _untranslated() -> AbstractContextManager[Any]:
    """Layers that `torch.compile` translated run as they are: else each shape of a batch would be translated anew."""
    # It imports for a second where nothing was translated.
    return torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()


@torch.no_grad()
def bits_at_precision(model: Decoder, ids: np.ndarray, precision: int) -> float:
    """Bits that a coder spends on one sequence whose probabilities are integers out of 2^precision, 1 or more.

    Every id gets 1, the rest is shared in proportion and rounded down, what is left goes to the likeliest
    (Lester et al. 2024, section 3.2). This is float M1's side of what the exact model costs.
    """
    ids_T = torch.from_numpy(np.asarray(ids, np.int64)).to(next(model.parameters()).device)
    probabilities_TV = torch.softmax(model(ids_T[None])[0].double(), -1)
    total = 1 << precision
    shares_TV = torch.floor(probabilities_TV * (total - model.vocab)) + 1
    shares_TV.scatter_add_(
        1, probabilities_TV.argmax(1, keepdim=True), total - shares_TV.sum(1, keepdim=True)
    )
    return float(-torch.log2(shares_TV.gather(1, ids_T[:, None]) / total).sum())


def cut_sequences(ids: np.ndarray, length: int) -> list[np.ndarray]:
    """An example's ids in consecutive sequences; the last may be shorter."""
    return [ids[start : start + length] for start in range(0, len(ids), length)]


def cut_windows(ids: np.ndarray, length: int, stride: int) -> list[tuple[np.ndarray, int]]:
    """An example's ids in windows of `length`, one every `stride`, each with how many of its ids are only read.

    Each id is scored once, in the first window that holds it, so after the first window in a context of
    `length - stride` ids at least. With `stride` equal to `length` the windows are those of `cut_sequences`.
    """
    windows, scored = [], 0
    for start in range(0, len(ids), stride):
        windows.append((ids[start : start + length], scored - start))
        scored = min(start + length, len(ids))
        if scored == len(ids):
            break
    return windows
