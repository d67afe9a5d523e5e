"""Predictors and a browser that several rooms' tests share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from equalinfo.predict.exact import ExactModel
from equalinfo.predict.unigram import Unigram
from tests.support import tiny
from tests.support.browser import Browser, started

# Where make runs in the background of a script, Ctrl-C is ignored, and by all that is started there.
signal.signal(signal.SIGINT, signal.default_int_handler)
# No test asks the network, and libraries read this when they are imported.
os.environ["HF_HUB_OFFLINE"] = "1"

# Where a test does not say how many; `make test-all` draws as many as Hypothesis would.
# No deadline: the first example of a test may compile kernels.
settings.register_profile("default", deadline=None)
settings.register_profile("quick", max_examples=30, deadline=None)
settings.load_profile("quick")

# Files that take longest, so that no process is left alone with one at the end.
FIRST = (
    "test_project_readme.py",
    "test_cli_killed.py",
    "test_model_distributed.py",
    "test_experiments_run.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


@pytest.fixture(scope="session")
def plain_model() -> ExactModel:
    """A random M1."""
    return tiny.random_model(seed=1)


@pytest.fixture(scope="session")
def peaked_model() -> ExactModel:
    """A random M1 that is nearly certain of most bytes."""
    return tiny.random_model(seed=2, sharpen=6.0)


@pytest.fixture(scope="session")
def skewed_unigram() -> Unigram:
    return Unigram(tiny.skewed_frequencies())


@pytest.fixture(scope="session")
def uniform_unigram() -> Unigram:
    """Every boundary between bytes falls on a power of two."""
    return Unigram(np.full(256, 64, np.int32))


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browser saves files."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def browser(downloads: Path) -> Iterator[Browser]:
    with started(downloads) as found:
        yield found
