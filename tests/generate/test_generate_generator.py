"""Continuing texts: the same in any batch, ended where asked, and going on from the prompt's own bytes."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.errors import EqualInfoError
from equalinfo.generate.generator import GenerationConfig, Generator
from equalinfo.generate.stop_strings import StopMatcher
from equalinfo.model.continuations import Branches
from equalinfo.model.sampling import SamplingParams
from equalinfo.tokens.methods import METHODS
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.special import SpecialTokenizer
from equalinfo.tokens.special_tokens import SpecialTokens
from tests.support.untrained import MORE, SPECS, model, tokenizer

PROMPTS = [b"the window of the gov", b"", b"t", "naïve caf\u00e9".encode()[:-1], b"\xff\0\xfe the"]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads wait for each other longer than these models take, above all where tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def generator(spec: str) -> Generator:
    return Generator(model(tokenizer(spec).vocab), tokenizer(spec), 32)


@pytest.mark.parametrize("spec", SPECS)
def test_samples_are_the_same_alone_and_together(spec: str) -> None:
    asked = GenerationConfig(12, choice=SamplingParams(0.9, 0, 0.9), seed=5, samples=2, end=False)
    made = generator(spec)
    together = made.continuations(PROMPTS, asked)
    alone = [one for prompt in PROMPTS for one in generator(spec).continuations([prompt], asked)]
    assert together == alone
    assert [one.prompt for one in together] == [prompt for prompt in PROMPTS for _ in range(2)]
    assert all(one.tokens >= 12 for one in together)
    assert (
        together[1]
        == made.continuations(PROMPTS[:1], GenerationConfig(12, None, asked.choice, 6, 1, (), False))[0]
    )


def test_eos_ends_it_where_m2_learned_it() -> None:
    words = tokenizer("EqualInfo[v=600,fewest,words]")
    for eos, end in ((None, True), (0, False)):
        made = Generator(model(600), words, 32, eos)
        one = made.continuations([b"the"], GenerationConfig(40, seed=3, end=end))[0]
        assert one.tokens == 40
        assert 0 not in one.ids
    made = Generator(model(600), words, 32, 0)
    found = made.continuations([b"the"], GenerationConfig(400, samples=8, seed=3))
    assert "stop" in {one.reason for one in found}
    for one in found:
        assert 0 not in one.ids
        assert words.decode(one.ids).removesuffix(b"\0") == one.prompt + one.text


def test_special_tokens_end_it() -> None:
    names = [f"<|{number}|>" for number in range(60)]
    special = SpecialTokenizer(
        Spec.parse("EqualInfo[v=660,fewest,words]"), tokenizer(SPECS[3]), SpecialTokens.of(names)
    )
    made = Generator(model(660), special, 32)
    found = made.continuations(PROMPTS, GenerationConfig(8, samples=8, end=False, seed=3))
    assert {one.reason for one in found} == {"tokens", "special"}
    for one in found:
        assert max(one.ids, default=0) < 600
        assert special.decode(one.ids) == one.prompt + one.text
        assert (one.tokens < 8) == (one.reason == "special")


@pytest.mark.parametrize("spec", SPECS)
def test_what_is_shown_is_what_is_returned(spec: str) -> None:
    shown = [b""] * len(PROMPTS)

    def show(row: int, data: bytes) -> None:
        shown[row] += data

    asked = GenerationConfig(30, max_bytes=25, stops=(b"the", b"w4", b"\xff"), end=False)
    found = generator(spec).continuations(PROMPTS, asked, show)
    assert [one.text for one in found] == shown
    for one in found:
        assert len(one.text) <= 25
        assert not any(stop in one.text for stop in asked.stops)
        assert one.reason in ("tokens", "bytes", "stop")


def test_every_method_is_here() -> None:
    assert {Spec.parse(spec).method for spec in [*SPECS, *MORE]} == set(METHODS)


@pytest.mark.parametrize("spec", [*SPECS, *MORE])
def test_what_is_shown_is_what_the_ids_stand_for(spec: str) -> None:
    made = generator(spec)
    prompts = PROMPTS if made.tokenizer.continues_prompts else [b""]
    for heal in (True, False):
        pieces: list[list[bytes]] = [[] for _ in prompts]
        asked = GenerationConfig(20, choice=SamplingParams(0.8), end=False, heal=heal)
        found = made.continuations(prompts, asked, lambda row, data, to=pieces: to[row].append(data))
        for one, parts in zip(found, pieces, strict=True):
            shown, settled = one.prompt + one.text, made.tokenizer.decode(one.ids, partial=True)
            assert shown == settled or (not one.text and one.prompt.startswith(settled))
            assert (
                one.ids[: len(one.ids) - one.tokens] == made.tokenizer.encode_prompt(one.prompt).tolist()
                or heal
            )
            assert b"".join(parts) == one.text
            # What is not UTF-8 comes from the model, and not from where the parts were cut.
            if is_utf8(one.prompt) and is_utf8(one.text):
                assert all(is_utf8(part) for part in parts)


def test_a_prompt_that_ids_cannot_go_on_from() -> None:
    with pytest.raises(EqualInfoError, match="cannot go on from a prompt"):
        generator("ANS[v=256]").continuations([b"", b"the"], GenerationConfig(3))


def test_ends_do_not_change_what_comes_before_them() -> None:
    made = generator("EqualInfo[v=600,fewest,words]")
    free = made.continuations([b"the gov"], GenerationConfig(60, end=False))[0]
    for at in (3, 10, 21):
        stop = free.text[at : at + 3]
        ended = made.continuations([b"the gov"], GenerationConfig(60, stops=(stop,), end=False))[0]
        assert ended.text == free.text[: free.text.index(stop)]
        assert ended.reason == "stop"
        assert ended.tokens <= free.tokens
        bounded = made.continuations([b"the gov"], GenerationConfig(60, max_bytes=at, end=False))[0]
        assert free.text.startswith(bounded.text)
        assert at - 3 <= len(bounded.text) <= at


def test_without_healing_the_prompts_own_tokens_are_continued() -> None:
    made = generator("EqualInfo[v=600,fewest,words]")
    prompt = b"the govern"
    ids = made.tokenizer.encode(prompt).tolist()
    plain = made.continuations(
        [prompt], GenerationConfig(1, choice=SamplingParams(0.0), end=False, heal=False)
    )[0]
    likeliest = int(Branches(made.model, ids, 32, made.never).after([[]])[0].argmax())
    assert plain.text == made.tokenizer.token_bytes(likeliest)


@pytest.mark.parametrize("numbers", [{"tokens": 0}, {"samples": 0}, {"seed": -1}, {"max_bytes": -3}])
def test_numbers_out_of_range(numbers: dict[str, int]) -> None:
    with pytest.raises(EqualInfoError, match="at least 1"):
        GenerationConfig(**numbers)


def is_utf8(data: bytes) -> bool:
    return data.decode("utf-8", "ignore").encode() == data


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text("ab\u00e9\u6771\U0001f600", max_size=30).map(str.encode),
        st.lists(st.sampled_from([b"a", b"\x80", b"\xe6", b"\xf0\x9f", b"\xff"]), max_size=30).map(b"".join),
    ),
    st.lists(st.integers(0, 80)),
    st.lists(st.text("ab\u00e9", min_size=1, max_size=3), max_size=2),
    st.one_of(st.none(), st.integers(1, 40)),
)
def test_an_outlet_shows_no_byte_too_many(
    data: bytes, cuts: list[int], stops: list[str], limit: int | None
) -> None:
    strings = [stop.encode() for stop in stops]
    bounds = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    outlet, shown = StopMatcher(strings, limit), b""
    for start, end in pairwise(bounds):
        outlet.feed(data[start:end])
        part = outlet.take()
        assert is_utf8(part) or not is_utf8(data)
        shown += part
    shown += outlet.take(final=True)
    assert shown == outlet.text
    assert data.startswith(shown)
    if outlet.reason == "bytes":
        assert limit is not None
        assert limit - 4 < len(shown) <= limit
        # Where the text is UTF-8, so is what is shown of it.
        assert is_utf8(shown) or not is_utf8(data)
    ends = [(at + len(stop), at) for stop in strings if (at := data.find(stop)) >= 0]
    if ends and (limit is None or min(ends)[0] <= limit):
        assert (shown, outlet.reason) == (data[: min(ends)[1]], "stop")
    elif limit is None or len(data) < limit:
        assert (shown, outlet.reason) == (data, None)
    else:
        assert outlet.reason == "bytes"
