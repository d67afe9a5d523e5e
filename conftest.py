"""Examples in docstrings run in an empty folder (`pytest --doctest-modules src`), because some write files."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _examples_write_elsewhere(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path | None:
    if not isinstance(request.node, pytest.DoctestItem):
        return None
    folder = tmp_path_factory.mktemp("example")
    monkeypatch.chdir(folder)
    return folder
