"""Commands whose options are the fields of settings: a field is written once, and is an option of every command."""

import inspect
import math
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, get_args, get_type_hints

import typer
from pydantic.fields import FieldInfo

from equalinfo.fields import validated
from equalinfo.model.config import Config

# Options that are not spelled as their fields.
SPELLED = {"batch_size": "--batch", "sequence_length": "--sequence"}


def flag(name: str) -> str:
    """The option of a field: `z_loss` is `--z-loss`."""
    return SPELLED.get(name, "--" + name.replace("_", "-"))


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """`command`, called with one option for each field in place of its parameters that are a `Config`.

    Fields of one name in two of them are one option.
    """
    hints = get_type_hints(command, include_extras=True)
    settings = {
        name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Config)
    }
    parameters: dict[str, inspect.Parameter] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if name in settings:
            for field, info in settings[name].model_fields.items():
                parameters[field] = _parameter(field, info)
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters[name] = parameter.replace(annotation=hints[name], kind=kind)

    @wraps(command)
    def run(**values: Any) -> None:
        checked = {
            name: validated(schema, {field: values[field] for field in schema.model_fields})
            for name, schema in settings.items()
        }
        command(**{name: value for name, value in values.items() if name in hints} | checked)

    run.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    run.__annotations__ = {name: parameter.annotation for name, parameter in parameters.items()}
    return run


def _parameter(name: str, info: FieldInfo) -> inspect.Parameter:
    bounds = {
        kind: getattr(one, kind) for one in info.metadata for kind in ("gt", "ge", "le") if hasattr(one, kind)
    }
    about: dict[str, Any] = {"help": info.description}
    kinds = (info.annotation, *get_args(info.annotation))
    if bounds and int in kinds:
        about |= {"min": bounds.get("ge", bounds.get("gt", -1) + 1), "max": bounds["le"]}
    elif bounds:
        about |= {"min": 0.0, "max": bounds["le"], "callback": number("gt" in bounds)}
    names = [flag(name), *(["--no-" + flag(name)[2:]] if info.annotation is bool else [])]
    option = typer.Option("/".join(names), **about)
    default = inspect.Parameter.empty if info.is_required() else info.default
    annotation: Any = Annotated[info.annotation, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def number(above: bool) -> Callable[[float | None], float | None]:
    """Refuses what comparisons let through: no number, and 0 where it has to be `above`."""

    def checked(value: float | None) -> float | None:
        if value is not None and (math.isnan(value) or (above and value <= 0)):
            raise typer.BadParameter(f"{value} is no number{' above 0' if above else ''}")
        return value

    return checked
