"""What was made, in the files of other libraries: `export`."""

from pathlib import Path
from typing import Annotated

import typer

from equalinfo.cli.common import SHIPPED, AsJson, Out, Quiet, app, show_result

TOKENS, TOKENIZERS = ("datatrove", "megatron"), ("huggingface", "sentencepiece", "gguf")


@app.command("export")
def export_command(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help=f"Tokens, tokenizer or M2 directory, {SHIPPED}.")
    ],
    out: Out,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="Tokens: datatrove (.ds), megatron (.bin, .idx). Tokenizers: huggingface (tokenizer.json), "
            "sentencepiece (.model), gguf (llama.cpp). M2 of preset llama: gguf.",
        ),
    ],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write token shards, a tokenizer or an M2 as other libraries read them. For `datasets`, shards are as they are.

    An M2 of preset llama is itself a directory that transformers opens.

    Example: equalinfo export english-65k --format sentencepiece --out sp
    """
    from equalinfo.errors import EqualInfoError
    from equalinfo.files import kind_of

    if form in TOKENS:
        from equalinfo.progress import progress_bar
        from equalinfo.shards.export import export_tokens

        with progress_bar(quiet) as progress:
            result = export_tokens(source, form, out, progress)
    elif form not in TOKENIZERS:
        choices = ", ".join((*TOKENS, *TOKENIZERS))
        raise EqualInfoError(f"no form {form!a} to export to; choose one of {choices}")
    elif form == "gguf" and kind_of(source) == "m2":
        from equalinfo.train.m2_gguf import export_m2

        result = export_m2(source, out)
    else:
        from equalinfo.tokens.export import export_tokenizer
        from equalinfo.tokens.tokenizer import Tokenizer

        result = export_tokenizer(Tokenizer.from_pretrained(source), form, out, [source])
    show_result(dict(result), as_json)
