"""Shipped recipes load; a run skips what is done and goes on after a kill."""

import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from equalinfo import Tokenizer
from equalinfo.errors import EqualInfoError
from equalinfo.files import write_manifest
from equalinfo.report.runs import page_of_run
from equalinfo.runs import run, side_by_side
from equalinfo.runs.recipe import (
    DataSection,
    GivenM1,
    M2Section,
    Recipe,
    SampleSection,
    load_recipe,
    shipped_recipes,
)
from equalinfo.runs.run import Run, run_recipe
from equalinfo.score.results import read_results
from equalinfo.tokens.methods import METHODS
from equalinfo.tokens.spec import Spec
from equalinfo.train.config import M1Config
from tests.support import tiny
from tests.support.building import built

ROOT = Path(__file__).parents[2]
TINY = {"size": "65k", "steps": 6, "batch_size": 4}


def tiny_recipe(corpus: Path, methods: list[str]) -> Recipe:
    m2 = {"sizes": ["65k"], "seeds": [0, 1], "sequence_length": 64, "steps": 4, "batch_size": 2}
    return Recipe.model_validate(
        {
            "title": "tiny",
            "corpus": str(corpus),
            "methods": methods,
            "m1": {**TINY, "context": 64},
            "data": {"example_bytes": 1024, "max_tokens": 2000, "validation_examples": 2},
            "m2": m2,
            "sample": {"prompt": "Sentence ", "methods": methods[:1], "tokens": 5},
        }
    )


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n\n".join(f"Sentence {i} of a small corpus. " * 40 for i in range(60)))
    return path


def test_a_sample_is_of_the_method_that_the_recipe_names(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of one whose directory is named alike."""
    asked, alike = Spec.parse("EqualInfo[v=4k]"), Spec.parse("EqualInfo[v=4k,fewest,words]")
    opened = []
    made = SimpleNamespace(spec=asked)
    monkeypatch.setattr(
        run, "load_m2", lambda path: opened.append(path) or (None, made, {"sequence_length": 8})
    )
    monkeypatch.setattr(run, "continued", lambda *_: b"text")
    cells = {Path(f"{spec.slug}-65k-seed0-{number}"): spec for number, spec in enumerate((alike, asked))}
    assert run._samples(tiny_recipe(corpus, [str(asked), str(alike)]), cells) == [(str(asked), "text")]
    assert opened == [list(cells)[1]]


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_load(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.methods
    assert recipe.sample is None or set(recipe.sample.methods) <= set(recipe.methods)


def test_the_docs_name_every_key() -> None:
    text = (ROOT / "docs" / "experiments.md").read_text()
    for schema in (Recipe, M1Config, M2Section, DataSection, SampleSection):
        for key in schema.model_fields:
            assert re.search(rf"`(\w+\.)?{key}[`.]|^{key} = ", text, re.MULTILINE), key
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert example
    assert example[1] in (ROOT / "docs" / "steps.md").read_text()  # whose commands a test runs


def test_the_demo_names_the_methods_of_the_paper() -> None:
    expected = {
        "Bytes",
        "SentencePiece[v=4k]",
        "GZip[v=256]",
        "AC[v=256]",
        "StaticAC[v=256]",
        "EqualInfoAC[b=16,v=256]",
        "EqualInfoAC[b=32,v=256]",
    }
    assert expected <= set(load_recipe("demo").methods)


def test_the_paper_recipe_is_the_papers_setting() -> None:
    recipe = load_recipe("paper-25m")
    assert (recipe.m1.size, recipe.m1.context, recipe.m1.steps, recipe.m1.batch_size) == (
        "3m",
        1024,
        2_500_000,
        128,
    )
    assert (recipe.m2.steps, recipe.m2.batch_size, recipe.m2.sequence_length) == (200_000, 256, 512)
    assert recipe.m2.first_only
    assert recipe.data.example_bytes == 10_240
    assert recipe.m2.optimizer == "adafactor"


def test_a_run_writes_rows_and_a_report_and_a_second_run_adds_nothing(corpus: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(corpus, ["Bytes", "EqualInfoAC[b=16,v=256]"])
    page = partial(page_of_run, command="equalinfo run mine.toml --out out")
    rows = run_recipe(recipe, tmp_path / "out", True, page)
    assert [(row.method, row.seed) for row in rows] == [
        (method, seed) for method in recipe.methods for seed in (0, 1)
    ]
    shown = (tmp_path / "out" / "report.html").read_text()
    assert "EqualInfoAC[b=16,v=256]" in shown
    assert 'id="cut-1"' in shown  # the recipe's tokenizers cut a text
    assert "equalinfo run mine.toml --out out" in shown
    assert str(tmp_path) not in shown.replace(str(corpus), "")
    before = (tmp_path / "out" / "results.jsonl").read_bytes()
    assert run_recipe(recipe, tmp_path / "out", quiet=True) == rows
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == before


def test_an_m1_that_is_there_is_taken_as_it_is(corpus: Path, tmp_path: Path) -> None:
    trained = tiny_recipe(corpus, ["EqualInfoAC[b=16,v=256]"])
    first = run_recipe(trained, tmp_path / "out", quiet=True)
    m1 = next((tmp_path / "out").glob("m1-*"))
    given = trained.model_copy(update={"m1": GivenM1(path=str(m1))})
    rows = run_recipe(given, tmp_path / "other", quiet=True)
    assert not list((tmp_path / "other").glob("m1-*"))
    assert [row.bits_per_byte for row in rows] == [row.bits_per_byte for row in first]
    assert {row.m1 for row in rows} != {row.m1 for row in first} != {None}
    with pytest.raises(EqualInfoError, match="no such m1"):
        run_recipe(trained.model_copy(update={"m1": GivenM1(path="absent")}), tmp_path / "none", quiet=True)


OPTIONS = {
    "BPE": "[v=288]",
    "SuperBPE": "[v=288]",
    "SentencePiece": "[v=288]",
    "EqualInfoAC": "[b=16]",
    "EqualInfoHuffman": "[b=10,v=1k]",
}
KINDS = [
    *(name + OPTIONS.get(name, "") for name in METHODS if name != "EqualInfo"),
    *(
        f"EqualInfo[v=512{flags}]"
        for flags in ("", ",fewest", ",fewest,words", ",unigram,words", ",unigram,phrases", ",order=1")
    ),
    "EqualInfo[b=9,v=512]",
    "EqualInfo[b=24,v=256]",
    "AC[v=256,order=2]",
]


@pytest.fixture(scope="module")
def m1s(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    paths = [tmp_path_factory.mktemp("m1") / "m1" for _ in range(2)]
    for seed, path in enumerate(paths):
        path.mkdir()
        tiny.random_model(seed, sharpen=2.0).save(path)
        write_manifest(path, "m1")
    return paths


@pytest.mark.parametrize("method", KINDS)
def test_a_key_holds_all_that_a_tokenizer_is_made_from(method: str, m1s: list[Path], tmp_path: Path) -> None:
    spec, opened = Spec.parse(method), []
    texts = [
        [f"{word} and {word}ing\n{word} café, {n}. ".encode() * 40 for n in range(30)]
        for word in ("some", "other")
    ]

    def made(m1: Path, text: list[bytes]) -> tuple[str, str, Path]:
        """The tokenizer's identity, and the paths of a run of M1s that are there and of one that trains them."""
        corpus = tmp_path / "corpus.txt"
        corpus.write_bytes(b"\n\n".join(text))

        def documents() -> list[bytes]:
            opened.append(text)
            return text

        tokenizer = built(spec, m1, documents)
        recipe = tiny_recipe(corpus, [method])
        given = recipe.model_copy(update={"m1": GivenM1(path=str(m1))})
        paths = [Run(one, tmp_path / "out").tokenizer_path(spec) for one in (given, recipe)]
        return tokenizer.fingerprint, paths[0].name, paths[1]

    first, other_text, other_m1 = made(m1s[0], texts[0]), made(m1s[0], texts[1]), made(m1s[1], texts[0])
    assert bool(opened) == spec.needs_corpus
    for other in (other_text, other_m1):
        assert first[1] != other[1] or first[0] == other[0]
    # What does not depend on the text is shared among corpora, where an M1 is given.
    assert (first[1] == other_text[1]) == (spec.needs_m1 and not spec.needs_corpus)
    assert (first[1] == other_m1[1]) == (not spec.needs_m1)
    assert first[2] != other_text[2]


def test_another_corpus_under_the_same_out_has_dictionaries_of_its_own(
    m1s: list[Path], corpus: Path, tmp_path: Path
) -> None:
    method = "EqualInfo[v=512,fewest]"
    recipe = tiny_recipe(corpus, [method])
    recipe = recipe.model_copy(update={"m1": GivenM1(path=str(m1s[0])), "sample": None})
    run_recipe(recipe, tmp_path / "out", quiet=True)
    corpus.write_text("\n\n".join(f"Quite another text, number {i}; and more. " * 40 for i in range(60)))
    run_recipe(recipe, tmp_path / "out", quiet=True)
    alone = run_recipe(recipe, tmp_path / "alone", quiet=True)
    made = {
        Tokenizer.from_pretrained(path).fingerprint for path in (tmp_path / "out" / "tokenizers").iterdir()
    }
    (expected,) = (tmp_path / "alone" / "tokenizers").iterdir()
    assert len(made) == 2
    assert Tokenizer.from_pretrained(expected).fingerprint in made
    assert (tmp_path / "out" / "tokenizers" / expected.name).is_dir()
    rows = read_results(tmp_path / "out" / "results.jsonl")
    assert [row.bits_per_byte for row in rows[2:]] == [row.bits_per_byte for row in alone]


def test_a_killed_run_goes_on_to_the_same_rows(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny_recipe(corpus, ["Bytes", "StaticAC[v=256]"])
    whole = run_recipe(recipe, tmp_path / "whole", quiet=True)
    train, calls = side_by_side.train_m2, 0

    def killed(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return train(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(side_by_side, "train_m2", killed)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(recipe, tmp_path / "killed", quiet=True)
    assert len(read_results(tmp_path / "killed" / "results.jsonl")) == 2
    rows = run_recipe(recipe, tmp_path / "killed", quiet=True)
    assert calls == 5
    assert [row.bits_per_byte for row in rows] == [row.bits_per_byte for row in whole]


M2 = 'm2 = {sizes = ["65k"], seeds = [0],'


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('methods = ["Bytes", "Bytes"]', "twice"),
        ('methods = ["EqualInfoAC[v=256]"]', "b=..."),
        ('methods = ["Bytes"]\nmethod = 1', "method"),
        ("methods = []", "methods must hold 1 or more"),
        ('methods = "Bytes"', "methods must be a list"),
        ('methods = ["Bytes"]\nmetods = 1', "metods is no key here (did you mean methods?)"),
        ('methods = ["Bytes"]\nm2 = {stepz = 3}', "m2.stepz is no key here (did you mean steps?)"),
        (
            'methods = ["Bytes"]\nm1 = {size = "65k", contxt = 3}',
            "m1.contxt is no key here (did you mean context?)",
        ),
        (f'methods = ["Bytes"]\nm1 = {{path = "m1"}}\n{M2} steps = 0}}', "m2.steps must be above 0"),
        (f'methods = ["Bytes"]\nm1 = {{path = "m1"}}\n{M2} steps = 1.5}}', "m2.steps must be a whole number"),
        ('methods = ["Bytes"]\nm1 = {path = "m1"}', "m2 is missing"),
        ('methods = ["Bytes"]\nm1 = {path = "m1"}\nm2 = 3', "m2 must be a table"),
        ('methods = ["Bytes"]\nm1 = {path = "x", size = "65k"}', "m1.size"),
        ('methods = ["Bytes"]\nm1 = {size = "huge", steps = 1, batch_size = 1}', "m1"),
        pytest.param("steps = " + "9" * 5000, "TOML", id="digits"),
        pytest.param("methods = " + "[" * 50_000, "TOML", id="nested"),
        pytest.param("#" * 100_000, "bytes", id="long"),
    ],
)
def test_a_wrong_recipe_is_named(change: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(f'title = "t"\ncorpus = "c"\n{change}\n')
    with pytest.raises(EqualInfoError, match=r"recipe\.toml") as error:
        load_recipe(str(path))
    assert words in str(error.value)
    assert "\n" not in str(error.value)
