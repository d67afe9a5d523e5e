"""results.jsonl: one line of JSON per row, appended so that a kill loses at most the last line.

Two kinds of rows share such a file: `Result`, a trained and scored M2, and `Measurement`, any other number of an
experiment (`score.measurements`). Each reader takes its own kind and passes over the other.
"""

import os
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.score.measurements import Measurement

try:
    import fcntl
except ImportError:  # Windows has none: there, do not append from two processes at once.
    fcntl = None  # type: ignore[assignment]


class Scores(BaseModel):
    """What an M2 scores on a text.

    Numbers must be finite (a diverged run is an error of the run, not a row). The bits/byte fields and
    ratios come from `equalinfo.score.metrics`.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    method: str = Field(min_length=1, description="spec string, as EqualInfo[v=4k]")
    vocab: int = Field(ge=2)
    bits_per_byte: float = Field(ge=0)
    loss_nats: float = Field(ge=0, description="mean per scored token")
    eval_tokens: int = Field(gt=0, description="scored tokens")
    eval_source_bytes: int = Field(gt=0, description="source bytes of the scored tokens")
    bytes_per_token: float = Field(gt=0)
    bit_ratio: float = Field(gt=0)
    uniform_bits_per_byte: float = Field(gt=0)
    unigram_bits_per_byte: float | None = Field(None, ge=0, description="None if training counts are unknown")
    flops_per_byte: float = Field(gt=0)
    m1_parameters: int = Field(0, ge=0, description="M1's where it runs per byte, else 0")


class M2Figures(Scores):
    """What a trained M2 scores on held-out text, and how it was trained."""

    size: str = Field(description="M2's size by name")
    parameters: int = Field(gt=0, description="M2's, without embeddings")
    sequence_length: int = Field(gt=0, description="tokens")
    steps: int = Field(ge=0)
    batch_size: int = Field(gt=0, description="sequences per step")
    seed: int
    train_tokens: int = Field(ge=0)
    windows_changed: float | None = Field(
        None, ge=0, le=1, description="share of windows where the paper's bits would not have read back"
    )
    wall_seconds: float = Field(ge=0)


CONTEXTS = "contexts_bits_per_byte"  # in `Result.extra`


class Result(M2Figures):
    """A row: a trained and scored M2 of a run, and where it was measured."""

    cell: str = Field(min_length=1, description="hash of all that defines the M2, seed included")
    corpus: str
    m1: str | None = Field(None, description="short hash or name of M1; None for methods without one")
    machine: str
    versions: dict[str, str]
    created: str = Field(description="ISO 8601 time")
    extra: dict[str, float | str] = Field(
        default={},
        description="numbers are further measurements; strings say how the run differs and keep rows apart "
        "that would otherwise be averaged as seeds of one setting",
    )

    @property
    def learned_bits_per_byte(self) -> float:
        """What M2 learned, in bits per source byte: uniform minus measured; negative if it lost."""
        return self.uniform_bits_per_byte - self.bits_per_byte

    @property
    def megaflops_per_byte(self) -> float:
        return self.flops_per_byte / 1e6

    @property
    def contexts_bits_per_byte(self) -> float | None:
        """Held-out bits/byte of an order-5 context model counted on the training text; None where not measured."""
        counted = self.extra.get(CONTEXTS)
        return counted if isinstance(counted, float) else None


Row = Result | Measurement


def as_lines(rows: Iterable[Row]) -> bytes:
    """Rows as a file holds them."""
    return b"".join(row.model_dump_json().encode() + b"\n" for row in rows)


def append_rows(path: Path, rows: Sequence[Row]) -> None:
    """Adds each row as one line at the end of `path`, on disk when this returns.

    A last line that a kill left half-written is cut off first. Processes that append at the same time
    wait for each other.

    Raises:
        DamagedArtifact: the file ends in something that is not a part of a row; nothing is changed.
        EqualInfoError: the file cannot be written (a disk that fills up leaves the old rows).
    """
    lines = as_lines(rows)
    path = Path(path)
    if path.exists() and not path.is_file():
        raise EqualInfoError(f"cannot write {path}: it is not an ordinary file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path) as stream:
            data = stream.read()
            whole, tail = _split_torn(data)
            if tail and _parse(tail) is not None:
                lines = b"\n" + lines  # all but the newline arrived: keep the row
            elif tail:
                if not any(start.startswith(tail) or tail.startswith(start) for start in _ROW_STARTS):
                    raise DamagedArtifact(f"{path} does not end in a result row; choose another file")
                os.ftruncate(stream.fileno(), len(whole))
                data = whole
            try:
                # One write, so that no other process's line can land inside this one.
                written = os.write(stream.fileno(), lines)
                if written != len(lines):
                    raise OSError("the disk is full")
                os.fsync(stream.fileno())
            except OSError:
                os.ftruncate(stream.fileno(), len(data))
                raise
    except OSError as error:
        raise EqualInfoError(f"cannot write {path}: {error.strerror or error}") from error


def read_results(path: Path) -> list[Result]:
    """The M2s of `path` in file order; the last row of one replaces earlier ones of it.

    Measurements, a half-written last line and blank lines are passed over.

    Raises:
        DamagedArtifact: another line is not a row; the message names file and line.
        EqualInfoError: the file is missing or cannot be read.
    """
    return list({row.cell: row for row in _rows(path) if isinstance(row, Result)}.values())


def read_measurements(path: Path) -> list[Measurement]:
    """The measurements of `path` in file order; the last of a `Measurement.key` replaces earlier ones.

    Rows of M2s are passed over. Raises as `read_results` does.
    """
    return list({row.key: row for row in _rows(path) if isinstance(row, Measurement)}.values())


def holds_rows(path: Path) -> bool:
    """Whether a file is empty or one of its lines is a row: other programs write JSON Lines too.

    Raises:
        EqualInfoError: the file is missing or cannot be read.
    """
    lines = [line for line in _read(path).split(b"\n") if line.strip()]
    return not lines or any(_parse(line) is not None for line in lines)


def _read(path: Path) -> bytes:
    try:
        return Path(path).read_bytes().removeprefix(BOM_UTF8)
    except FileNotFoundError:
        raise EqualInfoError(f"{path}: no such results file; `equalinfo run` writes one") from None
    except OSError as error:
        raise EqualInfoError(f"cannot read {path}: {error.strerror or error}") from error


def _rows(path: Path) -> Iterator[Row]:
    whole, tail = _split_torn(_read(path))
    for number, line in enumerate(whole.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = _kind(line).model_validate_json(line)
        except ValidationError as error:
            raise DamagedArtifact(
                f"{path}, line {number}: {_complaint(error)}; correct or delete that line"
            ) from error
        yield row
    if tail and (last := _parse(tail)) is not None:
        yield last


_ROW_STARTS = (b'{"method":', b'{"kind":"measurement"')


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """`path` open for reading and appending, created if missing, with other appenders kept out."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    with os.fdopen(handle, "rb") as stream:
        if fcntl is not None:
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield stream  # closing releases the lock


def _split_torn(data: bytes) -> tuple[bytes, bytes]:
    """Everything up to the last newline, and what follows it (empty unless a write was cut short)."""
    end = data.rfind(b"\n") + 1
    return data[:end], data[end:]


def _kind(line: bytes) -> type[Result] | type[Measurement]:
    """Which kind of row a line means to be: measurements say so at their start."""
    return Measurement if line.lstrip().startswith(_ROW_STARTS[1]) else Result


def _parse(line: bytes) -> Row | None:
    try:
        return _kind(line).model_validate_json(line)
    except ValidationError:
        return None


def _complaint(error: ValidationError) -> str:
    """What is wrong with a line that does not parse, in a few words."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"not a result row ({where + ': ' if where else ''}{first['msg']})"
