"""Drawing ids: what the options allow, and that a row is the same alone and in any batch."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from equalinfo.errors import EqualInfoError
from equalinfo.model.config import PRESETS
from equalinfo.model.continuations import Branches
from equalinfo.model.decoder import Decoder
from equalinfo.model.sampling import Sampler, SamplingParams, window_start
from equalinfo.sizes import Size

VOCAB = 30
PROMPTS = [[4, 5, 6], [], [7], [1, 2, 3, 4, 5, 6, 7, 8, 9]]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads wait for each other longer than these models take, above all where tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=PRESETS)
def model(request: pytest.FixtureRequest) -> Decoder:
    model = Decoder(Size(32, 2, 2, 16, 64, 1), VOCAB, request.param)
    model.init_weights(2)
    return model.eval()


def drawn(model, prompts, count, choice=None, seeds=None, **options):
    """The ids that each row draws, `count` of them."""
    choice = choice or SamplingParams()
    sampler = Sampler(model, prompts, choice, seeds or [0] * len(prompts), **options)
    lengths = [len(prompt) for prompt in prompts]
    while sampler.running:
        sampler.step()
        done = [row for row in sampler.running if len(sampler.ids[row]) == lengths[row] + count]
        if done:
            sampler.stop(done)
    return [ids[length:] for ids, length in zip(sampler.ids, lengths, strict=True)]


def next_logits(model, ids):
    with torch.no_grad():
        return model(torch.tensor([[*ids, 0]]))[
            0, -1
        ]  # one id more than known: the last row does not read it


def test_the_seed_decides(model):
    torch.manual_seed(0)
    first = drawn(model, [[1, 2]], 25, seeds=[7])
    torch.manual_seed(1)
    assert drawn(model, [[1, 2]], 25, seeds=[7]) == first
    assert drawn(model, [[1, 2]], 25, seeds=[8]) != first
    assert all(0 <= index < VOCAB for index in first[0])


@pytest.mark.parametrize("prompt", PROMPTS)
def test_temperature_zero_takes_the_likeliest(model, prompt):
    ids = list(prompt)
    for _ in range(12):
        ids.append(int(next_logits(model, ids).argmax()))
    assert drawn(model, [prompt], 12, SamplingParams(0.0)) == [ids[len(prompt) :]]


@pytest.mark.parametrize("choice", [SamplingParams(0.0), SamplingParams(), SamplingParams(1.5, 9, 0.8)])
@pytest.mark.parametrize("context", [None, 6])
def test_rows_are_the_same_alone_and_together(model, choice, context):
    seeds = [3, 4, 5, 3]
    together = drawn(model, PROMPTS, 20, choice, seeds, context=context)
    alone = [
        drawn(model, [prompt], 20, choice, [seed], context=context)[0]
        for prompt, seed in zip(PROMPTS, seeds, strict=True)
    ]
    assert together == alone


def test_a_row_is_the_same_whichever_rows_stop_before_it(model):
    sampler = Sampler(model, PROMPTS, SamplingParams(), [1, 2, 3, 4])
    for step in range(20):
        sampler.step()
        sampler.stop([{3: 1, 7: 0}.get(step, -1)])
    assert sampler.running == [2, 3]
    assert sampler.ids[2] == PROMPTS[2] + drawn(model, [PROMPTS[2]], len(sampler.ids[2]) - 1, seeds=[3])[0]


def test_no_more_than_a_context_is_read(model):
    context = 6
    ids = drawn(model, [[1, 2, 3]], 20, SamplingParams(0.0), context=context)[0]
    known = [1, 2, 3]
    for token in ids:
        start = window_start(len(known), context)
        assert context // 2 <= len(known) - start < context or start == 0
        assert token == int(next_logits(model, known[start:]).argmax())
        known.append(token)


def test_top_k(model):
    likeliest = drawn(model, [[9]], 15, SamplingParams(0.0))
    assert drawn(model, [[9]], 15, SamplingParams(1.0, 1), [3]) == likeliest
    allowed = set(next_logits(model, [9]).topk(3).indices.tolist())
    assert {drawn(model, [[9]], 1, SamplingParams(5.0, 3), [seed])[0][0] for seed in range(60)} == allowed
    assert drawn(model, [[9]], 15, SamplingParams(1.0, 30)) == drawn(model, [[9]], 15)


def test_top_p():
    p = torch.tensor([[0.05, 0.4, 0.3, 0.25]])
    uniform = np.linspace(0, 1, 200, endpoint=False)
    for top_p, allowed in ((0.3, {1}), (0.4, {1}), (0.41, {1, 2}), (0.9, {1, 2, 3}), (1.0, {0, 1, 2, 3})):
        picked = SamplingParams(1.0, 0, top_p).pick(p.log().expand(200, -1), uniform)
        assert set(picked) == allowed


def test_draws_have_the_probabilities_of_the_distribution():
    p = np.array([0.1, 0.0, 0.6, 0.3])
    with np.errstate(divide="ignore"):
        logits = torch.from_numpy(np.log(p))
    picked = SamplingParams(1.0).pick(logits.expand(1000, -1), (np.arange(1000) + 0.5) / 1000)
    assert np.bincount(picked, minlength=4).tolist() == [100, 0, 600, 300]
    assert SamplingParams(1.0).pick(logits[None], np.array([1 - 2**-53])) == [3]


def test_ids_that_are_never_drawn(model):
    for ids in drawn(model, PROMPTS, 40, SamplingParams(9.0), never=[0, 5]):
        assert not {0, 5} & set(ids)


@pytest.mark.parametrize("numbers", [(-1.0,), (float("nan"),), (1.0, -1), (1.0, 0, 0.0), (1.0, 0, 1.1)])
def test_numbers_out_of_range(numbers):
    with pytest.raises(EqualInfoError, match="top-p"):
        SamplingParams(*numbers)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_give_no_distribution(bad):
    with pytest.raises(EqualInfoError, match="not numbers"):
        SamplingParams(1.0).pick(torch.tensor([[0.0, bad, 1.0]]), np.array([0.5]))


@pytest.mark.parametrize("context", [None, 6])
def test_branches_read_what_a_sampler_would(model, context):
    for ids in PROMPTS:
        branches = Branches(model, ids, context, never=[3])
        suffixes = [[], [1], [2, 3], [], [4, 5, 6]]
        start = window_start(len(ids), context) if context else 0
        for found, suffix in zip(branches.after(suffixes), suffixes, strict=True):
            logits = next_logits(model, ids[start:] + suffix).double()
            logits[3] = float("-inf")
            np.testing.assert_allclose(found, torch.log_softmax(logits, 0).numpy(), atol=1e-5)
