"""Whether what an artifact's JSON says is what its readers take from it."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import read_json


class Fields(BaseModel):
    """Fields that are read again, of exactly these types; there may be others beside them."""

    model_config = ConfigDict(strict=True)


def complaint(error: ValidationError, whole: str = "all of it", unnamed: Collection[str | int] = ()) -> str:
    """What is wrong first and where, in one line.

    Args:
        whole: the place of what has none; "" leaves it out.
        unnamed: parts of places that a user does not know.
    """
    # A misspelt key is also a missing one; the misspelling is what to name.
    first = min(error.errors(), key=lambda problem: problem["type"] == "missing")
    place = ".".join(str(step) for step in first["loc"] if step not in unnamed) or whole
    reason = first["msg"].removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason


Model = TypeVar("Model", bound=BaseModel)


def validated(schema: type[Model], fields: dict[str, Any]) -> Model:
    """`schema` of fields that a user gave; EqualInfoError, naming the first that is wrong."""
    try:
        return schema.model_validate(fields)
    except ValidationError as error:
        # Our own words name the option themselves.
        ours = error.errors()[0]["type"] == "value_error"
        places = {step for one in error.errors() for step in one["loc"]}
        raise EqualInfoError(complaint(error, "", places if ours else ())) from error


def check_fields(fields: Any, schema: type[Fields], path: Path) -> dict[str, Any]:
    """`fields` as they are; DamagedArtifact, naming the place in `path`, if they are not those of `schema`."""
    try:
        schema.model_validate(fields)
    except ValidationError as error:
        raise DamagedArtifact(f"{path} is damaged ({complaint(error)}); make it again") from error
    checked: dict[str, Any] = fields
    return checked


def read_fields(path: Path, schema: type[Fields]) -> dict[str, Any]:
    """A JSON file, checked by `check_fields`."""
    return check_fields(read_json(path), schema, path)
