"""Shipped recipes load; a run skips what is done and goes on after a kill."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from equalinfo.errors import EqualInfoError
from equalinfo.pipeline import running
from equalinfo.pipeline.recipe import GivenM1, Recipe, load_recipe, shipped_recipes
from equalinfo.pipeline.running import run_recipe
from equalinfo.report.runs import page_of_run
from equalinfo.score.results import read_results
from equalinfo.tokens.spec import Spec

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
    asked, alike = Spec.parse("EqualInfo[v=4k]"), Spec.parse("EqualInfo[v=4k,words]")
    opened = []
    made = SimpleNamespace(spec=asked)
    monkeypatch.setattr(
        running, "load_m2", lambda path: opened.append(path) or (None, made, {"sequence_length": 8})
    )
    monkeypatch.setattr(running, "continued", lambda *_: b"text")
    cells = [(spec, Path(f"{spec.slug}-65k-seed0-{number}")) for number, spec in enumerate((alike, asked))]
    assert running._samples(tiny_recipe(corpus, [str(asked), str(alike)]), cells) == [(str(asked), "text")]
    assert opened == [cells[1][1]]


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_load(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.methods
    assert recipe.sample is None or set(recipe.sample.methods) <= set(recipe.methods)


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


def test_a_killed_run_goes_on_to_the_same_rows(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny_recipe(corpus, ["Bytes", "StaticAC[v=256]"])
    whole = run_recipe(recipe, tmp_path / "whole", quiet=True)
    train, calls = running.train_m2, 0

    def killed(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return train(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "train_m2", killed)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(recipe, tmp_path / "killed", quiet=True)
    assert len(read_results(tmp_path / "killed" / "results.jsonl")) == 2
    rows = run_recipe(recipe, tmp_path / "killed", quiet=True)
    assert calls == 5
    assert [row.bits_per_byte for row in rows] == [row.bits_per_byte for row in whole]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('methods = ["Bytes", "Bytes"]', "twice"),
        ('methods = ["EqualInfoAC[v=256]"]', "b=..."),
        ('methods = ["Bytes"]\nmethod = 1', "method"),
        ("methods = []", "methods"),
        ('methods = ["Bytes"]\nm1 = {path = "x", size = "65k"}', "m1.size"),
        ('methods = ["Bytes"]\nm1 = {size = "huge", steps = 1, batch_size = 1}', "m1"),
    ],
)
def test_a_wrong_recipe_is_named(change: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(f'title = "t"\ncorpus = "c"\n{change}\n')
    with pytest.raises(EqualInfoError, match=r"recipe\.toml") as error:
        load_recipe(str(path))
    assert words in str(error.value)
    assert "\n" not in str(error.value)
