from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.predict import context
from equalinfo.predict.base import FREQUENCY_TOTAL
from equalinfo.predict.context import ContextModel, count_contexts
from equalinfo.predict.prefixes import visit_prefixes
from equalinfo.predict.unigram import Unigram, count_bytes, quantise_counts
from tests.oracles import context_reference
from tests.support import tiny

CORPUS = [
    b"the cat sat on the mat and the rat sat on the cat\n" * 3,
    b"",
    b"\x00",
    "naïve café\n".encode() * 2,
    bytes(range(256)),
    b"a" * 400,
]


@pytest.fixture(scope="module", params=[1, 2, 3, 5])
def model(request) -> ContextModel:
    return count_contexts(request.param, lambda: CORPUS)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.binary(max_size=40) | st.text("ab", max_size=40).map(str.encode), min_size=1, max_size=4),
    st.binary(max_size=30) | st.text("ab", max_size=30).map(str.encode),
    st.integers(1, 5),
)
def test_rows_are_the_reference_s(documents, text, order):
    if not any(documents):
        return
    made = count_contexts(order, lambda: documents)
    found = context_reference.counted(documents, order)
    unigram = quantise_counts(count_bytes(documents)).tolist()
    rows = made.frequencies(text)
    assert rows.shape == (len(text), 256)
    for i, row in enumerate(rows):
        assert row.tolist() == context_reference.frequencies(found, unigram, order, text[:i])


def test_rows_are_frequencies(model):
    for text in [*tiny.TEXTS, b"the cat sat", b"a" * 100]:
        rows = model.frequencies(text)
        assert rows.dtype == np.int32
        assert not len(rows) or (rows.min() >= 1 and (rows.sum(axis=1) == FREQUENCY_TOTAL).all())
    assert model.frequencies(b"the ca")[5].argmax() == ord("a") or model.order == 1


def test_steps_and_passes_agree(model):
    """Grown byte by byte, cut back, many side by side, in threads: the same rows."""
    texts = [text for text in tiny.TEXTS if text]
    contexts = model.new_contexts(len(texts))
    for i in range(max(map(len, texts))):
        slots = np.array([s for s, text in enumerate(texts) if len(text) > i + 1], np.int64)
        symbols = np.array([texts[s][i] for s in slots], np.int64)
        rows = contexts.step(slots, np.full(len(slots), i), symbols)
        for slot, row in zip(slots, rows, strict=True):
            np.testing.assert_array_equal(row, model.frequencies(texts[slot][: i + 2])[-1])
    one = model.new_contexts(1)
    for byte in b"the cat":
        one.step(np.array([0]), np.array([0]), np.array([byte]))
    one.step(np.array([0]), np.array([0]), np.array([ord("t")]))
    row = one.step(np.array([0]), np.array([1]), np.array([ord("h")]))[0]
    np.testing.assert_array_equal(row, model.frequencies(b"the")[2])
    with ThreadPoolExecutor(4) as workers:
        together = list(workers.map(model.frequencies, texts * 4))
    for text, rows in zip(texts * 4, together, strict=True):
        np.testing.assert_array_equal(rows, model.frequencies(text))


def test_all_prefixes_are_visited(model):
    def visit(frequencies, texts, payload):
        for text, row in zip(texts, frequencies, strict=True):
            np.testing.assert_array_equal(row, model.frequencies(text.tobytes() + b"?")[-1])
        if texts.shape[1] == 3:
            none = np.empty(0, np.int64)
            return len(texts), (none, none, payload[:0])
        likeliest = frequencies.argsort(axis=1)[:, -3:]
        parents = np.repeat(np.arange(len(texts)), 3)
        return len(texts), (parents, likeliest.reshape(-1), payload[parents])

    assert sum(visit_prefixes(model, np.zeros(1, np.int64), visit, threads=2)) == 1 + 3 + 9 + 27


def test_how_the_corpus_comes_in_pieces_does_not_matter(monkeypatch):
    whole = count_contexts(4, lambda: CORPUS)
    for size in (5, 17, 64):
        monkeypatch.setattr(context, "CHUNK_BYTES", size)
        assert count_contexts(4, lambda: CORPUS).fingerprint == whole.fingerprint
    assert count_contexts(4, lambda: CORPUS[::-1]).fingerprint == whole.fingerprint
    done = []
    count_contexts(2, lambda: CORPUS, lambda count, total: done.append(count))
    assert done == sorted(done)


def test_room_is_bounded(monkeypatch):
    monkeypatch.setattr(context, "ENTRIES_PER_ORDER", 30)
    monkeypatch.setattr(context, "CHUNK_BYTES", 50)
    made = count_contexts(3, lambda: CORPUS)
    assert len(made.tensors["counts"]) <= 3 * 30
    # What was seen most is still there.
    assert made.frequencies(b"aaaa")[3].argmax() == ord("a")


def test_large_counts_fit_two_bytes():
    made = count_contexts(2, lambda: [b"ab" * 150_000])
    assert made.tensors["counts"].max() <= 65535
    assert made.frequencies(b"aba")[2, ord("a")] > FREQUENCY_TOTAL - 300


def test_order_0_is_the_unigram():
    made = count_contexts(0, lambda: CORPUS)
    assert isinstance(made, Unigram)
    np.testing.assert_array_equal(made.initial, quantise_counts(count_bytes(CORPUS)))


@pytest.mark.parametrize("order", [-1, 6, 10**9])
def test_orders_that_are_none(order):
    with pytest.raises(EqualInfoError, match="order"):
        count_contexts(order, lambda: CORPUS)


def test_a_corpus_without_bytes():
    with pytest.raises(EqualInfoError, match="no bytes"):
        count_contexts(2, lambda: [b""])
    assert count_contexts(2, lambda: [b"a"]).frequencies(b"ab").sum() == 2 * FREQUENCY_TOTAL


def test_saved_and_loaded(model, tmp_path):
    model.save(tmp_path)
    again = ContextModel.load(tmp_path)
    assert again.fingerprint == model.fingerprint
    np.testing.assert_array_equal(again.frequencies(b"the cat"), model.frequencies(b"the cat"))


def test_damage_is_refused(tmp_path):
    made = count_contexts(2, lambda: CORPUS)
    good = made.tensors

    def with_(name, change):
        array = good[name].copy()
        return {**good, name: change(array)}

    def put(place, value):
        def change(array):
            array[place] = value
            return array

        return change

    for bad in (
        {},
        {name: array for name, array in good.items() if name != "starts"},
        with_("order", put(0, 0)),
        with_("order", put(0, 6)),
        with_("order", put(0, 1)),
        with_("unigram", put(0, 0)),
        with_("unigram", put(0, 9999)),
        with_("contexts", put(0, good["contexts"][1])),
        with_("contexts", put(-1, 9 << 40)),
        with_("contexts", put(0, -1)),
        with_("starts", put(0, 1)),
        with_("starts", put(-1, 10**9)),
        with_("starts", put(1, 0)),
        # Their difference is positive in 64 bits.
        with_("starts", put(slice(1, 3), [2**63 - 1, -2])),
        with_("symbols", lambda array: array[:-1]),
        with_("symbols", lambda array: array[::-1].copy()),
        with_("counts", put(3, 0)),
        with_("counts", lambda array: array[:-1]),
        with_("counts", lambda array: array.astype(np.int64)),
        with_("symbols", lambda array: array[None]),
    ):
        with pytest.raises(DamagedArtifact) as error:
            ContextModel(bad)
        assert "\n" not in str(error.value)
    (tmp_path / context.FILE).write_bytes(b"no tensors")
    with pytest.raises(DamagedArtifact):
        ContextModel.load(tmp_path)
    with pytest.raises(DamagedArtifact):
        ContextModel.load(tmp_path / "nothing")
