"""Models: `train-m1`, `train-m2`."""

from pathlib import Path
from typing import Annotated

import typer

from equalinfo.cli.common import (
    Accumulate,
    AsJson,
    Batch,
    CheckpointSeconds,
    Clip,
    Compile,
    CorpusArgument,
    Device,
    Field,
    Optimizer,
    Out,
    Precision,
    Quiet,
    Rate,
    Seed,
    Steps,
    Strategy,
    Threads,
    ValidateEvery,
    ValidationExamples,
    Workers,
    ZLoss,
    app,
    one_of_many,
    runtime_config,
    show_result,
    training_config,
    whole,
)


@app.command("train-m1")
def train_m1_command(
    corpus: CorpusArgument,
    out: Out,
    steps: Steps,
    size: Annotated[str, typer.Option(help="Model size: 65k, 250k, 500k, 1m, 3m, ...")] = "3m",
    context: Annotated[int, whole(least=1, help="Bytes per sequence.")] = 1024,
    batch: Batch = 128,
    seed: Seed = 0,
    optimizer: Optimizer = "adafactor",
    learning_rate: Rate = None,
    precision: Precision = "auto",
    threads: Threads = 2,
    accumulate: Accumulate = 1,
    clip: Clip = 1.0,
    z_loss: ZLoss = 1e-4,
    compiled: Compile = False,
    device: Device = "auto",
    strategy: Strategy = "ddp",
    workers: Workers = 0,
    checkpoint_seconds: CheckpointSeconds = 30.0,
    validate_every: ValidateEvery = 0,
    validation_examples: ValidationExamples = 0,
    field: Field = "text",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train M1, the byte-level model whose probabilities drive the coders. Killed, it goes on.

    Example: equalinfo train-m1 embedded --size 500k --context 128 --batch 16 --steps 2000 --out m1
    """
    from equalinfo.corpus.corpus import Corpus
    from equalinfo.progress import progress_bar
    from equalinfo.train.m1 import train_m1

    plan = training_config(
        steps, batch, seed, optimizer, learning_rate, precision, threads, accumulate, clip, z_loss, compiled
    )
    execution = runtime_config(
        device, strategy, workers, checkpoint_seconds, validate_every, validation_examples
    )
    with progress_bar(quiet or one_of_many()) as progress:
        result = train_m1(Corpus(corpus, field), size, context, plan, out, progress, execution)
    if result is not None:
        show_result(result, as_json)


@app.command("train-m2")
def train_m2_command(
    tokens: Annotated[Path, typer.Argument(help="Tokens directory.")],
    out: Out,
    steps: Steps,
    size: Annotated[str, typer.Option(help="Model size: 250k, 500k, 1m, 3m, 25m, ...")] = "3m",
    preset: Annotated[
        str, typer.Option(help="paper, or llama: then OUT is a Hugging Face model directory.")
    ] = "paper",
    sequence: Annotated[int, whole(least=1, help="Tokens per sequence.")] = 512,
    first_only: Annotated[
        bool, typer.Option(help="Only the first sequence of each example, as in the paper.")
    ] = False,
    tables_from: Annotated[
        str | None,
        typer.Option(
            help="spelling: tokens spelled alike start alike; an M1 directory: as M1's states after them."
        ),
    ] = None,
    batch: Batch = 256,
    seed: Seed = 0,
    optimizer: Optimizer = "adafactor",
    learning_rate: Rate = None,
    precision: Precision = "auto",
    threads: Threads = 2,
    accumulate: Accumulate = 1,
    clip: Clip = 1.0,
    z_loss: ZLoss = 1e-4,
    compiled: Compile = False,
    device: Device = "auto",
    strategy: Strategy = "ddp",
    workers: Workers = 0,
    checkpoint_seconds: CheckpointSeconds = 30.0,
    validate_every: ValidateEvery = 0,
    validation_examples: ValidationExamples = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train M2 on token shards and score it on the held-out ones. Killed, it goes on.

    Example: equalinfo train-m2 tokens --size 500k --sequence 128 --batch 8 --steps 600 --out m2
    """
    from equalinfo.progress import progress_bar
    from equalinfo.train.m2 import M2Config, train_m2

    plan = training_config(
        steps, batch, seed, optimizer, learning_rate, precision, threads, accumulate, clip, z_loss, compiled
    )
    execution = runtime_config(
        device, strategy, workers, checkpoint_seconds, validate_every, validation_examples
    )
    with progress_bar(quiet or one_of_many()) as progress:
        m2 = M2Config(size, sequence, plan, first_only, preset)
        result = train_m2(tokens, m2, out, progress, execution, tables_from)
    if result is not None:
        show_result(result, as_json)
