"""Dictionaries of words in small letters, whose capitals are tokens of their own (`dictionary.parse.case_marks`)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from equalinfo.seeded import Bits
from equalinfo.tokens.hugging_face import FILES
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.texts import Flat
from equalinfo.tokens.tokenizer import Advance, Tokenizer


class CaseTokenizer(Tokenizer):
    """Ids of another dictionary for a text written with marks of case.

    Its ids have no text of their own: what an entry stands for depends on the marks before it.

    Args:
        base: the dictionary, made from text with marks.

    Examples:
        >>> from pydoc_data.topics import topics
        >>> tokenizer = Tokenizer.train("EqualInfo[v=512,unigram,words,case]", topics.values(), quiet=True)
        >>> one, other = tokenizer.encode("in statements"), tokenizer.encode("In statements")
        >>> other[1:].tolist() == one.tolist(), tokenizer.decode(other)
        (True, b'In statements')
    """

    columns = ("none", "compiled dictionary", "one token each", "one entry")
    needs_corpus = True
    longest_match = False

    def __init__(self, spec: Spec, base: Tokenizer) -> None:
        super().__init__(spec)
        self.base, self.eos = base, base.eos

    @classmethod
    def takes_special(cls, spec: Spec) -> bool:
        return True

    @classmethod
    def build(cls, spec: Spec, sources: Sources) -> Tokenizer:
        from equalinfo.dictionary.parse.case_marks import marked

        def documents() -> Iterable[bytes]:
            return (marked([document])[0] for document in sources.corpus(spec)())

        # M1 knows text as it is, and engines count that.
        marked_sources = replace(sources, m1=None, documents=documents, partitioned=None)
        return cls(spec, dictionary_of(spec).build(marked_sources))

    @classmethod
    def load(cls, spec: Spec, directory: Path, device: str = "cpu") -> Tokenizer:
        base = dictionary_of(spec)
        return cls(spec, base.tokenizer_class.load(base, directory, device))

    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        from equalinfo.dictionary.parse.case_marks import marked

        streams = self.base._encode_batch(marked(texts), None)
        if advance:
            advance(sum(map(len, texts)))
        return streams

    def _encode_flat(self, text: np.ndarray, bounds: np.ndarray, advance: Advance | None) -> Flat:
        from equalinfo.dictionary.parse.case_marks import mark

        flat = self.base._encode_flat(*mark(text, bounds), None)
        if advance:
            advance(text.size)
        return flat

    def _sampled(self, text: bytes, alpha: float, source: Bits) -> np.ndarray:
        return self.base._sampled(self.written(text), alpha, source)

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        from equalinfo.dictionary.parse.case_marks import unmarked

        return [unmarked(text) for text in self.base.decode_batch(streams, partial)]

    def _settled(self, ids: Iterator[int]) -> Iterator[bytes]:
        from equalinfo.dictionary.parse.case_marks import unmarked

        held, size = b"", 0
        for token in ids:
            held += self.base.decode([token], partial=True)
            text = unmarked(held)
            yield text[size:]
            size = len(text)
            if held.endswith((b".", b"\n")):  # no mark reaches over these
                held, size = b"", 0

    def written(self, text: bytes) -> bytes:
        from equalinfo.dictionary.parse.case_marks import marked

        return marked([text])[0]

    def cut_entries(self) -> list[bytes] | None:
        return self.base.cut_entries()

    def _segments(self, text: bytes) -> list[tuple[bytes, list[int]]]:
        from equalinfo.dictionary.parse.case_marks import lengths_before

        written = self.written(text)
        before = lengths_before(written)
        segments, place, begin, waiting = [], 0, 0, []
        for entry, ids in self.base._segments(written):
            place += len(entry)
            waiting += ids
            if (end := int(before[place])) > begin:  # a mark goes with what follows it
                segments.append((text[begin:end], waiting))
                begin, waiting = end, []
        return segments

    def save_files(self, directory: Path) -> None:
        self.base.save_files(directory)
        for name in FILES:  # other libraries know no marks
            (directory / name).unlink(missing_ok=True)

    def _made_of(self) -> tuple[Any, ...]:
        return (self.base,)

    def state_fingerprint(self) -> str:
        return self.base.fingerprint


def dictionary_of(spec: Spec) -> Spec:
    """The spec of the dictionary beneath, of a spec with `case`."""
    return replace(spec, flags=tuple(flag for flag in spec.flags if flag != "case"))
