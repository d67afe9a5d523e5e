"""The application that verbs add themselves to."""

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Tokenizers made by neural compression, and the language models trained on them.",
)
