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


def paper_bits() -> dict[str, float]:
    """Bits/byte of M2s of size 25m, by method (tables 15 and 16)."""
    return {name: values["25m"] for name, values in paper_tables()["table15_16_bits_per_byte"].items()}


def paper_ratios() -> dict[str, float]:
    """Bytes/token by method (table 12)."""
    return paper_tables()["table12_bytes_per_token"]


def paper_method(method: str) -> str:
    """The paper's method that a method of the small scale stands in for, as its tables name it."""
    renamed = {"SentencePiece[v=4k]": "SentencePiece[v=32k]"}
    if method in renamed:
        return renamed[method]
    if method.startswith(("AC[", "StaticAC[", "EqualInfoAC[", "GZip[")):
        return method.replace("v=4k", "v=65k")
    return method
