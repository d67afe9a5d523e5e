"""A scale so small that an experiment takes seconds."""

from dataclasses import replace
from pathlib import Path

import pytest

from equalinfo.experiments.scales import Scale, scale_by_name

BUDGET = {"size": "65k", "steps": 3}
STEPS = {"65k": 2, "250k": 3}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    sentences = [
        f"Sentence {i} of a small corpus says that the bridge is number {i * 7919 % 1000}. "
        for i in range(900)
    ]
    path.write_text("\n\n".join("".join(sentences[i : i + 9]) * 3 for i in range(0, 900, 9)))
    return path


@pytest.fixture
def scale(corpus: Path) -> Scale:
    small = scale_by_name("small")
    recipe = small.recipe
    m1 = recipe.m1.model_copy(update={"size": "65k", "steps": 4, "context": 32, "batch_size": 2})
    m2 = recipe.m2.model_copy(
        update={"sizes": ["65k"], "steps": 3, "batch_size": 2, "sequence_length": 32, "precision": "float32"}
    )
    data = recipe.data.model_copy(update={"example_bytes": 512, "max_tokens": 1000, "validation_examples": 4})
    changed = {"corpus": str(corpus), "m1": m1, "m2": m2, "data": data}
    return replace(small, recipe=recipe.model_copy(update=changed), size="65k", scaled=STEPS, budget=BUDGET)
