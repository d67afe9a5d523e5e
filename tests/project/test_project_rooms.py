"""Imports point one way: each room imports only what docs/architecture.md allows it."""

import ast
from pathlib import Path

import pytest

import equalinfo

ROOT = Path(equalinfo.__file__).parent
ALLOWED = {
    "errors": set(),
    "files": {"errors"},
    "limits": set(),
    "outputs": {"errors", "files"},
    "tensors": {"errors", "files"},
    "cores": {"errors", "limits"},
    "kernels": set(),
    "seeded": set(),
    "shipped": {"errors", "files"},
    "corpus": {"errors", "files", "seeded"},
    "model": {"errors", "files", "outputs", "seeded", "tensors"},
    "predict": {"errors", "files", "tensors", "kernels", "shipped", "model"},
    "coding": {"errors", "cores", "kernels", "predict"},
    "container": {"errors", "files", "predict", "coding"},
    "dictionary": {"errors", "files", "cores", "kernels", "corpus", "predict"},
    "tokens": {
        "errors",
        "files",
        "outputs",
        "tensors",
        "cores",
        "kernels",
        "shipped",
        "corpus",
        "predict",
        "coding",
        "dictionary",
    },
    "score": {"errors", "files"},
    "pipeline": {
        "errors",
        "files",
        "limits",
        "outputs",
        "cores",
        "kernels",
        "seeded",
        "shipped",
        "corpus",
        "model",
        "predict",
        "coding",
        "container",
        "dictionary",
        "tokens",
        "score",
    },
    "experiments": {
        "errors",
        "files",
        "outputs",
        "seeded",
        "corpus",
        "model",
        "predict",
        "coding",
        "tokens",
        "score",
        "pipeline",
    },
    "report": {"errors", "files", "outputs", "tokens", "score", "pipeline", "experiments"},
    "playground": {"errors", "model", "tokens", "pipeline", "report"},
    "harness": {"errors", "files", "outputs", "model", "tokens", "pipeline"},
}
ALLOWED["cli"] = set(ALLOWED)


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("equalinfo.")}
    return rooms


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_comes_before_it(room: str) -> None:
    files = list((ROOT / room).rglob("*.py")) if (ROOT / room).is_dir() else [ROOT / f"{room}.py"]
    assert files
    for path in files:
        assert imported_rooms(path) - {room} <= ALLOWED[room], path.name


def test_every_room_is_described() -> None:
    rooms = {path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file()}
    assert rooms <= set(ALLOWED)
    architecture = (ROOT.parent.parent / "docs" / "architecture.md").read_text()
    for room in rooms:
        assert f"`{room}`" in architecture
        assert ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))
