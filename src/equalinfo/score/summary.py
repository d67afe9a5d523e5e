"""Rows that differ only in their seed, taken together: what tables and plots show."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from equalinfo.score.metrics import mean_and_deviation
from equalinfo.score.results import Result

Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Summary:
    """All seeds of one setting: at least one row, in order of seed."""

    rows: tuple[Result, ...]
    label: str  # the method, and what else distinguishes the setting from the others summarised with it

    @property
    def method(self) -> str:
        return self.rows[0].method

    @property
    def size(self) -> str:
        return self.rows[0].size

    def mean(self, field: str) -> float:
        """Mean over seeds of a numeric field or property of `Result`."""
        return mean_and_deviation([getattr(row, field) for row in self.rows])[0]

    def deviation(self, field: str) -> float | None:
        """Sample standard deviation over seeds; None for a single seed."""
        return mean_and_deviation([getattr(row, field) for row in self.rows])[1]

    def mean_if_known(self, field: str) -> float | None:
        """Mean over the seeds that have the optional field; None if none has."""
        known = [value for row in self.rows if (value := getattr(row, field)) is not None]
        return mean_and_deviation(known)[0] if known else None


def summarise(results: Iterable[Result]) -> list[Summary]:
    """Groups rows by everything but the seed, in natural order of method, then of parameters.

    Averaging rows of different steps, corpora or tokenizers would show a number that nobody measured, so
    only rows that agree in all of `setting` share a group.
    """
    groups: dict[Key, list[Result]] = {}
    for row in results:
        groups.setdefault(setting(row), []).append(row)
    labels = _labels(list(groups))
    summaries = [
        Summary(tuple(sorted(rows, key=lambda row: row.seed)), labels[key]) for key, rows in groups.items()
    ]
    return sorted(summaries, key=lambda s: (natural(s.method), s.rows[0].parameters, natural(s.label)))


def setting(row: Result) -> Key:
    """What defines an M2 apart from its seed, as (name, text) pairs."""
    return (
        ("method", row.method),
        ("size", row.size),
        ("steps", f"{row.steps:,} steps"),
        ("corpus", row.corpus),
        ("m1", f"M1 {row.m1}" if row.m1 else ""),
        ("parameters", f"{row.parameters:,} parameters"),
        ("vocab", f"v={row.vocab}"),
        ("sequence_length", f"length {row.sequence_length:,}"),
        ("batch_size", f"batch {row.batch_size:,}"),
        *(
            (f"extra.{name}", f"{name}={text}")
            for name, text in sorted(row.extra.items())
            if isinstance(text, str)
        ),
    )


def counted_level(summaries: Sequence[Summary]) -> float | None:
    """Bits/byte of the counted context model that all of the settings are measured beside; None if it is not one."""
    levels = {row.contexts_bits_per_byte for summary in summaries for row in summary.rows}
    return levels.pop() if len(levels) == 1 else None


def methods(summaries: Sequence[Summary]) -> list[str]:
    """The distinct methods in natural order."""
    return sorted({summary.method for summary in summaries}, key=natural)


def kind_of(method: str) -> str:
    """The name in a spec: methods of a kind share a colour."""
    return method.split("[")[0]


def natural(text: str) -> list[tuple[int, int, str]]:
    """A sort key under which b=16 comes before b=128."""
    parts = re.split(r"(\d+)", text)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts if part]


def _labels(keys: list[Key]) -> dict[Key, str]:
    """Method, then only those parts of the setting that some other row of the same method, or for
    size and steps any other row, has differently."""
    settings = [dict(key) for key in keys]
    labels = {}
    for key, setting in zip(keys, settings, strict=True):
        of_method = [other for other in settings if other["method"] == setting["method"]]
        # A size name says the parameters, a method's spec its vocabulary.
        size_tells = len({one["parameters"] for one in of_method if one["size"] == setting["size"]}) == 1
        parts = [setting["method"]]
        for name, text in key[1:]:
            others = settings if name in ("size", "steps", "corpus") else of_method
            differs = any(other.get(name) != text for other in others)
            if text and differs and not (name == "parameters" and size_tells):
                parts.append(text)
        labels[key] = ", ".join(parts)
    return labels
