"""Training on chosen positions: what counts, what is kept, the same again."""

import numpy as np
import pytest
import torch

from equalinfo.errors import EqualInfoError
from equalinfo.experiments.finetune import FinetuneConfig, Targeted, extended, padded, score, tune
from equalinfo.model.decoder import Decoder
from equalinfo.progress import progress_bar
from equalinfo.sizes import Size

SIZE = Size(16, 2, 1, 8, 32, 1)


def made(vocab: int = 12) -> Decoder:
    model = Decoder(SIZE, vocab)
    model.init_weights(0)
    return model.eval()


def copying(count: int) -> list[Targeted]:
    """Two ids, then the same two again, shifted by 4: learnable at the targets only."""
    chance = np.random.default_rng(0)
    pairs = chance.integers(0, 4, (count, 2))
    return [Targeted(np.concatenate([pair, pair + 4]), 2) for pair in pairs]


def test_padding_is_never_a_target() -> None:
    ids, mask = padded([Targeted(np.array([1, 2, 3]), 1), Targeted(np.array([4]), 0)])
    assert ids.tolist() == [[1, 2, 3], [4, 0, 0]]
    assert mask.tolist() == [[False, True, True], [True, False, False]]


def test_tuning_learns_targets_and_is_the_same_again() -> None:
    tests, weights = copying(50), []
    for _ in range(2):
        model, looked = made(), []
        with progress_bar(True) as progress:
            plan = FinetuneConfig(150, 8, 0.05, 0)
            tune(
                model,
                tests,
                plan,
                progress,
                "t",
                looked.append,
                (1, 150),
            )
        assert looked == [1, 150]
        weights.append(model.lm_head.weight.detach().clone())
    assert torch.equal(*weights)
    before, after = score(made(), tests), score(model, tests)
    assert np.mean(np.concatenate(after.hits)) > 0.9 > np.mean(np.concatenate(before.hits))
    assert [len(nats) for nats in after.nats] == [2] * 50


def test_scores_are_the_models_own() -> None:
    model, one = made(), Targeted(np.array([3, 1, 2]), 1)
    logits = model(torch.tensor([[3, 1, 2]]))[0]
    expected = -torch.log_softmax(logits, -1)[[1, 2], [1, 2]]
    other = Targeted(np.array([5, 6]), 1)
    assert score(model, [one, other]).nats[0] == pytest.approx(expected.detach().numpy(), abs=1e-5)


def test_new_ids_leave_the_old_ones_as_they_were() -> None:
    model = made()
    larger = extended(model, 3, 1).eval()
    ids = torch.tensor([[1, 2, 3, 4]])
    assert torch.allclose(larger(ids)[..., :12], model(ids), atol=1e-6)
    assert larger.vocab == 15
    with pytest.raises(EqualInfoError, match="paper"):
        extended(Decoder(SIZE, 12, "llama"), 1, 0)
