import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from equalinfo.errors import EqualInfoError
from equalinfo.model import loss
from equalinfo.model.decoder import Decoder
from equalinfo.model.layers import LayerCache
from equalinfo.model.paper import PaperLayer, relative_bucket
from equalinfo.sizes import SIZES, Size, size_by_name

TINY = Size(32, 2, 2, 16, 64, 1)
MILLIONS = {"3m": 3.15, "25m": 25.2, "113m": 113.2, "403m": 402.7, "2b": 1610.6}  # Lester et al. 2024


def decoder(vocab: int = 20, seed: int = 0) -> Decoder:
    model = Decoder(TINY, vocab)
    model.init_weights(seed)
    return model.eval()


def some_ids(batch: int, length: int, vocab: int = 20) -> torch.Tensor:
    return torch.randint(0, vocab, (batch, length), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", MILLIONS)
def test_parameters_of_the_papers_sizes(name):
    assert SIZES[name].parameters / 1e6 == pytest.approx(MILLIONS[name], rel=2e-3)


@pytest.mark.parametrize("name", ["65k", "250k", "1m", "3m", "25m"])
def test_the_module_has_the_parameters_it_states(name):
    with torch.device("meta"):
        model = Decoder(SIZES[name], 256)
    counted = sum(
        p.numel()
        for n, p in model.named_parameters()
        if not n.startswith(("embedding", "lm_head")) and not n.endswith(("gain", "position_bias"))
    )
    assert counted == SIZES[name].parameters


def test_unknown_size():
    with pytest.raises(EqualInfoError, match="choose one of"):
        size_by_name("7b")


@pytest.mark.parametrize(
    ("distance", "bucket"),
    # The far half: 16 + floor(16 * log(d / 16) / log 8), worked out by hand.
    [
        (0, 0),
        (1, 1),
        (15, 15),
        (16, 16),
        (18, 16),
        (19, 17),
        (32, 21),
        (64, 26),
        (112, 30),
        (113, 31),
        (128, 31),
    ],
)
def test_buckets(distance, bucket):
    assert relative_bucket(torch.tensor([distance])).item() == bucket
    assert relative_bucket(torch.tensor([5000])).item() == 31


@pytest.mark.parametrize(("past", "queries"), [(0, 1), (0, 7), (5, 1), (130, 30)])
def test_biases_are_looked_up_by_distance(past, queries):
    layer = PaperLayer(size_by_name("65k"))
    torch.nn.init.normal_(layer.position_bias)
    distance_TS = torch.arange(past, past + queries)[:, None] - torch.arange(past + queries)
    looked_up_HTS = layer.position_bias[relative_bucket(distance_TS.clamp(min=0))].permute(2, 0, 1)
    future_TS = distance_TS < 0
    made_HTS = layer._biases(layer.positions(layer.size, past, queries, torch.device("cpu")))
    assert torch.equal(made_HTS, looked_up_HTS.masked_fill(future_TS, float("-inf")))
    weights_HTS = torch.randn_like(looked_up_HTS).masked_fill(future_TS, 0.0)
    gradients = [
        torch.autograd.grad((weights_HTS * biases.masked_fill(future_TS, 0.0)).sum(), layer.position_bias)[0]
        for biases in (made_HTS, looked_up_HTS)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-3)


def test_near_keys_are_preferred():
    layer = PaperLayer(size_by_name("65k"))
    layer.prefer_near()
    biases_HS = layer._biases(layer.positions(layer.size, 0, 300, torch.device("cpu")))[:, -1]
    assert bool((biases_HS.diff(dim=1) >= 0).all())
    assert bool((biases_HS[0, :-1] < biases_HS[1, :-1]).all())  # the first head's slope is the steepest


def test_an_id_changes_no_row_before_the_next():
    model, ids = decoder(), some_ids(2, 12)
    before = model(ids)
    for t in range(12):
        changed = ids.clone()
        changed[0, t] = (changed[0, t] + 1) % 20
        after = model(changed)
        # Row t + 1 is the first that reads id t; other sequences never do.
        assert torch.equal(after[0, : t + 1], before[0, : t + 1])
        assert torch.equal(after[1], before[1])
        assert t == 11 or not torch.allclose(after[0, t + 1], before[0, t + 1])


@pytest.mark.parametrize("pieces", [[1] * 12, [5, 7], [1, 10, 1], [12]])
def test_cached_steps_equal_a_full_pass(pieces):
    model, ids = decoder(), some_ids(3, 12)
    inputs, caches, start, parts = model.shifted(ids), [LayerCache() for _ in model.layers], 0, []
    with torch.no_grad():
        for piece in pieces:
            parts.append(model.lm_head(model.hidden(inputs[:, start : start + piece], caches)))
            start += piece
        torch.testing.assert_close(torch.cat(parts, 1), model(ids))


def test_distance_changes_attention():
    """The position bias is read by distance: without it, the order of earlier ids would not matter."""
    model = decoder()
    first, swapped = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[2, 1, 3, 4]])
    assert not torch.allclose(model(first)[0, 3], model(swapped)[0, 3])
    for layer in model.layers:
        layer.position_bias.data.zero_()
    one_layer = Decoder(Size(32, 2, 1, 16, 64, 1), 20)
    one_layer.init_weights(0)
    one_layer.layers[0].position_bias.data.zero_()
    torch.testing.assert_close(one_layer(first)[0, 3], one_layer(swapped)[0, 3])


def test_initial_weights_come_from_the_seed_alone():
    model = decoder(seed=3)
    torch.manual_seed(99)
    again = decoder(seed=3)
    for parameter in again.parameters():
        parameter.data.add_(1.0)  # whatever was there before
    again.init_weights(3)
    for (name, a), b in zip(model.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b), name
    assert not torch.equal(decoder(seed=4).lm_head.weight, model.lm_head.weight)


@pytest.mark.parametrize("at_once", [1, 40, 7 * 20, 1 << 22])
def test_sliced_loss_is_cross_entropy(monkeypatch, at_once):
    monkeypatch.setitem(loss.LOGITS_AT_ONCE, "cpu", at_once)
    monkeypatch.setattr(loss, "LEAST_ROWS", 1)
    ids = some_ids(3, 11)
    model, plain = decoder(), decoder()
    total, nats = loss.next_id_loss(model, ids)
    total.backward()
    logits = plain(ids)
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids.flatten())
    expected_z = 1e-4 * torch.logsumexp(logits, -1).square().mean()
    (expected + expected_z).backward()
    torch.testing.assert_close(nats, expected)
    torch.testing.assert_close(total, expected + expected_z)
    for (name, a), b in zip(model.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, msg=name)


class LargestTensor(TorchDispatchMode):
    """Notes the most elements that any operation's result has."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else [made]:
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return made


@pytest.mark.parametrize("preset", ["paper", "llama"])
def test_no_tensor_holds_all_logits_of_65536_ids(preset):
    model = Decoder(TINY, 65_536, preset)
    model.init_weights(0)
    ids = some_ids(4, 256, 65_536)
    with LargestTensor() as largest:
        total, _ = loss.next_id_loss(model, ids)
        total.backward()
    assert largest.elements <= loss.LEAST_ROWS * 65_536 < ids.numel() * 65_536 / 2


@pytest.mark.parametrize("z_weight", [0.0, 0.3])
def test_sliced_loss_in_bfloat16(monkeypatch, z_weight):
    """Under autocast, slices give the loss and gradients of the whole up to bfloat16's 8 bits."""
    monkeypatch.setattr(loss, "LEAST_ROWS", 1)
    ids, made = some_ids(4, 40), []
    for at_once in (40, 1 << 22):
        monkeypatch.setitem(loss.LOGITS_AT_ONCE, "cpu", at_once)
        model = decoder()
        with torch.autocast("cpu", torch.bfloat16):
            total, _ = loss.next_id_loss(model, ids, z_weight)
        (total / 3).backward()
        made.append((total, model.lm_head.weight.grad, model.embedding.weight.grad))
    for sliced, whole in zip(*made, strict=True):
        assert sliced.dtype == whole.dtype == torch.float32
        assert (sliced - whole).norm() / whole.norm() < 0.02


def test_sliced_loss_without_gradients(monkeypatch):
    monkeypatch.setitem(loss.LOGITS_AT_ONCE, "cpu", 40)
    monkeypatch.setattr(loss, "LEAST_ROWS", 1)
    ids, model = some_ids(2, 9), decoder()
    with torch.no_grad():
        _, nats = loss.next_id_loss(model, ids)
        expected = torch.nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten())
    torch.testing.assert_close(nats, expected)
