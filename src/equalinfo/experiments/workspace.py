"""Where experiments train and keep what they share: M1, tokenizers, tokens and M2s, named by hashes.

Artifacts lie under OUT as `runs.run` lays them out, so a second experiment does not train again what the first
did, and an interrupted one resumes.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from equalinfo.corpus.examples import Example, cut_examples
from equalinfo.experiments.finetune import FinetuneConfig
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.statistics import mean_error, ratio_error
from equalinfo.model.config import TrainingConfig, TrainingSettings
from equalinfo.model.optim import LEARNING_RATES
from equalinfo.model.scoring import nats_of_ids
from equalinfo.model.train_loop import resolved_precision
from equalinfo.runs.recipe import GivenM1
from equalinfo.runs.run import Run, fingerprint_of
from equalinfo.score import metrics
from equalinfo.score.machine import environment
from equalinfo.score.measurements import Coordinate, Measurement
from equalinfo.score.results import Result
from equalinfo.shards.format import read_shard, shard_paths
from equalinfo.tokens.methods import METHODS
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.m2 import load_m2

# They follow from the tokens, and have no uncertainty of their own.
EXACT = ("uniform_bits_per_byte", "flops_per_byte")


@dataclass(frozen=True)
class Job:
    """A piece of an experiment that is measured whole or not at all; a second run skips it.

    Args:
        name: unique in the experiment, part of a file name.
        about: all that decides the numbers, besides corpus, M1 and the scale's settings.
        measure: makes the rows.
    """

    name: str
    about: tuple[object, ...]
    measure: Callable[[], list[Measurement]]


@dataclass(frozen=True)
class TrainedRun:
    """A trained M2: its directory, its row, and the tokens it was trained on."""

    path: Path
    result: Result
    tokens: Path


class ExperimentContext:
    """One experiment at one scale under OUT.

    Args:
        seeds: how many; they are 0, 1, ...
    """

    def __init__(self, experiment: str, scale: Scale, out: Path, seeds: int, progress: Progress) -> None:
        self.experiment, self.scale, self.out, self.progress = experiment, scale, out, progress
        self.seeds = range(seeds)
        self.run = Run(scale.recipe, out)
        self._tokenizers: dict[str, Tokenizer] = {}
        self._environment = environment()

    def key(self, job: Job, version: int) -> str:
        """Hash of all that decides a part's rows."""
        recipe = self.scale.recipe
        told = recipe.model_dump(mode="json", exclude={"title", "methods", "sample"})
        # What the recipe only names, where it is not what it was when no key said so.
        more: list[Any] = []
        if isinstance(recipe.m1, GivenM1):
            more.append(self.run.m1_key)
        sections = [section for section in (recipe.m1, recipe.m2) if isinstance(section, TrainingSettings)]
        automatic = resolved_precision("auto")
        if automatic != "float32" and "auto" in {section.precision for section in sections}:
            more.append(automatic)
        names = {re.split(r"\W", word)[0] for word in job.about if isinstance(word, str)} & METHODS.keys()
        more += [[name, METHODS[name].version] for name in sorted(names) if METHODS[name].version > 1]
        versions = (version, TrainingConfig.version)
        return fingerprint_of(
            self.run.corpus_key, told, self.experiment, versions, job.name, job.about, *more
        )

    def row(
        self,
        method: str,
        quantity: str,
        value: float,
        error: float | None = None,
        seed: int | None = None,
        cell: str | None = None,
        **at: Coordinate,
    ) -> Measurement:
        """A measurement of this experiment; `error` is its standard error, `at` its coordinates."""
        machine, versions = self._environment
        return Measurement(
            experiment=self.experiment,
            scale=self.scale.name,
            corpus=self.scale.recipe.corpus,
            method=method,
            quantity=quantity,
            value=float(value),
            standard_error=error,
            at=at,
            seed=seed,
            cell=cell,
            m1=self.run.m1_key if _needs_m1(method) else None,
            machine=machine,
            versions=versions,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def example_rows(
        self,
        method: str,
        bits: Sequence[float],
        sizes: Sequence[int],
        seed: int | None = None,
        **at: Coordinate,
    ) -> list[Measurement]:
        """Bits/byte of single held-out examples, for paired differences."""
        return [
            self.row(method, "example_bits_per_byte", cost / size, None, seed, None, example=number, **at)
            for number, (cost, size) in enumerate(zip(bits, sizes, strict=True))
        ]

    def mean_row(
        self, method: str, quantity: str, values: Sequence[float], seed: int | None = None, **at: Coordinate
    ) -> Measurement:
        """The mean of independent values, with its standard error."""
        return self.row(method, quantity, float(np.mean(values)), mean_error(values), seed, None, **at)

    def finetuning(self, steps: int, batch_size: int, seed: int) -> FinetuneConfig:
        """Settings of a short run, with the recipe's learning rate and threads."""
        m2 = self.scale.recipe.m2
        return FinetuneConfig(
            steps, batch_size, m2.learning_rate or LEARNING_RATES["adafactor"], seed, m2.threads
        )

    def tokens(self, method: str) -> Path:
        """The tokens directory of a method, made where it is missing."""
        return self.run.tokens(Spec.parse(method), self.progress)

    def tokenizer(self, method: str) -> Tokenizer:
        """The tokenizer of a method, compiled where it is missing."""
        if method not in self._tokenizers:
            self._tokenizers[method] = Tokenizer.from_pretrained(
                self.run.tokenizer(Spec.parse(method), self.progress)
            )
        return self._tokenizers[method]

    @cached_property
    def validation(self) -> list[Example]:
        """The held-out examples that M2s are scored on."""
        data = self.scale.recipe.data
        cut = cut_examples(self.run.corpus.documents("validation"), data.example_bytes)
        return list(islice(cut, data.validation_examples or None))

    def run_with(self, max_tokens: int | None = None, **m2: Any) -> Run:
        """The scale's run with other settings of the recipe's data and M2 sections."""
        recipe = self.scale.recipe
        data = recipe.data.model_copy(update={} if max_tokens is None else {"max_tokens": max_tokens})
        changed = recipe.model_copy(update={"m2": recipe.m2.model_copy(update=m2), "data": data})
        return self.run.with_settings(changed)

    def m2(
        self, method: str, seed: int, size: str | None = None, max_tokens: int | None = None, **m2: Any
    ) -> TrainedRun:
        """The M2 of a method, trained where it is missing; `m2` replaces settings of the recipe's M2 section."""
        run = self.run_with(max_tokens, **m2)
        spec = Spec.parse(method)
        path, row, _ = run.m2(spec, size or self.scale.size, seed, self.progress)
        return TrainedRun(path, row, run.tokens(spec, self.progress))

    def m2_rows(self, run: TrainedRun, **at: Coordinate) -> list[Measurement]:
        """What every table of M2s shows, with the uncertainty over validation examples."""
        result = run.result
        common: dict[str, Any] = {"seed": result.seed, "cell": result.cell, **at}
        losses = example_losses(run)
        source = [loss.source_bytes for loss in losses]
        tokens = [len(loss.nats) for loss in losses]
        bits = [float(loss.nats.sum()) / np.log(2) for loss in losses]
        row, method = self.row, result.method
        rows = [
            row(method, "bits_per_byte", result.bits_per_byte, ratio_error(bits, source), **common),
            row(method, "bits_per_token", result.loss_nats / np.log(2), ratio_error(bits, tokens), **common),
            row(method, "bytes_per_token", result.bytes_per_token, ratio_error(source, tokens), **common),
            *(row(method, name, getattr(result, name), **common) for name in EXACT),
        ]
        for index, loss in enumerate(losses):
            if loss.source_bytes >= 1:
                count, size = len(loss.nats), round(loss.source_bytes)
                value = metrics.bits_per_byte(float(loss.nats.mean()), count, size)
                rows.append(row(method, "example_bits_per_byte", value, example=index, **common))
                ratio = metrics.bytes_per_token(size, count)
                rows.append(row(method, "example_bytes_per_token", ratio, example=index, **common))
        return rows

    def m2_jobs(self, methods: Sequence[str], **settings: Any) -> Iterator[Job]:
        """A part for each method and seed: one M2 and its rows."""
        for method, seed in product(methods, self.seeds):
            measure = partial(self._m2_measured, method, seed, settings)
            yield Job(f"{slug(method)}-seed{seed}", (method, seed, settings), measure)

    def _m2_measured(self, method: str, seed: int, settings: dict[str, Any]) -> list[Measurement]:
        return self.m2_rows(self.m2(method, seed, **settings))


def slug(method: str) -> str:
    """A method as part of a file name."""
    return Spec.parse(method).slug


def _needs_m1(method: str) -> bool:
    # A row may say more than the spec, as `AC[v=256] decompress`.
    spec, bracket, _ = method.partition("]")
    return bool(bracket) and Spec.parse(spec + bracket).needs_m1


@dataclass(frozen=True)
class ExampleLoss:
    """Nats of each scored id of one validation example, and the source bytes of those ids."""

    ids: np.ndarray
    nats: np.ndarray
    source_bytes: float


def read_examples(tokens: Path, split: str) -> list[tuple[np.ndarray, int]]:
    """(ids, source bytes) of each example of a split."""
    shards = shard_paths(tokens, split)
    return [(ids, source) for shard in shards for ids, _, source in read_shard(shard)]


def example_losses(run: TrainedRun) -> list[ExampleLoss]:
    """M2's nats on the held-out examples, in the windows it is scored in.

    Where only the first sequence of an example is scored, its bytes are taken in proportion to its tokens, as
    `train.m2.measure` does.
    """
    model, _, config = load_m2(run.path)
    length, first_only = config["sequence_length"], bool(config["plan"]["first_only"])
    losses = []
    for ids, size in read_examples(run.tokens, "validation"):
        scored = ids[:length] if first_only else ids
        share = len(scored) / len(ids) if len(ids) else 0.0
        losses.append(ExampleLoss(scored, nats_of_ids(model, scored, length, length), size * share))
    return losses
