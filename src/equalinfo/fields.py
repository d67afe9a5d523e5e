"""Whether what an artifact's JSON says is what its readers take from it."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from equalinfo.errors import DamagedArtifact
from equalinfo.files import read_json


class Fields(BaseModel):
    """Fields that are read again, of exactly these types; there may be others beside them."""

    model_config = ConfigDict(strict=True)


def check_fields(fields: Any, schema: type[Fields], path: Path) -> dict[str, Any]:
    """`fields` as they are; DamagedArtifact, naming the place in `path`, if they are not those of `schema`."""
    try:
        schema.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "all of it"
        raise DamagedArtifact(f"{path} is damaged ({place}: {first['msg']}); make it again") from error
    checked: dict[str, Any] = fields
    return checked


def read_fields(path: Path, schema: type[Fields]) -> dict[str, Any]:
    """A JSON file, checked by `check_fields`."""
    return check_fields(read_json(path), schema, path)
