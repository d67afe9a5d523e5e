"""Healing: what is taken back, and the probability of all ways to go on, against plain enumeration."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from equalinfo.generate.token_healing import completions, split_unsettled
from equalinfo.model.continuations import Branches
from equalinfo.model.sampling import SamplingParams
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.special import SpecialTokenizer
from equalinfo.tokens.special_tokens import SpecialTokens
from equalinfo.tokens.strings import token_strings_of
from tests.support.untrained import CASE, LISTED, SEVERAL_IDS, TEXT, WITHOUT_UNITS, model, tokenizer

UNITS = {spec: token_strings_of(tokenizer(spec)) for spec in [*LISTED, *SEVERAL_IDS]}
TEXTS = [TEXT.encode()[:n] for n in (0, 1, 2, 5, 7, 13, 40, 88, 100)] + ["caf\u00e9".encode()[:-1], b"\xff\0"]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads wait for each other longer than these models take, above all where tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("spec", WITHOUT_UNITS)
def test_codes_without_listed_units_have_none(spec: str) -> None:
    assert token_strings_of(tokenizer(spec)) is None


@pytest.mark.parametrize("spec", UNITS)
@pytest.mark.parametrize("text", TEXTS)
def test_units_read_ids(spec: str, text: bytes) -> None:
    assert UNITS[spec].text(tokenizer(spec).encode_prompt(text).tolist()) == text


@pytest.mark.parametrize("spec", UNITS)
@pytest.mark.parametrize("text", TEXTS)
def test_more_text_does_not_change_what_is_kept(spec: str, text: bytes) -> None:
    ids = tokenizer(spec).encode_prompt(text).tolist()
    kept, rest = split_unsettled(UNITS[spec], text, ids)
    assert UNITS[spec].text(kept) + rest == text
    assert ids[: len(kept)] == kept
    if not UNITS[spec].from_left:
        return  # there a later boundary may move an earlier one, if seldom
    for more in (b"e", b" ", b"nment", TEXT.encode(), b"\0", b"\xff", TEXT.encode()[len(text) :]):
        assert tokenizer(spec).encode_prompt(text + more).tolist()[: len(kept)] == kept


def test_a_begun_word_is_taken_back_behind_its_mark_of_case() -> None:
    tok, units = tokenizer(CASE), token_strings_of(tokenizer(CASE))
    prompt = b"Said The GOVERN"
    kept, rest = split_unsettled(units, tok.written(prompt), tok.encode(prompt).tolist())
    assert rest == b" govern"
    assert tok.decode(kept) == b"Said The"
    assert tok.decode([*kept, *tok.base.encode(b" government")]) == b"Said The GOVERNMENT"


def test_special_tokens_leave_the_parse_as_it_is() -> None:
    special = SpecialTokenizer(
        Spec.parse("EqualInfo[v=601,fewest,words]"),
        tokenizer("EqualInfo[v=600,fewest,words]"),
        SpecialTokens.of(["<|a|>"]),
    )
    assert not token_strings_of(special).from_left
    assert token_strings_of(special).never == [0, 600]


def test_words_take_back_the_begun_word() -> None:
    units, tok = UNITS["EqualInfo[v=600,fewest,words]"], tokenizer("EqualInfo[v=600,fewest,words]")
    kept, rest = split_unsettled(units, b"said the govern", tok.encode(b"said the govern").tolist())
    assert rest == b" govern"
    assert tok.decode(kept) == b"said the"


def by_enumeration(units, branches: Branches, text: bytes) -> float:
    """P of bytes that begin with `text`, by recursion over all units."""
    texts = units.texts_of(range(units.vocab**units.length))

    def visit(ids: list[int], rest: bytes) -> float:
        total = 0.0
        for number, other in enumerate(texts):
            if other and (other.startswith(rest) or rest.startswith(other)):
                own, log = units.ids(number), 0.0
                for place in range(units.length):
                    log += rows(tuple(ids + own[:place]))[own[place]]
                share = math.exp(log)
                total += share if len(other) >= len(rest) else share * visit(ids + own, rest[len(other) :])
        return total

    known: dict[tuple[int, ...], np.ndarray] = {}

    def rows(ids: tuple[int, ...]) -> np.ndarray:
        if ids not in known:
            known[ids] = branches.after([ids])[0]
        return known[ids]

    return visit([], text)


@pytest.mark.parametrize("spec", [*LISTED, "EqualInfo[b=12,v=64]"])
@pytest.mark.parametrize("text", [b"t", b"th", b" go", b"\xff"])
def test_all_ways_together(spec: str, text: bytes) -> None:
    units, context = UNITS[spec], tokenizer(spec).encode_prompt(b"the town").tolist()
    branches = Branches(model(units.vocab), context, 64, units.never)
    found = completions(units, branches, text, share=1e-12, widest=10_000)
    assert math.exp(found.log_probability) == pytest.approx(by_enumeration(units, branches, text), rel=1e-4)
    assert completions(units, branches, text).log_probability <= found.log_probability + 1e-9


def test_the_first_bytes_share_all_probability() -> None:
    units = UNITS["EqualInfo[v=600,fewest,words]"]
    branches = Branches(model(600), [5, 300], 64, units.never)
    total = sum(math.exp(completions(units, branches, bytes([byte])).log_probability) for byte in range(256))
    assert total == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("spec", ["EqualInfoHuffman[b=10,v=32]", "EqualInfoAC[b=14,v=128]"])
def test_coded_windows_list_what_decoding_each_code_finds(spec: str) -> None:
    units = token_strings_of(tokenizer(spec))
    texts = units.texts_of(range(units.vocab**units.length))
    for start in {
        text[:n] for text, n in itertools.product(texts[5 :: len(texts) // 9], (1, 2, 3)) if text[:n]
    }:
        if len(tokenizer(spec).encode(start)) == units.length:
            expected = [number for number, text in enumerate(texts) if text.startswith(start)]
            assert sorted(units.beginning_with(start)) == expected


@pytest.mark.parametrize("spec", UNITS)
def test_a_picked_way_agrees_with_the_bytes(spec: str) -> None:
    units, prompt = UNITS[spec], b"the window of the gov"
    kept, rest = split_unsettled(units, prompt, tokenizer(spec).encode_prompt(prompt).tolist())
    found = completions(units, Branches(model(units.vocab), kept, 64, units.never), rest)
    for uniform in (0.0, 0.3, 0.9, 1 - 2**-53):
        for choice in (SamplingParams(), SamplingParams(0.0), SamplingParams(1.0, 5, 0.7)):
            assert units.text(kept + found.pick(choice, uniform)).startswith(prompt)
