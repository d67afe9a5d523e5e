"""Tokenizers whose windows are listed, against the same tokenizers that run M1 for every byte."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.coding.compiled_windows import FILE
from equalinfo.coding.equal_info_windows import encode_windows
from equalinfo.errors import DamagedArtifact, EqualInfoError, UndecodableTokens
from equalinfo.files import read_json, write_json
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.tokens.windows import EqualInfoACTokenizer
from tests.support import methods, tiny
from tests.support.building import built

SPECS = [
    "EqualInfoAC[b=14,v=2]",
    "EqualInfoAC[b=16,v=256]",
    "EqualInfoAC[b=15,v=4k,delay]",
    "EqualInfoAC[b=16,v=65k,order=0]",
    "EqualInfoHuffman[b=9,v=512]",
    "EqualInfoHuffman[b=15,v=4k]",
    "EqualInfoHuffman[b=16,v=65k,order=0]",
    "EqualInfoHuffman[b=13,v=256,order=2]",
]
LISTED = {spec: methods.tokenizer.__wrapped__(spec, peaked=True) for spec in SPECS}
for one in LISTED.values():
    one.list_windows()


def plain(spec: str) -> Tokenizer:
    return methods.tokenizer(spec, peaked=True)


@pytest.fixture(params=SPECS)
def pair(request) -> tuple[Tokenizer, Tokenizer]:
    return LISTED[request.param], plain(request.param)


def test_all_that_a_text_gives_is_the_same(pair) -> None:
    listed, reference = pair
    assert listed.table
    assert not reference.table
    texts = [*tiny.TEXTS, tiny.likely_text(reference.predictor, 200, seed=3)]
    reference.windows_changed = listed.windows_changed = (0, 0)
    pairs = zip(listed.encode_batch(texts), reference.encode_batch(texts), strict=True)
    assert all(np.array_equal(ids, wanted) and ids.dtype == wanted.dtype for ids, wanted in pairs)
    assert listed.windows_changed == reference.windows_changed
    assert listed.segments_batch(texts) == reference.segments_batch(texts)
    for text in texts:
        assert np.array_equal(listed.offsets(text), reference.offsets(text))
        for ours, theirs in zip(listed.prompt_range(text), reference.prompt_range(text), strict=True):
            assert np.array_equal(ours, theirs)
    assert listed.fingerprint == reference.fingerprint
    assert listed.eos == reference.eos


def test_ids_may_stop_anywhere(pair) -> None:
    listed, reference = pair
    ids = reference.encode(tiny.likely_text(reference.predictor, 40, seed=4))
    for stop in range(min(len(ids), 60) + 1):
        assert listed.decode(ids[:stop], partial=True) == reference.decode(ids[:stop], partial=True)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SPECS), st.data(), st.booleans())
def test_any_ids_are_read_alike(spec: str, data, partial: bool) -> None:
    listed, reference = LISTED[spec], plain(spec)
    ids = data.draw(st.lists(st.integers(0, listed.vocab - 1), max_size=30))
    read = []
    for tokenizer in (listed, reference):
        try:
            read.append(tokenizer.decode(ids, partial))
        except UndecodableTokens as error:
            read.append(str(error))
    assert read[0] == read[1]


def test_groups_on_threads_make_the_same(monkeypatch) -> None:
    spec = SPECS[1]
    texts = [text * 3 for text in tiny.TEXTS]
    together = LISTED[spec].encode_batch(texts)
    monkeypatch.setattr("equalinfo.tokens.windows.GROUP_BYTES", 100)
    told: list[int] = []
    apart = LISTED[spec].encode_batch(texts, advance=told.append)
    assert all(map(np.array_equal, together, apart))
    assert sum(told) == sum(map(len, texts))


def test_m1_counts_only_where_it_runs() -> None:
    spec = "EqualInfoAC[b=16,v=256]"
    assert LISTED[spec].m1_parameters == 0
    assert plain(spec).m1_parameters == tiny.SIZE.nominal


@pytest.mark.parametrize(
    "spec",
    ["EqualInfoAC[b=14,v=256,reset=2]", "EqualInfoAC[b=14,v=256,reset=never]", "EqualInfoAC[b=24,v=256]"],
)
def test_windows_that_cannot_be_listed(spec: str) -> None:
    made = EqualInfoACTokenizer(Spec.parse(spec), methods.model(False))
    made.list_windows()
    assert made.table is None
    assert made.m1_parameters == tiny.SIZE.nominal


def test_passed_between_processes(pair) -> None:
    listed, _ = pair
    again = pickle.loads(pickle.dumps(listed))
    assert again.table
    assert np.array_equal(again.encode(b"the quick brown"), listed.encode(b"the quick brown"))


def test_compiled_saved_opened(tmp_path) -> None:
    spec = Spec.parse("EqualInfoAC[b=14,v=256,order=0]")
    stages = set()
    made = built(spec, None, lambda: methods.TRAINING_TEXT, on_progress=lambda stage, *_: stages.add(stage))
    assert "list the windows" in stages
    made.save_pretrained(tmp_path / "tok")
    again = Tokenizer.from_pretrained(tmp_path / "tok")
    assert again.table
    text = b"the quick brown fox"
    assert np.array_equal(again.encode(text), made.encode(text))
    made.table = None
    assert np.array_equal(again.encode(text), made.encode(text))


def test_what_wide_windows_have_in_common_is_saved(tmp_path) -> None:
    """With a corpus, `compile_tokenizer` keeps beginnings of windows; the ids are the same without."""
    spec = Spec.parse("EqualInfoAC[b=32,v=256]")
    made = EqualInfoACTokenizer(spec, methods.model(True))
    made.remember(lambda: methods.TRAINING_TEXT)
    made.save_pretrained(tmp_path / "tok")
    assert (tmp_path / "tok" / "beginnings.safetensors").is_file()
    opened = Tokenizer.from_pretrained(tmp_path / "tok")
    assert opened.beginnings
    texts = [*tiny.TEXTS, *methods.TRAINING_TEXT]
    reference = encode_windows(methods.model(True), texts, made.rule)
    told: list[int] = []
    for tokenizer in (made, opened, pickle.loads(pickle.dumps(opened)), plain(str(spec))):
        ids = tokenizer.encode_batch(texts, advance=told.append)
        wanted = [b"".join(code.to_bytes(4, "big") for code in one.codes) for one in reference]
        assert [one.astype(np.uint8).tobytes() for one in ids] == wanted
        assert tokenizer.decode_batch(ids) == texts
        assert tokenizer.fingerprint == made.fingerprint
    assert sum(told) == 4 * sum(map(len, texts))
    assert opened.m1_parameters == tiny.SIZE.nominal


def test_directories_from_before_open_and_damaged_ones_do_not(tmp_path) -> None:
    LISTED["EqualInfoAC[b=16,v=65k,order=0]"].save_pretrained(tmp_path / "tok")
    table = tmp_path / "tok" / FILE
    data = bytearray(table.read_bytes())
    data[-1] ^= 1
    table.write_bytes(data)
    with pytest.raises(DamagedArtifact) as error:
        Tokenizer.from_pretrained(tmp_path / "tok")
    assert "\n" not in str(error.value)
    table.unlink()
    with pytest.raises(EqualInfoError):
        Tokenizer.from_pretrained(tmp_path / "tok")
    manifest = read_json(tmp_path / "tok" / "equalinfo.json")
    del manifest["files"][FILE]
    write_json(tmp_path / "tok" / "equalinfo.json", manifest)
    opened = Tokenizer.from_pretrained(tmp_path / "tok")
    assert opened.table is None
    assert opened.decode(opened.encode(b"as before")) == b"as before"
