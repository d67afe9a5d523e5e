"""The settings an experiment runs at: on two cores, on a GPU, or the paper's with one model size or all."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from equalinfo.errors import EqualInfoError
from equalinfo.runs.recipe import Recipe, load_recipe
from equalinfo.score.paper import paper_method as paper_method

SCALES = ("small", "mix", "gpu", "25m", "paper")


@dataclass(frozen=True)
class Scale:
    """A recipe of common settings, and what stands for the paper's vocabularies.

    Args:
        recipe: corpus, M1, data and M2 settings; its methods are those of the main comparison.
        wide: the vocabulary in the place of the paper's 65k: a softmax over 65,536 ids is not trained on two cores.
        wide_bits: log2 of it.
        pieces: SentencePiece's vocabulary.
        size: of M2 where an experiment takes one size only.
        scaled: steps by size, where data grow with the model.
        budget: settings of the M2s that are compared with as much compute, and with as many bytes, in place of the
            recipe's.
        long: settings of M2s that are trained as long as the scale can bear (learning curves), in place of the
            recipe's.
    """

    name: str
    recipe: Recipe
    wide: str
    wide_bits: int
    pieces: str
    size: str
    scaled: dict[str, int]
    budget: dict[str, Any]
    long: dict[str, Any]

    @property
    def small(self) -> bool:
        return self.name in ("small", "mix", "gpu")

    @property
    def sentencepiece(self) -> str:
        return f"SentencePiece[v={self.pieces}]"

    @property
    def one_token(self) -> str:
        """Windows of one token each."""
        return "EqualInfo[b=12,v=4k]" if self.small else "EqualInfoAC[b=16,v=65k]"

    def windows(self, bits: int, vocabulary: str = "256") -> str:
        """The paper's windows of `bits` with tokens of a vocabulary."""
        return f"EqualInfoAC[b={bits},v={vocabulary}]"


# Table 13's steps; at the small scale, steps in proportion to the parameters.
PAPER_STEPS = {"25m": 3_000, "113m": 11_000, "403m": 40_000, "2b": 200_000}
# A size up, at the speed that it is bearable at: an M2 takes minutes.
SMALL_BUDGET = {
    "size": "3m",
    "steps": 300,
    "batch_size": 16,
    "precision": "bfloat16",
    "max_tokens": 300 * 16 * 128,
}
# Twenty times the tokens of other experiments; the embedded corpus is then read three times.
SMALL_LONG = {
    "size": "500k",
    "steps": 4500,
    "batch_size": 8,
    "sequence_length": 256,
    "optimizer": "muon",
    "precision": "bfloat16",
    "preset": "llama",
    "max_tokens": 0,
}
SMALL_STEPS = {"65k": 48, "250k": 180, "500k": 360, "1m": 720}


@cache
def scale_by_name(name: str) -> Scale:
    """The scale called `name`; EqualInfoError lists the names if there is none."""
    if name not in SCALES:
        raise EqualInfoError(f"no scale {name!r}; choose one of {', '.join(SCALES)}")
    recipe = load_recipe(f"experiments-{name}")
    if name == "small":
        return Scale(name, recipe, "4k", 12, "4k", "500k", SMALL_STEPS, SMALL_BUDGET, SMALL_LONG)
    if name in ("mix", "gpu"):
        size = recipe.m2.sizes[0]
        return Scale(name, recipe, "4k", 12, "4k", size, SMALL_STEPS, {"size": "3m"}, {"size": size})
    scaled = {size: steps for size, steps in PAPER_STEPS.items() if name == "paper" or size == "25m"}
    budget = {"size": "25m", "steps": PAPER_STEPS["25m"]}
    return Scale(name, recipe, "65k", 16, "32k", "25m", scaled, budget, {"size": "25m"})
