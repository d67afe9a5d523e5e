"""Models: `train-m1`, `train-m2`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from equalinfo.cli.common import AsJson, CorpusArgument, Out, Quiet, TextField, app, one_of_many, show_result
from equalinfo.cli.options import with_settings
from equalinfo.model.config import RuntimeConfig
from equalinfo.train.config import M1Config, M2Config


@app.command("train-m1")
@with_settings
def train_m1_command(
    corpus: CorpusArgument,
    out: Out,
    config: M1Config,
    runtime: RuntimeConfig,
    field: TextField = "text",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train M1, the byte-level model whose probabilities drive the coders.

    Interrupted? Run the same command again: it resumes.

    Example: equalinfo train-m1 embedded --size 500k --context 128 --batch 16 --steps 2000 --out m1
    """
    from equalinfo.corpus.corpus import Corpus
    from equalinfo.progress import progress_bar
    from equalinfo.train.m1 import train_m1

    with progress_bar(quiet or one_of_many()) as progress:
        result = train_m1(Corpus(corpus, field), config, out, progress, runtime)
    if result is not None:
        show_result(asdict(result), as_json)


@app.command("train-m2")
@with_settings
def train_m2_command(
    tokens: Annotated[Path, typer.Argument(help="Tokens directory.")],
    out: Out,
    config: M2Config,
    runtime: RuntimeConfig,
    spelled_tables: Annotated[
        bool, typer.Option("--spelled-tables", help="Tokens that are spelled alike start alike.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train M2 on token shards and score it on the held-out ones.

    Interrupted? Run the same command again: it resumes.

    Example: equalinfo train-m2 tokens --size 500k --sequence 128 --batch 8 --steps 600 --out m2
    """
    from equalinfo.progress import progress_bar
    from equalinfo.train.m2 import train_m2

    with progress_bar(quiet or one_of_many()) as progress:
        result = train_m2(tokens, config, out, progress, runtime, spelled_tables)
    if result is not None:
        show_result(result.model_dump(), as_json)
