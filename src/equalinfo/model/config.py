"""Settings of training, each written once: recipes, the command line and scripts take their options from these fields.

Loads no torch, so that `--help` does not wait for it. A description is the option's help.
"""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from equalinfo.limits import (
    LARGEST_BATCH,
    LARGEST_COUNT,
    LARGEST_REAL,
    LARGEST_SEED,
    LARGEST_SIZE,
    MOST_WORKERS,
)

OPTIMIZERS = ("adafactor", "adamw", "muon")
PRECISIONS = ("float32", "bfloat16", "auto")
STRATEGIES = ("ddp", "fsdp")
DEVICES = ("auto", "cpu", "cuda")
PRESETS = ("paper", "llama")
TEMPERATURE = 0.8  # of texts that are continued, where a user says nothing
Z_LOSS = 1e-4  # Lester et al. 2024, training settings: keeps log sum exp near 0


def one_of(what: str, choices: Sequence[str]) -> AfterValidator:
    """Takes one of a few names; another is refused by a line that lists them."""

    def check(name: str) -> str:
        if name not in choices:
            raise ValueError(f"no {what} {name!r}; choose {', '.join(choices[:-1])} or {choices[-1]}")
        return name

    return AfterValidator(check)


Count = Annotated[int, Field(gt=0, le=LARGEST_COUNT)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED, description="Decides initial weights, order and draws.")]
Real = Annotated[float, Field(ge=0, le=LARGEST_REAL)]
Whole = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Size = Annotated[int, Field(ge=0, le=LARGEST_SIZE)]
BatchSize = Annotated[
    int, Field(gt=0, le=LARGEST_BATCH, description="Sequences per step, or per batch with --accumulate.")
]


class Config(BaseModel):
    """Settings that do not change; unknown names are errors, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TrainingSettings(Config):
    """What decides the weights, besides the seed, the data and the model."""

    steps: Count = Field(description="Optimizer steps.")
    batch_size: BatchSize
    optimizer: Annotated[str, one_of("optimizer", OPTIMIZERS)] = Field(
        "adafactor", description="adafactor (the paper's), adamw or muon."
    )
    learning_rate: float | None = Field(
        None, gt=0, le=LARGEST_REAL, description="Learning rate; default: the optimizer's."
    )
    precision: Annotated[str, one_of("precision", PRECISIONS)] = Field(
        "auto", description="float32, bfloat16, or auto: bfloat16 where it is native."
    )
    # Float sums depend on how a product is split.
    threads: int = Field(
        2, gt=0, le=MOST_WORKERS, description="CPU threads in training; part of what decides the weights."
    )
    accumulate: Count = Field(1, description="Batches per step, where a larger one has no room.")
    clip: Real = Field(1.0, description="Largest norm of a gradient; 0: never clip.")
    z_loss: Real = Field(Z_LOSS, description="Weight of the z-loss.")
    compile: bool = Field(
        False, description="Translate the layers by torch.compile first; rounds differently."
    )

    @property
    def sequences_per_step(self) -> int:
        return self.batch_size * self.accumulate


class TrainingConfig(TrainingSettings):
    """What decides the weights, besides the data and the model.

    Attributes:
        version: raised where a change of code trains other weights by the same config. What is named by a hash of a
            config, as checkpoints and a recipe's runs, is then trained anew and not resumed. 3: gradients of
            position biases add up along distances, and M1's biases begin near.

    Examples:
        >>> TrainingConfig(steps=100, batch_size=8, accumulate=4).sequences_per_step
        32
    """

    version: ClassVar[int] = 3

    seed: Seed = 0

    def record(self) -> dict[str, Any]:
        """For hashes and config.json: the fields of this class, without those of its heirs, and the version."""
        fields = {name: getattr(self, name) for name in TrainingConfig.model_fields}
        return fields | {"version": self.version}


class RuntimeConfig(Config):
    """How training runs; decides nothing of the weights, but for rounding where devices or processes differ."""

    device: Annotated[str, one_of("device", DEVICES)] = Field(
        "auto", description="cpu, cuda, or auto: a GPU where there is one."
    )
    strategy: Annotated[str, one_of("strategy", STRATEGIES)] = Field(
        "ddp", description="Under torchrun: ddp, or fsdp, where each process holds a part of the model."
    )
    workers: int = Field(0, ge=0, le=MOST_WORKERS, description="Processes that read data ahead.")
    checkpoint_seconds: Real = Field(
        30.0, description="Seconds between checkpoints at least; 0: after every step."
    )
    validate_every: Whole = Field(
        0, description="Steps between losses on held-out text, for bar and log; 0: never."
    )
    validation_examples: Whole = Field(
        0, description="Held-out examples to score in the end; 0: 20 for an M1, all for an M2."
    )
