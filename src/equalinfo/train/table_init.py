"""What `train-m2 --tables-from` starts M2's tables from: how its tokens are spelled, or M1's states after them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from equalinfo.errors import EqualInfoError
from equalinfo.files import sha256_file
from equalinfo.model.decoder import Decoder
from equalinfo.pretrained import located
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.m1 import load_float_m1

SPELLING = "spelling"


@dataclass(frozen=True)
class TableStart:
    """Rows of tables from the texts of ids (`train.table_init`).

    Args:
        fingerprint: SPELLING, or the hash of M1's float weights.
        ids: with a text of their own.
        states: [ids, D].
    """

    fingerprint: str
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
        ids, strings = list(texts), list(texts.values())
        if source == SPELLING:
            return cls(SPELLING, ids, sums_of_spelling(strings, width))
        m1 = located(source, "m1")
        model = load_float_m1(m1)
        return cls(sha256_file(m1 / "model.safetensors"), ids, states_after(model, strings))

    def put_into(self, model: Decoder) -> None:
        start_tables(model, self.ids, self.states)


# M2's tables from the texts of its tokens: by spelling alone, or M1's hidden state after reading the text.
#
# Drawn tables know nothing of a token's spelling, and the row of a rare token hardly ever learns. With these, tokens
# that are spelled alike start alike. What it gains, and how little of it is M1's: `docs/lab-notes.md`.
BATCH = 256
LONGEST = 64  # bytes: what an entry may have; later ones share the last place's vectors
SPELLING_SEED, PROJECTION_SEED = 0, 0


def sums_of_spelling(texts: Sequence[bytes], width: int) -> Tensor:
    """A drawn vector for each byte at each place, summed over a text; of length 1, less their mean: [texts, width].

    Args:
        texts: not empty ones.
    """
    generator = torch.Generator().manual_seed(SPELLING_SEED)
    drawn = torch.randn(LONGEST, 256, width, generator=generator)
    states = torch.stack(
        [drawn[torch.arange(len(text)).clamp(max=LONGEST - 1), list(text)].sum(0) for text in texts]
    )
    states = F.normalize(states, dim=1)
    return states - states.mean(0)


@torch.no_grad()
def states_after(m1: Decoder, texts: Sequence[bytes]) -> Tensor:
    """M1's last hidden state after each text from an empty context, of length 1, less their mean: [texts, D].

    Args:
        texts: not empty ones.
    """
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    states = torch.empty(len(texts), m1.size.d_model)
    for begin in range(0, len(order), BATCH):
        group = order[begin : begin + BATCH]
        # What stands after a text is not seen by it: attention is causal.
        rows = [torch.tensor([m1.bos_id, *texts[i]]) for i in group]
        hidden_BTD = m1.hidden(pad_sequence(rows, batch_first=True))
        last = torch.tensor([len(texts[i]) for i in group])
        states[group] = F.normalize(hidden_BTD[torch.arange(len(group)), last], dim=1)
    return states - states.mean(0)


@torch.no_grad()
def start_tables(model: Decoder, ids: Sequence[int], states: Tensor) -> None:
    """Puts states in the place of the rows of `ids` in both tables, as wide as drawn rows are.

    Args:
        states: [ids, D], of any D: another width than the model's is projected by a drawn matrix, which keeps angles
            nearly.
    """
    width = model.size.d_model
    if states.shape[1] != width:
        generator = torch.Generator().manual_seed(PROJECTION_SEED)
        states = states @ torch.randn(states.shape[1], width, generator=generator)
    rows = torch.tensor(list(ids))
    for table in (model.embedding.weight, model.lm_head.weight):
        table[rows] = (states * (table.std() / states.std())).to(table)
