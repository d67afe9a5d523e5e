"""`train-m2 --spelled-tables`: M2's tables start from how its tokens are spelled.

Drawn tables know nothing of a token's spelling, and the row of a rare token hardly ever learns. With these, tokens
that are spelled alike start alike. What it gains: `docs/lab-notes/training.md`.
"""

from collections.abc import Sequence
from contextlib import suppress

import torch
import torch.nn.functional as F
from torch import Tensor

from equalinfo.errors import EqualInfoError
from equalinfo.model.decoder import Decoder
from equalinfo.tokens.tokenizer import Tokenizer

LONGEST = 64  # bytes: what an entry may have; later ones share the last place's vectors
SEED = 0


def texts_of_ids(tokenizer: Tokenizer) -> dict[int, bytes]:
    """The ids that have a text of their own.

    Raises:
        EqualInfoError: none has.
    """
    texts = {}
    for token in range(tokenizer.vocab):
        with suppress(EqualInfoError):  # the ids of many methods have none, and a few of others
            if text := tokenizer.token_bytes(token):
                texts[token] = text
    if not texts:
        raise EqualInfoError(
            f"ids of {tokenizer.spec} have no text of their own, so tables cannot be spelled"
        )
    return texts


def sums_of_spelling(texts: Sequence[bytes], width: int) -> Tensor:
    """A drawn vector for each byte at each place, summed over a text; of length 1, less their mean: [texts, width].

    Args:
        texts: not empty ones.
    """
    generator = torch.Generator().manual_seed(SEED)
    drawn = torch.randn(LONGEST, 256, width, generator=generator)
    sums = torch.stack(
        [drawn[torch.arange(len(text)).clamp(max=LONGEST - 1), list(text)].sum(0) for text in texts]
    )
    sums = F.normalize(sums, dim=1)
    return sums - sums.mean(0)


@torch.no_grad()
def spell_tables(texts: dict[int, bytes], model: Decoder) -> None:
    """Puts sums of spelling in the place of these ids' rows in both tables, as wide as drawn rows are."""
    rows, sums = torch.tensor(list(texts)), sums_of_spelling(list(texts.values()), model.size.d_model)
    for table in (model.embedding.weight, model.lm_head.weight):
        table[rows] = (sums * (table.std() / sums.std())).to(table)
