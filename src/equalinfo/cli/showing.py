"""Results for people and for machines."""

import json
import os
import sys
from typing import Any


def one_of_many() -> bool:
    """Whether torchrun started this process and another one reports."""
    return os.environ.get("RANK", "0") != "0"


def show_result(result: dict[str, Any], as_json: bool, aside: bool = False) -> None:
    """A result for people, one figure a line, or for machines; `aside`: standard output holds something else."""
    stream = sys.stderr if aside else sys.stdout
    if as_json:
        print(json.dumps(result, sort_keys=True, default=str), file=stream)
        return
    for name, value in result.items():
        if not isinstance(value, dict | list):
            print(f"{name:26} {f'{value:.6g}' if isinstance(value, float) else value}", file=stream)
