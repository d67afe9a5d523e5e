"""Windows made by the GPU's kernels are those of `encode_windows`.

Without a GPU, and with Triton: `TRITON_INTERPRET=1 pytest tests/coding/test_windows_triton.py`, which takes an hour;
with `-k any_logits`, which leaves M1's own kernels out, three minutes.
"""

import os
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from tests.support import tiny

pytest.importorskip("triton")
ON_GPU = torch.cuda.is_available()
if not ON_GPU and not os.environ.get("TRITON_INTERPRET"):
    pytest.skip("no GPU", allow_module_level=True)

from equalinfo.coding.equal_info_windows import WindowRule, encode_windows  # noqa: E402
from equalinfo.coding.windows_triton import WindowEncoder, possible  # noqa: E402
from equalinfo.predict.exact_torch import TorchModel  # noqa: E402
from equalinfo.predict.exact_triton import Steps  # noqa: E402

SIZE = replace(tiny.SIZE, d_model=64, n_layers=2, d_ff=1024 if ON_GPU else 256, n_heads=2, d_head=32)


@pytest.fixture(scope="module", params=[1.0, 8.0])
def model(request):
    return tiny.random_model(7, request.param, SIZE)


@pytest.fixture(scope="module")
def on_device(model):
    return TorchModel(model, "cuda" if ON_GPU else "cpu")


def test_frequencies_of_every_step(model, on_device):
    steps = Steps(on_device, 128, 40)
    generator = np.random.default_rng(0)
    contexts = model.new_contexts(128)
    for place in range(20):
        symbols = generator.integers(0, 256, 128)
        steps.symbols.copy_(torch.from_numpy(symbols))
        steps.positions.fill_(place + 1)
        steps.launch()
        expected = contexts.step(np.arange(128), np.full(128, place), symbols)
        np.testing.assert_array_equal(steps.frequencies().cpu().numpy(), expected)


@pytest.mark.parametrize("bits", [14, 16, 20, 32])
def test_windows(model, on_device, bits):
    rule = WindowRule(bits)
    assert possible(on_device, rule)
    texts = [text[:60] for text in tiny.TEXTS] + [
        tiny.likely_text(model, 50, seed) for seed in range(100 if ON_GPU else 20)
    ]
    encoder = WindowEncoder(on_device, rule, 128, 40)
    expected = encode_windows(model, texts, rule)
    assert encoder.encode(texts) == expected
    assert encoder.encode(texts[::-1]) == expected[::-1]


class MadeUpLogits:
    """A predictor whose logits follow from the last two bytes, in the place of M1's kernels and of the model."""

    def __init__(self, model, steps):
        self.initial, self.steps, self.rows = model.initial, steps, {}
        self.contexts = [b""] * steps.contexts

    def logits(self, text):
        generator = np.random.default_rng(list(text[-2:]))
        return generator.integers(-40_000 if len(text) % 3 else -4_000, 1, 256, np.int32)

    def launch(self, tiles):
        for n, (place, symbol) in enumerate(
            zip(self.steps.positions.tolist(), self.steps.symbols.tolist(), strict=True)
        ):
            self.contexts[n] = self.contexts[n][: place - 1] + bytes([symbol])
            self.steps.logits[n] = torch.from_numpy(self.logits(self.contexts[n]))

    def new_contexts(self, slots):
        return tiny.TableContexts(self, slots)

    def row(self, context):
        if context not in self.rows:
            self.steps.logits[0] = torch.from_numpy(self.logits(context))
            self.rows[context] = self.steps.frequencies()[0].cpu().numpy()
        return self.rows[context]


@pytest.mark.parametrize("bits", [14, 32])
def test_windows_of_any_logits(bits):
    model = tiny.random_model(7, 1.0, replace(SIZE, n_layers=1))
    rule, device = WindowRule(bits), "cuda" if ON_GPU else "cpu"
    texts = [text[:20] for text in tiny.TEXTS] + [np.random.default_rng(n).bytes(20) for n in range(6)]
    encoder = WindowEncoder(TorchModel(model, device), rule, 128, 60)
    steps = encoder.steps
    expected = encode_windows(MadeUpLogits(model, Steps(encoder.model, 128, 2)), texts, rule)
    steps.launch = MadeUpLogits(model, steps).launch
    encoder._run = partial(run_plainly, encoder)
    assert encoder.encode(texts) == expected


def run_plainly(encoder):
    """Without CUDA's graphs, which would not call what stands for M1."""
    while int(encoder._working):
        encoder._step()
