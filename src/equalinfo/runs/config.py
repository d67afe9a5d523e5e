"""What `equalinfo evaluate` scores (no torch)."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from equalinfo.corpus.examples import EXAMPLE_BYTES
from equalinfo.model.config import Config, Size, Whole, one_of


class EvaluationConfig(Config):
    """What of a corpus is scored, and in which windows."""

    split: Annotated[str, one_of("split", ("train", "validation", "test", "all"))] = Field(
        "all", description="train, validation, test, or all the documents."
    )
    max_examples: Size = Field(0, description=f"Examples of {EXAMPLE_BYTES:,} bytes to score; 0: all.")
    # Sliding: all tokens but those of the first window have a context.
    windows: Annotated[str, one_of("windows", ("disjoint", "sliding"))] = Field(
        "disjoint", description="disjoint, or sliding, which gives each token a context."
    )
    stride: Whole = Field(0, description="Tokens from one sliding window to the next; 0: half of one.")

    @model_validator(mode="after")
    def _strides_slide(self) -> Self:
        if self.stride and self.windows != "sliding":
            raise ValueError("a stride is for sliding windows; give --windows sliding with it")
        return self
