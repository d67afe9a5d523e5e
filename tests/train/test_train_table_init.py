"""Tables that start from M1: states of texts, whatever stands beside them in a batch, in the rows of their ids."""

import pytest
import torch

from equalinfo.model.decoder import Decoder
from equalinfo.sizes import Size
from equalinfo.train import table_init

TEXTS = [b"a", b"the", b" window", b"\xff\x00", b"a" * 64, "é".encode()]


def decoder(width: int, vocab: int, preset: str = "paper") -> Decoder:
    model = Decoder(Size(width, 2, 1, 16, 64, 1), vocab, preset)
    model.init_weights(3)
    return model.eval()


def test_states_are_those_of_each_text_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    m1 = decoder(32, 256)
    alone = torch.stack([m1.hidden(torch.tensor([[m1.bos_id, *text]]))[0, -1].detach() for text in TEXTS])
    expected = torch.nn.functional.normalize(alone, dim=1)
    expected -= expected.mean(0)
    for batch in (256, 2):
        monkeypatch.setattr(table_init, "BATCH", batch)
        assert torch.allclose(table_init.states_after(m1, TEXTS), expected, atol=1e-5)


def test_texts_that_are_spelled_alike_start_alike() -> None:
    texts = [b" window", b" windows", b" text", b"x" * 80, *(bytes([n, 255 - n]) for n in range(60))]
    states = table_init.sums_of_spelling(texts, 64)
    assert torch.equal(states, table_init.sums_of_spelling(texts, 64))
    assert states.mean(0).abs().max() < 1e-6
    near, far = (torch.nn.functional.cosine_similarity(states[0], states[other], dim=0) for other in (1, 2))
    assert near > 0.8 > 0.5 > far


@pytest.mark.parametrize("preset", ["paper", "llama"])
@pytest.mark.parametrize("width", [32, 48])
def test_rows_of_the_ids_change_and_stay_as_wide(preset: str, width: int) -> None:
    drawn, model = decoder(width, 100, preset), decoder(width, 100, preset)
    states, ids = torch.randn(60, 32, generator=torch.Generator().manual_seed(1)), list(range(40, 100))
    table_init.start_tables(model, ids, states)
    for before, after in (
        (drawn.embedding.weight, model.embedding.weight),
        (drawn.lm_head.weight, model.lm_head.weight),
    ):
        assert torch.equal(before[:40], after[:40])
        assert not torch.isclose(before[40:100], after[40:100]).all(1).any()
        assert after[40:100].std().item() == pytest.approx(before.std().item(), rel=0.05)
        angles = torch.nn.functional.cosine_similarity(after[40:70], after[70:100])
        known = torch.nn.functional.cosine_similarity(states[:30], states[30:])
        assert torch.allclose(angles, known, atol=1e-4 if width == 32 else 0.6)
