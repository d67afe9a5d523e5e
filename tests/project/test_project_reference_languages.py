"""How languages are levelled, on a mix of two that the test makes."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equalinfo.corpus.splits import split_of
from equalinfo.files import read_json, write_json
from equalinfo.progress import progress_bar
from equalinfo.tokens.spec import Spec
from scripts import reference_languages
from scripts.corpus_mix.languages import LANGUAGES
from scripts.reference_languages import MOST, WEIGHTS, LevelledCorpus, levelled, sizes_of, surveys_by_language
from scripts.reference_sources import Source, sources_of

ENGLISH = "open close the a window door light room small large save all of it now".split()
GREEK = "άνοιξε κλείσε το ένα παράθυρο πόρτα φως δωμάτιο μικρό μεγάλο όλα τώρα".split()


def text_in(words: list[str], number: int) -> str:
    return " ".join(words[(number * 7 + k * k) % len(words)] for k in range(40)) + f" {number}"


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    rows = [("en", text_in(ENGLISH, n)) for n in range(150)] + [("el", text_in(GREEK, n)) for n in range(60)]
    schema = {"text": [text for _, text in rows], "language": [language for language, _ in rows]}
    (tmp_path / "text").mkdir()
    pq.write_table(pa.table(schema), tmp_path / "text" / "m.parquet")
    size = sum(len(text.encode()) for _, text in rows)
    listed = {"name": "m", "kind": "messages", "licence": "MIT", "open": True, "bytes": size, "languages": {}}
    write_json(tmp_path / "sources.json", {"sources": [listed]})
    return sources_of(tmp_path)


def test_a_language_counts_as_often_as_its_weight_says(sources: list[Source]) -> None:
    weights = dict.fromkeys(LANGUAGES, 1.0) | {"en": 0.5, "el": 2.25}
    documents = list(LevelledCorpus(sources, "m", weights).documents("all"))
    greek = [document for document in documents if not document.isascii()]
    assert 120 <= len(greek) <= 180
    assert {greek.count(one) for one in set(greek)} == {2, 3}
    assert 40 <= len(documents) - len(greek) <= 110
    training = list(LevelledCorpus(sources, "m", weights).documents("train"))
    assert training == [one for one in documents if split_of(one) == "train"]


def test_what_comes_often_without_spaces_is_said_apart(
    sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_languages, "WITHOUT_SPACES", ("el",))
    monkeypatch.setattr(reference_languages, "GRAM_BYTES", 4)
    weights = dict.fromkeys(LANGUAGES, 1.0)
    plain = list(LevelledCorpus(sources, "m", weights, lists=False).documents("train"))
    listed = list(LevelledCorpus(sources, "m", weights).documents("train"))
    assert listed[: len(plain)] == plain
    grams = [document.decode().split("\n") for document in listed[len(plain) :]]
    greek = [document.decode() for document in plain if not document.isascii()]
    for gram, *more in grams:
        assert len(gram.encode()) <= 4
        assert set(more) <= {gram}
    times = {gram[0]: len(gram) for gram in grams}
    assert times["τώ"] == sum(text.count("τώ") for text in greek) // 4
    validation = LevelledCorpus(sources, "m", weights).documents("validation")
    assert all("\n" not in document.decode() for document in validation)


def test_what_is_held_out_is_by_language(sources: list[Source]) -> None:
    surveys = surveys_by_language(sources, 10_000)
    assert [survey.source.name for survey in surveys] == [name for name, _ in LANGUAGES.values()]
    english, greek = (survey.held_out for survey in surveys if survey.source.name in ("English", "Greek"))
    assert all(split_of(one) == "validation" for one in english + greek)
    assert sum(sizes_of(sources).values()) == sources[0].size


def test_a_language_that_pays_more_counts_more(
    sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = {
        "el": [(text_in(ENGLISH, 500 + n), text_in(GREEK, 500 + n)) for n in range(100)],
        "es": [(text_in(ENGLISH, 700 + n), text_in(ENGLISH, 800 + n)) for n in range(100)],
    }
    monkeypatch.setattr(reference_languages, "django_messages", lambda: pairs)
    monkeypatch.setattr(reference_languages, "CONTENT", 4000)
    monkeypatch.setattr(reference_languages, "sizes_of", lambda _: dict.fromkeys(LANGUAGES, 10_000))
    with progress_bar(quiet=True) as progress:
        weights = levelled(sources, Spec.parse("EqualInfo[v=512,unigram,words]"), progress)
    assert weights.keys() == LANGUAGES.keys()
    assert weights["en"] == 0.8  # ENGLISH times CONTENT, whatever is paid
    assert weights["el"] > 0.4 > weights["es"]


def test_the_weights_that_are_used() -> None:
    weights = read_json(WEIGHTS)
    assert weights.keys() == LANGUAGES.keys()
    assert all(0 < weight <= MOST for weight in weights.values())
