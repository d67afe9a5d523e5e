"""Corpora: `tokenize`, `verify`."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import Field

from equalinfo.cli.common import (
    AsJson,
    CorpusArgument,
    M1Device,
    Out,
    Quiet,
    Seed,
    TextField,
    TokenizerArgument,
    app,
    show_result,
)
from equalinfo.cli.engines import EngineSettings
from equalinfo.cli.options import with_settings
from equalinfo.corpus.examples import EXAMPLE_BYTES
from equalinfo.errors import EqualInfoError
from equalinfo.model.config import Config, Count, Size, one_of
from equalinfo.model.config import Seed as SeedNumber


class ShardSettings(Config):
    """What decides the shards of a corpus, or of a sample of it."""

    partition_bytes: Size = Field(
        0, description="About how much text shares a shard; 0: 64 MiB, 4 MiB where M1 runs."
    )
    bad_documents: Annotated[str, one_of("way to treat bad documents", ("stop", "skip"))] = Field(
        "stop", description="Rows without text: stop there, or skip and count them."
    )
    example_bytes: Count = Field(EXAMPLE_BYTES, description="Bytes that are compressed together.")
    split: bool = Field(
        True, description="Keep 10 % of the documents back, for validation and test; otherwise train on all."
    )
    max_tokens: Size = Field(0, description="Draw a sample of so many training tokens; 0: the whole corpus.")
    validation_examples: Size = Field(0, description="Take only so many validation examples; 0: all.")
    seed: SeedNumber = 0


@app.command("tokenize")
@with_settings
def tokenize_command(
    tokenizer: TokenizerArgument,
    corpus: CorpusArgument,
    out: Out,
    settings: ShardSettings,
    execution: EngineSettings,
    field: TextField = "text",
    device: M1Device = "cpu",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Turn a corpus into token shards (Arrow), split into training and validation documents.

    A document ends with the id EOS (0) where the method has it free, otherwise with a zero byte.

    Interrupted? Run the same command again: it resumes.

    A sample (--max-tokens, --validation-examples) is drawn in memory, in one process, and not resumed.

    Example: equalinfo tokenize tok embedded --out tokens
    """
    from equalinfo.progress import progress_bar
    from equalinfo.tokens.tokenizer import Tokenizer

    sampled = bool(settings.max_tokens or settings.validation_examples)
    # The tokenizer here does not encode a whole corpus: workers do, with their own.
    opened = Tokenizer.from_pretrained(tokenizer, device if sampled else "cpu")
    with progress_bar(quiet) as progress:
        if sampled:
            from equalinfo.corpus.corpus import Corpus
            from equalinfo.shards.tokenize_sample import TokenizeConfig, tokenize

            if execution.engine != "local" or settings.bad_documents != "stop" or not settings.split:
                raise EqualInfoError(
                    "a sample is drawn in one process, split, and without bad documents; leave those options out"
                )
            sample = TokenizeConfig(
                **settings.model_dump(exclude={"partition_bytes", "bad_documents", "split"})
            )
            manifest = tokenize(opened, Corpus(corpus, field), sample, out, progress, [tokenizer])
        else:
            from equalinfo.shards.tokenize_corpus import CorpusConfig, tokenize_corpus

            engine = execution.opened(device)
            skip = settings.bad_documents == "skip"
            whole = CorpusConfig(
                field, settings.example_bytes, settings.partition_bytes, skip, settings.split
            )
            manifest = tokenize_corpus(opened, corpus, whole, out, engine, progress, [tokenizer], device)
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
