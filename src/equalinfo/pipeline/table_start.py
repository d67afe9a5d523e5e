"""What `train-m2 --tables-from` starts M2's tables from: how its tokens are spelled, or M1's states after them."""

from contextlib import suppress
from dataclasses import dataclass

from torch import Tensor

from equalinfo.errors import EqualInfoError
from equalinfo.files import sha256_file
from equalinfo.model.decoder import Decoder
from equalinfo.model.starting import start_tables, states_after, sums_of_spelling
from equalinfo.pipeline.m1 import load_float_m1
from equalinfo.shipped import located
from equalinfo.tokens.base import Tokenizer

SPELLING = "spelling"


@dataclass(frozen=True)
class TableStart:
    """Rows of tables from the texts of ids (`model.starting`).

    Args:
        identity: SPELLING, or the hash of M1's float weights.
        ids: with a text of their own.
        states: [ids, D].
    """

    identity: str
    ids: list[int]
    states: Tensor

    @classmethod
    def of(cls, source: str, tokenizer: Tokenizer, width: int) -> "TableStart":
        """From SPELLING, or from an M1 directory.

        Raises:
            EqualInfoError: no id has a text of its own, no such M1, or one without float weights.
        """
        texts = {}
        for token in range(tokenizer.vocab):
            with suppress(EqualInfoError):  # the ids of many methods have none, and a few of others
                if text := tokenizer.token_bytes(token):
                    texts[token] = text
        if not texts:
            raise EqualInfoError(
                f"ids of {tokenizer.spec} have no text of their own, which --tables-from starts from"
            )
        ids, own = list(texts), list(texts.values())
        if source == SPELLING:
            return cls(SPELLING, ids, sums_of_spelling(own, width))
        m1 = located(source, "m1")
        model = load_float_m1(m1)
        return cls(sha256_file(m1 / "model.safetensors"), ids, states_after(model, own))

    def put_into(self, model: Decoder) -> None:
        start_tables(model, self.ids, self.states)
