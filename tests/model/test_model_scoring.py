"""Scores of models whose weights are no numbers."""

import numpy as np
import pytest
import torch

from equalinfo.errors import EqualInfoError
from equalinfo.model.scoring import nats_of_ids, total_nats
from tests.support.untrained import model


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
def test_probabilities_that_are_no_numbers_are_refused(value: float) -> None:
    broken = model(300)
    weights = broken.lm_head.weight
    before = weights.detach().clone()
    with torch.no_grad():
        weights[7] = value
    try:
        for score in (
            lambda: total_nats(broken, [np.arange(5)]),
            lambda: nats_of_ids(broken, np.arange(5), 4, 4),
        ):
            with pytest.raises(EqualInfoError, match="no numbers"):
                score()
    finally:
        with torch.no_grad():
            weights.copy_(before)
