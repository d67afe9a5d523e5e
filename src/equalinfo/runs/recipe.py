"""Recipes: a TOML file that names corpus, M1, methods, M2 sizes, steps and seeds of a grid of runs."""

import tomllib
from codecs import BOM_UTF8
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, ValidationError, field_validator

from equalinfo.corpus.examples import EXAMPLE_BYTES
from equalinfo.errors import EqualInfoError
from equalinfo.fields import complaint
from equalinfo.model.config import TEMPERATURE, Config, Count, Real, Seed, Size
from equalinfo.tokens.spec import Spec
from equalinfo.train.config import M1Config, M2Config, M2Settings, SizeName

LONGEST = 1 << 16  # bytes; dotted keys take Python's parser time that grows with their square


class GivenM1(Config):
    """An M1 that is there already: a directory, or one that ships with the package, by its name."""

    path: str


def _tag(value: Any) -> str:
    named = isinstance(value, GivenM1) or (isinstance(value, dict) and "path" in value)
    return "given" if named else "trained"


class M2Section(M2Settings):
    """M2: one run for each method, size and seed."""

    sizes: list[SizeName] = Field(min_length=1)
    seeds: list[Seed] = Field(min_length=1)

    def config(self, size: str, seed: int) -> M2Config:
        """The settings of one of its runs."""
        return M2Config(**self.model_dump(exclude={"sizes", "seeds"}), size=size, seed=seed)


class DataSection(Config):
    """How the corpus becomes examples."""

    example_bytes: Count = EXAMPLE_BYTES
    seed: Seed = 0
    max_tokens: Size = Field(0, description="training tokens per method; 0 takes the whole corpus")
    validation_examples: Size = Field(0, description="0 takes all")


class SampleSection(Config):
    """Text to continue when the grid is done."""

    prompt: str
    methods: list[str]
    tokens: Count = 100
    temperature: Real = TEMPERATURE


class Recipe(Config):
    """A whole grid; `load_recipe` reads one."""

    title: str
    corpus: str
    field: str = "text"
    methods: list[str] = Field(min_length=1)
    m1: Annotated[Annotated[M1Config, Tag("trained")] | Annotated[GivenM1, Tag("given")], Discriminator(_tag)]
    m2: M2Section
    data: DataSection = Field(default_factory=lambda: DataSection.model_validate({}))
    sample: SampleSection | None = None

    @field_validator("methods")
    @classmethod
    def _canonical(cls, methods: list[str]) -> list[str]:
        try:
            specs = [str(Spec.parse(text)) for text in methods]
        except EqualInfoError as error:
            raise ValueError(str(error)) from error  # which pydantic reports with its place
        if len(set(specs)) < len(specs):
            raise ValueError("a method stands twice")
        return specs


def load_recipe(name: str) -> Recipe:
    """A recipe from a TOML file, or one that ships with the package, by its name without .toml.

    Raises:
        EqualInfoError: no such recipe, not TOML, or a wrong key or value; names the place.

    Examples:
        >>> recipe = load_recipe("demo")
        >>> recipe.corpus, recipe.methods[0]
        ('embedded', 'Bytes')
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
        raise EqualInfoError(f"{name}: {complaint(error, Recipe, 'recipe', {'trained', 'given'})}") from error
    # TOML's own, text that is not UTF-8, a number of 5,000 digits
    except (ValueError, RecursionError) as error:
        raise EqualInfoError(f"{name} is not TOML: {error}") from error


def shipped_recipes() -> list[str]:
    """Names of the recipes that ship with the package."""
    folder = resources.files("equalinfo") / "recipes"
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )
