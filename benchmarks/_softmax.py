"""Decoders that differ in their tables alone: the full softmax over all ids, and what could stand in its place.

All have the same body of preset `llama`, from a seed the same weights in it, and say for themselves what training
minimises and how many nats an id costs. The nats are exact: of each variant's own distribution over all ids.
Shape suffixes as in `model/layers.py`, and N positions, K negatives, R rank.
"""

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equalinfo.model.decoder import LLAMA_EMBEDDING, Decoder
from equalinfo.model.layers import RMSNorm
from equalinfo.model.loss import next_id_loss
from equalinfo.sizes import Size

DIGIT = 256  # ids have two digits: a high and a low byte
VOCAB = DIGIT * DIGIT
RANK = 32
NEGATIVES = 2048
CUTOFFS = [1024, 8192]


class Variant(Decoder):
    """A decoder whose tables a subclass makes.

    Args:
        size: of the body.
        seed: of all weights; bodies of one seed are equal.
    """

    embedding: Any
    logits: Any

    def __init__(self, size: Size, seed: int) -> None:
        super().__init__(size, 1, "llama")  # one id: small tables, which are replaced
        self.init_weights(seed)
        self.vocab = VOCAB
        self.generator = torch.Generator().manual_seed(seed + 1_000_003)

    def drawn(self, module: nn.Module, deviation: float) -> Any:
        """The module with its one matrix drawn anew."""
        with torch.no_grad():
            module.weight.normal_(0.0, deviation, generator=self.generator)  # type: ignore[operator]
        return module

    def matrix(self, width: int, rows: int) -> nn.Linear:
        """A product with as many rows, initialised as the project does its output table."""
        return self.drawn(nn.utils.skip_init(nn.Linear, width, rows, bias=False), width**-0.5)

    def table(self, rows: int, width: int, deviation: float = LLAMA_EMBEDDING) -> nn.Embedding:
        """A row to read per id, initialised as the project does its input table."""
        return self.drawn(nn.utils.skip_init(nn.Embedding, rows, width), deviation)

    @abstractmethod
    def training_loss(self, ids_BT: Tensor) -> Tensor:
        """What training minimises."""

    @abstractmethod
    def log_probabilities(self, hidden_ND: Tensor) -> Tensor:
        """Of every id, [N, V]."""

    def nats(self, hidden_ND: Tensor, target_N: Tensor) -> Tensor:
        """Cross-entropy of each id, [N]."""
        return -self.log_probabilities(hidden_ND).gather(1, target_N[:, None]).squeeze(1)


class Full(Variant):
    """The project's decoder: a row of the input and one of the output table per id, the loss in slices."""

    def __init__(self, size: Size, seed: int) -> None:
        super().__init__(size, seed)
        self.embedding = self.table(VOCAB, size.d_model)
        self.logits = self.matrix(size.d_model, VOCAB)

    def training_loss(self, ids_BT: Tensor) -> Tensor:
        return next_id_loss(self, ids_BT)[0]

    def log_probabilities(self, hidden_ND: Tensor) -> Tensor:
        return F.log_softmax(self.logits(hidden_ND), 1)


class FullSmallStart(Full):
    """The same, the output table as small at first as the input table.

    With the project's start, the logits of ids that do not come stay as random as they were drawn. Tied tables
    start as small as this one: it shows what of their gain is the start.
    """

    def __init__(self, size: Size, seed: int) -> None:
        super().__init__(size, seed)
        self.drawn(self.logits, LLAMA_EMBEDDING)


class Tied(Full):
    """One table for both (Press and Wolf 2017), as small at first as the input table."""

    def __init__(self, size: Size, seed: int) -> None:
        Variant.__init__(self, size, seed)
        self.embedding = self.table(VOCAB, size.d_model)
        self.logits = nn.utils.skip_init(nn.Linear, size.d_model, VOCAB, bias=False, device="meta")
        self.logits.weight = self.embedding.weight


class LowRank(Full):
    """Both tables as products of a table of RANK columns and a matrix (ALBERT, Lan et al. 2020)."""

    def __init__(self, size: Size, seed: int) -> None:
        Variant.__init__(self, size, seed)
        # Rows times matrix have the deviation that the input table has.
        self.embedding = nn.Sequential(
            self.table(VOCAB, RANK, deviation=LLAMA_EMBEDDING), self.matrix(RANK, size.d_model)
        )
        self.narrow = self.matrix(size.d_model, RANK)
        self.logits = self.matrix(RANK, VOCAB)

    def hidden(self, inputs_BT: Tensor, caches: Any = None) -> Tensor:
        return self.narrow(super().hidden(inputs_BT, caches))


class Sampled(Full):
    """The full softmax, trained against NEGATIVES ids that a whole batch shares (Bengio and Senécal 2008).

    They are drawn with replacement by how often ids occur. Each negative's exp is divided by how often it is
    expected to be drawn, so that the sum estimates that over all ids but the right one, without bias.
    """

    ends: Tensor
    log_expected: Tensor

    def __init__(self, size: Size, seed: int, counts: np.ndarray) -> None:
        super().__init__(size, seed)
        smoothed = counts.astype(np.float64) + 1
        # Buffers that are no weights: they are made from the counts again.
        self.register_buffer("ends", torch.from_numpy(np.cumsum(smoothed / smoothed.sum())), persistent=False)
        expected = NEGATIVES * smoothed / smoothed.sum()
        self.register_buffer("log_expected", torch.from_numpy(np.log(expected)).float(), persistent=False)

    def training_loss(self, ids_BT: Tensor) -> Tensor:
        hidden_ND, target_N = self.hidden(self.shifted(ids_BT)).flatten(0, 1), ids_BT.flatten()
        right_N, log_sum_N = self.estimate(hidden_ND, target_N)
        return (log_sum_N - right_N).mean()

    def estimate(self, hidden_ND: Tensor, target_N: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the right ids, and an estimate of log sum exp over all, [N] each."""
        draws = torch.rand(NEGATIVES, dtype=torch.float64, generator=self.generator)
        negative_K = torch.searchsorted(self.ends, draws).clamp_(max=VOCAB - 1)
        right_N = (hidden_ND * F.embedding(target_N, self.logits.weight)).sum(1)
        logits_NK = hidden_ND @ F.embedding(negative_K, self.logits.weight).T - self.log_expected[negative_K]
        logits_NK = logits_NK.masked_fill(negative_K[None] == target_N[:, None], float("-inf"))
        return right_N, torch.logsumexp(torch.cat([right_N[:, None], logits_NK], 1), 1)


class Adaptive(Variant):
    """torch's adaptive softmax (Grave et al. 2017): rarer ids in clusters of fewer dimensions.

    Args:
        order: the place of each id by how often it occurs, [V].
    """

    order: Tensor

    def __init__(self, size: Size, seed: int, order: np.ndarray) -> None:
        super().__init__(size, seed)
        self.embedding = self.table(VOCAB, size.d_model)
        self.logits = nn.AdaptiveLogSoftmaxWithLoss(size.d_model, VOCAB, CUTOFFS)
        for module in self.logits.modules():
            if isinstance(module, nn.Linear):
                self.drawn(module, module.in_features**-0.5)
        self.register_buffer("order", torch.from_numpy(order), persistent=False)

    def training_loss(self, ids_BT: Tensor) -> Tensor:
        hidden_ND = self.hidden(self.shifted(ids_BT)).flatten(0, 1)
        return self.nats(hidden_ND, ids_BT.flatten()).mean()

    def nats(self, hidden_ND: Tensor, target_N: Tensor) -> Tensor:
        return -self.logits(hidden_ND, self.order[target_N]).output

    def log_probabilities(self, hidden_ND: Tensor) -> Tensor:
        return self.logits.log_prob(hidden_ND)[:, self.order]


class Digits(nn.Module):
    """An input table of two digits: the sum of a row for the high byte and one for the low byte."""

    order: Tensor

    def __init__(self, model: Variant, order: Tensor) -> None:
        super().__init__()
        self.high, self.low = (model.table(DIGIT, model.size.d_model) for _ in range(2))
        self.register_buffer("order", order, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        place = self.order[ids]
        return self.high(place >> 8) + self.low(place & 255)


class TwoLevel(Variant):
    """p(high byte) p(low byte | high byte): 2 x 256 rows of output, and a feed-forward between them.

    The low byte's rows are the same whatever the high byte, so what it means must reach them through the hidden
    state: a row for the high byte is added to it, and a gated feed-forward (as the body's) mixes them. Without
    that the logits would be a sum of one part that knows the context and one that knows the high byte.

    Args:
        order: the place of each id, [V]; its two bytes are the digits.
        digits: the input table of two digits too.
    """

    order: Tensor

    def __init__(self, size: Size, seed: int, order: np.ndarray, digits: bool = False) -> None:
        super().__init__(size, seed)
        self.register_buffer("order", torch.from_numpy(order), persistent=False)
        self.embedding = Digits(self, self.order) if digits else self.table(VOCAB, size.d_model)
        self.logits = self.matrix(size.d_model, DIGIT)  # of the high byte
        self.make_low()

    def make_low(self) -> None:
        width, inner = self.size.d_model, self.size.d_ff
        self.high_embedding = self.table(
            DIGIT, width, deviation=1.0
        )  # as large as the hidden state beside it
        self.gate, self.up, self.down = (
            self.matrix(*s) for s in ((width, inner), (width, inner), (inner, width))
        )
        self.low_norm, self.low = RMSNorm(width), self.matrix(width, DIGIT)

    def low_log_probabilities(self, hidden_ND: Tensor, high_N: Tensor) -> Tensor:
        """Of every low byte after a high byte, [N, 256]."""
        x_ND = hidden_ND + self.high_embedding(high_N)
        x_ND = x_ND + self.down(F.silu(self.gate(x_ND)) * self.up(x_ND))
        return F.log_softmax(self.low(self.low_norm(x_ND)), 1)

    def low_nats(self, hidden_ND: Tensor, place_N: Tensor) -> Tensor:
        return F.nll_loss(
            self.low_log_probabilities(hidden_ND, place_N >> 8), place_N & 255, reduction="none"
        )

    def nats(self, hidden_ND: Tensor, target_N: Tensor) -> Tensor:
        place_N = self.order[target_N]
        high = F.cross_entropy(self.logits(hidden_ND), place_N >> 8, reduction="none")
        return high + self.low_nats(hidden_ND, place_N)

    def training_loss(self, ids_BT: Tensor) -> Tensor:
        hidden_ND = self.hidden(self.shifted(ids_BT)).flatten(0, 1)
        return self.nats(hidden_ND, ids_BT.flatten()).mean()

    def log_probabilities(self, hidden_ND: Tensor) -> Tensor:
        high_NH = F.log_softmax(self.logits(hidden_ND), 1)
        highs = torch.arange(DIGIT)
        rows = [
            high[:, None] + self.low_log_probabilities(h.expand(DIGIT, -1), highs)
            for h, high in zip(hidden_ND, high_NH, strict=True)
        ]
        return torch.stack(rows).flatten(1)[:, self.order]


class OwnRows(TwoLevel):
    """As TwoLevel, but a row per id (Goodman 2001): each high byte has 256 rows of its own, and only those are read."""

    def make_low(self) -> None:
        self.low = self.matrix(self.size.d_model, VOCAB)

    def low_log_probabilities(self, hidden_ND: Tensor, high_N: Tensor) -> Tensor:
        rows_NLD = self.low.weight.view(DIGIT, DIGIT, -1)[high_N]
        return F.log_softmax((rows_NLD @ hidden_ND[:, :, None]).squeeze(2), 1)

    def low_nats(self, hidden_ND: Tensor, place_N: Tensor) -> Tensor:
        # Positions of one high byte together: a product each, without a copy of the rows for every position.
        sorted_N, from_N = place_N.sort()
        groups = torch.bincount(sorted_N >> 8, minlength=DIGIT).tolist()
        hidden, low = hidden_ND[from_N].split(groups), (sorted_N & 255).split(groups)
        matrices = self.low.weight.view(DIGIT, DIGIT, -1).unbind()
        parts = [
            F.cross_entropy(h @ matrix.T, right, reduction="none")
            for h, matrix, right in zip(hidden, matrices, low, strict=True)
            if len(h)
        ]
        return torch.cat(parts)[from_N.argsort()]


def make(name: str, size: Size, seed: int, counts: np.ndarray, text_order: np.ndarray) -> Variant:
    """A variant by name.

    Args:
        counts: how often each id occurs in the training tokens, [V].
        text_order: the place of each id when their texts are sorted, [V].
    """
    by_count = np.empty(VOCAB, np.int64)
    by_count[np.argsort(-counts, kind="stable")] = np.arange(VOCAB)
    makers = {
        "full": lambda: Full(size, seed),
        "full-small-start": lambda: FullSmallStart(size, seed),
        "tied": lambda: Tied(size, seed),
        "low-rank": lambda: LowRank(size, seed),
        "sampled": lambda: Sampled(size, seed, counts),
        "adaptive": lambda: Adaptive(size, seed, by_count),
        "own-rows": lambda: OwnRows(size, seed, text_order),
        "two-level": lambda: TwoLevel(size, seed, text_order),
        "two-level-by-count": lambda: TwoLevel(size, seed, by_count),
        "two-level-digits-in": lambda: TwoLevel(size, seed, text_order, digits=True),
    }
    return makers[name]()


VARIANTS = (
    "full",
    "full-small-start",
    "tied",
    "low-rank",
    "sampled",
    "adaptive",
    "own-rows",
    "two-level",
    "two-level-by-count",
    "two-level-digits-in",
)
