"""All experiments by name, each in a module of the same name."""

from importlib import import_module

from equalinfo.errors import EqualInfoError
from equalinfo.experiments.base import Experiment

NAMES = (
    "compression_ratios",
    "main_result",
    "window_sizes",
    "vocabulary",
    "single_bits",
    "coding_tasks",
    "byte_matched",
    "tokenizer_stability",
    "token_contents",
    "accuracy_by_position",
    "token_uniformity",
    "tokens_across_windows",
    "m1_reset",
    "spelling",
    "gzip_headers",
    "delay",
    "seed_variance",
    "scaled_data",
    "downstream",
    "equal_budgets",
    "coders_in_windows",
    "stability_and_learning",
    "curves",
    "patches",
    "m1_states",
    "m3",
)


def experiment_by_name(name: str) -> Experiment:
    """The experiment called `name`; EqualInfoError lists the names if there is none.

    Examples:
        >>> experiment_by_name("delay").paper
        'A.5, table 17, figure 14'
    """
    if name not in NAMES:
        raise EqualInfoError(f"no experiment {name!r}; choose one of {', '.join(NAMES)}")
    experiment = import_module(f"equalinfo.experiments.catalog.{name}").EXPERIMENT
    assert isinstance(experiment, Experiment)
    return experiment


def experiments() -> list[Experiment]:
    """All of them, in the order of the paper."""
    return [experiment_by_name(name) for name in NAMES]
