"""Preset `llama`: the same logits as transformers' LlamaForCausalLM, and what the preset promises by itself."""

import pytest
import torch

from equalinfo.errors import EqualInfoError
from equalinfo.model import hf_llama
from equalinfo.model.decoder import Decoder
from equalinfo.model.layers import LayerCache
from equalinfo.sizes import SIZES, Size

SIZE, VOCAB = Size(64, 2, 3, 32, 256, 1), 50
# float32 logits of size about 1; transformers sums in another order.
CLOSE = {"atol": 2e-5, "rtol": 1e-4}


def decoder(seed: int = 0) -> Decoder:
    model = Decoder(SIZE, VOCAB, "llama")
    model.init_weights(seed)
    # Gains that are not all 1, so that a swapped one shows.
    generator = torch.Generator().manual_seed(9)
    for name, parameter in model.named_parameters():
        if name.endswith("gain"):
            parameter.data += 0.3 * torch.rand(parameter.shape, generator=generator)
    return model.eval()


def some_ids(batch: int, length: int) -> torch.Tensor:
    return torch.randint(0, VOCAB, (batch, length), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def theirs() -> torch.nn.Module:
    transformers = pytest.importorskip("transformers", reason="pip install 'equalinfo[hf]'")
    ours = decoder()
    config = transformers.LlamaConfig(**hf_llama.config(ours, 128, 0))
    model = transformers.LlamaForCausalLM(config).eval()
    model.load_state_dict(hf_llama.to_hugging_face(ours), strict=True)
    return model


@torch.no_grad()
def test_the_logits_are_those_of_transformers(theirs: torch.nn.Module) -> None:
    model, ids = decoder(), some_ids(3, 100)
    inputs = model.shifted(ids)
    assert inputs[:, 0].eq(0).all()
    torch.testing.assert_close(model(ids), theirs(inputs).logits, **CLOSE)


def test_the_gradients_are_those_of_transformers(theirs: torch.nn.Module) -> None:
    model, ids = decoder(), some_ids(2, 40)
    torch.nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten()).backward()
    theirs.zero_grad()
    torch.nn.functional.cross_entropy(
        theirs(model.shifted(ids)).logits.flatten(0, 1), ids.flatten()
    ).backward()
    named = hf_llama.names(SIZE.n_layers)
    their_parameters = dict(theirs.named_parameters())
    assert sorted(named.values()) == sorted(their_parameters)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, their_parameters[named[name]].grad, **CLOSE, msg=name)


@pytest.mark.parametrize("pieces", [[1] * 12, [5, 7], [1, 10, 1], [12]])
@torch.no_grad()
def test_cached_llama_steps_equal_a_full_pass(pieces: list[int]) -> None:
    model, ids = decoder(), some_ids(3, 12)
    inputs, caches, start, parts = model.shifted(ids), [LayerCache() for _ in model.layers], 0, []
    for piece in pieces:
        parts.append(model.lm_head(model.hidden(inputs[:, start : start + piece], caches)))
        start += piece
    torch.testing.assert_close(torch.cat(parts, 1), model(ids), **CLOSE)


@torch.no_grad()
def test_an_id_changes_no_llama_row_before_the_next() -> None:
    model, ids = decoder(), some_ids(2, 12)
    before = model(ids)
    for t in range(12):
        changed = ids.clone()
        changed[0, t] = (changed[0, t] + 1) % VOCAB
        after = model(changed)
        assert torch.equal(after[0, : t + 1], before[0, : t + 1])
        assert t == 11 or not torch.allclose(after[0, t + 1], before[0, t + 1])


@pytest.mark.parametrize("name", ["65k", "250k", "1m", "3m", "25m", "113m", "403m", "2b"])
def test_both_presets_have_the_parameters_a_size_states(name: str) -> None:
    with torch.device("meta"):
        model = Decoder(SIZES[name], 256, "llama")
    layers = sum(p.numel() for n, p in model.named_parameters() if n.startswith("layers.") and p.ndim == 2)
    assert layers == SIZES[name].parameters
    assert model.embedding.weight.shape == model.lm_head.weight.shape == (256, SIZES[name].d_model)


def test_unknown_preset() -> None:
    with pytest.raises(EqualInfoError, match="choose one of paper, llama"):
        Decoder(SIZE, VOCAB, "gpt")
