"""Continuing many sequences of ids side by side, one drawn id at a time, with cached keys and values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from equalinfo.errors import EqualInfoError
from equalinfo.model.decoder import Decoder
from equalinfo.model.layers import LayerCache
from equalinfo.seeded import bits, uniform


@dataclass(frozen=True)
class SamplingParams:
    """How an id is chosen from its distribution.

    Args:
        temperature: divides the logits; 0 takes the likeliest.
        top_k: choose among the k likeliest; 0 means among all.
        top_p: then among the fewest likeliest that hold this much probability.

    Raises:
        EqualInfoError: a number outside its range.

    Examples:
        >>> params = SamplingParams(temperature=0)  # the likeliest
        >>> params.pick(torch.tensor([[0.1, 2.0, 0.3]]), np.array([0.5]))
        [1]
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.temperature < float("inf") and self.top_k >= 0 and 0 < self.top_p <= 1):
            raise EqualInfoError("temperature and top-k must be 0 or more, and top-p above 0 and at most 1")

    def pick(self, logits_BV: Tensor, uniform_B: np.ndarray) -> list[int]:
        """One index for each row, decided by a number in [0, 1) each; logits of -inf are never taken.

        Rows do not touch each other, and a row's draw uses one number whatever the options.

        Raises:
            EqualInfoError: the logits give no distribution, as those of damaged weights.
        """
        logits_BV = logits_BV.double().cpu()
        if self.temperature == 0:
            return logits_BV.argmax(1).tolist()
        if 0 < self.top_k < logits_BV.shape[1]:
            smallest_B1 = logits_BV.topk(self.top_k, 1).values[:, -1:]
            logits_BV = logits_BV.masked_fill(logits_BV < smallest_B1, float("-inf"))
        p_BV = torch.softmax(logits_BV / self.temperature, 1)
        if self.top_p < 1:
            sorted_BV, order_BV = p_BV.sort(dim=1, descending=True, stable=True)
            # An id stays if those before it do not hold top_p yet, so at least one does.
            sorted_BV = sorted_BV.masked_fill(sorted_BV.cumsum(1) - sorted_BV >= self.top_p, 0.0)
            p_BV = torch.zeros_like(p_BV).scatter(1, order_BV, sorted_BV)
        upto_BV = p_BV.cumsum(1)
        total_B1 = upto_BV[:, -1:]
        if not total_B1.isfinite().all():
            raise EqualInfoError("the model's probabilities are not numbers; train it again")
        drawn_B1 = torch.from_numpy(np.asarray(uniform_B, np.float64))[:, None] * total_B1
        # A product that rounds up to the total would lie beyond the last index.
        drawn_B1 = drawn_B1.minimum(total_B1.nextafter(torch.zeros_like(total_B1)))
        return torch.searchsorted(upto_BV, drawn_B1, right=True)[:, 0].tolist()


def window_start(position: int, context: int) -> int:
    """Where the ids begin that predict the one at `position`, so that no more than `context` are read.

    It moves in steps of half a context: a model sees no more ids than in training, and reads most of them
    once only. It depends on the position alone, so that a batch whose rows have read as many ids moves as one.
    """
    step = max(context // 2, 1)
    return 0 if position < context else ((position - context) // step + 1) * step


class Sampler:
    """Rows of a batch, each continued from its own prompt by its own random numbers.

    All rows stand at the same position. They first read as many ids as the shortest prompt has; a row whose
    prompt is longer then takes its own next id instead of a drawn one. So prompts need no padding, and a row sees
    the same positions and contexts alone and in any batch.

    Args:
        prompts: ids of each row; may be empty.
        seeds: of each row's draws.
        context: the most ids that predict another, as many as in training; None sets no limit.
        never: ids that are not drawn.
        ranges: for each row, between which two lists the ids that it draws must lie, in the order of lists. Any may
            follow either. Default: no limits.
    """

    def __init__(
        self,
        model: Decoder,
        prompts: Sequence[Sequence[int]],
        choice: SamplingParams,
        seeds: Sequence[int],
        context: int | None = None,
        never: Sequence[int] = (),
        ranges: Sequence[tuple[Sequence[int], Sequence[int]]] | None = None,
    ) -> None:
        self.model, self.choice, self.context = model.eval(), choice, context
        self.device = next(model.parameters()).device
        self.ids = [list(map(int, prompt)) for prompt in prompts]
        self.running = list(range(len(self.ids)))
        self._prompt_lengths = [len(prompt) for prompt in self.ids]
        self._draws = [bits(seed) for seed in seeds]
        self._never = torch.tensor(list(never), dtype=torch.long)
        self._ranges = ranges or [((), ())] * len(self.ids)
        self._position = min(self._prompt_lengths, default=0)
        self._start = 0
        self._caches: list[LayerCache] | None = None

    @torch.no_grad()
    def step(self) -> list[tuple[int, int]]:
        """Moves all running rows on by one id; (row, id) of those that drew it."""
        if not self.running:
            return []
        logits_BV = self._next_logits()
        logits_BV[:, self._never] = float("-inf")
        drawing = [at for at, row in enumerate(self.running) if self._position >= self._prompt_lengths[row]]
        drawn = []
        if drawing:
            rows = [self.running[at] for at in drawing]
            for at, row in zip(drawing, rows, strict=True):
                self._limit(logits_BV[at], row)
            drawn_B = np.array([uniform(self._draws[row]) for row in rows])
            drawn = list(zip(rows, self.choice.pick(logits_BV[drawing], drawn_B), strict=True))
            for row, token in drawn:
                self.ids[row].append(token)
        self._position += 1
        return drawn

    def _limit(self, logits_V: Tensor, row: int) -> None:
        """Rules out ids that would leave the row's range."""
        lowest, highest = self._ranges[row]
        drawn = self.ids[row][self._prompt_lengths[row] :]
        at = len(drawn)
        if at < len(highest) and drawn == list(highest[:at]):
            logits_V[highest[at] + 1 :] = float("-inf")
        if at < len(lowest) and drawn == list(lowest[:at]):
            logits_V[: lowest[at]] = float("-inf")

    def stop(self, rows: Sequence[int]) -> None:
        """Takes rows out of the batch."""
        keep = [at for at, row in enumerate(self.running) if row not in rows]
        self.running = [self.running[at] for at in keep]
        for cache in self._caches or []:
            if cache.k is not None and cache.v is not None:
                cache.k, cache.v = cache.k[keep], cache.v[keep]

    def _next_logits(self) -> Tensor:
        """Logits [B, V] of the id at the present position of each running row."""
        start = window_start(self._position, self.context) if self.context else 0
        if self._caches is None or start != self._start:
            self._caches, self._start = [LayerCache() for _ in self.model.layers], start
            read = [[self.model.bos_id, *self.ids[row][start : self._position]] for row in self.running]
        else:
            read = [[self.ids[row][self._position - 1]] for row in self.running]
        inputs_BT = torch.tensor(read, device=self.device)
        return self.model.lm_head(self.model.hidden(inputs_BT, self._caches)[:, -1]).float().cpu()
