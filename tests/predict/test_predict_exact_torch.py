"""The exact model in torch gives what the NumPy one gives, value for value, on every device at hand."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.errors import EqualInfoError
from equalinfo.predict.exact import ExactModel
from equalinfo.predict.exact_torch import TorchModel
from tests.predict.test_predict_exact import MODELS
from tests.support import golden, tiny

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]


@pytest.fixture(scope="module", params=MODELS)
def model(request) -> ExactModel:
    return MODELS[request.param]()


@pytest.mark.parametrize("device", DEVICES)
def test_golden_frequencies(device):
    expected = json.loads(golden.PATH.read_text())
    ours = TorchModel(tiny.integer_model(), device)
    assert ours.fingerprint == expected["identity"]
    assert ours.initial.tolist() == expected["rows"][0]
    assert ours.frequencies(golden.SHORT + b"?").tolist() == expected["rows"]
    assert golden.sha256(ours.frequencies(golden.LONG + b"?")) == expected["long_sha256"]


@pytest.mark.parametrize("device", DEVICES)
def test_every_value_equals_numpys(model, device, monkeypatch):
    ours = TorchModel(model, device)
    text = b"equal information \x00\xff\x80 " + bytes(range(0, 256, 2)) + np.random.default_rng(0).bytes(90)
    expected = model.frequencies(text)
    np.testing.assert_array_equal(ours.frequencies(text), expected)
    ours._scores_at_once = 600  # a few queries at a time
    np.testing.assert_array_equal(ours.frequencies(text), expected)


@settings(max_examples=20, deadline=None)
@given(data=st.data(), device=st.sampled_from(["cpu"] + ["cuda"] * torch.cuda.is_available()))
def test_steps_in_any_batch_order_and_truncation(plain_models, data, device):
    theirs, ours = plain_models[0].new_contexts(5), plain_models[1][device].new_contexts(5)
    lengths = [0] * 5
    for _ in range(data.draw(st.integers(1, 40))):
        chosen = data.draw(st.lists(st.integers(0, 4), unique=True, max_size=5))
        keep = [data.draw(st.integers(max(0, lengths[slot] - 2), lengths[slot])) for slot in chosen]
        symbols = [data.draw(st.integers(0, 255)) for _ in chosen]
        given_ = [np.array(one, np.int64) for one in (chosen, keep, symbols)]
        np.testing.assert_array_equal(ours.step(*given_), theirs.step(*given_))
        for slot, kept in zip(chosen, keep, strict=True):
            lengths[slot] = kept + 1


@pytest.fixture(scope="module")
def plain_models():
    plain = tiny.random_model(seed=1)
    devices = ["cpu"] + ["cuda"] * torch.cuda.is_available()
    return plain, {device: TorchModel(plain, device) for device in devices}


def test_no_such_device():
    with pytest.raises(EqualInfoError, match="there is no device"):
        TorchModel(tiny.random_model(seed=1), "cuda:99")
