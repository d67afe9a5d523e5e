"""Runs a recipe: every step once, skipping what is done, so that an interrupted one resumes (`equalinfo run`).

Each artifact's directory is named by what it is and a hash, its key, of all it was made from: the corpus by its
content, M1 by its weights, settings with "auto" resolved, and the version of the method. It appears only when
finished. So a second run skips it, and a changed recipe, corpus or M1 makes a new one beside it:

    OUT/m1-HASH/   OUT/tokenizers/METHOD-HASH/   OUT/tokens/METHOD-HASH/   OUT/m2/METHOD-SIZE-SEED-HASH/
    OUT/results.jsonl   OUT/report.html (by `report.runs`, which `runs` may not import and is passed in)
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain, product
from pathlib import Path
from typing import Any

from rich.progress import Progress

from equalinfo.corpus.corpus import Corpus
from equalinfo.errors import EqualInfoError
from equalinfo.files import MANIFEST, read_json, sha256_bytes
from equalinfo.generate.generator import continued
from equalinfo.model.distributed import launched_by_torchrun
from equalinfo.model.train_loop import resolved_precision
from equalinfo.outputs import output_folder, visible
from equalinfo.predict.exact_files import load_m1
from equalinfo.pretrained import located
from equalinfo.progress import console as make_console
from equalinfo.progress import paused, progress_bar
from equalinfo.runs.contexts import contexts_bits_per_byte
from equalinfo.runs.recipe import GivenM1, Recipe
from equalinfo.runs.side_by_side import Training, train_all
from equalinfo.score.machine import environment
from equalinfo.score.results import CONTEXTS, Result, append_rows, holds_rows, read_results
from equalinfo.score.table import results_table
from equalinfo.shards.documents import VERSION
from equalinfo.shards.tokenize_sample import TokenizeConfig, tokenize
from equalinfo.tokens.compile import compile_tokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.m1 import m1_config
from equalinfo.train.m2 import load_m2


def fingerprint_of(*parts: Any) -> str:
    """Short hash of what an artifact is made from."""
    return sha256_bytes(json.dumps(parts, sort_keys=True).encode())[:10]


def done(path: Path) -> bool:
    """Whether an artifact directory is finished: they appear whole."""
    return (path / MANIFEST).is_file()


def output_of_run(out: Path, corpus: str) -> AbstractContextManager[None]:
    """Keeps OUT for a recipe or an experiment, which add to what others have made there.

    Raises:
        EqualInfoError: OUT holds something else.
    """
    return output_folder(out, "the folder of a run or of experiments", _is_run, Corpus(corpus).inputs)


def _is_run(folder: Path) -> bool:
    """Whether a folder has result rows, or nothing but what a run leaves that was killed before its first row."""
    ours = re.compile(
        r"m1-[0-9a-f]{10}(\.training)?|tokenizers|tokens|m2|m3|curves|contexts|parts|tables|results\.jsonl"
    )
    alone = ("tokenizers", "tokens", "m2")  # folders of artifacts and none themselves
    return ((folder / "results.jsonl").is_file() and holds_rows(folder / "results.jsonl")) or (
        all(map(ours.fullmatch, visible(folder))) and not any(done(folder / name) for name in alone)
    )


@dataclass
class Run:
    """A recipe on its way: where its artifacts are, and what they are made from."""

    recipe: Recipe
    out: Path

    def __post_init__(self) -> None:
        self.corpus = Corpus(self.recipe.corpus, self.recipe.field)
        self.out.mkdir(parents=True, exist_ok=True)
        self.corpus_key = ""
        for document in self.corpus.documents("all"):
            self.corpus_key = sha256_bytes(self.corpus_key.encode() + document)
        section = self.recipe.m1
        if isinstance(section, GivenM1):
            self.m1_path = located(section.path, "m1")
            self.m1_key = fingerprint_of(load_m1(self.m1_path).fingerprint)
        else:
            precision = resolved_precision(section.precision)
            self.m1_key = fingerprint_of(
                self.corpus_key, section.size, section.context, section.record(), precision
            )
            self.m1_path = self.out / f"m1-{self.m1_key}"
        self.results_path = self.out / "results.jsonl"

    def m1_training(self) -> Training | None:
        """What trains M1; None where it is there."""
        section = self.recipe.m1
        if isinstance(section, GivenM1) or done(self.m1_path):
            return None
        return Training(section, self.corpus, self.m1_path)

    def m1(self, progress: Progress) -> Path:
        if training := self.m1_training():
            training.run(progress)
        return self.m1_path

    def _made_from(self, spec: Spec) -> str:
        """The key of all that a tokenizer is made from, besides its spec."""
        parts = [self.m1_key if spec.needs_m1 else self.corpus_key]
        # The key of an M1 covers the corpus it was trained on, but not if another run trained it.
        if spec.needs_m1 and spec.needs_corpus and isinstance(self.recipe.m1, GivenM1):
            parts.append(self.corpus_key)
        if spec.version > 1:
            parts.append(f"version {spec.version}")
        if spec.source:
            parts.append(spec.tokenizer_class.source_fingerprint(spec))
        return parts[0] if len(parts) == 1 else fingerprint_of(*parts)

    def tokenizer_path(self, spec: Spec) -> Path:
        """Where the tokenizer of a method is, or will be."""
        return self.out / "tokenizers" / f"{spec.slug}-{fingerprint_of(str(spec), self._made_from(spec))}"

    def tokens_path(self, spec: Spec) -> Path:
        """Where the tokens of a method are, or will be."""
        key = fingerprint_of(
            str(spec), self._made_from(spec), self.corpus_key, asdict(self._tokenizing), VERSION
        )
        return self.out / "tokens" / f"{spec.slug}-{key}"

    @property
    def _tokenizing(self) -> TokenizeConfig:
        data = self.recipe.data.model_dump()
        return TokenizeConfig(**data, sequence_length=self.recipe.m2.sequence_length)

    def tokenizer(self, spec: Spec, progress: Progress) -> Path:
        """The tokenizer of a method, compiled where it is missing."""
        path = self.tokenizer_path(spec)
        if not done(path):
            m1 = self.m1(progress) if spec.needs_m1 else None
            corpus = self.corpus if spec.needs_corpus else None
            compile_tokenizer(spec, m1, corpus, path, progress)
        return path

    def tokens(self, spec: Spec, progress: Progress) -> Path:
        """The corpus tokenized by a method, compiled first where needed."""
        path = self.tokens_path(spec)
        if not done(path):
            tokenizer = Tokenizer.from_pretrained(self.tokenizer(spec, progress))
            tokenize(tokenizer, self.corpus, self._tokenizing, path, progress)
        return path

    def m2_training(self, spec: Spec, size: str, seed: int, progress: Progress) -> Training:
        """What trains one M2; its tokens are made before, where they are missing."""
        config, tokens = self.recipe.m2.config(size, seed), self.tokens_path(spec)
        key = fingerprint_of(
            tokens.name, self.corpus_key, config.plan(), resolved_precision(config.precision)
        )
        out = self.out / "m2" / f"{spec.slug}-{size}-seed{seed}-{key}"
        return Training(config, tokens, out, partial(self.tokens, spec, progress))

    def m2(self, spec: Spec, size: str, seed: int, progress: Progress) -> tuple[Path, Result, bool]:
        """Trains and scores one M2: its directory, its row, and whether it was measured just now."""
        training = self.m2_training(spec, size, seed, progress)
        path = training.out
        key = path.name.rsplit("-", 1)[1]
        known = next((row for row in self.known() if row.cell == key), None)
        if done(path) and known:
            return path, known, False
        if not done(path):
            training.run(progress)
        machine, versions = environment()
        extra: dict[str, float | str] = {CONTEXTS: contexts_bits_per_byte(self.corpus)}
        # Rows of the paper's model say nothing; others must not be averaged with them.
        if self.recipe.m2.preset != "paper":
            extra["preset"] = self.recipe.m2.preset
        row = Result(
            **read_json(path / "config.json")["measured"],
            cell=key,
            corpus=self.recipe.corpus,
            m1=self.m1_key if spec.needs_m1 else None,
            machine=machine,
            versions=versions,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            extra=extra,
        )
        append_rows(self.results_path, [row])
        return path, row, True

    def with_settings(self, recipe: Recipe) -> "Run":
        """The same run with other settings of M2s and data."""
        other = copy(self)
        other.recipe = recipe
        return other

    def known(self) -> list[Result]:
        return read_results(self.results_path) if self.results_path.exists() else []


@dataclass(frozen=True)
class Finished:
    """What a recipe's run has made: its rows, texts that its models wrote, tokenizers that are there."""

    recipe: Recipe
    rows: list[Result]
    samples: list[tuple[str, str]]
    tokenizers: list[Path]


def run_recipe(
    recipe: Recipe, out: Path, quiet: bool = False, write_page: Callable[[Finished, Path], None] | None = None
) -> list[Result]:
    """Runs or finishes a recipe under `out`; writes results.jsonl, prints the table.

    Args:
        write_page: called at the end with what was made and OUT/report.html.

    Returns:
        the rows of this recipe's M2s.

    Raises:
        EqualInfoError: a step refuses its settings, or OUT holds something else; what is done by then is kept.
    """
    if launched_by_torchrun():
        raise EqualInfoError(
            "a recipe runs in one process; under torchrun, call train-m1 and train-m2 on their own"
        )
    with output_of_run(out, recipe.corpus):
        return _run(recipe, out, quiet, write_page)


def _run(
    recipe: Recipe, out: Path, quiet: bool, write_page: Callable[[Finished, Path], None] | None
) -> list[Result]:
    console = make_console(quiet)
    say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    started = time.monotonic()
    run = Run(recipe, out)
    say(recipe.title, style="bold")
    specs = [Spec.parse(method) for method in recipe.methods]
    cells = list(product(specs, recipe.m2.sizes, recipe.m2.seeds))
    waiting = [cell for cell in cells if cell[0].needs_m1]
    training = run.m1_training() if waiting else None
    trained: dict[Path, Spec] = {}
    # What needs no M1 is trained beside it; where it is there, cells stay in the recipe's order.
    first = [cell for cell in cells if not cell[0].needs_m1]
    groups = [(first, training), (waiting, None)] if training else [(cells, None)]
    for some, m1 in groups:
        if waiting and m1 is None:
            say(_about_m1(recipe, run.m1_path))
        with progress_bar(quiet) as progress:
            for spec, path, row, is_new in _trained(run, some, m1, progress):
                trained[path] = spec
                if is_new:
                    with paused(progress):
                        say(
                            f"{spec} {row.size} seed {row.seed}: {row.bits_per_byte:.3f} bits/byte "
                            f"(uniform {row.uniform_bits_per_byte:.3f}), {row.bytes_per_token:.2f} bytes/token"
                        )
    keys = {path.name.rsplit("-", 1)[1] for path in trained}
    rows = [row for row in run.known() if row.cell in keys]
    samples = _samples(recipe, trained)
    page = out / "report.html"
    if write_page:
        # A kept run may lack a tokenizer whose tokens are there.
        tokenizers = [path for path in map(run.tokenizer_path, specs) if done(path)]
        write_page(Finished(recipe, rows, samples, tokenizers), page)
    console.print(results_table(rows))
    for method, text in samples:
        say(f"\n{method} continues:\n{text}")
    changed = {row.method: row.windows_changed for row in rows if row.windows_changed is not None}
    if changed:
        shares = ", ".join(f"{method} {100 * share:.1f} %" for method, share in changed.items())
        say(f"\nWindows where the paper's bits would read back as another text: {shares}")
    where = f"Rows: {run.results_path}." + (f" Report: {page}" if write_page else "")
    say(f"\n{time.monotonic() - started:.0f} s. {where}")
    return rows


def _trained(
    run: Run, cells: list[tuple[Spec, str, int]], m1: Training | None, progress: Progress
) -> Iterator[tuple[Spec, Path, Result, bool]]:
    """Method, directory and row of each M2 as it is done, and whether it is new: old ones, then those beside M1."""
    trainings = {run.m2_training(*cell, progress): cell for cell in cells}
    there = [training for training in trainings if done(training.out)]
    todo = [*([m1] if m1 else []), *(training for training in trainings if training not in there)]
    for training in chain(there, train_all(todo, progress)):
        if training is not m1:
            yield trainings[training][0], *run.m2(*trainings[training], progress)


def _about_m1(recipe: Recipe, path: Path) -> str:
    if isinstance(recipe.m1, GivenM1):
        return f"M1 {recipe.m1.path}, as it is"
    figures = m1_config(path)["figures"]
    return (
        f"M1 {recipe.m1.size}: {figures['validation_bits_per_byte']:.3f} bits/byte on held-out text; "
        f"in exact arithmetic {100 * (figures['exact_over_float'] - 1):+.2f} %, of which "
        f"{100 * (figures['exact_over_float_at_14_bits'] - 1):+.2f} % for integers "
        "and the rest for the coder's 14 bits"
    )


def _samples(recipe: Recipe, trained: dict[Path, Spec]) -> list[tuple[str, str]]:
    """Text continued by the first M2 of each method that the recipe names."""
    samples = []
    section = recipe.sample
    for method in section.methods if section else []:
        path = next((path for path, spec in trained.items() if spec == Spec.parse(method)), None)
        if section and path:
            model, tokenizer, config = load_m2(path)
            context, prompt = config["sequence_length"], section.prompt.encode()
            text = continued(model, tokenizer, context, prompt, section.tokens, section.temperature)
            samples.append((str(tokenizer.spec), text.decode("utf-8", "replace")))
    return samples
