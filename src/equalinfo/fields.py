"""Whether what an artifact's JSON says is what its readers take from it."""

import difflib
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import read_json


class Fields(BaseModel):
    """Fields that are read again, of exactly these types; there may be others beside them."""

    model_config = ConfigDict(strict=True)


# What pydantic finds, in our words; the rest keeps its own.
WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is no key here",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a table of keys and values",
    "model_type": "must be a table of keys and values",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be {le} or less",
    "too_short": "must hold {min_length} or more",
    "string_too_short": "must not be empty",
}


def complaint(
    error: ValidationError,
    schema: type[BaseModel],
    whole: str = "all of it",
    unnamed: Collection[str | int] = (),
) -> str:
    """What is wrong first and where, in one line.

    Args:
        schema: what the fields should be; a misspelt one is told the nearest of its names.
        whole: the place of what has none; "" leaves it out.
        unnamed: parts of places that a user does not know.
    """
    # A misspelt key is also a missing one; the misspelling is what to name.
    first = min(error.errors(), key=lambda problem: problem["type"] == "missing")
    steps = [str(step) for step in first["loc"] if step not in unnamed]
    place = ".".join(steps) or whole
    known = WORDS.get(first["type"])
    reason = known.format(**first.get("ctx", {})) if known else first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        *above, name = steps
        near = difflib.get_close_matches(name, _names({schema}, above), 1)
        reason += f" (did you mean {near[0]}?)" if near else ""
    return f"{place}: {reason}" if place and not known else f"{place} {reason}".strip()


def _names(schemas: set[type[BaseModel]], place: list[str]) -> list[str]:
    """Names of the fields at a place."""
    if not place:
        return [name for schema in schemas for name in schema.model_fields]
    fields = [schema.model_fields[place[0]] for schema in schemas if place[0] in schema.model_fields]
    return _names({inner for one in fields for inner in _schemas(one.annotation)}, place[1:])


def _schemas(annotation: Any) -> list[type[BaseModel]]:
    """The schemas in the type of a field."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [schema for part in get_args(annotation) for schema in _schemas(part)]


Model = TypeVar("Model", bound=BaseModel)


def validated(schema: type[Model], fields: dict[str, Any]) -> Model:
    """`schema` of fields that a user gave; EqualInfoError, naming the first that is wrong."""
    try:
        return schema.model_validate(fields)
    except ValidationError as error:
        # Our own words name the option themselves.
        ours = error.errors()[0]["type"] == "value_error"
        places = {step for one in error.errors() for step in one["loc"]}
        raise EqualInfoError(complaint(error, schema, "", places if ours else ())) from error


def check_fields(fields: Any, schema: type[Fields], path: Path) -> dict[str, Any]:
    """`fields` as they are; DamagedArtifact, naming the place in `path`, if they are not those of `schema`."""
    try:
        schema.model_validate(fields)
    except ValidationError as error:
        raise DamagedArtifact(f"{path} is damaged ({complaint(error, schema)}); make it again") from error
    return fields


def read_fields(path: Path, schema: type[Fields]) -> dict[str, Any]:
    """A JSON file, checked by `check_fields`."""
    return check_fields(read_json(path), schema, path)
