"""What a model expects after several ways to go on from one context, which is read once."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from equalinfo.model.decoder import Decoder
from equalinfo.model.layers import LayerCache
from equalinfo.model.sampling import window_start

ROWS_AT_ONCE = 64  # rows x positions x vocabulary of logits are never held, but rows x vocabulary are


class Branches:
    """A context of ids, read once, and the distributions of the next id after continuations of it.

    Args:
        context: the most ids that predict another; of a longer beginning, the end is read, as `Sampler` does.
        never: ids that have no probability.
    """

    @torch.no_grad()
    def __init__(
        self, model: Decoder, ids: Sequence[int], context: int | None = None, never: Sequence[int] = ()
    ) -> None:
        self.model = model.eval()
        self.never = list(never)
        start = window_start(len(ids), context) if context else 0
        self._device = next(model.parameters()).device
        caches = [LayerCache() for _ in model.layers]
        read = torch.tensor([[model.bos_id, *map(int, ids[start:])]], device=self._device)
        hidden_BTD = model.hidden(read, caches)
        self._first = self._log_probabilities(hidden_BTD[:, -1])
        self._past = [(cache.k, cache.v) for cache in caches]

    @torch.no_grad()
    def after(self, suffixes: Sequence[Sequence[int]]) -> np.ndarray:
        """Log-probabilities (nats) of every id after the context and each suffix, [N, V] float64."""
        rows = np.empty((len(suffixes), self.model.vocab))
        order = sorted(range(len(suffixes)), key=lambda index: len(suffixes[index]))
        for start in range(0, len(order), ROWS_AT_ONCE):
            group = order[start : start + ROWS_AT_ONCE]
            rows[group] = self._after([suffixes[index] for index in group])
        return rows

    def _after(self, suffixes: list[Sequence[int]]) -> np.ndarray:
        if not any(map(len, suffixes)):
            return np.repeat(self._first, len(suffixes), 0)
        # Padding stands to the right of all that is read, where a causal model does not see it.
        rows = [torch.tensor(list(map(int, suffix)), dtype=torch.long) for suffix in suffixes]
        read_BT = pad_sequence(rows, batch_first=True)
        caches = [LayerCache() for _ in self._past]
        for cache, (k, v) in zip(caches, self._past, strict=True):
            assert k is not None
            assert v is not None
            cache.k, cache.v = (past.expand(len(suffixes), *past.shape[1:]) for past in (k, v))
        hidden_BTD = self.model.hidden(read_BT.to(self._device), caches)
        lasts = torch.tensor([max(len(suffix) - 1, 0) for suffix in suffixes])
        log_probabilities = self._log_probabilities(hidden_BTD[torch.arange(len(suffixes)), lasts])
        log_probabilities[[row for row, suffix in enumerate(suffixes) if not len(suffix)]] = self._first
        return log_probabilities

    def _log_probabilities(self, hidden_BD: torch.Tensor) -> np.ndarray:
        logits_BV = self.model.lm_head(hidden_BD).double().cpu()
        logits_BV[:, self.never] = float("-inf")
        return torch.log_softmax(logits_BV, 1).numpy()
