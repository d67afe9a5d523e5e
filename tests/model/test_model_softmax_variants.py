"""The decoders that `benchmarks/softmax.py` compares: each one's probabilities over all ids are a distribution."""

import numpy as np
import pytest
import torch

from benchmarks._softmax import NEGATIVES, VARIANTS, VOCAB, Sampled, Variant, make
from equalinfo.sizes import Size

SIZE = Size(16, 2, 1, 8, 32, 1)
COUNTS = 1_000_000 // np.arange(1, VOCAB + 1)
# An order in which no digit is the id's own.
ORDER = np.random.default_rng(2).permutation(VOCAB)


def variant(name: str, seed: int = 0) -> Variant:
    return make(name, SIZE, seed, COUNTS, ORDER)


def some_ids(batch: int, length: int) -> torch.Tensor:
    """Of all clusters of the adaptive softmax, frequent ids and rare ones."""
    ids = torch.randint(0, VOCAB, (batch, length), generator=torch.Generator().manual_seed(1))
    return ids >> torch.arange(length) % 9


@pytest.mark.parametrize("name", VARIANTS)
@torch.no_grad()
def test_probabilities_of_all_ids_sum_to_one(name: str) -> None:
    model, ids = variant(name), some_ids(1, 5)
    log_NV = model.log_probabilities(model.hidden(model.shifted(ids))[0]).double()
    assert log_NV.shape == (5, VOCAB)
    torch.testing.assert_close(log_NV.exp().sum(1), torch.ones(5).double(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", VARIANTS)
@torch.no_grad()
def test_nats_of_an_id_are_those_of_its_probability(name: str) -> None:
    model, ids = variant(name), some_ids(1, 9)
    hidden_ND = model.hidden(model.shifted(ids))[0]
    log_NV = model.log_probabilities(hidden_ND)
    expected = -log_NV.gather(1, ids[0][:, None]).squeeze(1)
    torch.testing.assert_close(model.nats(hidden_ND, ids[0]), expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "sampled"])
def test_training_minimises_the_nats(name: str) -> None:
    model, ids = variant(name), some_ids(2, 9)
    loss = model.training_loss(ids)
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())
    with torch.no_grad():
        hidden_ND = model.hidden(model.shifted(ids)).flatten(0, 1)
        nats = float(model.nats(hidden_ND, ids.flatten()).mean())
    # Those with a logit of every id add the z-loss: 1e-4 times a log sum exp of about 11, squared.
    assert nats - 1e-4 <= float(loss.detach()) <= nats + 0.02


@torch.no_grad()
def test_sampled_softmax_estimates_the_sum_over_all_ids() -> None:
    model, ids = variant("sampled"), some_ids(1, 40)
    assert isinstance(model, Sampled)
    hidden_ND, target_N = model.hidden(model.shifted(ids))[0], ids[0]
    sums = torch.stack([model.estimate(hidden_ND, target_N)[1].double().exp() for _ in range(400)])
    estimated = sums.mean(0).log()
    expected = torch.logsumexp(model.logits(hidden_ND).double(), 1)
    # Drawn 400 times NEGATIVES ids, the mean is within a few hundredths.
    assert NEGATIVES == 2048
    torch.testing.assert_close(estimated, expected, atol=0.1, rtol=0)
    assert abs(float((estimated - expected).mean())) < 0.02


def test_bodies_of_one_seed_are_equal() -> None:
    first = variant("full", 3).layers.state_dict()
    for name in VARIANTS[1:]:
        for key, value in variant(name, 3).layers.state_dict().items():
            assert torch.equal(value, first[key]), name
