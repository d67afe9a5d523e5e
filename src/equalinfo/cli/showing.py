"""Results for people and for machines."""

import json
import os
from typing import Any

import typer


def one_of_many() -> bool:
    """Whether torchrun started this process and another one reports."""
    return os.environ.get("RANK", "0") != "0"


def show_result(result: dict[str, Any], as_json: bool, aside: bool = False) -> None:
    """A result for people, one figure a line, or for machines; `aside`: standard output holds something else."""
    if as_json:
        typer.echo(json.dumps(result, sort_keys=True, default=str), err=aside)
        return
    for name, value in result.items():
        if not isinstance(value, dict | list):
            typer.echo(f"{name:26} {f'{value:.6g}' if isinstance(value, float) else value}", err=aside)
