"""The classification data: labels, sizes, and no country on both sides."""

import pytest

from equalinfo.errors import EqualInfoError
from equalinfo.experiments.datasets import PASSAGE, load


@pytest.mark.parametrize(("name", "labels"), [("topics", 5), ("continents", 5)])
def test_data_sets(name: str, labels: int) -> None:
    data = load(name)
    assert len(data.labels) == labels
    assert data == load(name)
    assert len(data.train) > 1.5 * len(data.test) > 300
    assert not set(data.train) & set(data.test)
    for split in (data.train, data.test):
        assert {label for _, label in split} == set(range(labels))
        assert all(0 < len(text) <= PASSAGE for text, _ in split)


def test_another_name_is_refused() -> None:
    with pytest.raises(EqualInfoError, match="topics"):
        load("weather")
