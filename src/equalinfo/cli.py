"""The `equalinfo` command: one verb per step, errors as one line, exit status 0 only on success.

Each verb only reads its options and calls a step of `pipeline`; those are imported inside the verbs, so
that `--help` and tokenizing do not wait for torch.
"""

import json
import os
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from equalinfo.errors import EqualInfoError

if TYPE_CHECKING:
    import numpy as np

    from equalinfo.model.training import Execution, TrainingPlan
    from equalinfo.pipeline.engines.base import Engine

# A wrong option or verb: click's error, or that of the copy of click inside newer Typers.
UsageError: Any = typer.BadParameter.__bases__[0]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Tokenizers made by neural compression, and the language models trained on them.",
)

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
TokenizerArgument = Annotated[Path, typer.Argument(metavar="TOK", help="Tokenizer directory.")]


def plan_of(
    steps: int,
    batch: int,
    seed: int,
    optimizer: str,
    rate: float | None,
    precision: str,
    threads: int,
    accumulate: int,
    clip: float,
    z_loss: float,
    compiled: bool,
) -> "TrainingPlan":
    from equalinfo.model.optimizers import check_optimizer
    from equalinfo.model.training import TrainingPlan, resolved_precision

    # Wrong names are refused before long work.
    resolved_precision(precision)
    check_optimizer(optimizer)
    return TrainingPlan(
        steps, batch, seed, optimizer, rate, precision, threads, accumulate, clip, z_loss, compiled
    )


def execution_of(
    device: str, strategy: str, workers: int, checkpoint_seconds: float, validate_every: int
) -> "Execution":
    from equalinfo.model.processes import check_strategy, device_of
    from equalinfo.model.training import Execution

    device_of(device)
    check_strategy(strategy)
    return Execution(device, strategy, workers, checkpoint_seconds, validate_every)


def engine_of(name: str, workers: int) -> "Engine":
    if name == "local":
        from equalinfo.pipeline.engines.local import LocalEngine

        return LocalEngine(workers)
    if name == "ray":
        from equalinfo.pipeline.engines.ray_data import RayEngine

        return RayEngine(workers)
    raise EqualInfoError(f"no engine {name!r}; choose local or ray")


def one_of_many() -> bool:
    """Whether torchrun started this process and another one reports."""
    return os.environ.get("RANK", "0") != "0"


def show_result(result: dict[str, Any], as_json: bool, aside: bool = False) -> None:
    """A result for people, one figure a line, or for machines; `aside`: standard output holds something else."""
    if as_json:
        typer.echo(json.dumps(result, sort_keys=True, default=str), err=aside)
        return
    for name, value in result.items():
        if not isinstance(value, dict | list):
            typer.echo(f"{name:26} {f'{value:.6g}' if isinstance(value, float) else value}", err=aside)


@app.command("demo")
def demo(
    out: Annotated[
        Path, typer.Option("--out", help="Where to write; a second run goes on from there.")
    ] = Path("runs/demo"),
    quiet: Quiet = False,
) -> None:
    """The whole pipeline on the embedded corpus, minutes on two cores.

    Example: equalinfo demo --out runs/demo
    """
    run("demo", out, quiet)


@app.command("run")
def run(
    recipe: Annotated[
        str, typer.Argument(help="A recipe (.toml), or the name of one that ships: demo, paper-25m.")
    ],
    out: Out,
    quiet: Quiet = False,
) -> None:
    """Run a recipe: a grid of methods, sizes and seeds. Skips what is done; goes on after a kill.

    Example: equalinfo run recipe.toml --out runs/mine
    """
    from equalinfo.pipeline.recipe import load_recipe
    from equalinfo.pipeline.running import run_recipe
    from equalinfo.report.runs import page_of_run

    # Names without folders: a page is for passing on.
    command = shlex.join(["equalinfo", "run", Path(recipe).name, "--out", out.name])
    run_recipe(load_recipe(recipe), out, quiet, partial(page_of_run, command=command))


@app.command("train-m1")
def train_m1_command(
    corpus: CorpusArgument,
    out: Out,
    steps: Steps,
    size: Annotated[str, typer.Option(help="Model size: 65k, 250k, 500k, 1m, 3m, ...")] = "3m",
    context: Annotated[int, typer.Option(min=1, help="Bytes per sequence.")] = 1024,
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
    field: Field = "text",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train M1, the byte-level model whose probabilities drive the coders. Killed, it goes on.

    Example: equalinfo train-m1 embedded --size 500k --context 128 --batch 16 --steps 2000 --out m1
    """
    from equalinfo.pipeline.corpora import Corpus
    from equalinfo.pipeline.m1 import train_m1
    from equalinfo.pipeline.progress import progress_bar

    plan = plan_of(
        steps, batch, seed, optimizer, learning_rate, precision, threads, accumulate, clip, z_loss, compiled
    )
    execution = execution_of(device, strategy, workers, checkpoint_seconds, validate_every)
    with progress_bar(quiet or one_of_many()) as progress:
        result = train_m1(Corpus(corpus, field), size, context, plan, out, progress, execution)
    if result is not None:
        show_result(result, as_json)


@app.command("compile")
def compile_command(
    spec: Annotated[str, typer.Argument(help="A method, as EqualInfoAC[b=16,v=256].")],
    out: Out,
    m1: Annotated[Path | None, typer.Option(help="M1 directory, for methods that need one.")] = None,
    corpus: Annotated[str | None, typer.Option(help="For methods made from text. " + CORPUS_HELP)] = None,
    field: Field = "text",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a tokenizer directory of any method.

    Example: equalinfo compile 'EqualInfoAC[b=16,v=256]' --m1 m1 --out tok
    """
    from equalinfo.pipeline.compiling import compile_tokenizer
    from equalinfo.pipeline.corpora import Corpus
    from equalinfo.pipeline.progress import progress_bar
    from equalinfo.tokens.spec import Spec

    source = Corpus(corpus, field) if corpus is not None else None
    with progress_bar(quiet) as progress:
        tokenizer = compile_tokenizer(Spec.parse(spec), m1, source, out, progress)
    show_result(
        {"spec": str(tokenizer.spec), "vocab": tokenizer.vocab, "identity": tokenizer.identity}, as_json
    )


@app.command("encode")
def encode(
    tokenizer: TokenizerArgument,
    file: InputFile,
    out: Annotated[Path, typer.Option("--out", help="NumPy file (.npy) for the ids.")],
    as_json: AsJson = False,
) -> None:
    """Turn one file into token ids.

    Example: equalinfo encode tok book.txt --out ids.npy
    """
    import numpy as np

    from equalinfo.files import atomic_file
    from equalinfo.tokens.base import Tokenizer

    data = read_file(file)
    ids = Tokenizer.from_pretrained(tokenizer).encode(data)
    with atomic_file(out) as stream:
        np.save(stream, ids, allow_pickle=False)
    ratio = len(data) / len(ids) if len(ids) else 0.0
    show_result({"tokens": len(ids), "bytes": len(data), "bytes_per_token": ratio}, as_json)


@app.command("decode")
def decode(
    tokenizer: TokenizerArgument,
    ids: Annotated[Path, typer.Argument(help="NumPy file (.npy) of ids.")],
    out: Annotated[Path, typer.Option("--out", help="File for the text; - for standard output.")],
) -> None:
    """Turn token ids back into the file they came from.

    Example: equalinfo decode tok ids.npy --out book.txt
    """
    from equalinfo.files import atomic_file
    from equalinfo.tokens.base import Tokenizer

    text = Tokenizer.from_pretrained(tokenizer).decode(read_ids(ids))
    if str(out) == "-":
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        return
    with atomic_file(out) as stream:
        stream.write(text)


@app.command("compress")
def compress_command(
    file: InputFile,
    m1: Annotated[Path, typer.Option(help="M1 directory.")],
    out: Annotated[Path, typer.Option("--out", help="The container; - for standard output.")],
    block: Annotated[int, typer.Option(min=1, help="Bytes that can be read back on their own.")] = 1 << 16,
    context: Annotated[
        int, typer.Option(min=1, help="Bytes after which M1 starts afresh; longer is slower.")
    ] = 1 << 9,
    threads: AllThreads = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compress a file of any bytes by M1 and arithmetic coding, losslessly.

    Example: equalinfo compress book.txt --m1 m1 --out book.eqi
    """
    from equalinfo.pipeline.compressing import compress
    from equalinfo.pipeline.progress import progress_bar

    with progress_bar(quiet) as progress:
        result = compress(m1, file, out, block, context, threads or None, progress)
    show_result(result, as_json, str(out) == "-")


@app.command("decompress")
def decompress_command(
    file: Annotated[Path, typer.Argument(help="A container; - for standard input.")],
    m1: Annotated[Path | None, typer.Option(help="M1 directory, the one that compressed.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File to write; - for standard output.")] = None,
    block: Annotated[int | None, typer.Option(min=0, help="Only this block, numbered from 0.")] = None,
    start: Annotated[int | None, typer.Option(min=0, help="Only from this byte of the text on.")] = None,
    length: Annotated[int | None, typer.Option(min=0, help="Only so many bytes.")] = None,
    facts: Annotated[
        bool, typer.Option("--list", help="Show the container's facts and write nothing.")
    ] = False,
    threads: AllThreads = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Read back a file that `compress` wrote, or any part of it. Damage is found before a wrong byte is written.

    Example: equalinfo decompress book.eqi --m1 m1 --out book.txt
    """
    from equalinfo.pipeline import compressing
    from equalinfo.pipeline.progress import progress_bar

    if facts:
        show_result(compressing.describe(file), as_json)
        return
    if m1 is None or out is None:
        raise EqualInfoError("give the M1 that compressed as --m1 and the file to write as --out (or --list)")
    if block is not None and (start is not None or length is not None):
        raise EqualInfoError("give either --block, or --start and --length")
    with progress_bar(quiet) as progress:
        options = (threads or None, progress)
        if block is not None:
            result = compressing.decompress_block(m1, file, out, block, *options)
        elif start is not None or length is not None:
            result = compressing.decompress_part(m1, file, out, start or 0, length, *options)
        else:
            result = compressing.decompress(m1, file, out, *options)
    show_result(result, as_json, str(out) == "-")


@app.command("tokenize")
def tokenize_command(
    tokenizer: TokenizerArgument,
    corpus: CorpusArgument,
    out: Out,
    engine: EngineName = "local",
    workers: Annotated[
        int, typer.Option(min=0, help="Processes that tokenize, same shards; 0: one per core.")
    ] = 0,
    partition_bytes: Annotated[
        int,
        typer.Option(min=0, help="About how much text shares a shard; 0: 64 MiB, 4 MiB where M1 runs."),
    ] = 0,
    bad_documents: Annotated[
        str, typer.Option(help="Rows without text: stop there, or skip and count them.")
    ] = "stop",
    example_bytes: Annotated[int, typer.Option(min=1, help="Bytes that are compressed together.")] = 10_240,
    max_tokens: Annotated[
        int, typer.Option(min=0, help="Draw a sample of so many training tokens; 0: the whole corpus.")
    ] = 0,
    validation_examples: Annotated[
        int, typer.Option(min=0, help="Take only so many validation examples; 0: all.")
    ] = 0,
    seed: Seed = 0,
    field: Field = "text",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Turn a corpus into token shards (Arrow), split into training and validation documents. Killed, it goes on.

    A sample (--max-tokens, --validation-examples) is drawn in memory, in one process, and not resumed.

    Example: equalinfo tokenize tok embedded --out tokens
    """
    from equalinfo.pipeline.progress import progress_bar
    from equalinfo.tokens.base import Tokenizer

    if bad_documents not in ("stop", "skip"):
        raise EqualInfoError(f"no way {bad_documents!r} to treat bad documents; choose stop or skip")
    runs_on = engine_of(engine, workers)
    opened = Tokenizer.from_pretrained(tokenizer)
    with progress_bar(quiet) as progress:
        if max_tokens or validation_examples:
            from equalinfo.pipeline.corpora import Corpus
            from equalinfo.pipeline.tokenizing import TokenizePlan, tokenize

            if engine != "local" or bad_documents != "stop":
                raise EqualInfoError(
                    "a sample is drawn in one process and has no bad documents; take neither option"
                )
            plan = TokenizePlan(example_bytes, seed, max_tokens, 1, validation_examples)
            manifest = tokenize(opened, Corpus(corpus, field), plan, out, progress)
        else:
            from equalinfo.pipeline.whole_corpus import CorpusPlan, tokenize_corpus

            whole = CorpusPlan(field, example_bytes, partition_bytes, bad_documents == "skip")
            manifest = tokenize_corpus(opened, corpus, whole, out, runs_on, progress)
    flat = {
        f"{split}_{name}": value
        for split, counts in manifest["splits"].items()
        for name, value in counts.items()
    }
    flat |= {f"documents_{name}": value for name, value in manifest.get("documents", {}).items()}
    show_result({"spec": manifest["spec"], **flat, "windows_changed": manifest["windows_changed"]}, as_json)


@app.command("verify")
def verify_command(
    tokens: Annotated[Path, typer.Argument(help="Tokens directory.")],
    decode: Annotated[str, typer.Option(help="How many examples to decode, or all.")] = "32",
    source: Annotated[
        bool, typer.Option(help="Compare what is decoded with the corpus, where it was.")
    ] = True,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check token shards: hashes, counts, and a sample decoded (or all) and compared with the corpus.

    Example: equalinfo verify tokens --decode all
    """
    from equalinfo.pipeline.progress import progress_bar
    from equalinfo.pipeline.verifying import Checks, verify_tokens

    if decode != "all" and not decode.isdecimal():
        raise EqualInfoError(f"cannot decode {decode!a} examples; give a number, or all")
    checks = Checks(None if decode == "all" else int(decode), source, seed)
    with progress_bar(quiet) as progress:
        result = verify_tokens(tokens, checks, progress)
    show_result(result, as_json)


@app.command("export")
def export_command(
    tokens: Annotated[Path, typer.Argument(help="Tokens directory.")],
    out: Out,
    form: Annotated[str, typer.Option("--format", help="datatrove (.ds) or megatron (.bin, .idx).")],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write token shards as other trainers read them. For `datasets`, nothing needs to be written.

    Example: equalinfo export tokens --format megatron --out megatron
    """
    from equalinfo.pipeline.exporting import export_tokens
    from equalinfo.pipeline.progress import progress_bar

    with progress_bar(quiet) as progress:
        result = export_tokens(tokens, form, out, progress)
    show_result(dict(result), as_json)


@app.command("train-m2")
def train_m2_command(
    tokens: Annotated[Path, typer.Argument(help="Tokens directory.")],
    out: Out,
    steps: Steps,
    size: Annotated[str, typer.Option(help="Model size: 250k, 500k, 1m, 3m, 25m, ...")] = "3m",
    preset: Annotated[
        str, typer.Option(help="paper, or llama: then OUT is a Hugging Face model directory.")
    ] = "paper",
    sequence: Annotated[int, typer.Option(min=1, help="Tokens per sequence.")] = 512,
    first_only: Annotated[
        bool, typer.Option(help="Only the first sequence of each example, as in the paper.")
    ] = False,
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
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train M2 on token shards and score it on the held-out ones. Killed, it goes on.

    Example: equalinfo train-m2 tokens --size 500k --sequence 128 --batch 8 --steps 600 --out m2
    """
    from equalinfo.pipeline.m2 import M2Plan, train_m2
    from equalinfo.pipeline.progress import progress_bar

    plan = plan_of(
        steps, batch, seed, optimizer, learning_rate, precision, threads, accumulate, clip, z_loss, compiled
    )
    execution = execution_of(device, strategy, workers, checkpoint_seconds, validate_every)
    with progress_bar(quiet or one_of_many()) as progress:
        result = train_m2(tokens, M2Plan(size, sequence, plan, first_only, preset), out, progress, execution)
    if result is not None:
        show_result(result, as_json)


@app.command("evaluate")
def evaluate_command(
    m2: Annotated[list[Path], typer.Argument(metavar="M2...", help="M2 directories, the seeds of a method.")],
    corpus: CorpusArgument,
    against: Annotated[
        list[Path] | None, typer.Option(help="M2 of a second method, for Welch's test; repeat for its seeds.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, validation, test, or all the documents.")] = "all",
    max_examples: Annotated[int, typer.Option(min=0, help="Examples of 10,240 bytes to score; 0: all.")] = 0,
    windows: Annotated[
        str, typer.Option(help="disjoint, or sliding, which gives each token a context.")
    ] = "disjoint",
    stride: Annotated[
        int, typer.Option(min=0, help="Tokens from one sliding window to the next; 0: half of one.")
    ] = 0,
    field: Field = "text",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Bits/byte of an M2 on any corpus; of several seeds; of two methods.

    Example: equalinfo evaluate m2 embedded --split test
    """
    from equalinfo.pipeline.corpora import Corpus
    from equalinfo.pipeline.evaluating import Evaluation, EvaluationPlan, compare, comparison_table, verdict
    from equalinfo.pipeline.progress import console, progress_bar

    if split not in ("train", "validation", "test", "all"):
        raise EqualInfoError(f"no split {split!r}; choose train, validation, test or all")
    if windows not in ("disjoint", "sliding"):
        raise EqualInfoError(f"no windows {windows!r}; choose disjoint or sliding")
    plan = EvaluationPlan(split, max_examples, windows == "sliding", stride or None)  # type: ignore[arg-type]
    with progress_bar(quiet) as progress:
        if len(m2) == 1 and not against:
            result = Evaluation(Corpus(corpus, field), plan, progress).measure(m2[0])
        else:
            groups = [group for group in (m2, against) if group]
            result = compare(Corpus(corpus, field), plan, groups, progress)
    if as_json or "groups" not in result:
        show_result(result, as_json)
        return
    console().print(comparison_table(result))
    if conclusion := verdict(result):
        typer.echo(conclusion)


@app.command("generate")
def generate_command(
    m2: Annotated[Path, typer.Argument(help="M2 directory.")],
    prompts: Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT...", help="Texts to continue.")
    ] = None,
    prompt_file: Annotated[
        Path | None, typer.Option(help="Continue a file's bytes; - for standard input.")
    ] = None,
    tokens: Annotated[int, typer.Option(min=1, help="Most tokens to add.")] = 100,
    max_bytes: Annotated[int, typer.Option(min=0, help="Most bytes to add; 0: no limit.")] = 0,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 takes the likeliest token each time.")] = 0.8,
    top_k: Annotated[int, typer.Option(min=0, help="Draw among the k likeliest; 0: among all.")] = 0,
    top_p: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Then among the fewest likeliest that hold this probability."),
    ] = 1.0,
    stop: Annotated[list[str] | None, typer.Option(help="End before this text; may be repeated.")] = None,
    end: Annotated[bool, typer.Option(help="End where the model ends the document.")] = True,
    samples: Annotated[int, typer.Option(min=1, help="Continuations of each prompt; k has seed + k.")] = 1,
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
    from equalinfo.model.sampling import Choice
    from equalinfo.pipeline.generating import END_OF_DOCUMENT, Generator, Settings
    from equalinfo.pipeline.writing import Writer, as_record, rate

    # What the shell passed, byte for byte, even where it is not UTF-8.
    given = [os.fsencode(prompt) for prompt in prompts or []]
    if prompt_file is not None:
        given.append(read_file(prompt_file))
    if not given:
        raise EqualInfoError("give a text to continue, or a file as --prompt-file")
    stops = [os.fsencode(text) for text in stop or []] + ([END_OF_DOCUMENT] if end else [])
    choice = Choice(temperature, top_k, top_p)
    settings = Settings(tokens, max_bytes or None, choice, seed, samples, tuple(stops), heal)
    generator = Generator.load(m2)
    show = None if as_json else Writer(sys.stdout.buffer, given, samples, raw)
    found = generator.continuations(given, settings, show)
    if as_json:
        typer.echo(json.dumps([as_record(sample) for sample in found]))
    elif show:
        show.end(found)
    if not quiet:
        typer.echo(rate(found, generator.seconds), err=True)


@app.command("show")
def show(
    tokenizers: Annotated[list[Path], typer.Argument(metavar="TOK...", help="Tokenizer directories.")],
    text: Annotated[str | None, typer.Option(help="The text to cut.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Take the text from a file; - for standard input.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write an HTML page instead of colours here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how tokenizers cut a text: coloured windows, one tokenizer below the other.

    Example: equalinfo show tok1 tok2 --text 'Windows of equal information'
    """
    from equalinfo.files import atomic_file
    from equalinfo.pipeline.progress import console
    from equalinfo.pipeline.showing import as_html, panels
    from equalinfo.tokens.base import Tokenizer

    if (text is None) == (file is None):
        raise EqualInfoError("give either --text or --file")
    data = read_file(file) if file is not None else os.fsencode(text or "")
    opened = [Tokenizer.from_pretrained(path) for path in tokenizers]
    if as_json:
        cut = {
            str(tokenizer.spec): [[piece.decode("latin-1"), ids] for piece, ids in tokenizer.pieces(data)]
            for tokenizer in opened
        }
        typer.echo(json.dumps(cut))
    elif html is not None:
        with atomic_file(html) as stream:
            stream.write(as_html(opened, data).encode())
    else:
        screen = console()
        screen.print(panels(opened, data, screen.color_system is not None))


@app.command("experiment")
def experiment_command(
    name: Annotated[str | None, typer.Argument(help="One of those that --list names.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="Name all experiments and what they cost.")] = False,
    scale: Annotated[str, typer.Option(help="small (two cores), 25m, or paper.")] = "small",
    seeds: Annotated[
        int, typer.Option(min=0, help="Seeds of each M2, from 0 on; 0: the experiment's default.")
    ] = 0,
    out: Annotated[
        Path, typer.Option("--out", help="Where to write; a second run goes on from there.")
    ] = Path("runs/experiments"),
    summary: Annotated[
        Path | None, typer.Option(help="Instead of running, write all tables in --out as one Markdown file.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """One of the paper's tables or figures, or a check of ours: measured, drawn, and set beside the paper's.

    Example: equalinfo experiment compression_ratios --out runs/experiments
    """
    from equalinfo.experiments import registry, running, scales, showing
    from equalinfo.files import atomic_file
    from equalinfo.pipeline.progress import console

    if listing:
        everything = registry.experiments()
        if as_json:
            typer.echo(json.dumps(showing.list_records(everything)))
        else:
            console().print(showing.list_table(everything))
        return
    if summary is not None:
        folder = out / "tables" if (out / "tables").is_dir() else out
        images = os.path.relpath(folder, summary.parent)
        text = showing.summary(folder, Path(images).as_posix())
        with atomic_file(summary) as stream:
            stream.write(text.encode())
        return
    if name is None:
        raise EqualInfoError("name an experiment, or give --list")
    found = running.run_experiment(
        registry.experiment_by_name(name), scales.scale_by_name(scale), out, seeds or None, quiet
    )
    if as_json:
        typer.echo(json.dumps(showing.records(found.findings, found.compared)))
        return
    console().print(showing.compared_table(found.compared))
    console().print(showing.findings_table(found.findings))
    typer.echo(f"Rows: {found.table}. Figure: {found.figure or found.complaint}")


@app.command("report")
def report(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...", help="results.jsonl of runs and experiments, or folders of such files."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="HTML file to write.")] = Path("report.html"),
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "equalinfo results",
    tokenizer: Annotated[
        list[Path] | None, typer.Option(metavar="TOK", help="Show how it cuts a text; may be repeated.")
    ] = None,
    text: Annotated[list[str] | None, typer.Option(help="A text to cut; may be repeated.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Take a text to cut from a file; - for standard input.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Write the figures into this folder too, as SVG and PNG.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the table here too, as Markdown.")] = None,
) -> None:
    """One HTML page of results, experiments and cut texts, and the table here.

    Example: equalinfo report runs/demo/results.jsonl --out report.html --tokenizer tok --text 'Windows of text'
    """
    from equalinfo.files import atomic_file
    from equalinfo.pipeline.progress import console
    from equalinfo.report.exporting import write_figures
    from equalinfo.report.page import Contents, write_page
    from equalinfo.report.runs import rows_of
    from equalinfo.report.tokens import text_from_bytes, token_view
    from equalinfo.score.table import results_markdown, results_table
    from equalinfo.tokens.base import Tokenizer

    texts = [text_from_bytes(os.fsencode(one)) for one in text or []]
    if file is not None:
        texts.append(text_from_bytes(read_file(file)))
    if texts and not tokenizer:
        raise EqualInfoError("give the tokenizers that are to cut the text as --tokenizer")
    rows, measurements = rows_of(results)
    view = token_view([Tokenizer.from_pretrained(path) for path in tokenizer or []], texts)
    # Names without folders: a page is for passing on.
    words = ["equalinfo", "report", *(path.name for path in results), "--out", out.name]
    words += [word for path in tokenizer or [] for word in ("--tokenizer", path.name)]
    words += [word for one in text or [] for word in ("--text", one)] + (
        ["--file", file.name] if file else []
    )
    drawn = write_page(Contents(title, rows, measurements, view, commands=[shlex.join(words)]), out)
    if figures is not None:
        write_figures(drawn, figures)
    if markdown is not None:
        with atomic_file(markdown) as stream:
            stream.write(results_markdown(rows).encode())
    if rows:
        console().print(results_table(rows))


@app.command("playground")
def playground_command(
    tokenizers: Annotated[list[Path], typer.Argument(metavar="TOK...", help="Tokenizer directories.")],
    m2: Annotated[Path | None, typer.Option(help="M2 directory that continues the text.")] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; other machines reach all but this one.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8080,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = False,
) -> None:
    """A local page: type a text, see tokenizers cut it side by side and an M2 continue it (extra `playground`).

    Example: equalinfo playground tok1 tok2 --m2 m2
    """
    from equalinfo.playground.serving import serve

    serve(tokenizers, m2, host, port, browser)


def read_file(path: Path) -> bytes:
    """A file's bytes, or standard input for "-"; EqualInfoError in one line."""
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise EqualInfoError(f"cannot read {path}: {error.strerror or error}") from error


def read_ids(path: Path) -> "np.ndarray":
    """The array in a .npy file; EqualInfoError if it is none."""
    import numpy as np

    try:
        with open(path, "rb") as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    except OSError as error:
        raise EqualInfoError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise EqualInfoError(
            f"{path} is not a NumPy .npy file of ids ({' '.join(str(error).split())[:100]})"
        ) from error


def main() -> None:
    """Entry point: runs a verb and turns what goes wrong into one line and an exit status."""
    try:
        status = app(standalone_mode=False)
    except EqualInfoError as error:
        sys.exit(_complain(" ".join(str(error).split()), 1))
    except UsageError as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "equalinfo")
        sys.exit(_complain(f"{error.format_message()} (see `{command} --help`)", 2))
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(_complain("interrupted; the same command goes on where it can", 130))
    except BrokenPipeError:
        # The reader of our output left, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        name = f" {error.filename}" if error.filename else ""
        sys.exit(_complain(f"{error.strerror or error}{name}", 1))
    except MemoryError:
        sys.exit(_complain("not enough memory; take a smaller batch, model or input", 1))
    if status == 130:  # Typers that catch Ctrl-C themselves
        _complain("interrupted; the same command goes on where it can", 130)
    sys.exit(status if isinstance(status, int) else 0)


def _complain(message: str, status: int) -> int:
    process = f" in process {os.environ['RANK']}" if one_of_many() else ""
    print(f"error{process}: {message}", file=sys.stderr)
    return status
