"""How often each language of the multilingual mix counts, so that the same content costs about as many tokens in all.

    python -m scripts.reference_languages CORPUS --spec 'EqualInfo[v=65k,unigram,words]'

writes scripts/reference_languages.json, which `scripts.build_reference` takes. At first every language counts as much
as CONTENT bytes of English say, and English ENGLISH times that: what a language's text lacks is made up by counting it
several times. Then, ROUNDS times, a vocabulary is made and Django's messages are encoded, which are in no mix: a
language counts more by as much as it pays more tokens than the mean of all for the same messages. English stays, and
so does a language of which Django has few messages.
"""

import argparse
import hashlib
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq
from rich.progress import Progress

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.splits import Split, split_of
from equalinfo.dictionary.train.word_boundaries import words_of
from equalinfo.files import write_json
from equalinfo.progress import progress_bar
from equalinfo.tokens.compile import compile_tokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from scripts.corpus_mix.languages import LANGUAGES
from scripts.corpus_mix.parallel import django_messages
from scripts.reference_sources import Source, Survey, sources_of, up_to

WEIGHTS = Path(__file__).with_suffix(".json")
CONTENT = 1_000_000  # bytes of English
ENGLISH = 2  # so that it stays the cheapest, and few languages pay more than twice as much
ROUNDS = 3
MOST = 4.0  # times that any text counts: more make entries of whole phrases in it that no other text has
# Where no spaces are, a word is a clause, and a trainer that counts the parts of words that come often counts few. So
# the runs of letters there that come GRAM_LEAST times are said apart too, a line for each GRAM_EVERY times.
WITHOUT_SPACES = ("ja", "km", "lo", "my", "th", "zh-Hans", "zh-Hant")
GRAM_BYTES, GRAM_LEAST, GRAM_EVERY = 18, 16, 4
FEWEST_MESSAGES = 90
BYTES_UNKNOWN = 2.5  # for a byte of English, where Django has few messages: in scripts of India and their kin


class LevelledCorpus(Corpus):
    """Documents of all sources, each as often as its language counts; what is left of one, its hash decides.

    Args:
        lists: what comes often in languages without spaces is said apart too, after the documents for training.
    """

    def __init__(
        self, sources: list[Source], name: str, weights: dict[str, float], lists: bool = True
    ) -> None:
        self.source, self.field = name, "text"
        self._sources, self._weights, self._lists = sources, weights, lists

    def documents(self, split: Split | Literal["all"]) -> Iterable[bytes]:
        grams: dict[str, Counter[str]] = {language: Counter() for language in WITHOUT_SPACES}
        for language, document in self._documents():
            if split in ("all", split_of(document)):
                yield document
                if self._lists and language in grams:
                    grams[language].update(_grams(document.decode()))
        if self._lists and split in ("all", "train"):
            yield from chain.from_iterable(map(_lists, grams.values()))

    def _documents(self) -> Iterator[tuple[str, bytes]]:
        for source in self._sources:
            for language, document in texts_of(source):
                times, left = divmod(self._weights[language], 1)
                again = int.from_bytes(hashlib.sha256(document).digest()[12:16], "big") < left * 2**32
                for _ in range(int(times) + again):
                    yield language, document


def _grams(text: str) -> Iterator[str]:
    """Every run of letters of up to GRAM_BYTES within the words of a text."""
    for word in words_of(text):
        if word.isascii():
            continue
        for start in range(len(word)):
            for end in range(start + 1, len(word) + 1):
                gram = word[start:end]
                if len(gram.encode()) > GRAM_BYTES:
                    break
                yield gram


def _lists(grams: Counter[str]) -> Iterator[bytes]:
    """What comes often, a line for each GRAM_EVERY times."""
    for gram, count in sorted(grams.items()):
        if count >= GRAM_LEAST:
            yield "\n".join([gram] * (count // GRAM_EVERY)).encode()


def texts_of(source: Source) -> Iterator[tuple[str, bytes]]:
    """The documents of a source with their languages; where it names none, it is in English, and its share is taken."""
    if not source.by_language:
        for document in source.documents():
            yield "en", document
        return
    for batch in pq.ParquetFile(source.path).iter_batches():
        for language, text in zip(batch["language"].to_pylist(), batch["text"].to_pylist(), strict=True):
            yield language, text.encode()


def surveys_by_language(sources: list[Source], most: int) -> list[Survey]:
    """What is held out of each language, about `most` bytes of it, in the order of LANGUAGES."""
    held_out: dict[str, list[bytes]] = {language: [] for language in LANGUAGES}
    for source in sources:
        for language, document in texts_of(source):
            if split_of(document) == "validation":
                held_out[language].append(document)
    return [
        Survey(Source(name, "", script, "", 0), held_out=list(up_to(most, held_out[language])))
        for language, (name, script) in LANGUAGES.items()
    ]


def sizes_of(sources: list[Source]) -> dict[str, int]:
    """Bytes of training text by language, in the order of LANGUAGES."""
    sizes = dict.fromkeys(LANGUAGES, 0)
    for source in sources:
        for language, document in texts_of(source):
            sizes[language] += len(document)
    return sizes


def tokens_for_content(tokenizer: Tokenizer, pairs: dict[str, list[tuple[str, str]]]) -> dict[str, float]:
    """Tokens in a language for a token of the same messages in English, where there are enough."""
    return _ratios(pairs, lambda texts: sum(map(len, tokenizer.encode_batch(texts))))


def _ratios(pairs: dict[str, list[tuple[str, str]]], size: Callable[[list[str]], int]) -> dict[str, float]:
    return {
        language: size([translated for _, translated in own]) / size([english for english, _ in own])
        for language, own in pairs.items()
        if language in LANGUAGES and len(own) >= FEWEST_MESSAGES
    }


def levelled(sources: list[Source], spec: Spec, progress: Progress) -> dict[str, float]:
    """How often a document of each language counts."""
    pairs = django_messages()
    sizes = sizes_of(sources)
    bulk = {"en": float(ENGLISH)} | _ratios(pairs, lambda texts: sum(len(text.encode()) for text in texts))
    weights = {one: min(MOST, CONTENT * bulk.get(one, BYTES_UNKNOWN) / sizes[one]) for one in LANGUAGES}
    for _ in range(ROUNDS):
        corpus = LevelledCorpus(sources, "multilingual", weights)
        with tempfile.TemporaryDirectory() as folder:
            tokenizer = compile_tokenizer(spec, None, corpus, Path(folder) / "tok", progress)
            paid = tokens_for_content(tokenizer, pairs)
        mean = math.exp(sum(map(math.log, paid.values())) / len(paid))
        for language, ratio in paid.items():
            weights[language] = min(MOST, weights[language] * ratio / mean)
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path, help="the multilingual mix")
    parser.add_argument("--spec", default="EqualInfo[v=65k,unigram,words]")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    with progress_bar() as progress:
        weights = levelled(sources_of(given.corpus), Spec.parse(given.spec), progress)
    write_json(given.out, {one: round(weight, 3) for one, weight in weights.items()})


if __name__ == "__main__":
    main()
