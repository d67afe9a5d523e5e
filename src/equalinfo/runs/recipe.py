"""Recipes: a TOML file that names corpus, M1, methods, M2 sizes, steps and seeds of a grid of runs."""

import tomllib
from codecs import BOM_UTF8
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, field_validator

from equalinfo.errors import EqualInfoError
from equalinfo.limits import (
    LARGEST_BATCH,
    LARGEST_COUNT,
    LARGEST_REAL,
    LARGEST_SEED,
    LARGEST_SIZE,
    MOST_WORKERS,
)
from equalinfo.model.decoder import check_preset
from equalinfo.model.optim import check_optimizer
from equalinfo.model.train_loop import TrainingConfig
from equalinfo.sizes import size_by_name
from equalinfo.tokens.spec import Spec

Count = Annotated[int, Field(gt=0, le=LARGEST_COUNT)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Size = Annotated[int, Field(ge=0, le=LARGEST_SIZE)]
Real = Annotated[float, Field(ge=0, le=LARGEST_REAL)]
LONGEST = 1 << 16  # bytes; dotted keys take Python's parser time that grows with their square


class Section(BaseModel):
    """A table of the recipe; unknown keys are errors, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TrainingSection(Section):
    """Settings that M1 and M2 share."""

    steps: Count
    batch_size: int = Field(gt=0, le=LARGEST_BATCH, description="sequences in memory at a time")
    optimizer: str = "adafactor"
    learning_rate: Real | None = Field(None, gt=0)
    precision: str = "auto"
    threads: int = Field(2, gt=0, le=MOST_WORKERS)
    accumulate: Count = Field(1, description="batches per step")
    clip: Real = Field(1.0, description="largest norm of a gradient; 0 never clips")
    z_loss: Real = 1e-4
    compile: bool = False

    @field_validator("optimizer")
    @classmethod
    def _known_optimizer(cls, name: str) -> str:
        _checked(lambda: check_optimizer(name))
        return name

    def plan(self, seed: int) -> TrainingConfig:
        return TrainingConfig(
            self.steps,
            self.batch_size,
            seed,
            self.optimizer,
            self.learning_rate,
            self.precision,
            self.threads,
            self.accumulate,
            self.clip,
            self.z_loss,
            self.compile,
        )


class M1Section(TrainingSection):
    """M1: its size, its context in bytes, how it is trained."""

    size: str
    context: Count = 1024
    seed: Seed = 0


class GivenM1(Section):
    """An M1 that is there already: a directory, or one that ships with the package, by its name."""

    path: str


def _tag(value: Any) -> str:
    return (
        "given" if isinstance(value, GivenM1) or (isinstance(value, dict) and "path" in value) else "trained"
    )


class M2Section(TrainingSection):
    """M2: one run for each method, size and seed."""

    sizes: list[str] = Field(min_length=1)
    seeds: list[Seed] = Field(min_length=1)
    sequence_length: Count = Field(512, description="tokens")
    first_only: bool = Field(False, description="only the first sequence of each example, as in the paper")
    preset: str = "paper"

    @field_validator("preset")
    @classmethod
    def _known_preset(cls, name: str) -> str:
        _checked(lambda: check_preset(name))
        return name


class DataSection(Section):
    """How the corpus becomes examples."""

    example_bytes: Count = 10_240
    seed: Seed = 0
    max_tokens: int = Field(
        0, ge=0, le=LARGEST_SIZE, description="training tokens per method; 0 takes the whole corpus"
    )
    validation_examples: Size = Field(0, description="0 takes all")


class SampleSection(Section):
    """Text to continue when the grid is done."""

    prompt: str
    methods: list[str]
    tokens: Count = 100
    temperature: Real = 0.8


class Recipe(Section):
    """A whole grid; `load_recipe` reads one."""

    title: str
    corpus: str
    field: str = "text"
    methods: list[str] = Field(min_length=1)
    m1: Annotated[
        Annotated[M1Section, Tag("trained")] | Annotated[GivenM1, Tag("given")], Discriminator(_tag)
    ]
    m2: M2Section
    data: DataSection = Field(default_factory=lambda: DataSection.model_validate({}))
    sample: SampleSection | None = None

    @field_validator("methods")
    @classmethod
    def _canonical(cls, methods: list[str]) -> list[str]:
        specs = [_checked(lambda text=text: str(Spec.parse(text))) for text in methods]
        if len(set(specs)) < len(specs):
            raise ValueError("a method stands twice")
        return specs

    @field_validator("m1", "m2")
    @classmethod
    def _known_sizes(cls, section: Any) -> Any:
        if isinstance(section, GivenM1):
            return section
        for size in section.sizes if isinstance(section, M2Section) else [section.size]:
            _checked(lambda size=size: size_by_name(size))
        return section


def _checked(call: Any) -> Any:
    """The call's value; pydantic reports ValueErrors with the place in the recipe."""
    try:
        return call()
    except EqualInfoError as error:
        raise ValueError(str(error)) from error


def load_recipe(name: str) -> Recipe:
    """A recipe from a TOML file, or one that ships with the package, by its name without .toml.

    Raises:
        EqualInfoError: no such recipe, not TOML, or a wrong key or value; names the place.
    """
    shipped = resources.files("equalinfo") / "recipes" / f"{name}.toml"
    try:
        is_shipped = Path(name).suffix != ".toml" and shipped.is_file()
        with (shipped if is_shipped else Path(name)).open("rb") as stream:
            text = stream.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise EqualInfoError(f"{name} has more than {LONGEST} bytes; no recipe is as long")
        return Recipe.model_validate(tomllib.loads(text.removeprefix(BOM_UTF8).decode()))
    except OSError as error:
        raise EqualInfoError(
            f"cannot read recipe {name} ({error.strerror}); give a .toml file or one of {', '.join(shipped_recipes())}"
        ) from error
    except ValidationError as error:
        # A misspelt key is also a missing one; the misspelling is what to name.
        first = min(error.errors(), key=lambda problem: problem["type"] == "missing")
        place = ".".join(str(step) for step in first["loc"] if step not in ("trained", "given"))
        raise EqualInfoError(
            f"{name}: {place or 'recipe'}: {first['msg'].removeprefix('Value error, ')}"
        ) from error
    except (
        ValueError,
        RecursionError,
    ) as error:  # TOML's own, text that is not UTF-8, a number of 5,000 digits
        raise EqualInfoError(f"{name} is not TOML: {error}") from error


def shipped_recipes() -> list[str]:
    """Names of the recipes that ship with the package."""
    folder = resources.files("equalinfo") / "recipes"
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )
