"""Settings of M1 and of M2: `model.config`, and what they are trained as (no torch)."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from equalinfo.errors import EqualInfoError
from equalinfo.model.config import PRESETS, BatchSize, Count, TrainingConfig, TrainingSettings, one_of
from equalinfo.sizes import size_by_name


def _known_size(name: str) -> str:
    try:
        size_by_name(name)
    except EqualInfoError as error:
        raise ValueError(str(error)) from error  # which pydantic reports with its place
    return name


SizeName = Annotated[
    str, AfterValidator(_known_size), Field(description="Model size: 65k, 500k, 3m, 25m, ...")
]


class M1Config(TrainingConfig):
    """What decides M1, besides its text. The defaults are the paper's."""

    size: SizeName = "3m"
    context: Count = Field(1024, description="Bytes per sequence.")
    batch_size: BatchSize = 128


class M2Settings(TrainingSettings):
    """What decides an M2, besides its tokens, size and seed."""

    batch_size: BatchSize = 256
    sequence_length: Count = Field(512, description="Tokens per sequence.")
    # Otherwise on every whole sequence, which suits small corpora.
    first_only: bool = Field(False, description="Only the first sequence of each example, as in the paper.")
    preset: Annotated[str, one_of("preset", PRESETS)] = Field(
        "paper", description="paper, or llama: then OUT is a Hugging Face model directory."
    )


class M2Config(M2Settings, TrainingConfig):
    """What decides an M2, besides its tokens."""

    size: SizeName = "3m"

    def plan(self) -> dict[str, Any]:
        """For hashes and config.json."""
        fields = {name: getattr(self, name) for name in ("size", "sequence_length", "first_only", "preset")}
        return fields | {"training": self.record()}
