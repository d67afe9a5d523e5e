"""A number of an experiment that is not an M2's score: ratios, divergences, accuracies, points of figures."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Coordinate = str | int | float


class Measurement(BaseModel):
    """One number, what it is of, and where it was measured.

    Tables, figures and findings of an experiment are computed from such rows alone. Numbers that belong to a
    trained M2 name its `Result` row as `cell`.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    kind: Literal["measurement"] = "measurement"
    experiment: str = Field(min_length=1, description="as `equalinfo experiment --list` names it")
    scale: str = Field(description="small, 25m or paper: which settings")
    corpus: str
    method: str = Field(min_length=1, description="spec string, or a control in words, as `random bytes`")
    quantity: str = Field(
        min_length=1, description="the field's name with its unit, as bits_per_byte, kl_from_uniform_bits"
    )
    value: float
    standard_error: float | None = Field(
        None, ge=0, description="of `value`, where one run can estimate it (bootstrap over examples)"
    )
    at: dict[str, Coordinate] = Field(
        default={},
        description="coordinates, as n, percentile, position, step, size: what a figure's axes are",
    )
    seed: int | None = Field(None, description="None where no seed decides the number")
    cell: str | None = Field(None, description="`Result.cell` of the M2 that was measured")
    m1: str | None = Field(None, description="short hash of M1; None for methods without one")
    machine: str
    versions: dict[str, str]
    created: str = Field(description="ISO 8601 time")

    @property
    def key(self) -> tuple[object, ...]:
        """What identifies the measurement: a second one with the same key replaces it."""
        about = (self.experiment, self.scale, self.corpus, self.method, self.quantity)
        return (*about, tuple(sorted(self.at.items())), self.seed, self.cell, self.m1)
