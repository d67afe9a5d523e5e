"""What a tokenizer is made from: an M1, a corpus, and the predictor that its spec names."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from equalinfo.corpus.splits import drawn
from equalinfo.errors import EqualInfoError
from equalinfo.parallel import cores
from equalinfo.predict.base import OnProgress, Predictor
from equalinfo.tokens.methods import PREDICTORS
from equalinfo.tokens.spec import Spec

if TYPE_CHECKING:
    from equalinfo.dictionary.train.word_counts import OnStage, WordCounts
    from equalinfo.tokens.partitioned_corpus import PartitionedCorpus

Documents = Callable[[], Iterable[bytes]]


@dataclass(frozen=True)
class Sources:
    """What there is to make a tokenizer from; `on_progress`, `device` and `threads` do not change it.

    Args:
        m1: an M1 directory, or the name of one that ships.
        documents: opens the corpus; called once for every time that it is read.
        on_progress: called with what is being done, how much of it is done, and of how much (0: not known yet).
        device: what M1 computes on, "cpu" or "cuda".
        threads: default: one per core.
        partitioned: the same corpus, cut, where it is large; an engine counts it.
        ready: a predictor that is at hand, taken in place of what the spec names.
    """

    m1: Path | None = None
    documents: Documents | None = None
    on_progress: "OnStage | None" = None
    device: str = "cpu"
    threads: int | None = None
    ready: Predictor | None = None
    partitioned: "PartitionedCorpus | None" = None

    @property
    def cores(self) -> int:
        """How many threads there are to take."""
        return cores() if self.threads is None else self.threads

    def corpus(self, spec: Spec) -> Documents:
        """`documents`; EqualInfoError if there are none."""
        if self.documents is None:
            raise EqualInfoError(f"{spec} is made from text: give a corpus as --corpus")
        return self.documents

    def words(self, spec: Spec) -> "WordCounts":
        """The corpus's words, for which it is read once; EqualInfoError if there are none."""
        from equalinfo.dictionary.train.word_counts import count_words

        documents = self.corpus(spec)
        if self.partitioned:
            words = self.partitioned.words(self.on_progress)
        else:
            words = count_words(documents(), self.threads, self.on_progress)
        if not len(words):
            raise EqualInfoError("the corpus holds no bytes; give a corpus with text")
        return words

    def sample(self, spec: Spec, share: float) -> "WordCounts":
        """So much of the corpus's documents, `whole`; which ones, their hashes decide."""
        from equalinfo.dictionary.train.word_counts import whole

        if self.partitioned:
            return self.partitioned.sample(share, self.on_progress)
        return whole(document for document in self.corpus(spec)() if drawn(document, share))

    def stage(self, name: str) -> OnProgress | None:
        """`on_progress` for one thing that is being done."""
        on_progress = self.on_progress
        return (lambda done, total: on_progress(name, done, total)) if on_progress else None

    def has_predictor(self, spec: Spec) -> bool:
        """Whether there is one: an M1 is given, or the spec names another."""
        return bool(self.ready or self.m1 or spec.predictor) or spec.order is not None

    def predictor(self, spec: Spec) -> Predictor:
        """What the spec says predicts bytes: M1, contexts counted on the corpus, or what a package adds.

        Raises:
            EqualInfoError: what it is made from is not there.
        """
        if self.ready is not None:
            return self.ready
        if spec.predictor:
            return PREDICTORS[spec.predictor].build(self.corpus(spec))
        if spec.order is not None:
            from equalinfo.predict.context import check_order, count_contexts

            check_order(spec.order)
            return count_contexts(spec.order, self.corpus(spec), self.stage("count contexts"))
        if self.m1 is None:
            raise EqualInfoError(
                f"{spec} needs an M1: train one with `equalinfo train-m1` and give it as --m1"
            )
        from equalinfo.predict.exact_files import load_m1

        return load_m1(self.m1, self.device)


def load_predictor(spec: Spec, directory: Path, device: str = "cpu") -> Predictor:
    """The predictor that a tokenizer of `spec` saved into its directory; M1 computes on `device`."""
    if spec.predictor:
        return PREDICTORS[spec.predictor].load(directory)
    if spec.order == 0:
        from equalinfo.predict.unigram import Unigram

        return Unigram.load(directory)
    if spec.order:
        from equalinfo.predict.context import ContextModel

        return ContextModel.load(directory)
    from equalinfo.predict.exact_files import load_exact

    return load_exact(directory, device)
