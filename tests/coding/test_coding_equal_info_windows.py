from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.coding.equal_info_windows import (
    GUARD,
    STOP_CODEWORDS,
    TextInterval,
    WindowRule,
    closing_code,
    cumulative,
    decode_windows,
    empty_text,
    encode_windows,
    paper_code,
)
from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.predict.base import FREQUENCY_TOTAL
from equalinfo.predict.unigram import Unigram
from tests.oracles import arithmetic_reference
from tests.support import tiny

BITS = [14, 15, 16, 24, 32, 128]
RULES = [WindowRule(bits, delay, reset) for bits in BITS for delay in (False, True) for reset in (1, 2, 0)]
UNIGRAMS = [Unigram(row) for row in tiny.HOSTILE_ROWS]
MIXED = tiny.TablePredictor(tiny.random_rows(3, 60))
HOSTILE_BY_CONTEXT = tiny.TablePredictor(np.array(tiny.HOSTILE_ROWS))


def rule_name(rule: WindowRule) -> str:
    return f"b={rule.bits},delay={rule.delay},reset={rule.reset}"


def assert_lossless(predictor, texts: list[bytes], rule: WindowRule) -> list:
    results = encode_windows(predictor, texts, rule)
    for text, result in zip(texts, results, strict=True):
        assert sum(result.lengths) == len(text)
        assert len(result.lengths) == len(result.codes)
        assert all(length >= 1 for length in result.lengths)
        assert all(0 <= code < 1 << rule.bits for code in result.codes)
        assert 0 <= result.changed <= len(result.codes)
        assert not (rule.delay and result.changed)
    assert decode_windows(predictor, [result.codes for result in results], rule) == texts
    return results


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
@pytest.mark.parametrize("number", range(len(UNIGRAMS)))
def test_hostile_frequencies(number, rule):
    predictor = UNIGRAMS[number]
    likeliest, second, *_, least = np.argsort(-predictor.initial, kind="stable").tolist()
    texts = [
        b"",
        bytes([likeliest]) * 70,
        bytes([least]) * 9,
        bytes([second, likeliest] * 15),
        bytes([likeliest] * 12 + [least]) * 3,
        tiny.likely_text(predictor, 60, seed=number),
        np.random.default_rng(number).bytes(30),
    ]
    assert_lossless(predictor, texts, rule)


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
@pytest.mark.parametrize("predictor", [MIXED, HOSTILE_BY_CONTEXT], ids=["random rows", "hostile rows"])
def test_input_ending_anywhere(predictor, rule):
    """Rows that change with the context; every prefix of a text comes back."""
    text = tiny.likely_text(predictor, 30, seed=rule.bits) + bytes(range(0, 256, 25))
    assert_lossless(predictor, [text[:length] for length in range(len(text) + 1)], rule)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(RULES),
    st.lists(st.binary(max_size=25), min_size=1, max_size=4),
    st.integers(0, 40),
)
def test_random_frequencies(seed, rule, texts, likely):
    predictor = tiny.TablePredictor(tiny.random_rows(seed, 40))
    assert_lossless(predictor, [*texts, tiny.likely_text(predictor, likely, seed)], rule)


@pytest.mark.parametrize(
    "rule", [WindowRule(16), WindowRule(24, True, 2), WindowRule(32, False, 0)], ids=rule_name
)
def test_models(plain_model, peaked_model, rule):
    for model in (plain_model, peaked_model):
        texts = [*tiny.TEXTS, tiny.likely_text(model, 80, seed=1)]
        together = assert_lossless(model, texts, rule)
        # How texts are grouped changes nothing.
        assert [encode_windows(model, [text], rule)[0] for text in texts] == together
        by_three = [
            encode_windows(model, texts[start : start + 3], rule) for start in range(0, len(texts), 3)
        ]
        assert [result for group in by_three for result in group] == together
        assert [decode_windows(model, [result.codes], rule)[0] for result in together] == texts


@pytest.mark.parametrize("delay", [False, True])
@pytest.mark.parametrize("number", [0, 1, 8, 10, 11])
def test_every_code_stands_for_one_text(number, delay):
    """All 2^14 codes of b=14 read as texts; those that an encoder writes, it writes for that text alone."""
    predictor, rule = UNIGRAMS[number], WindowRule(14, delay)
    streams = [[code] for code in range(1 << 14)]
    texts = decode_windows(predictor, streams, rule)
    assert min(map(len, texts)) >= 1
    some = range(0, 1 << 14, 16)
    again = assert_lossless(predictor, [texts[code] for code in some], rule)
    written = {}
    for code, result in zip(some, again, strict=True):
        if len(result.codes) == 1:
            assert written.setdefault(result.codes[0], texts[code]) == texts[code]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(RULES), st.data())
def test_any_codes_decode(rule, data):
    """Codes that a model made up give some text, at least a byte for each."""
    codes = data.draw(st.lists(st.integers(0, 2**rule.bits - 1), max_size=6))
    for predictor in (MIXED, HOSTILE_BY_CONTEXT, UNIGRAMS[5]):
        (text,) = decode_windows(predictor, [codes], rule)
        assert len(text) >= len(codes)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("number", range(len(UNIGRAMS)))
def test_one_byte_can_always_be_closed(number, bits):
    root_bounds = cumulative(UNIGRAMS[number].initial[None])[0].tolist()
    all_bounds = [cumulative(predictor.initial[None])[0].tolist() for predictor in UNIGRAMS]
    for byte in range(256):
        node = empty_text(bits).child(root_bounds[byte], root_bounds[byte + 1])
        # At b=16 the rarest byte has four cells; each bit less halves that.
        assert node.last - node.first >= max(1, 1 << (bits - 14))
        for bounds in all_bounds:
            code, _ = closing_code(node, bounds)
            assert code is not None
            assert node.first <= code < node.last


def row_after(predictor, context: bytes) -> np.ndarray:
    return predictor.row(context) if isinstance(predictor, tiny.TablePredictor) else predictor.initial


@pytest.mark.parametrize("predictor", [MIXED, HOSTILE_BY_CONTEXT, UNIGRAMS[0], UNIGRAMS[5]])
@pytest.mark.parametrize("bits", BITS)
def test_a_code_stands_for_what_the_docstring_says(predictor, bits):
    """A code's text is the longest whose interval contains its cell, unless a shorter one keeps the cell."""
    rule = WindowRule(bits)
    generator = np.random.default_rng(bits)
    for _ in range(12):
        code = int.from_bytes(generator.bytes(17)) % (1 << bits)
        (text,) = decode_windows(predictor, [[code]], rule)
        node, kept_from = empty_text(bits), 0
        for length, byte in enumerate(text, 1):
            bounds = (
                cumulative(predictor.row(text[: length - 1])[None])[0]
                if predictor in (MIXED, HOSTILE_BY_CONTEXT)
                else cumulative(predictor.initial[None])[0]
            )
            node = node.child(int(bounds[byte]), int(bounds[byte + 1]))
            assert node.low <= code << GUARD
            assert (code + 1) << GUARD <= node.low + node.width
            first = max(-(-node.low >> GUARD), kept_from)
            keeps = ((node.low + node.width) >> GUARD) - first >= STOP_CODEWORDS
            if keeps:
                kept_from = first + 1
            # Only the text itself may keep this cell.
            assert not (keeps and code == first) or length == len(text)
        if not (keeps and code == first):
            bounds = cumulative(row_after(predictor, text)[None])[0].tolist()
            for below, above in pairwise(bounds):
                child = node.child(below, above)
                assert not (child.low <= code << GUARD and (code + 1) << GUARD <= child.low + child.width)


@pytest.mark.parametrize("bits", [16, 24, 64])
def test_delay_codes_stand_for_the_shortest_text(plain_model, bits):
    rule = WindowRule(bits, delay=True)
    text = tiny.likely_text(plain_model, 120, seed=2)
    (result,) = assert_lossless(plain_model, [text], rule)
    position = 0
    for code, length in zip(result.codes, result.lengths, strict=True):
        window = text[position : position + length]
        nodes = [empty_text(bits)]
        for byte, row in zip(window, plain_model.frequencies(window), strict=True):
            bounds = cumulative(row[None])[0]
            nodes.append(nodes[-1].child(int(bounds[byte]), int(bounds[byte + 1])))
        codes = [paper_code(node) for node in nodes[1:]]
        assert codes[-1] == code
        assert code not in codes[:-1]
        position += length


def test_delay_leaves_zeros_to_the_next_window():
    """A byte whose interval starts where its parent's does adds zero bits only."""
    row = np.array([FREQUENCY_TOTAL - 255] + [1] * 255, np.int32)
    (greedy,) = encode_windows(Unigram(row), [b"\x00" * 100], WindowRule(16))
    (delayed,) = encode_windows(Unigram(row), [b"\x00" * 100], WindowRule(16, delay=True))
    assert len(delayed.codes) > len(greedy.codes)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([14, 16, 40]), st.data())
def test_the_papers_code_is_the_shortest_bits(bits, data):
    scale = 1 << (bits + GUARD)
    width = data.draw(
        st.integers(1 << (GUARD + 1), scale)
        | st.sampled_from([1 << k for k in range(GUARD + 1, bits + GUARD)])
    )
    low = data.draw(st.integers(0, scale - width))
    written = arithmetic_reference.shortest_bits(Fraction(low, scale), Fraction(width, scale))
    assert len(written) <= bits
    assert paper_code(TextInterval(low, width, 0)) == int(written.ljust(bits, "0"), 2)


@pytest.mark.parametrize("predictor", [MIXED, HOSTILE_BY_CONTEXT], ids=["random rows", "hostile rows"])
def test_the_papers_code_of_texts_is_that_of_exact_rationals(predictor):
    """The interval of one byte is exact in cells, and that of two in the units of a wide window."""
    generator = np.random.default_rng(0)
    for bits, length in ((16, 1), (24, 1), (32, 2), (64, 3)):
        for _ in range(60):
            text = generator.bytes(length)
            node, rows = empty_text(bits), predictor.frequencies(text)
            for byte, bounds in zip(text, cumulative(rows), strict=True):
                node = node.child(int(bounds[byte]), int(bounds[byte + 1]))
            low, width = arithmetic_reference.interval(rows.tolist(), text)
            assert Fraction(node.low, 1 << (bits + GUARD)) == low
            assert Fraction(node.width, 1 << (bits + GUARD)) == width
            shortest = arithmetic_reference.shortest_bits(low, width)
            if len(shortest) <= bits:
                assert paper_code(node) == int(shortest.ljust(bits, "0"), 2)


def test_windows_are_full(plain_model):
    """A window closes only where one more byte would leave it without a cell, or could not be read back."""
    text = tiny.likely_text(plain_model, 200, seed=4)
    (result,) = encode_windows(plain_model, [text], WindowRule(16))
    position, early = 0, 0
    for length in result.lengths[:-1]:
        node = empty_text(16)
        window = text[position : position + length + 1]
        for byte, bounds in zip(window, cumulative(plain_model.frequencies(window)), strict=True):
            node = node.child(int(bounds[byte]), int(bounds[byte + 1]))
        early += node.first < node.last
        position += length
    assert early <= result.changed


def test_resets():
    assert [WindowRule(16).resets_before(i) for i in range(4)] == [True] * 4
    assert [WindowRule(16, reset=2).resets_before(i) for i in range(4)] == [True, False, True, False]
    assert [WindowRule(16, reset=0).resets_before(i) for i in range(4)] == [True, False, False, False]


def test_a_window_after_a_reset_depends_on_its_own_text(plain_model):
    text = tiny.likely_text(plain_model, 100, seed=6)
    (result,) = encode_windows(plain_model, [text], WindowRule(16))
    (alone,) = encode_windows(plain_model, [text[result.lengths[0] :]], WindowRule(16))
    assert alone.codes == result.codes[1:]


@pytest.mark.parametrize("bits", [1, 8, 13, 1025])
def test_refused_window_sizes(bits):
    with pytest.raises(EqualInfoError) as error:
        WindowRule(bits)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("code", [-1, 1 << 16])
def test_codes_out_of_range(code):
    with pytest.raises(UndecodableTokens):
        decode_windows(UNIGRAMS[0], [[0, code]], WindowRule(16))


def test_no_texts():
    assert encode_windows(UNIGRAMS[0], [], WindowRule(16)) == []
    assert decode_windows(UNIGRAMS[0], [], WindowRule(16)) == []
    assert decode_windows(MIXED, [[], []], WindowRule(16)) == [b"", b""]
