"""Tokenizers built from a spec, as `equalinfo compile` does."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from equalinfo.predict.base import Predictor
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer


def built(
    spec: Spec | str,
    m1: Path | Predictor | None = None,
    documents: Callable[[], Iterable[bytes]] | None = None,
    **more: Any,
) -> Tokenizer:
    """The tokenizer of a spec; `m1` is a directory, or a predictor at hand."""
    spec = Spec.parse(spec) if isinstance(spec, str) else spec
    made = {"m1": m1} if m1 is None or isinstance(m1, Path) else {"ready": m1}
    return spec.build(Sources(documents=documents, **made, **more))


def coded(spec: Spec, predictor: Predictor, documents: Callable[[], Iterable[bytes]]) -> Tokenizer:
    """As `built`, but windows of few bits are not listed: the predictor runs for every byte."""
    if spec.tokenizer_class.runs_predictor:
        return spec.tokenizer_class(spec, predictor)
    return built(spec, predictor, documents)
