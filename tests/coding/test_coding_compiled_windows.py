"""Windows from a table against the coder that asks the predictor for every byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from equalinfo.coding import compiled_windows
from equalinfo.coding.compiled_windows import FILE, WindowTable, list_arithmetic
from equalinfo.coding.equal_info_windows import WindowRule, decode_windows, encode_windows
from equalinfo.errors import DamagedArtifact
from equalinfo.predict.context import count_contexts
from equalinfo.predict.exact_files import load_m1
from equalinfo.predict.unigram import Unigram
from equalinfo.pretrained import located
from tests.support import sample_text, tiny

UNIGRAMS = [Unigram(row) for row in tiny.HOSTILE_ROWS]
RULES = [WindowRule(bits, delay) for bits in (14, 16) for delay in (False, True)]


def rule_name(rule: WindowRule) -> str:
    return f"b={rule.bits},delay={rule.delay}"


def assert_same(table: WindowTable, predictor, rule: WindowRule, texts: list[bytes]) -> int:
    """The number of windows compared."""
    wanted = encode_windows(predictor, texts, rule)
    for text, want in zip(texts, wanted, strict=True):
        assert table.windows(text) == (want.codes, want.lengths, want.changed)
    for width in (1, 3, 8, 14):
        ids, bounds, changed, windows = table.encode(texts, width)
        assert (changed, windows) == (
            sum(want.changed for want in wanted),
            sum(len(want.codes) for want in wanted),
        )
        for number, want in enumerate(wanted):
            bits = "".join(format(code, f"0{rule.bits}b") for code in want.codes)
            bits += "0" * (-len(bits) % width)
            expected = [int(bits[at : at + width], 2) for at in range(0, len(bits), width)]
            assert ids[bounds[number] : bounds[number + 1]].tolist() == expected
    for text, want in zip(texts, wanted, strict=True):
        assert table.decode(np.array(want.codes, np.uint32)) == text
    return sum(len(want.codes) for want in wanted)


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        (number, rule)
        for rule in RULES
        for number in range(len(UNIGRAMS))
        if rule.bits == 14 or number in (1, 10)
    ],
    ids=str,
)
def test_hostile_frequencies(number: int, rule: WindowRule) -> None:
    predictor = UNIGRAMS[number]
    table = list_arithmetic(predictor, rule)
    likeliest, second, *_, least = np.argsort(-predictor.initial, kind="stable").tolist()
    generator = np.random.default_rng(number)
    texts = [
        *tiny.TEXTS[:4],
        bytes([likeliest]) * 200,
        bytes([least]) * 9,
        bytes([second, likeliest] * 40),
        bytes([likeliest] * 12 + [least]) * 30,
        *(tiny.likely_text(predictor, length, length) for length in (1, 17)),
        *(generator.bytes(length) for length in (1, 2, 60)),
    ]
    assert_same(table, predictor, rule, texts)


@pytest.mark.parametrize("delay", [False, True])
@pytest.mark.parametrize(
    "number", [1, 10, *(pytest.param(number, marks=pytest.mark.slow) for number in (0, 5, 8))]
)
def test_every_code_reads_as_with_the_predictor(number: int, delay: bool) -> None:
    """Those that no text has, too."""
    rule = WindowRule(14, delay)
    table = list_arithmetic(UNIGRAMS[number], rule)
    texts = decode_windows(UNIGRAMS[number], [[code] for code in range(1 << 14)], rule)
    assert [table.decode(np.array([code], np.uint32)) for code in range(1 << 14)] == texts


@settings(max_examples=10, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.lists(st.binary(max_size=60), min_size=1, max_size=9),
    st.integers(0, 60),
)
def test_frequencies_that_depend_on_the_text(seed: int, delay: bool, texts: list[bytes], likely: int) -> None:
    predictor, rule = tiny.TablePredictor(tiny.random_rows(seed, 40)), WindowRule(14, delay)
    table = list_arithmetic(predictor, rule, threads=2)
    text = tiny.likely_text(predictor, likely, seed)
    assert_same(table, predictor, rule, [*texts, *(text[:length] for length in range(len(text) + 1))])


@pytest.mark.parametrize("rule", RULES[:2], ids=rule_name)
def test_models_and_contexts(rule: WindowRule, plain_model, peaked_model) -> None:
    counted = count_contexts(2, lambda: [b"the quick brown fox jumps over the lazy dog " * 30])
    for predictor in (plain_model, peaked_model, counted):
        table = list_arithmetic(predictor, rule, threads=2)
        assert_same(table, predictor, rule, [*tiny.TEXTS, tiny.likely_text(predictor, 300, seed=1)])


class Remembered:
    """A predictor that is asked once for each context: with windows of 16 bits there are few."""

    def __init__(self, predictor) -> None:
        self.predictor, self.initial, self.rows = predictor, predictor.initial, {}

    def new_contexts(self, slots: int) -> tiny.TableContexts:
        return tiny.TableContexts(self, slots)

    def row(self, context: bytes) -> np.ndarray:
        if context not in self.rows:
            self.rows[context] = self.predictor.frequencies(context + b"\0")[-1]
        return self.rows[context]


@pytest.mark.slow
@pytest.mark.parametrize("delay", [False, True])
def test_the_m1_that_ships(delay: bool) -> None:
    rule, m1 = WindowRule(16, delay), load_m1(located("english-m1", "m1"))
    table = list_arithmetic(m1, rule, threads=2)
    texts = [sample_text.sample_text(60).encode(), np.random.default_rng(1).bytes(3_000)]
    assert assert_same(table, Remembered(m1), rule, texts) > 10_000


def test_a_table_does_not_depend_on_threads(peaked_model) -> None:
    one, two = (list_arithmetic(peaked_model, WindowRule(14), threads) for threads in (1, 2))
    for name in ("depths", "symbols", "codes", "mended", "texts"):
        assert np.array_equal(getattr(one, name), getattr(two, name))


def test_progress_ends_with_all_codes(peaked_model) -> None:
    for delay in (False, True):
        told: list[int] = []
        rule = WindowRule(14, delay)
        list_arithmetic(
            peaked_model, rule, 2, lambda done, of, told=told: told.append(done * (of == 1 << 14))
        )
        assert told == sorted(told)
        assert told[-1] == 1 << 14


def test_too_many_texts_have_no_table(monkeypatch, peaked_model) -> None:
    monkeypatch.setattr(compiled_windows, "MOST_TEXTS", 1000)
    assert list_arithmetic(peaked_model, WindowRule(16)) is None


def test_no_text_and_empty_ones() -> None:
    table = list_arithmetic(UNIGRAMS[0], WindowRule(14))
    ids, bounds, changed, windows = table.encode([], 14)
    assert (len(ids), bounds.tolist(), changed, windows) == (0, [0], 0, 0)
    assert table.encode([b"", b"a", b""], 14)[1].tolist() == [0, 0, 1, 1]
    assert table.decode(np.empty(0, np.uint32)) == b""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    table = list_arithmetic(UNIGRAMS[10], WindowRule(14))
    folder = tmp_path_factory.mktemp("table")
    table.save(folder)
    return folder, table


def test_saved_and_opened(saved) -> None:
    folder, table = saved
    again = WindowTable.load(folder, 14)
    text = bytes(range(256)) * 5
    assert again.windows(text) == table.windows(text)
    assert WindowTable.load(folder / "nowhere", 14) is None


def test_damaged_tables_are_refused(saved, tmp_path) -> None:
    folder, _ = saved
    arrays = load_file(folder / FILE)
    count = len(arrays["depths"])

    def broken(name: str, place: int, value: int) -> dict[str, np.ndarray]:
        changed = {key: array.copy() for key, array in arrays.items()}
        changed[name][place] = value
        return changed

    some = int(np.flatnonzero(arrays["depths"] == 2)[0])
    for changed in (
        broken("format", 0, 2),
        broken("depths", 0, 1),
        broken("depths", 1, 2),
        broken("depths", some, 0),
        broken("depths", some, 60_000),
        broken("symbols", 1, 255),
        broken("codes", 0, 0),
        broken("codes", 1, -1),
        broken("codes", some, 1 << 14),
        broken("codes", some, -2),
        broken("codes", some, int(arrays["codes"][count - 1])),
        broken("texts", int(arrays["codes"][some]), count),
        broken("texts", int(arrays["codes"][some]), 0),
        broken("texts", int(arrays["codes"][some]), count - 1),
        broken("mended", 1, 2),
        {**arrays, "depths": arrays["depths"][:-1]},
        {**arrays, "texts": arrays["texts"][:-1]},
        {**arrays, "more": arrays["texts"]},
        {**arrays, "codes": arrays["codes"].astype(np.int64)},
        {name: array[:0] if name not in ("format", "texts") else array for name, array in arrays.items()},
        {name: array for name, array in arrays.items() if name != "mended"},
    ):
        save_file({name: np.ascontiguousarray(array) for name, array in changed.items()}, tmp_path / FILE)
        with pytest.raises(DamagedArtifact) as error:
            WindowTable.load(tmp_path, 14)
        assert "\n" not in str(error.value)
        assert FILE in str(error.value)
    (tmp_path / FILE).write_bytes(b"no safetensors")
    with pytest.raises(DamagedArtifact):
        WindowTable.load(tmp_path, 14)
