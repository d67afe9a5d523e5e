"""What the tokenizers share that run a predictor for every byte."""

from pathlib import Path
from typing import Any

from equalinfo.predict.base import OnProgress, Predictor
from equalinfo.tokens.sources import Sources, load_predictor
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer


class CodedTokenizer(Tokenizer):
    """A tokenizer whose ids come from a predictor's integer frequencies."""

    runs_predictor = True

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        super().__init__(spec)
        self.predictor = predictor

    @classmethod
    def build(cls, spec: Spec, sources: Sources) -> Tokenizer:
        tokenizer = cls(spec, sources.predictor(spec))
        tokenizer.list_windows(sources.stage("list the windows"), sources.threads)
        return tokenizer

    @classmethod
    def load(cls, spec: Spec, directory: Path, device: str = "cpu") -> Tokenizer:
        tokenizer = cls(spec, load_predictor(spec, directory, device))
        tokenizer.load_files(directory)
        return tokenizer

    def list_windows(self, on_progress: OnProgress | None = None, threads: int | None = None) -> None:
        """Makes the table that spares the predictor when ids are made, where the method and its options have one."""

    def load_files(self, directory: Path) -> None:
        """Takes what these two made from a tokenizer directory, where it is."""

    @property
    def m1_parameters(self) -> int:
        return self.predictor.flops_parameters

    def _made_of(self) -> tuple[Any, ...]:
        return (self.predictor,)

    def save_files(self, directory: Path) -> None:
        self.predictor.save(directory)

    def state_fingerprint(self) -> str:
        return self.predictor.fingerprint
