"""What the tokenizers share that run a predictor for every byte."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from equalinfo.errors import DamagedArtifact
from equalinfo.files import json_bytes, read_json
from equalinfo.predict.base import Predictor
from equalinfo.predict.context import FILE as CONTEXTS_FILE
from equalinfo.predict.context import ContextModel, load_contexts
from equalinfo.predict.exact import ExactModel
from equalinfo.predict.exact_files import load_exact, save_exact
from equalinfo.predict.unigram import Unigram
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer

UNIGRAM_FILE = "unigram.json"


class CodedTokenizer(Tokenizer):
    """A tokenizer whose ids come from a predictor's integer frequencies."""

    def __init__(self, spec: Spec, vocab: int, predictor: Predictor) -> None:
        super().__init__(spec, vocab)
        self.predictor = predictor

    def list_windows(
        self, report: Callable[[int, int], None] | None = None, threads: int | None = None
    ) -> None:
        """Makes the table that spares the predictor when ids are made, where the method and its options have one."""

    def remember(
        self, documents: Callable[[], Iterable[bytes]], report: Callable[[int, int], None] | None = None
    ) -> None:
        """Keeps what the documents of a corpus have in common, where that spares the predictor later."""

    def load_files(self, directory: Path) -> None:
        """Takes what these two made from a tokenizer directory, where it is."""

    @property
    def m1_parameters(self) -> int:
        return self.predictor.size.nominal if isinstance(self.predictor, ExactModel) else 0

    def _made_of(self) -> tuple[Any, ...]:
        return (self.predictor,)

    def save_files(self, directory: Path) -> None:
        if isinstance(self.predictor, ExactModel):
            save_exact(self.predictor, directory)
        elif isinstance(self.predictor, ContextModel):
            self.predictor.save(directory)
        else:
            (directory / UNIGRAM_FILE).write_bytes(json_bytes(self.predictor.initial.tolist()))

    def state_fingerprint(self) -> str:
        return self.predictor.fingerprint


def load_predictor(directory: Path, device: str = "cpu") -> Predictor:
    """The predictor that `save_files` wrote into a tokenizer directory; `device` as in `load_exact`."""
    if (directory / UNIGRAM_FILE).is_file():
        try:
            return Unigram(np.array(read_json(directory / UNIGRAM_FILE), np.int64))
        except (TypeError, ValueError, OverflowError) as error:
            raise DamagedArtifact(
                f"{directory / UNIGRAM_FILE} is damaged; compile the tokenizer again"
            ) from error
    if (directory / CONTEXTS_FILE).is_file():
        return load_contexts(directory)
    return load_exact(directory, device)
