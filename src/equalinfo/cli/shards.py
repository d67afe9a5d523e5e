"""Corpora: `tokenize`, `verify`."""

from pathlib import Path
from typing import Annotated

import typer

from equalinfo.cli.common import (
    AsJson,
    CorpusArgument,
    EngineName,
    Field,
    Out,
    Quiet,
    Seed,
    TokenizerArgument,
    app,
    engine_by_name,
    show_result,
    whole,
)
from equalinfo.errors import EqualInfoError
from equalinfo.limits import LARGEST_SIZE, MOST_WORKERS


@app.command("tokenize")
def tokenize_command(
    tokenizer: TokenizerArgument,
    corpus: CorpusArgument,
    out: Out,
    engine: EngineName = "local",
    workers: Annotated[
        int, whole(most=MOST_WORKERS, help="Processes that tokenize, same shards; 0: one per core.")
    ] = 0,
    partition_bytes: Annotated[
        int,
        whole(most=LARGEST_SIZE, help="About how much text shares a shard; 0: 64 MiB, 4 MiB where M1 runs."),
    ] = 0,
    bad_documents: Annotated[
        str, typer.Option(help="Rows without text: stop there, or skip and count them.")
    ] = "stop",
    example_bytes: Annotated[int, whole(least=1, help="Bytes that are compressed together.")] = 10_240,
    max_tokens: Annotated[
        int, whole(most=LARGEST_SIZE, help="Draw a sample of so many training tokens; 0: the whole corpus.")
    ] = 0,
    validation_examples: Annotated[
        int, whole(most=LARGEST_SIZE, help="Take only so many validation examples; 0: all.")
    ] = 0,
    seed: Seed = 0,
    field: Field = "text",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Turn a corpus into token shards (Arrow), split into training and validation documents.

    Interrupted? Run the same command again: it resumes.

    A sample (--max-tokens, --validation-examples) is drawn in memory, in one process, and not resumed.

    Example: equalinfo tokenize tok embedded --out tokens
    """
    from equalinfo.progress import progress_bar
    from equalinfo.tokens.tokenizer import Tokenizer

    if bad_documents not in ("stop", "skip"):
        raise EqualInfoError(f"no way {bad_documents!r} to treat bad documents; choose stop or skip")
    runs_on = engine_by_name(engine, workers)
    opened = Tokenizer.from_pretrained(tokenizer)
    inputs = [tokenizer]
    with progress_bar(quiet) as progress:
        if max_tokens or validation_examples:
            from equalinfo.corpus.corpus import Corpus
            from equalinfo.shards.tokenize_sample import TokenizeConfig, tokenize

            if engine != "local" or bad_documents != "stop":
                raise EqualInfoError(
                    "a sample is drawn in one process and has no bad documents; take neither option"
                )
            plan = TokenizeConfig(example_bytes, seed, max_tokens, 1, validation_examples)
            manifest = tokenize(opened, Corpus(corpus, field), plan, out, progress, inputs)
        else:
            from equalinfo.shards.tokenize_corpus import CorpusConfig, tokenize_corpus

            whole = CorpusConfig(field, example_bytes, partition_bytes, bad_documents == "skip")
            manifest = tokenize_corpus(opened, corpus, whole, out, runs_on, progress, inputs)
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
    from equalinfo.progress import progress_bar
    from equalinfo.shards.verify import VerifyConfig, verify_tokens

    if decode != "all" and not decode.isdecimal():
        raise EqualInfoError(f"cannot decode {decode!a} examples; give a number, or all")
    checks = VerifyConfig(None if decode == "all" else int(decode), source, seed)
    with progress_bar(quiet) as progress:
        result = verify_tokens(tokens, checks, progress)
    show_result(result, as_json)
