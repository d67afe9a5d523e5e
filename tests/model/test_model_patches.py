"""A byte's prediction depends on the bytes before it alone, whatever the windows."""

import pytest
import torch

from equalinfo.model.informed import InformedDecoder
from equalinfo.model.patches import PLACES, PatchDecoder, Windows
from equalinfo.sizes import size_by_name


@pytest.mark.parametrize("steps", [True, False])
@pytest.mark.parametrize("prior", [True, False])
def test_no_byte_is_seen_before_its_time(steps: bool, prior: bool) -> None:
    torch.manual_seed(0)
    model = PatchDecoder(size_by_name("65k"), steps, prior)
    model.init_weights(1)
    torch.nn.init.normal_(model.lm_head.weight)  # with a prior it begins at zero, which would hide everything
    text = torch.randint(256, (2, 60))
    starts = torch.rand(2, 60) < 0.3
    given = torch.randn(2, 60, 256) if prior else None
    before = model.predict(text, starts, given)
    for place in (0, 1, 17, 59):
        changed = text.clone()
        changed[:, place] ^= 0x55
        after = model.predict(changed, starts, given)
        torch.testing.assert_close(after[:, : place + 1], before[:, : place + 1], rtol=1e-4, atol=1e-5)
        if place < 59:
            assert not torch.allclose(after[:, place + 1], before[:, place + 1])


def test_m2_is_heard_beyond_the_local_decoder() -> None:
    torch.manual_seed(0)
    text, starts = torch.randint(256, (1, 100)), torch.arange(100)[None] % 10 == 0
    changed = text.clone()
    changed[0, 3] ^= 1
    for steps in (True, False):
        model = PatchDecoder(size_by_name("65k"), steps)
        model.init_weights(0)
        differs = not torch.equal(model.predict(text, starts)[0, 90], model.predict(changed, starts)[0, 90])
        assert differs == steps


def test_with_a_prior_an_untrained_model_is_the_prior() -> None:
    model = PatchDecoder(size_by_name("65k"), True, True)
    model.init_weights(0)
    prior = torch.log_softmax(torch.randn(1, 8, 256), -1)
    torch.testing.assert_close(
        model.predict(torch.zeros(1, 8, dtype=torch.long), prior[..., 0] > 0, prior), prior
    )


def test_long_windows_have_a_last_place() -> None:
    windows = Windows.of(torch.zeros(1, 200, dtype=torch.bool))
    assert (windows.most, int(windows.place_BT.max())) == (1, PLACES - 1)


def test_what_is_told_changes_its_own_position_and_later_ones() -> None:
    model = InformedDecoder(size_by_name("65k"), 16, 8)
    model.init_weights(0)
    ids, features = torch.zeros(1, 6, dtype=torch.long), torch.randn(1, 6, 8)
    changed = features.clone()
    changed[0, 3] = torch.randn(8)
    one, other = (
        model.hidden(model.shifted(ids), added_BTD=model.told(given)) for given in (features, changed)
    )
    assert torch.allclose(one[:, :3], other[:, :3], atol=1e-6)
    assert not torch.allclose(one[:, 3], other[:, 3])
