"""Windows whose beginnings are remembered against the coder that runs M1 for every byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from equalinfo.coding import remembered_windows
from equalinfo.coding.equal_info_windows import WindowRule, encode_windows
from equalinfo.coding.remembered_windows import FILE, RememberedWindows, load_beginnings, save_beginnings
from equalinfo.errors import DamagedArtifact
from tests.support import tiny

RULES = [WindowRule(bits, delay) for bits in (14, 20, 24, 31, 32) for delay in (False, True)]
WORDS = [b"the quick brown fox ", b"jumps over ", b"the lazy dog ", b"the quick "]


def rule_name(rule: WindowRule) -> str:
    return f"b={rule.bits},delay={rule.delay}"


def texts_of(model, seed: int) -> list[bytes]:
    generator = np.random.default_rng(seed)
    repeated = [b"".join(WORDS[i] for i in generator.integers(len(WORDS), size=6)) for _ in range(8)]
    return [*tiny.TEXTS, *repeated, tiny.likely_text(model, 150, seed), tiny.likely_text(model, 60, seed + 1)]


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
@pytest.mark.parametrize("kind", ["plain", "peaked"])
def test_codes_are_those_of_the_coder_that_asks_every_time(rule: WindowRule, kind: str, request) -> None:
    model = request.getfixturevalue(f"{kind}_model")
    texts = texts_of(model, rule.bits)
    wanted = encode_windows(model, texts, rule)
    windows = RememberedWindows(model, rule)
    assert windows.encode(texts) == wanted
    asked = windows.asked
    assert windows.encode(texts) == wanted  # by memory alone
    assert windows.asked == asked


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
def test_what_a_corpus_left_behind(rule: WindowRule, peaked_model, tmp_path) -> None:
    windows = RememberedWindows(peaked_model, rule)
    save_beginnings(windows.remember(texts_of(peaked_model, 1)), tmp_path)
    saved = load_beginnings(tmp_path, rule.bits)
    assert len(saved["depths"]) > 1
    opened = RememberedWindows(peaked_model, rule, saved)
    texts = texts_of(peaked_model, 2)
    wanted = encode_windows(peaked_model, texts, rule)
    assert opened.encode(texts) == wanted
    assert windows.encode(texts) == wanted
    again = RememberedWindows(peaked_model, rule).remember(texts_of(peaked_model, 1))
    assert all(np.array_equal(again[name], saved[name]) for name in saved)


@pytest.mark.parametrize("rule", RULES[2:6], ids=rule_name)
def test_bounds_of_memory_change_nothing(rule: WindowRule, peaked_model, monkeypatch) -> None:
    monkeypatch.setattr(remembered_windows, "MOST_TEXTS", 200)
    monkeypatch.setattr(remembered_windows, "SAVED_TEXTS", 30)
    monkeypatch.setattr(remembered_windows, "AT_ONCE", 20)
    monkeypatch.setattr(remembered_windows, "LONGEST_PER_BIT", 2)
    monkeypatch.setattr(remembered_windows, "CACHE_BYTES", 0)
    monkeypatch.setattr(remembered_windows, "DOCUMENTS_AT_ONCE", 5)
    texts = [text[:40] for text in texts_of(peaked_model, 3)]
    assert RememberedWindows(peaked_model, rule).encode(texts) == encode_windows(peaked_model, texts, rule)


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
@pytest.mark.parametrize("stretch", [7, *(pytest.param(size, marks=pytest.mark.slow) for size in (1, 40))])
def test_texts_are_begun_at_many_places(rule: WindowRule, stretch: int, peaked_model, monkeypatch) -> None:
    monkeypatch.setattr(remembered_windows, "STRETCH", stretch)
    texts = texts_of(peaked_model, 4)
    assert RememberedWindows(peaked_model, rule).encode(texts) == encode_windows(peaked_model, texts, rule)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(RULES), st.lists(st.binary(max_size=30), max_size=6))
def test_any_bytes(peaked_model, rule: WindowRule, texts: list[bytes]) -> None:
    assert RememberedWindows(peaked_model, rule).encode(texts) == encode_windows(peaked_model, texts, rule)


def test_damaged_beginnings_are_refused(peaked_model, tmp_path) -> None:
    save_beginnings(
        RememberedWindows(peaked_model, WindowRule(24)).remember(texts_of(peaked_model, 1)), tmp_path
    )
    arrays = load_file(tmp_path / FILE)

    def broken(name: str, place: int, value: int) -> dict[str, np.ndarray]:
        changed = {key: array.copy() for key, array in arrays.items()}
        changed[name].reshape(-1)[place] = value
        return changed

    for changed in (
        broken("format", 0, 2),
        broken("depths", 1, 2),
        broken("symbols", 1, 255),
        broken("backs", 1, 1),
        broken("bounds", 2, 60_000),
        broken("fit_counts", 1, 254),
        {**arrays, "codes": arrays["codes"][:-1]},
        {**arrays, "codes": arrays["codes"][:, 1:]},
        {**arrays, "mended": arrays["mended"][:0]},
        {name: array for name, array in arrays.items() if name != "fits"},
    ):
        save_file({name: np.ascontiguousarray(array) for name, array in changed.items()}, tmp_path / FILE)
        with pytest.raises(DamagedArtifact) as error:
            load_beginnings(tmp_path, 24)
        assert FILE in str(error.value)
        assert "\n" not in str(error.value)
    (tmp_path / FILE).unlink()
    assert load_beginnings(tmp_path, 24) is None
