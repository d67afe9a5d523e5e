"""The numbers of the reference paper, for comparing with."""

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def paper_tables() -> dict[str, Any]:
    """Tables of Lester et al. 2024 (arXiv 2404.03626 v3) by name, keyed by method spec.

    The value is shared between callers; copy it before changing it.
    """
    return json.loads(files(__package__).joinpath("paper_tables.json").read_text(encoding="utf-8"))
