"""Predictors that several rooms' tests share; having this file also lets them import `tiny`."""

import os

import numpy as np
import pytest
import tiny

from equalinfo.predict.exact import ExactModel
from equalinfo.predict.unigram import Unigram

# No test asks the network, and libraries read this when they are imported.
os.environ["HF_HUB_OFFLINE"] = "1"


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
