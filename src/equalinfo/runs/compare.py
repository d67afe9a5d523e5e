"""Tokenizers side by side on a sample of a corpus, without training anything (`equalinfo compare`)."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from equalinfo.corpus.kinds import kind_of_text, language_of
from equalinfo.errors import EqualInfoError
from equalinfo.score.metrics import entropy_bits
from equalinfo.tokens.tokenizer import Tokenizer

SAMPLE_BYTES = 2_000_000
READ_BYTES = 256_000_000  # of a corpus, at most, for a sample
WORDS_BYTES = 300_000  # of the sample, where words and numbers are looked at
WORD = re.compile(r"[^\W\d_]+")
NUMBER = re.compile(r"\d+")
NUMBER_SHOWN = b"1234567.89"


@dataclass(frozen=True)
class Sample:
    """Documents that tokenizers are compared on, with what each seems to be."""

    documents: list[bytes]
    kinds: list[str]
    languages: list[str]

    @property
    def source_bytes(self) -> int:
        return sum(map(len, self.documents))

    @classmethod
    def of(cls, documents: Iterable[bytes], size: int = SAMPLE_BYTES) -> "Sample":
        """Every so many-th document, up to about `size` bytes; the whole corpus if it is smaller."""
        kept: list[bytes] = []
        stride, held, read = 1, 0, 0
        for number, document in enumerate(documents):
            read += len(document)
            if read > READ_BYTES:
                break
            if number % stride == 0:
                kept.append(document)
                held += len(document)
            while held > size and len(kept) > 1:
                kept, stride = kept[::2], 2 * stride
                held = sum(map(len, kept))
        return cls(kept, [kind_of_text(one) for one in kept], [language_of(one) for one in kept])


@dataclass(frozen=True)
class Compared:
    """What a tokenizer does with a sample; None where its ids have no place in a text, or nothing was there to count.

    Args:
        name: as the user gave it.
        bytes_per_token: over the whole sample; by kind of text; by language.
        read_back: share of documents that decode to themselves.
        megabytes_per_second: encoding, 10^6 bytes.
        unigram_bits_per_byte: entropy of the sample's ids, for each byte of source; None unless all reads back.
        words_whole: share of words that are one id, with or without the space before.
        ids_per_word: ids that have a part in a word, on average.
        digits_per_id: digits of numbers for each id that has a part in one.
        number: how a number is cut.
        ids_used: how many of the ids occur.
        special: names of ids that no text encodes to.
    """

    name: str
    spec: str
    vocab: int
    bytes_per_token: float
    by_kind: dict[str, float]
    by_language: dict[str, float]
    read_back: float
    megabytes_per_second: float
    unigram_bits_per_byte: float | None
    words_whole: float | None
    ids_per_word: float | None
    digits_per_id: float | None
    number: list[str]
    ids_used: int
    special: list[str] = field(default_factory=list)


def compare(
    tokenizers: Sequence[tuple[str, Tokenizer]],
    sample: Sample,
    on_progress: Callable[[], None] = lambda: None,
) -> list[Compared]:
    """Each tokenizer on the sample, in order.

    Raises:
        EqualInfoError: the sample is empty.
    """
    if not sample.source_bytes:
        raise EqualInfoError("there is no text to compare tokenizers on")
    rows = []
    for name, tokenizer in tokenizers:
        rows.append(_compared(name, tokenizer, sample))
        on_progress()
    return rows


def _compared(name: str, tokenizer: Tokenizer, sample: Sample) -> Compared:
    documents = sample.documents
    tokenizer.encode_unchecked(documents[:2])  # kernels compile before time is taken
    started = time.perf_counter()
    streams = tokenizer.encode_unchecked(documents)
    seconds = time.perf_counter() - started
    exact = [tokenizer.reads_back(ids, text) for ids, text in zip(streams, documents, strict=True)]
    counts = np.bincount(np.concatenate([*streams, np.empty(0, np.int64)]).astype(np.int64))
    # Miller and Madow's term: so few of so many.
    bits = counts.sum() * entropy_bits(counts, True) / sample.source_bytes if all(exact) else None
    readable = [text for text, back in zip(documents, exact, strict=True) if back]
    words, whole, word_ids, digits, digit_ids = _words_and_numbers(tokenizer, readable)
    sizes = [len(text) for text in documents]
    tokens = [len(ids) for ids in streams]
    return Compared(
        name=name,
        spec=str(tokenizer.spec),
        vocab=tokenizer.vocab,
        bytes_per_token=sum(sizes) / max(sum(tokens), 1),
        by_kind=_by(sample.kinds, sizes, tokens),
        by_language=_by(sample.languages, sizes, tokens),
        read_back=sum(exact) / len(exact),
        megabytes_per_second=sum(sizes) / 1e6 / max(seconds, 1e-9),
        unigram_bits_per_byte=bits,
        words_whole=whole / words if words else None,
        ids_per_word=word_ids / words if words else None,
        digits_per_id=digits / digit_ids if digit_ids else None,
        number=_number(tokenizer),
        ids_used=int((counts > 0).sum()),
        special=tokenizer.special_names(),
    )


def _number(tokenizer: Tokenizer) -> list[str]:
    (ids,) = tokenizer.encode_unchecked([NUMBER_SHOWN])
    if not tokenizer.reads_back(ids, NUMBER_SHOWN):
        return []
    return [part.decode("utf-8", "replace") for part, _ in tokenizer.segments(NUMBER_SHOWN)]


def _by(groups: Sequence[str], sizes: Sequence[int], tokens: Sequence[int]) -> dict[str, float]:
    """Bytes/token of the documents of each group, the largest group first."""
    held: dict[str, list[int]] = {}
    for group, size, count in zip(groups, sizes, tokens, strict=True):
        total = held.setdefault(group, [0, 0])
        total[0] += size
        total[1] += count
    ordered = sorted(held.items(), key=lambda item: (-item[1][0], item[0]))
    return {group: size / max(count, 1) for group, (size, count) in ordered}


def _words_and_numbers(tokenizer: Tokenizer, documents: Sequence[bytes]) -> list[int]:
    """Words, those that are one id, ids with a part in them; digits of numbers, ids with a part in those."""
    counts = np.zeros(5, np.int64)
    looked_at = 0
    for document in documents if tokenizer.places_in_text else ():
        if looked_at > WORDS_BYTES:
            break
        looked_at += len(document)
        try:
            text = document.decode()
        except UnicodeDecodeError:
            continue
        # Where in the bytes each character begins.
        places = np.concatenate([[0], np.cumsum([len(character.encode()) for character in text])])
        begins, ends = tokenizer.offsets(document).T
        starts, stops = _spans(WORD, text, places)
        if len(starts):
            first, last = np.searchsorted(ends, starts, "right"), np.searchsorted(begins, stops, "left") - 1
            spaced = np.frombuffer(document, np.uint8)[np.maximum(starts - 1, 0)] == ord(" ")
            from_start = (begins[first] == starts) | (spaced & (begins[first] == starts - 1))
            whole = from_start & (first == last) & (ends[first] == stops)
            counts[:3] += [len(starts), whole.sum(), (last - first + 1).sum()]
        starts, stops = _spans(NUMBER, text, places)
        if len(starts):
            first, last = np.searchsorted(ends, starts, "right"), np.searchsorted(begins, stops, "left") - 1
            counts[3:] += [(stops - starts).sum(), (last - first + 1).sum()]
    return counts.tolist()


def _spans(pattern: re.Pattern[str], text: str, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where matches begin and end, in bytes."""
    spans = np.array([match.span() for match in pattern.finditer(text)], np.int64).reshape(-1, 2)
    return places[spans[:, 0]], places[spans[:, 1]]
