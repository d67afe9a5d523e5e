"""Options and arguments that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option("--out", help="Where to write.")]
Field = Annotated[
    str, typer.Option("--field", help="Key or column that holds the text of JSONL and Parquet.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bars.")]
Seed = Annotated[int, typer.Option(min=0, help="Decides initial weights, order and draws.")]
Steps = Annotated[int, typer.Option(min=1, help="Optimizer steps.")]
Batch = Annotated[int, typer.Option(min=1, help="Sequences per step, or per batch with --accumulate.")]
Accumulate = Annotated[int, typer.Option(min=1, help="Batches per step, where a larger one has no room.")]
Clip = Annotated[float, typer.Option(min=0.0, help="Largest norm of a gradient; 0: never clip.")]
ZLoss = Annotated[float, typer.Option("--z-loss", min=0.0, help="Weight of the z-loss.")]
Compile = Annotated[bool, typer.Option("--compile", help="Translate the layers by torch.compile first.")]
Optimizer = Annotated[str, typer.Option(help="adafactor (the paper's), adamw or muon.")]
Rate = Annotated[float | None, typer.Option(min=0.0, help="Learning rate; default: the optimizer's.")]
Precision = Annotated[str, typer.Option(help="float32, bfloat16, or auto: bfloat16 where it is native.")]
Threads = Annotated[
    int, typer.Option(min=1, help="CPU threads in training; part of what decides the weights.")
]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto: a GPU where there is one.")]
M1Device = Annotated[
    str, typer.Option("--device", help="What M1 computes on, cpu or cuda; ids are the same.")
]
Strategy = Annotated[
    str, typer.Option(help="Under torchrun: ddp, or fsdp, where each process holds a part of the model.")
]
Workers = Annotated[int, typer.Option(min=0, help="Processes that read data ahead.")]
CheckpointSeconds = Annotated[
    float, typer.Option(min=0.0, help="Seconds between checkpoints at least; 0: after every step.")
]
ValidateEvery = Annotated[
    int, typer.Option(min=0, help="Steps between losses on held-out text, for bar and log; 0: never.")
]
AllThreads = Annotated[int, typer.Option(min=0, help="CPU threads; 0: one per core. Any number, same bytes.")]
EngineName = Annotated[
    str, typer.Option("--engine", help="local: processes here; ray: the cluster that ray.init finds.")
]
InputFile = Annotated[Path, typer.Argument(help="Any file; - for standard input.")]
CORPUS_HELP = (
    "Text, .jsonl(.gz|.zst), Parquet, a folder or URL of these, hf:NAME, - for standard input, or `embedded`."
)
CorpusArgument = Annotated[str, typer.Argument(help=CORPUS_HELP)]
SHIPPED = "or the name of a shipped one (see `equalinfo tokenizers`)"
TokenizerArgument = Annotated[Path, typer.Argument(metavar="TOK", help=f"Tokenizer directory, {SHIPPED}.")]
TokenizersArgument = Annotated[
    list[Path], typer.Argument(metavar="TOK...", help=f"Tokenizer directories, {SHIPPED}.")
]
