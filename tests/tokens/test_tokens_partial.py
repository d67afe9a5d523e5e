"""Partial decoding gives what ids settle whatever follows them: more ids never take a byte back."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from tests.support import methods

SENTENCE = b"The government said on Tuesday that it would raise the price of oil. "
TEXTS = [b"", SENTENCE * 2, b"a" * 150, bytes(range(60, 256, 2)), "naïve — \u6771\u4eac".encode()]
CUTS = 12  # places where ids of a text are cut, at most

every_method = methods.each(*methods.SPECS, *methods.COMPILED)


def settled(tokenizer: Tokenizer, streams: list[list[int]]) -> list[list[bytes]]:
    """For each list of ids, what some of its beginnings settle, and all of it."""
    cuts = [[*range(0, len(ids), 1 + len(ids) // CUTS), len(ids)] for ids in streams]
    begun = [ids[:cut] for ids, own in zip(streams, cuts, strict=True) for cut in own]
    texts = iter(tokenizer.decode_batch(begun, partial=True))
    return [[next(texts) for _ in own] for own in cuts]


def assert_settled(tokenizer: Tokenizer, texts: list[bytes]) -> None:
    streams = [ids.tolist() for ids in tokenizer.encode_batch(texts)]
    for text, found in zip(texts, settled(tokenizer, streams), strict=True):
        assert all(text.startswith(part) for part in found)
        assert found[-1] == text


@every_method
@pytest.mark.parametrize("peaked", [False, True], ids=["plain", "peaked"])
def test_a_text_begins_with_what_its_first_ids_settle(spec: str, peaked: bool) -> None:
    assert_settled(methods.tokenizer(spec, peaked), TEXTS)


@every_method
@settings(max_examples=2, deadline=None)
@given(texts=st.lists(st.binary(max_size=80) | st.text(max_size=40).map(str.encode), min_size=1, max_size=3))
def test_any_text_begins_with_what_its_first_ids_settle(spec: str, texts: list[bytes]) -> None:
    assert_settled(methods.tokenizer(spec), texts)


@every_method
@pytest.mark.parametrize("peaked", [False, True], ids=["plain", "peaked"])
def test_ids_of_no_text_settle_more_and_more(spec: str, peaked: bool) -> None:
    """As a model draws them after the ids of a prompt, whatever it draws."""
    tokenizer = methods.tokenizer(spec, peaked)
    chance = np.random.default_rng(1)
    streams = [[0] * 25, [tokenizer.vocab - 1] * 25]
    for length in (0, 1, 40):
        ids = tokenizer.encode(SENTENCE[:length]).tolist()
        drawn = chance.integers(0, tokenizer.vocab, 25).tolist()
        streams += [ids[: len(ids) * 2 // 3] + drawn, ids + drawn]
    for found in settled(tokenizer, streams):
        assert all(longer.startswith(shorter) for shorter, longer in pairwise(found))


@every_method
def test_whatever_follows_agrees(spec: str) -> None:
    """What a beginning settles is the beginning of every text whose ids begin so."""
    tokenizer = methods.tokenizer(spec)
    ids = tokenizer.encode(SENTENCE).tolist()
    begun = [ids[:cut] for cut in range(0, len(ids), 1 + len(ids) // CUTS)]
    found = tokenizer.decode_batch(begun, partial=True)
    for following in (0, tokenizer.vocab - 1):
        longer = tokenizer.decode_batch([own + [following] * 30 for own in begun], partial=True)
        assert all(text.startswith(part) for text, part in zip(longer, found, strict=True))


@every_method
def test_ids_in_the_range_of_a_prompt_begin_with_it(spec: str) -> None:
    tokenizer = methods.tokenizer(spec)
    if not tokenizer.continues_prompts:
        return
    last = tokenizer.vocab - 1
    for prompt in (b"", b"T", SENTENCE[:30], SENTENCE, bytes(range(methods.BLOCK_BYTES))):
        ids, lowest, highest = (part.tolist() for part in tokenizer.prompt_range(prompt))
        assert ids == tokenizer.encode_prompt(prompt).tolist()
        assert len(lowest) == len(highest)
        assert lowest <= highest
        within = [lowest + [0] * 9, lowest + [last] * 9, highest + [0] * 9, highest + [last] * 9]
        for text in tokenizer.decode_batch([ids + more for more in within], partial=True):
            assert text.startswith(prompt)
        if Spec.parse(spec).method in (*methods.BLOCKS, "EqualText"):
            for longer in tokenizer.encode_batch(
                [prompt + more for more in (b"", b"\0", b"and more", b"\xff" * 9)]
            ):
                following = longer.tolist()[len(ids) :][: len(lowest)]
                assert longer.tolist()[: len(ids)] == ids
                assert lowest[: len(following)] <= following <= highest[: len(following)]
