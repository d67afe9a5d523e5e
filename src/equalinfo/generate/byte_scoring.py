"""How likely a model finds bytes after other bytes, whatever tokens they fall into."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from equalinfo.generate.token_healing import completions, split_unsettled
from equalinfo.model.continuations import Branches
from equalinfo.model.decoder import Decoder
from equalinfo.model.scoring import nats_of_ids
from equalinfo.tokens.strings import token_strings_of
from equalinfo.tokens.tokenizer import Tokenizer


@dataclass(frozen=True)
class _Scored:
    """A text's settled ids, the log-probability of each, and that of the bytes after them."""

    ids: list[int]
    logs: np.ndarray
    end: float


class ByteScorer:
    """Log-probabilities (nats) of byte strings under an M2.

    P(a text begins with x) is taken as that of the ids of x that no further text changes, times that of all ways to
    write the bytes after them, whole or as the beginning of a longer token (`generate.token_healing`). What is left
    out are ways to write the settled part with other ids than the tokenizer gives, which training never shows.

    Args:
        context: the most ids that predict another: the sequence length that M2 was trained with. Longer texts are
            read in overlapping windows, half of one from the next.

    Examples:
        >>> from equalinfo.sizes import size_by_name
        >>> from equalinfo.tokens.sources import Sources
        >>> from equalinfo.tokens.spec import Spec
        >>> model = Decoder(size_by_name("65k"), vocab=256)
        >>> model.init_weights(seed=0)
        >>> scorer = ByteScorer(model, Spec.parse("Bytes").build(Sources()), context=64)
        >>> scorer.continuation(b"equal ", b"windows") < 0
        True
    """

    def __init__(self, model: Decoder, tokenizer: Tokenizer, context: int) -> None:
        self.model, self.tokenizer, self.context = model, tokenizer, context
        self.strings = token_strings_of(tokenizer)
        self._context_score = lru_cache(64)(self._score)

    def continuation(self, context: bytes, text: bytes) -> float:
        """log P(text | context): of all texts that begin with `context`, how many go on with `text`.

        A token that spans the two counts in full: the tokens that the end of `context` alone would have are
        never assumed. Where ids have no bytes of their own (AC, GZip and the like) the tokens of both together are
        scored, ended there, against the settled tokens of the context.
        """
        if self.strings is None:
            whole = self._logs(self.tokenizer.encode(context + text))
            return float(whole.sum() - self._logs(self.tokenizer.encode_prompt(context)).sum())
        before, both = self._context_score(context), self._score(context + text)
        # What they share cancels exactly.
        shared = len(before.ids) if both.ids[: len(before.ids)] == before.ids else 0
        logs = both.logs[shared:].sum() - before.logs[shared:].sum()
        return float(logs + both.end - before.end)

    def whole(self, text: bytes) -> float:
        """The log-probability of a text's own tokens, from an empty context, as sliding windows of `evaluate`."""
        return float(self._logs(self.tokenizer.encode(text)).sum())

    def _score(self, text: bytes) -> _Scored:
        assert self.strings is not None
        ids = self.tokenizer.encode_prompt(text).tolist()
        kept, rest = split_unsettled(self.strings, self.tokenizer.written(text), ids)
        end = 0.0
        if rest:
            branches = Branches(self.model, kept, self.context)
            end = completions(self.strings, branches, rest).log_probability
        return _Scored(kept, self._logs(np.array(kept, np.int64)), end)

    def _logs(self, ids: np.ndarray) -> np.ndarray:
        return -nats_of_ids(self.model, ids, self.context, max(self.context // 2, 1))
