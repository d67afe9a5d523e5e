"""Runs a recipe: every step once, skipping what is done, going on after a kill (`equalinfo run`).

Each artifact's directory is named by what it is and a hash of all it was made from, and appears only when
finished. So a second run skips it, and a changed recipe makes a new one beside it:

    OUT/m1-HASH/   OUT/tokenizers/METHOD-HASH/   OUT/tokens/METHOD-HASH/   OUT/m2/METHOD-SIZE-SEED-HASH/
    OUT/results.jsonl   OUT/report.html (by `report.runs`, which comes later in the order of rooms and is passed in)
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.progress import Progress

from equalinfo.errors import EqualInfoError
from equalinfo.files import MANIFEST, read_json, sha256_bytes
from equalinfo.model.processes import launched_together
from equalinfo.model.training import resolved_precision
from equalinfo.pipeline.compiling import compile_tokenizer
from equalinfo.pipeline.corpora import Corpus
from equalinfo.pipeline.generating import continued
from equalinfo.pipeline.m1 import m1_config, train_m1
from equalinfo.pipeline.m2 import M2Plan, load_m2, train_m2
from equalinfo.pipeline.progress import console as make_console
from equalinfo.pipeline.progress import progress_bar
from equalinfo.pipeline.recipe import GivenM1, Recipe
from equalinfo.pipeline.tokenizing import TokenizePlan, tokenize
from equalinfo.predict.exact import load_m1
from equalinfo.score.results import Result, append_result, environment, read_results
from equalinfo.score.table import results_table
from equalinfo.shipped import located
from equalinfo.tokens.directory import load_tokenizer
from equalinfo.tokens.spec import Spec


def key_of(*parts: Any) -> str:
    """Short hash of what an artifact is made from."""
    return sha256_bytes(json.dumps(parts, sort_keys=True).encode())[:10]


def done(path: Path) -> bool:
    """Whether an artifact directory is finished: they appear whole."""
    return (path / MANIFEST).is_file()


@dataclass
class Run:
    """A recipe on its way: where its artifacts are, and what they are made from."""

    recipe: Recipe
    out: Path

    def __post_init__(self) -> None:
        self.corpus = Corpus(self.recipe.corpus, self.recipe.field)
        self.out.mkdir(parents=True, exist_ok=True)
        self.corpus_key = self._fingerprint()
        section = self.recipe.m1
        if isinstance(section, GivenM1):
            self.m1_path = located(section.path, "m1")
            self.m1_key = key_of(load_m1(self.m1_path).identity)
        else:
            precision = resolved_precision(section.precision)
            plan = asdict(section.plan(section.seed))
            self.m1_key = key_of(self.corpus_key, section.size, section.context, plan, precision)
            self.m1_path = self.out / f"m1-{self.m1_key}"
        self.results_path = self.out / "results.jsonl"

    def _fingerprint(self) -> str:
        digest = ""
        for document in self.corpus.documents("all"):
            digest = sha256_bytes(digest.encode() + document)
        return digest

    def m1(self, progress: Progress) -> Path:
        section = self.recipe.m1
        if not isinstance(section, GivenM1) and not done(self.m1_path):
            plan = section.plan(section.seed)
            train_m1(self.corpus, section.size, section.context, plan, self.m1_path, progress)
        return self.m1_path

    def _made_from(self, spec: Spec) -> str:
        # An M1's key covers the corpus it was trained on.
        return self.m1_key if spec.needs_m1 else self.corpus_key

    def tokenizer_path(self, spec: Spec) -> Path:
        """Where the tokenizer of a method is, or will be."""
        return self.out / "tokenizers" / f"{spec.slug}-{key_of(str(spec), self._made_from(spec))}"

    def tokens(self, spec: Spec, progress: Progress) -> Path:
        """The corpus tokenized by a method, compiled first where needed."""
        made_from, tokenizer_path = self._made_from(spec), self.tokenizer_path(spec)
        m2 = self.recipe.m2
        data = self.recipe.data
        plan = TokenizePlan(
            data.example_bytes, data.seed, data.max_tokens, m2.sequence_length, data.validation_examples
        )
        path = (
            self.out / "tokens" / f"{spec.slug}-{key_of(str(spec), made_from, self.corpus_key, asdict(plan))}"
        )
        if not done(path):
            if not done(tokenizer_path):
                m1 = self.m1(progress) if spec.needs_m1 else None
                compile_tokenizer(spec, m1, self.corpus, tokenizer_path, progress)
            tokenize(load_tokenizer(tokenizer_path), self.corpus, plan, path, progress)
        return path

    def cell(self, spec: Spec, size: str, seed: int, progress: Progress) -> tuple[Path, Result | None]:
        """Trains and scores one M2; the row is None where it had been measured before."""
        m2 = self.recipe.m2
        plan = M2Plan(size, m2.sequence_length, m2.plan(seed), m2.first_only, m2.preset)
        tokens = self.tokens(spec, progress)
        key = key_of(tokens.name, self.corpus_key, asdict(plan), resolved_precision(m2.precision))
        path = self.out / "m2" / f"{spec.slug}-{size}-seed{seed}-{key}"
        if done(path) and any(row.cell == key for row in self.known()):
            return path, None
        started = time.monotonic()
        if not done(path):
            train_m2(tokens, plan, path, progress)
        measured = m2_measured(path)
        machine, versions = environment()
        # Rows of the paper's model say nothing; others must not be averaged with them.
        preset: dict[str, float | str] = {} if m2.preset == "paper" else {"preset": m2.preset}
        row = Result(
            **measured,
            cell=key,
            corpus=self.recipe.corpus,
            m1=self.m1_key if spec.needs_m1 else None,
            machine=machine,
            versions=versions,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            extra={"seconds_with_scoring": time.monotonic() - started} | preset,
        )
        append_result(self.results_path, row)
        return path, row

    def known(self) -> list[Result]:
        return read_results(self.results_path) if self.results_path.exists() else []


def m2_measured(path: Path) -> dict[str, Any]:
    """What `train_m2` measured, from the directory it wrote."""
    return read_json(path / "config.json")["measured"]


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
        the rows of this recipe's cells.
    """
    if launched_together():
        raise EqualInfoError(
            "a recipe runs in one process; under torchrun, call train-m1 and train-m2 on their own"
        )
    console = make_console(quiet)
    started = time.monotonic()
    run = Run(recipe, out)
    console.print(f"[bold]{recipe.title}[/bold]", highlight=False)
    specs = [Spec.parse(method) for method in recipe.methods]
    cells: list[tuple[Spec, Path]] = []
    if any(spec.needs_m1 for spec in specs):
        with progress_bar(quiet) as progress:
            m1 = run.m1(progress)
        console.print(_about_m1(recipe, m1), highlight=False, soft_wrap=True)
    for spec in specs:
        for size in recipe.m2.sizes:
            for seed in recipe.m2.seeds:
                with progress_bar(quiet) as progress:
                    path, row = run.cell(spec, size, seed, progress)
                cells.append((spec, path))
                if row:
                    console.print(
                        f"{spec} {size} seed {seed}: {row.bits_per_byte:.3f} bits/byte "
                        f"(uniform {row.uniform_bits_per_byte:.3f}), {row.bytes_per_token:.2f} bytes/token",
                        markup=False,
                        highlight=False,
                        soft_wrap=True,
                    )
    keys = {path.name.rsplit("-", 1)[1] for _, path in cells}
    rows = [row for row in run.known() if row.cell in keys]
    samples = _samples(recipe, cells)
    if write_page:
        # A kept run may lack a tokenizer whose tokens are there.
        made = [path for path in map(run.tokenizer_path, specs) if done(path)]
        write_page(Finished(recipe, rows, samples, made), out / "report.html")
    console.print(results_table(rows))
    for method, text in samples:
        console.print(f"\n{method} continues:\n{text}", markup=False, highlight=False, soft_wrap=True)
    changed = {row.method: row.windows_changed for row in rows if row.windows_changed is not None}
    if changed:
        shares = ", ".join(f"{method} {100 * share:.1f} %" for method, share in changed.items())
        console.print(
            f"\nWindows where the paper's bits would read back as another text: {shares}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    console.print(
        f"\n{time.monotonic() - started:.0f} s. Rows: {run.results_path}."
        + (f" Report: {out / 'report.html'}" if write_page else ""),
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return rows


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


def _samples(recipe: Recipe, cells: list[tuple[Spec, Path]]) -> list[tuple[str, str]]:
    """Text continued by the first M2 of each method that the recipe names."""
    samples = []
    section = recipe.sample
    for method in section.methods if section else []:
        path = next((path for spec, path in cells if spec == Spec.parse(method)), None)
        if section and path:
            model, tokenizer, config = load_m2(path)
            context, prompt = config["sequence_length"], section.prompt.encode()
            text = continued(model, tokenizer, context, prompt, section.tokens, section.temperature)
            samples.append((str(tokenizer.spec), text.decode("utf-8", "replace")))
    return samples
