"""Bits/byte of M2s on any corpus, and whether two groups of seeds differ (`equalinfo evaluate`)."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich.progress import Progress
from rich.table import Table

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.examples import Example, cut_examples
from equalinfo.errors import EqualInfoError
from equalinfo.runs.config import EvaluationConfig
from equalinfo.score.metrics import mean_and_deviation
from equalinfo.score.results import Scores
from equalinfo.score.significance import SIGNIFICANT, Welch, welch
from equalinfo.score.tables import screen_table
from equalinfo.shards.documents import encode_examples
from equalinfo.shards.format import TokensInMemory
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.m2 import Scoring, load_m2, measure


class Evaluated(Scores):
    """An M2's score, how its windows lie, and which M2 it is."""

    windows: str
    size: str
    seed: int


class Evaluation:
    """Scores M2 directories on one corpus; a tokenizer that several share encodes it once."""

    def __init__(self, corpus: Corpus, config: EvaluationConfig, progress: Progress) -> None:
        self.config, self.progress, self._source = config, progress, corpus.source
        cut = cut_examples(corpus.documents(config.split))  # type: ignore[arg-type]
        self._examples: list[Example] = list(islice(cut, config.max_examples or None))
        self._texts: dict[tuple[str, bool], TokensInMemory] = {}

    def measure(self, path: Path) -> Evaluated:
        """The score of an M2 directory.

        Windows that do not overlap are M2's own, only the first of each example where it was trained so.

        Raises:
            EqualInfoError: no bytes to score, or a stride beyond the sequence length.
        """
        model, tokenizer, about = load_m2(path)
        length, sliding = about["sequence_length"], self.config.windows == "sliding"
        stride = (self.config.stride or max(length // 2, 1)) if sliding else length
        if stride > length:
            raise EqualInfoError(f"{path} has sequences of {length} tokens; give a stride of at most as many")
        scoring = Scoring(length, about["plan"]["first_only"] and not sliding, stride)
        scores = measure(
            model, tokenizer, self._text(tokenizer, about.get("eos") is not None), scoring, self.progress
        )
        windows = f"sliding, stride {stride}" if sliding else "disjoint"
        seed = about["plan"]["training"]["seed"]
        return Evaluated(**scores.model_dump(), windows=windows, size=about["size"], seed=seed)

    def _text(self, tokenizer: Tokenizer, eos: bool) -> TokensInMemory:
        key = tokenizer.fingerprint, eos
        if key not in self._texts:
            datas = [example.data for example in self._examples]
            task = self.progress.add_task(f"tokenize {tokenizer.spec}", total=sum(map(len, datas)), note="")
            encode = encode_examples if eos else Tokenizer.encode_batch
            ids = encode(tokenizer, datas, lambda count: self.progress.advance(task, count))
            source_bytes = sum(example.source_bytes for example in self._examples)
            self._texts[key] = TokensInMemory(ids, source_bytes)
        text = self._texts[key]
        if text.tokens == 0 or text.source_bytes == 0:
            raise EqualInfoError(f"{self._source} has no bytes to score; give a corpus with text")
        return text


@dataclass(frozen=True)
class GroupScores:
    """The seeds of one method: their bits/byte in order, the mean and standard deviation (n - 1; None for one seed)."""

    method: str
    size: str
    windows: str
    bytes_per_token: float
    eval_tokens: int
    eval_source_bytes: int
    seeds: list[int]
    bits_per_byte: list[float]
    mean: float
    deviation: float | None


@dataclass(frozen=True)
class Comparison:
    """One or two groups; the test between two with two seeds or more each, where seeds differ."""

    groups: list[GroupScores]
    welch: Welch | None


def compare(
    corpus: Corpus, config: EvaluationConfig, groups: Sequence[Sequence[Path]], progress: Progress
) -> Comparison:
    """Scores one or two groups of M2 directories, the seeds of a method each.

    Raises:
        EqualInfoError: a group mixes methods or sizes, or names one directory twice.
    """
    evaluation = Evaluation(corpus, config, progress)
    summaries: list[GroupScores] = []
    for paths in groups:
        if len({path.resolve() for path in paths}) < len(paths):
            raise EqualInfoError("an M2 is given twice in a group; each seed counts once")
        rows = [evaluation.measure(path) for path in paths]
        for name in ("method", "size"):
            if len(different := {getattr(row, name) for row in rows}) > 1:
                raise EqualInfoError(
                    f"a group holds the seeds of one method, not {' and '.join(sorted(different))}; use --against"
                )
        values, seeds = [row.bits_per_byte for row in rows], [row.seed for row in rows]
        first = rows[0]
        about = (first.method, first.size, first.windows, first.bytes_per_token)
        scored = (first.eval_tokens, first.eval_source_bytes)
        summaries.append(GroupScores(*about, *scored, seeds, values, *mean_and_deviation(values)))
    test = None
    if len(groups) == 2 and min(map(len, groups)) >= 2:
        with suppress(ValueError):  # no seed differs from another: the test does not apply
            test = welch(*(summary.bits_per_byte for summary in summaries))
    return Comparison(summaries, test)


def comparison_table(result: Comparison) -> Table:
    """What `compare` found, for a terminal."""
    rows = [
        (one.method, one.size, one.windows, str(len(one.seeds)), f"{one.mean:.4f}", _digits(one.deviation))
        for one in result.groups
    ]
    return screen_table(("method", "size", "windows", "seeds", "bits/byte", "±"), rows, (3, 4, 5))


def _digits(number: float | None) -> str:
    return "-" if number is None else f"{number:.4f}"


def verdict(result: Comparison) -> str:
    """One sentence on two groups; empty for one."""
    if len(result.groups) < 2:
        return ""
    first, second = result.groups
    difference = f"{first.method} - {second.method}: {first.mean - second.mean:+.4f} bits/byte"
    test = result.welch
    if test is None:
        return f"{difference}; no test: it needs two seeds or more in each group, not all equal"
    sure = "significant" if test.p < SIGNIFICANT else "not significant"
    return (
        f"{difference}; Welch's t = {test.t:.3f} with {test.degrees_of_freedom:.1f} degrees of freedom, "
        f"p = {test.p:.3g}, {sure} at {SIGNIFICANT}"
    )
