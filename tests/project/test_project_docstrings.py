"""Examples in docstrings run, and everything in the API reference has one or is used in one."""

import doctest
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src"
WITH_EXAMPLES = sorted(
    path for path in SOURCES.rglob("*.py") if re.search(r"^\s+>>> ", path.read_text(), re.M)
)
LISTED = [
    (module, name)
    for page in sorted((ROOT / "docs" / "api").glob("*.md"))
    for module, names in re.findall(
        r"^::: (\S+)\n    options:\n      members: \[(.*)\]$", page.read_text(), re.M
    )
    for name in names.split(", ")
]
# Interfaces, errors, and what examples hold without naming it.
WITHOUT = set(
    "Options Parser Experiment Finding DamagedArtifact Evaluation EvaluationConfig "
    "Continuation Partition Automaton ContextModel TokenStrings Size".split()
)


def module_of(path: Path) -> ModuleType:
    return importlib.import_module(".".join(path.relative_to(SOURCES).with_suffix("").parts))


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: str(path.relative_to(SOURCES)))
def test_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_ONLY_FIRST_FAILURE)
    complaints: list[str] = []
    for example in doctest.DocTestFinder().find(module_of(path)):
        runner.run(example, out=complaints.append)
    assert not runner.failures, "".join(complaints)
    assert runner.tries


def test_the_api_reference_has_examples() -> None:
    assert len(LISTED) >= 60
    examples = "".join(
        line
        for path in WITH_EXAMPLES
        for line in re.findall(r"^\s+(?:>>>|\.\.\.) .*\n", path.read_text(), re.M)
    )
    for module, name in LISTED:
        found: Any = getattr(importlib.import_module(module), name)
        assert inspect.getdoc(found), (module, name)
        assert name in WITHOUT or re.search(rf"\b{name}\b", examples), f"{module}.{name} has no example"
