"""Trained M2s: `evaluate`, `generate`."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from equalinfo.cli.common import (
    PATH,
    AsJson,
    CorpusArgument,
    Field,
    Quiet,
    Seed,
    app,
    read_file,
    real,
    show_result,
    whole,
)
from equalinfo.errors import EqualInfoError
from equalinfo.limits import LARGEST_BATCH, LARGEST_SIZE


@app.command("evaluate")
def evaluate_command(
    m2: Annotated[list[Path], typer.Argument(metavar="M2...", help="M2 directories, the seeds of a method.")],
    corpus: CorpusArgument,
    against: Annotated[
        list[Path] | None, typer.Option(help="M2 of a second method, for Welch's test; repeat for its seeds.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, validation, test, or all the documents.")] = "all",
    max_examples: Annotated[
        int, whole(most=LARGEST_SIZE, help="Examples of 10,240 bytes to score; 0: all.")
    ] = 0,
    windows: Annotated[
        str, typer.Option(help="disjoint, or sliding, which gives each token a context.")
    ] = "disjoint",
    stride: Annotated[int, whole(help="Tokens from one sliding window to the next; 0: half of one.")] = 0,
    field: Field = "text",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Bits/byte of an M2 on any corpus; of several seeds; of two methods.

    Example: equalinfo evaluate m2 embedded --split test
    """
    from equalinfo.corpus.corpus import Corpus
    from equalinfo.progress import console, progress_bar
    from equalinfo.runs.evaluate import Evaluation, EvaluationConfig, compare, comparison_table, verdict

    if split not in ("train", "validation", "test", "all"):
        raise EqualInfoError(f"no split {split!r}; choose train, validation, test or all")
    if windows not in ("disjoint", "sliding"):
        raise EqualInfoError(f"no windows {windows!r}; choose disjoint or sliding")
    plan = EvaluationConfig(split, max_examples, windows == "sliding", stride or None)  # type: ignore[arg-type]
    with progress_bar(quiet) as progress:
        if len(m2) == 1 and not against:
            show_result(asdict(Evaluation(Corpus(corpus, field), plan, progress).measure(m2[0])), as_json)
            return
        result = compare(Corpus(corpus, field), plan, [group for group in (m2, against) if group], progress)
    if as_json:
        show_result(asdict(result), as_json)
        return
    console().print(comparison_table(result))
    if conclusion := verdict(result):
        print(conclusion)


@app.command("generate")
def generate_command(
    m2: Annotated[Path, typer.Argument(help="M2 directory.")],
    prompts: Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT...", help="Texts to continue.")
    ] = None,
    prompt_file: Annotated[
        Path | None, typer.Option(**PATH, help="Continue a file's bytes; - for standard input.")
    ] = None,
    tokens: Annotated[int, whole(least=1, help="Most tokens to add.")] = 100,
    max_bytes: Annotated[int, whole(most=LARGEST_SIZE, help="Most bytes to add; 0: no limit.")] = 0,
    temperature: Annotated[float, real(help="0 takes the likeliest token each time.")] = 0.8,
    top_k: Annotated[int, whole(help="Draw among the k likeliest; 0: among all.")] = 0,
    top_p: Annotated[
        float,
        real(above=True, most=1.0, help="Then among the fewest likeliest that hold this probability."),
    ] = 1.0,
    stop: Annotated[list[str] | None, typer.Option(help="End before this text; may be repeated.")] = None,
    end: Annotated[bool, typer.Option(help="End where the model ends the document.")] = True,
    samples: Annotated[
        int, whole(least=1, most=LARGEST_BATCH, help="Continuations of each prompt; k has seed + k.")
    ] = 1,
    heal: Annotated[
        bool, typer.Option(help="Take back the prompt's last tokens where more text could change them.")
    ] = True,
    seed: Seed = 0,
    raw: Annotated[bool, typer.Option("--raw", help="Write bytes as they are, UTF-8 or not.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Continue texts with an M2, shown as they grow; tokens/s and bytes/s go to standard error.

    Example: equalinfo generate m2 'The government said' --stop . --top-p 0.9
    """
    from equalinfo.cli.streaming import ContinuationPrinter, as_record, rate
    from equalinfo.generate.generator import END_OF_DOCUMENT, GenerationConfig, Generator
    from equalinfo.model.sampling import SamplingParams

    # What the shell passed, byte for byte, even where it is not UTF-8.
    given = [os.fsencode(prompt) for prompt in prompts or []]
    if prompt_file is not None:
        given.append(read_file(prompt_file))
    if not given:
        raise EqualInfoError("give a text to continue, or a file as --prompt-file")
    stops = [os.fsencode(text) for text in stop or []] + ([END_OF_DOCUMENT] if end else [])
    choice = SamplingParams(temperature, top_k, top_p)
    settings = GenerationConfig(tokens, max_bytes or None, choice, seed, samples, tuple(stops), heal)
    generator = Generator.load(m2)
    show = None if as_json else ContinuationPrinter(sys.stdout.buffer, given, samples, raw)
    found = generator.continuations(given, settings, show)
    if as_json:
        print(json.dumps([as_record(sample) for sample in found]))
    elif show:
        show.end(found)
    if not quiet:
        print(rate(found, generator.seconds), file=sys.stderr)
