"""Trained M2s: `evaluate`, `generate`."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from pydantic import Field

from equalinfo.cli.common import PATH, AsJson, CorpusArgument, Quiet, TextField, app, read_file, show_result
from equalinfo.cli.options import with_settings
from equalinfo.errors import EqualInfoError
from equalinfo.limits import LARGEST_BATCH
from equalinfo.model.config import TEMPERATURE, Config, Count, Real, Seed, Size, Whole
from equalinfo.runs.config import EvaluationConfig


@app.command("evaluate")
@with_settings
def evaluate_command(
    m2: Annotated[list[Path], typer.Argument(metavar="M2...", help="M2 directories, the seeds of a method.")],
    corpus: CorpusArgument,
    against: Annotated[
        list[Path] | None, typer.Option(help="M2 of a second method, for Welch's test; repeat for its seeds.")
    ] = None,
    *,
    config: EvaluationConfig,
    field: TextField = "text",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Bits/byte of an M2 on any corpus; of several seeds; of two methods.

    Example: equalinfo evaluate m2 embedded --split test
    """
    from equalinfo.corpus.corpus import Corpus
    from equalinfo.progress import console, progress_bar
    from equalinfo.runs.evaluate import Evaluation, compare, comparison_table, verdict

    with progress_bar(quiet) as progress:
        if len(m2) == 1 and not against:
            show_result(
                Evaluation(Corpus(corpus, field), config, progress).measure(m2[0]).model_dump(), as_json
            )
            return
        result = compare(Corpus(corpus, field), config, [group for group in (m2, against) if group], progress)
    if as_json:
        show_result(asdict(result), as_json)
        return
    console().print(comparison_table(result))
    if conclusion := verdict(result):
        print(conclusion)


class GenerationSettings(Config):
    """How prompts are continued."""

    tokens: Count = Field(100, description="Most tokens to add.")
    max_bytes: Size = Field(0, description="Most bytes to add; 0: no limit.")
    temperature: Real = Field(TEMPERATURE, description="0 takes the likeliest token each time.")
    top_k: Whole = Field(0, description="Draw among the k likeliest; 0: among all.")
    top_p: float = Field(
        1.0, gt=0, le=1, description="Then among the fewest likeliest that hold this probability."
    )
    end: bool = Field(True, description="End where the model ends the document.")
    samples: int = Field(
        1, gt=0, le=LARGEST_BATCH, description="Continuations of each prompt; k has seed + k."
    )
    heal: bool = Field(
        True, description="Take back the prompt's last tokens where more text could change them."
    )
    seed: Seed = 0


@app.command("generate")
@with_settings
def generate_command(
    m2: Annotated[Path, typer.Argument(help="M2 directory.")],
    prompts: Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT...", help="Texts to continue.")
    ] = None,
    prompt_file: Annotated[
        Path | None, typer.Option(**PATH, help="Continue a file's bytes; - for standard input.")
    ] = None,
    stop: Annotated[list[str] | None, typer.Option(help="End before this text; may be repeated.")] = None,
    *,
    settings: GenerationSettings,
    raw: Annotated[bool, typer.Option("--raw", help="Write bytes as they are, UTF-8 or not.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Continue texts with an M2, shown as they grow; tokens/s and bytes/s go to standard error.

    Example: equalinfo generate m2 'The government said' --stop . --top-p 0.9
    """
    from equalinfo.cli.continuations import ContinuationPrinter, as_record, rate
    from equalinfo.generate.generator import GenerationConfig, Generator
    from equalinfo.model.sampling import SamplingParams

    # What the shell passed, byte for byte, even where it is not UTF-8.
    texts = [os.fsencode(prompt) for prompt in prompts or []]
    if prompt_file is not None:
        texts.append(read_file(prompt_file))
    if not texts:
        raise EqualInfoError("give a text to continue, or a file as --prompt-file")
    stops = tuple(os.fsencode(text) for text in stop or [])
    choice = SamplingParams(settings.temperature, settings.top_k, settings.top_p)
    limit, samples = settings.max_bytes or None, settings.samples
    config = GenerationConfig(
        settings.tokens, limit, choice, settings.seed, samples, stops, settings.end, settings.heal
    )
    generator = Generator.load(m2)
    show = None if as_json else ContinuationPrinter(sys.stdout.buffer, texts, samples, raw)
    continuations = generator.continuations(texts, config, show)
    if as_json:
        print(json.dumps([as_record(sample) for sample in continuations]))
    elif show:
        show.end(continuations)
    if not quiet:
        print(rate(continuations, generator.seconds), file=sys.stderr)
