"""Imports point one way: each room imports only rooms before it, and no file imports, over others, itself."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import equalinfo

ROOT = Path(equalinfo.__file__).parent
# Folders and single files of the package; each may import those before it.
ORDER = (
    "errors extras files limits outputs tensors fields registry kernels seeded pretrained parallel processes progress "
    "sizes corpus engines score model predict coding dictionary tokens container shards train generate runs figures "
    "report experiments playground cli"
).split()
# What text passes through before training runs without torch; `corpus`, `score` and `model` know nothing of each other.
FORBIDDEN = {
    "score": {"corpus", "engines", "pretrained", "sizes"},
    "model": {"corpus", "engines", "score", "pretrained"},
    "predict": {"corpus", "engines", "score", "model"},
    "coding": {"corpus", "engines", "score", "model"},
    "dictionary": {"corpus", "engines", "score", "model"},
    "tokens": {"score", "model"},
    "container": {"corpus", "score", "model", "tokens"},
    "shards": {"score", "model", "container"},
    "report": {"train", "model", "corpus"},
}
FILES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}


def imported(module: str) -> set[str]:
    """Files of the package that a file imports, wherever in it, for a type checker only too."""
    found = set()
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in FILES else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(FILES) - {module}


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


@pytest.mark.parametrize("module", sorted(FILES))
def test_a_file_imports_only_rooms_that_come_before_its_own(module: str) -> None:
    room = room_of(module)
    if room in ("", "__main__"):  # the package, and its command
        return
    before = set(ORDER[: ORDER.index(room)]) - FORBIDDEN.get(room, set())
    assert {room_of(one) for one in imported(module)} - {room, ""} <= before


def test_no_file_imports_itself_over_others() -> None:
    try:
        TopologicalSorter({module: imported(module) for module in FILES}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_every_room_is_described() -> None:
    rooms = {path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file()}
    assert rooms <= set(ORDER)
    architecture = (ROOT.parent.parent / "docs" / "architecture.md").read_text()
    for room in rooms:
        assert f"`{room}`" in architecture
    for folder in {path.parent for path in ROOT.rglob("*.py")}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), folder
