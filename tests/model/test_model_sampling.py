import pytest
import torch

from equalinfo.model.decoder import Decoder
from equalinfo.model.sampling import sample
from equalinfo.model.sizes import Size


@pytest.fixture(scope="module")
def model() -> Decoder:
    model = Decoder(Size(32, 2, 2, 16, 64, 1), 30)
    model.initialise(2)
    return model.eval()


def test_the_seed_decides(model):
    def drawn(seed):
        return list(sample(model, [1, 2], 25, temperature=1.0, top_k=0, seed=seed))

    torch.manual_seed(0)
    first = drawn(7)
    torch.manual_seed(1)
    assert drawn(7) == first
    assert drawn(8) != first
    assert len(first) == 25
    assert all(0 <= index < 30 for index in first)


@pytest.mark.parametrize("prompt", [[], [3], [4, 5, 6]])
def test_temperature_zero_takes_the_likeliest(model, prompt):
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(12):
            # One id more than known: the last row does not read it.
            ids.append(int(model(torch.tensor([[*ids, 0]]))[0, -1].argmax()))
    assert list(sample(model, prompt, 12, temperature=0, top_k=0, seed=0)) == ids[len(prompt) :]


def test_top_k(model):
    likeliest = list(sample(model, [9], 15, temperature=0, top_k=0, seed=0))
    assert list(sample(model, [9], 15, temperature=1.0, top_k=1, seed=3)) == likeliest
    with torch.no_grad():
        allowed = set(model(torch.tensor([[9, 0]]))[0, -1].topk(3).indices.tolist())
    firsts = {next(sample(model, [9], 1, temperature=5.0, top_k=3, seed=seed)) for seed in range(60)}
    assert firsts == allowed
    with_all = list(sample(model, [9], 15, temperature=1.0, top_k=30, seed=3))
    assert with_all == list(sample(model, [9], 15, temperature=1.0, top_k=0, seed=3))


def test_nothing_to_draw(model):
    assert list(sample(model, [1], 0, temperature=1.0, top_k=0, seed=0)) == []
