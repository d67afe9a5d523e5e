"""Tokenizers that were compiled into a dictionary: no model runs when they encode or decode."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from equalinfo.dictionary.train.word_boundaries import SPLIT_PATTERN
from equalinfo.dictionary.trie.automaton import Automaton, build, from_arrays
from equalinfo.dictionary.trie.compact import ARRAYS as COMPACT_ARRAYS
from equalinfo.dictionary.trie.compact import from_compact, to_compact
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import sha256_bytes, write_array
from equalinfo.outputs import output_directory
from equalinfo.predict.base import read_only
from equalinfo.seeded import Bits
from equalinfo.tensors import read_gzipped, read_npy, write_gzipped
from equalinfo.tokens import sentencepiece_form
from equalinfo.tokens.dictionary_options import first_spelling
from equalinfo.tokens.gguf_form import GGUFVocabulary, scored_vocabulary, trie_vocabulary
from equalinfo.tokens.hugging_face import (
    ONE_BIT,
    TOKENIZER,
    TOKENIZER_CONFIG,
    Parse,
    end_of_text_of,
    tokenizer_config,
    tokenizer_json,
    with_special,
)
from equalinfo.tokens.methods import PARSERS
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.texts import Flat
from equalinfo.tokens.tokenizer import KIND, Advance, Tokenizer, checked_ids

if TYPE_CHECKING:
    from equalinfo.dictionary.parse.parser import Parser
    from equalinfo.dictionary.parse.viterbi import ViterbiParser

ARRAYS = ("words", "blob", "offsets")
SCORES = "costs"  # as files call them
COMPACT = "compact.safetensors.gz"  # in place of those, where it is to be small
FIRST_COMPACT = "compact.safetensors"  # as it was written at first


class CompiledTokenizer(Tokenizer):
    """Ids that are the entries of a dictionary: the most probable strings under M1, parsed by greedy longest match.

    Id 0 is EOS: it stands for no bytes, and no text encodes to it.

    Attributes:
        parse: the parse in the words of an export; None where no export can do it.
        per_window: how many ids an entry is.

    Raises:
        DamagedArtifact: the automaton is not that of `spec`.
    """

    columns = ("M1", "compiled dictionary", "one token each", "one entry")
    parse: ClassVar[Parse | None] = "greedy"
    per_window: int = 1
    text_of_ids = True
    eos: int | None = 0

    def __init__(self, spec: Spec, automaton: Automaton) -> None:
        super().__init__(spec)
        self.automaton = automaton
        if len(automaton) != self._entries_expected:
            raise DamagedArtifact(
                f"the dictionary of {spec} has {len(automaton)} entries, not {self._entries_expected}; "
                "compile it again"
            )

    @classmethod
    def build(cls, spec: Spec, sources: Sources) -> Tokenizer:
        from equalinfo.tokens.entries import most_probable  # brings in Numba

        return cls(spec, build(most_probable(spec, sources)))

    @classmethod
    def load(cls, spec: Spec, directory: Path, device: str = "cpu") -> Tokenizer:
        return cls(spec, load_automaton(directory))

    @property
    def _entries_expected(self) -> int:
        return self.vocab

    def _ids(self, entries: np.ndarray) -> np.ndarray:
        """Token ids of the entries that a text was parsed into, [n]."""
        return entries

    def _entries(self, ids: Any, partial: bool) -> tuple[np.ndarray, bytes]:
        """The inverse; and, where the last ids do not make an entry (`partial`), the bytes they are sure of."""
        return checked_ids(ids, self.vocab), b""

    @cached_property
    def parser(self) -> "Parser":
        """What cuts a text into entries; it brings in Numba, which a process that only loads does not wait for."""
        from equalinfo.dictionary.parse.greedy import GreedyParser

        return GreedyParser(self.automaton)

    def _encode(self, text: bytes) -> np.ndarray:
        return self._ids(self.parser.encode(text))

    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        parses = self.parser.encode_batch(texts)
        if advance:
            advance(sum(map(len, texts)))
        return [self._ids(entries) for entries in parses]

    def _encode_flat(self, text: np.ndarray, bounds: np.ndarray, advance: Advance | None) -> Flat:
        entries, entry_bounds = self.parser.encode_flat(text, bounds, threads=None)
        if advance:
            advance(text.size)
        return self._ids(entries), entry_bounds * self.per_window

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        """The text of each list of ids; whatever they are, they stand for one.

        Args:
            partial: the ids may end inside a window; what its missing ids cannot change is given.

        Raises:
            UndecodableTokens: an id outside the vocabulary; without `partial`, an incomplete window.
        """
        from equalinfo.dictionary.parse import decode

        texts = []
        for ids in streams:
            entries, begun = self._entries(ids, partial)
            texts.append(decode.decode(self.automaton, entries) + begun)
        return texts

    def _count(self, text: bytes) -> int:
        return self.parser.count(text) * self.per_window

    def token_bytes(self, token: int) -> bytes:
        return self.automaton[int(checked_ids([token], self.vocab)[0])]

    def vocab_entries(self) -> list[bytes]:
        return self.automaton.entries()

    def _segments(self, text: bytes) -> list[tuple[bytes, list[int]]]:
        entries = self.parser.encode(text)
        ids = self._ids(entries).reshape(-1, self.per_window).tolist()
        return [(self.automaton[entry], window) for entry, window in zip(entries.tolist(), ids, strict=True)]

    def _offsets(self, text: bytes) -> np.ndarray:
        from equalinfo.dictionary.parse import decode

        entries = self.parser.encode(text)
        bounds = decode.offsets(self.automaton, entries)
        return np.repeat(np.column_stack([bounds[:-1], bounds[1:]]), self.per_window, axis=0)

    def _made_of(self) -> tuple[Any, ...]:
        return (self.automaton,)

    def save_files(self, directory: Path) -> None:
        for name, array in {**self.automaton.to_arrays(), **self._more_arrays()}.items():
            with open(directory / f"{name}.npy", "wb") as stream:
                write_array(stream, array)
        if self.parse:  # what `AutoTokenizer` opens without this package
            for name, content in self.export_files("huggingface").items():
                (directory / name).write_bytes(content)

    def save_compact(self, path: Path, more: Mapping[str, bytes] | None = None) -> None:
        compact = {**to_compact(self.automaton), **self._more_arrays()}
        with output_directory(path, KIND) as directory:
            write_gzipped(directory / COMPACT, compact)
            for name, content in (more or {}).items():
                (directory / name).write_bytes(content)
            self._write_manifest(directory)

    def _more_arrays(self) -> dict[str, np.ndarray]:
        """What is saved besides the automaton."""
        return {}

    def export_files(self, form: str, special: Sequence[str] = ()) -> dict[str, bytes]:
        if not self.parse or form not in ("huggingface", "sentencepiece"):
            return super().export_files(form)
        config = {TOKENIZER_CONFIG: tokenizer_config(end_of_text_of(self.vocab_entries()))}
        if form == "huggingface":
            split = SPLIT_PATTERN if "words" in self.spec else None
            definition = tokenizer_json(self.vocab_entries(), self.parse, split, self._scores())
            return {TOKENIZER: with_special(definition, special, self.vocab), **config}
        if self.parse == "greedy":
            raise EqualInfoError(
                f"{self.spec} takes the longest match, SentencePiece the likeliest parse; choose huggingface"
            )
        scores = self._scores() or [ONE_BIT] * self.vocab
        pieces = sentencepiece_form.form_pieces(self.vocab_entries(), scores, special)

        def score_of(text: str) -> int:
            return sum(scores[index] for index in self.encode(text).tolist())

        json = sentencepiece_form.tokenizer_json(pieces, score_of)
        return {sentencepiece_form.MODEL: sentencepiece_form.model_file(pieces), TOKENIZER: json, **config}

    def gguf_vocabulary(self, special: Sequence[str] = ()) -> GGUFVocabulary:
        if not self.parse:
            return super().gguf_vocabulary()
        if self.parse != "greedy":
            raise EqualInfoError(
                f"llama.cpp breaks ties otherwise than {self.spec}, and would give other ids in most texts; "
                "choose huggingface"
            )
        return trie_vocabulary(self.vocab_entries(), special)

    def _scores(self) -> list[int] | None:
        """The information of each entry, in parts of a bit, where the parse goes by that."""
        return None

    def page_form(self) -> dict[str, Any] | None:
        if not self.parse:
            return None
        form = {"kind": "dictionary", "entries": self.automaton.entries(), "parse": self.parse}
        return form | {"first": 0, "perWindow": 1} | self._more_arrays()

    def _fingerprinted_spec(self) -> str:
        return first_spelling(self.spec)

    def state_fingerprint(self) -> str:
        # The words follow from the entries, and loading checks that they do.
        return sha256_bytes(self.automaton.offsets.astype("<u4").tobytes() + self.automaton.blob.tobytes())


class FewestTokenizer(CompiledTokenizer):
    """Ids that are the entries of a dictionary chosen by use, in the parse into the fewest tokens."""

    parse = "fewest"
    needs_corpus = True
    longest_match = False

    @classmethod
    def build(cls, spec: Spec, sources: Sources) -> Tokenizer:
        from equalinfo.tokens.entries import most_used

        return cls(spec, most_used(spec, sources))

    @cached_property
    def parser(self) -> "Parser":
        from equalinfo.dictionary.parse.fewest import FewestParser
        from equalinfo.dictionary.parse.word_table import by_words

        fewest = FewestParser(self.automaton)
        return by_words(fewest, fewest.scores) if "words" in self.spec else fewest


class OtherParserTokenizer(CompiledTokenizer):
    """The most probable strings, parsed as a parser of another package does."""

    parse = None
    longest_match = False

    @cached_property
    def parser(self) -> "Parser":
        return PARSERS[self.spec.flag_of(PARSERS) or ""](self.automaton)


class ScoredTokenizer(CompiledTokenizer):
    """Ids that are the entries of a dictionary in the parse with the least sum of scores: the likeliest.

    Raises:
        DamagedArtifact: the automaton or the scores are not those of `spec`.
    """

    parse = "likeliest"
    needs_corpus = True
    longest_match = False

    def __init__(self, spec: Spec, automaton: Automaton, scores: np.ndarray) -> None:
        super().__init__(spec, automaton)
        if scores.dtype != np.uint16 or scores.shape != (self.vocab,):
            raise DamagedArtifact(f"{spec} needs {self.vocab} scores, as uint16; compile it again")
        self.scores = scores

    @classmethod
    def build(cls, spec: Spec, sources: Sources) -> Tokenizer:
        from equalinfo.tokens.entries import most_saving

        chosen = most_saving(spec, sources)
        return cls(spec, chosen.automaton, chosen.scores.astype(np.uint16))

    @classmethod
    def load(cls, spec: Spec, directory: Path, device: str = "cpu") -> Tokenizer:
        return cls(spec, load_automaton(directory), load_scores(directory))

    @cached_property
    def parser(self) -> "Parser":
        from equalinfo.dictionary.parse.word_table import by_words

        return by_words(self._lattice, self._lattice.scores) if "words" in self.spec else self._lattice

    @cached_property
    def _lattice(self) -> "ViterbiParser":
        """All segmentations of a text; within words too, since no entry crosses the start of a word."""
        from equalinfo.dictionary.parse.viterbi import ViterbiParser

        return ViterbiParser(self.automaton, self.scores.astype(np.int64))

    def _sampled(self, text: bytes, alpha: float, source: Bits) -> np.ndarray:
        from equalinfo.dictionary.parse.sampling import sampled

        return sampled(self._lattice, text, alpha, source)

    def _made_of(self) -> tuple[Any, ...]:
        return self.automaton, read_only(self.scores)

    def _more_arrays(self) -> dict[str, np.ndarray]:
        return {SCORES: self.scores}

    def gguf_vocabulary(self, special: Sequence[str] = ()) -> GGUFVocabulary:
        return scored_vocabulary(self.vocab_entries(), self._scores(), special)

    def _scores(self) -> list[int]:
        return self.scores.tolist()

    def state_fingerprint(self) -> str:
        return sha256_bytes(super().state_fingerprint().encode() + self.scores.astype("<u2").tobytes())


def compact_file(directory: Path) -> Path | None:
    """The small form of a dictionary, if it has that form."""
    files = (path for name in (COMPACT, FIRST_COMPACT) if (path := directory / name).is_file())
    return next(files, None)


def load_scores(directory: Path) -> np.ndarray:
    """The scores that `ScoredTokenizer` saved into `directory`, [v] uint16.

    Raises:
        DamagedArtifact: there are none.
    """
    if path := compact_file(directory):
        return read_gzipped(path, {SCORES: ((None,), np.uint16)})[SCORES]
    return np.array(read_npy(directory / f"{SCORES}.npy"))


def load_automaton(directory: Path) -> Automaton:
    """The automaton that `save_files` wrote into `directory`, memory-mapped, or `save_compact`; checked.

    Raises:
        DamagedArtifact: its files are not the arrays of a dictionary.
    """
    if path := compact_file(directory):
        expected = {name: ((None,) * dimensions, np.uint8) for name, dimensions in COMPACT_ARRAYS.items()}
        return from_compact(**read_gzipped(path, expected))
    return from_arrays(**{name: read_npy(directory / f"{name}.npy") for name in ARRAYS})
