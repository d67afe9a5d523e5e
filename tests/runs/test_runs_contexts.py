"""What counting knows: the sum over held-out text of what the context model gives each byte."""

import json
import math
from pathlib import Path

import pytest

from equalinfo.corpus.corpus import Corpus
from equalinfo.predict.base import FREQUENCY_TOTAL
from equalinfo.predict.context import count_contexts
from equalinfo.runs import contexts


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    path = tmp_path / "notes.jsonl"
    lines = (json.dumps({"text": f"note {n} of {n % 7} many, {n * n}"}) for n in range(300))
    path.write_text("\n".join(lines))
    return Corpus(str(path))


def test_every_held_out_byte_is_scored_once(corpus: Corpus) -> None:
    model = count_contexts(5, lambda: corpus.documents("train"))
    chances = [
        row[byte] / FREQUENCY_TOTAL
        for document in corpus.documents("validation")
        for row, byte in zip(model.frequencies(document), document, strict=True)
    ]
    expected = -sum(map(math.log2, chances)) / len(chances)
    assert contexts.contexts_bits_per_byte(corpus) == pytest.approx(expected)


def test_of_a_large_corpus_some_documents_from_all_over_are_read(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = list(corpus.documents("validation"))
    assert b"".join(contexts._first(held_out, len(held_out[0]) + 3)) == held_out[0] + held_out[1][:3]
    training = list(corpus.documents("train"))
    size = sum(map(len, training)) // 3
    read = list(contexts._sample(corpus, "train", size))
    assert sum(map(len, read)) <= size
    places = [training.index(document) for document in read[:-1]]
    assert places[0] < len(training) // 4
    assert places[-1] > len(training) // 2
    monkeypatch.setattr(contexts, "COUNTED_BYTES", 100)
    assert contexts.contexts_bits_per_byte(corpus) > 2
