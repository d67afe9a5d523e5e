"""Building what ships, on a corpus and an M1 of a few seconds: the same bytes again, resumed, refused."""

import dataclasses
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equalinfo import Tokenizer
from equalinfo.corpus.readers import read_documents
from equalinfo.errors import EqualInfoError
from equalinfo.pretrained import card_of, shipped
from equalinfo.progress import progress_bar
from scripts.build_reference import M1_NAME, TOKENIZERS, build, config_of
from scripts.reference_page import page
from scripts.reference_sources import sources_of

WORDS = "the a of rooms light window council plans 12 small equal parts , . café learns text".split()
SOURCES = [
    ("letters", "prose", True),
    ("notes", "prose", True),
    ("code", "code", True),
    ("secret", "prose", False),
]
SPECS = ["one=EqualInfo[v=512]", "two=EqualInfo[v=512,fewest]", "three=EqualInfo[b=9,v=512]"]
M1 = "--steps 5 --size 65k --context 64 --batch 4 --device cpu".split()


def corpus_in(path: Path) -> Path:
    listed = []
    (path / "text").mkdir(parents=True)
    for number, (name, domain, is_open) in enumerate(SOURCES):
        texts = [
            f"{name} {index} "
            + " ".join(WORDS[(index * 7 + k * k + number) % len(WORDS)] for k in range(120))
            for index in range(70)
        ]
        pq.write_table(pa.table({"text": texts}), path / "text" / f"{name}.parquet")
        size = sum(map(len, map(str.encode, texts)))
        listed.append({"name": name, "kind": domain, "licence": "CC0", "open": is_open, "bytes": size})
    (path / "sources.json").write_text(json.dumps({"sources": listed}))
    return path


def built(corpus: Path, place: Path, *options: str) -> Path:
    """Runs the command; returns the folder of artifacts."""
    where = [
        "--m1",
        place / "m1",
        "--work",
        place / "work",
        "--out",
        place / "out",
        "--page",
        place / "page.md",
    ]
    words = [str(word) for word in (corpus, *where, *options)]
    with progress_bar(quiet=True) as progress:
        build(config_of([*words, "--held-out-bytes", "4000", "--tokenizers", *SPECS]), progress)
    return place / "out"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus_in(tmp_path_factory.mktemp("sources") / "corpus")


@pytest.fixture(scope="module")
def first(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(corpus, tmp_path_factory.mktemp("first"), *M1)


def test_built_again_it_is_the_same_bytes(corpus: Path, first: Path, tmp_path: Path) -> None:
    again = built(corpus, tmp_path, *M1)
    assert contents(again) == contents(first)
    assert (tmp_path / "page.md").read_bytes() == (first.parent / "page.md").read_bytes()


def test_no_source_is_read_beyond_its_share(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = sources_of(corpus)[:2]
    monkeypatch.setattr("scripts.reference_sources.MOST_BYTES", large.size // 2)
    everything, kept = list(read_documents(large.path)), list(large.documents())
    assert 0.3 < len(kept) / len(everything) < 0.7
    assert kept == [document for document in everything if document in set(kept)]  # in their order
    assert list(dataclasses.replace(small, size=10).documents()) == list(read_documents(small.path))
    technical = dataclasses.replace(large, domain="manual")
    assert list(technical.documents()) == everything


def test_done_work_is_kept_and_missing_work_done(corpus: Path, first: Path) -> None:
    before = contents(first)
    times = {file: file.stat().st_mtime_ns for file in first.rglob("*") if "two" not in file.parts}
    for file in (first / "two").iterdir():
        file.unlink()
    (first / "two").rmdir()
    built(corpus, first.parent)  # without --steps: there is an M1
    assert contents(first) == before
    times.pop(first, None)
    assert all(file.stat().st_mtime_ns == time for file, time in times.items() if file != first)


def test_cards_say_what_was_measured(first: Path) -> None:
    cards = {name: card_of(path) for name, path in shipped(folder=first).items()}
    assert set(cards) == {"one", "two", "three", M1_NAME}
    for name, card in cards.items():
        assert [row["name"] for row in card["sources"]] == ["code", "letters", "notes"]
        assert sum(row["documents"] for row in card["sources"]) == 210
        rows = card["held_out"]
        by_source = [row for row in rows if "source" in row]
        assert sum(row["bytes"] for row in by_source) == rows[-1]["bytes"]
        assert str(first.parent) not in json.dumps(card)
        if name != M1_NAME:
            tokenizer = Tokenizer.from_pretrained(first / name)
            assert card["identity"] == tokenizer.fingerprint
            assert sum(row["tokens"] for row in by_source) == rows[-1]["tokens"]
            assert card["m1"] == cards[M1_NAME]["identity"]
    assert 0 < cards[M1_NAME]["held_out"][-1]["bits_per_byte"] < 9
    assert cards[M1_NAME]["training"]["exact_over_float"] == pytest.approx(1.0, abs=0.05)
    text = page(cards)
    assert text == (first.parent / "page.md").read_text()
    assert "secret" not in text


def test_the_page_without_cards() -> None:
    assert "None ships yet" in page({})


def test_refusals(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(EqualInfoError, match="--steps"):
        built(corpus, tmp_path)
    with pytest.raises(EqualInfoError, match=r"sources\.json is missing"):
        built(tmp_path / "nowhere", tmp_path)
    closed = corpus_in(tmp_path / "closed")
    listed = json.loads((closed / "sources.json").read_text())["sources"]
    (closed / "sources.json").write_text(
        json.dumps({"sources": [{**source, "open": False} for source in listed]})
    )
    with pytest.raises(EqualInfoError, match="no source as open"):
        built(closed, tmp_path)
    (closed / "sources.json").write_text(json.dumps({"sources": [{"name": "x", "open": True}]}))
    with pytest.raises(EqualInfoError, match="lacks"):
        built(closed, tmp_path)


def test_the_specs_that_ship_are_in_their_own_notation() -> None:
    from equalinfo.tokens.spec import Spec

    for spec in TOKENIZERS.values():
        assert str(Spec.parse(spec)) == spec
