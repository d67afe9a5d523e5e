"""Every number that an option or a recipe takes has bounds: beyond them one line, at once."""

import inspect
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest

from equalinfo.cli.common import app
from equalinfo.errors import EqualInfoError
from equalinfo.runs.recipe import load_recipe
from tests.support.command import Run

WHOLE = ("-1", str(10**30), "9" * 5000, "1.5")
REAL = ("-1", "inf", "nan", "1e300")
# Ports, seeds and what would take all memory or processes of any machine.
HUGE = {"--port": 65_536, "--seed": 2**64, "--batch": 2**31, "--threads": 10**6, "--workers": 10**6}


def numbers() -> list[tuple[str, list[str], str, type]]:
    """Every option that is a number: its command, arguments that the command needs, its name, its type."""
    found = []
    for command in app.registered_commands:
        assert command.callback
        needed, options = [], []
        defaults = inspect.signature(command.callback).parameters
        for name, hint in get_type_hints(command.callback, include_extras=True).items():
            if get_origin(hint) is not Annotated:
                continue
            kind, info = get_args(hint)[:2]
            spelled = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]
            flag = next(iter(spelled), "--" + name.replace("_", "-"))
            if type(info).__name__ == "ArgumentInfo":
                needed.append("x")
                continue
            kinds = {one for one in (kind, *get_args(kind)) if one in (int, float)}
            if kinds:
                options.append((flag, kinds.pop()))
            if defaults[name].default is inspect.Parameter.empty:
                needed += [flag, "1"]
        found += [(command.name or "", needed, flag, kind) for flag, kind in options]
    return found


def test_options_have_bounds(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(numbers()) > 40
    for command, needed, flag, kind in numbers():
        values = (*(WHOLE if kind is int else REAL), *([str(HUGE[flag])] if flag in HUGE else []))
        for value in values:
            status, out, errors = run(command, *needed, flag, value)
            assert (status, out) == (2, ""), (command, flag, value)
            assert errors.startswith("error: Invalid value for"), (command, flag, value)
            assert flag in errors
            assert errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_no_learning_rate_of_nothing(run: Run) -> None:
    status, _, errors = run("train-m1", "x", "--out", "y", "--steps", 1, "--learning-rate", 0)
    assert status == 2
    assert "above 0" in errors


RECIPE = """
title = "t"
corpus = "c"
methods = ["Bytes"]
m1 = {{ size = "65k", steps = {steps}, batch_size = 1, learning_rate = {rate}, seed = {seed} }}
[m2]
sizes = ["65k"]
seeds = [{seeds}]
steps = 1
batch_size = {batch}
threads = {threads}
[data]
max_tokens = {tokens}
[sample]
prompt = "p"
methods = []
temperature = {temperature}
"""
GOOD: dict[str, Any] = {
    "steps": 1, "rate": 0.5, "seed": 2**63 - 1, "seeds": 0, "batch": 1, "threads": 1, "tokens": 0, "temperature": 1.0
}  # fmt: skip
BAD = [
    *[("steps", value) for value in (0, 2**40, "9" * 5000)],
    *[("rate", value) for value in (0, "inf", "nan", -1.0, 1e300)],
    *[("seed", value) for value in (-1, 2**64)],
    *[("seeds", value) for value in (-1, 2**64)],
    *[("batch", value) for value in (0, 2**31)],
    *[("threads", value) for value in (0, 10**6)],
    *[("tokens", value) for value in (-1, 2**70)],
    *[("temperature", value) for value in (-1.0, "nan", "inf")],
]


def test_recipes_have_the_same_bounds(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(**GOOD))
    load_recipe(str(path))
    for name, value in BAD:
        path.write_text(RECIPE.format(**{**GOOD, name: value}))
        with pytest.raises(EqualInfoError, match=r"recipe.toml") as error:
            load_recipe(str(path))
        assert "\n" not in str(error.value), (name, value)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path, run: Run) -> None:
    """Editors put it at the start of recipes; of results, whoever edits them."""
    path = tmp_path / "recipe.toml"
    path.write_text("\ufeff" + RECIPE.format(**GOOD))
    assert load_recipe(str(path)).title == "t"
    rows = Path(__file__).parents[2] / "results" / "demo.jsonl"
    (tmp_path / "rows.jsonl").write_text("\ufeff" + rows.read_text())
    assert run("report", tmp_path / "rows.jsonl", "--out", tmp_path / "page.html")[0] == 0


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 bytes")]
)
def test_too_little_memory_is_one_line(error: Exception, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("equalinfo.tokens.tokenizer.Tokenizer.from_pretrained", fails)
    status, _, errors = run("show", "x", "--text", "x")
    assert status == 1
    assert errors == "error: not enough memory; take a smaller batch, model or input\n"
