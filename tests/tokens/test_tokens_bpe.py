"""BPE and SuperBPE: trained the same twice, within words or over them, and merges against a slow reference."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo import Tokenizer
from equalinfo.dictionary.train.bpe_merges import merges_across
from equalinfo.errors import EqualInfoError
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from tests.support.methods import TRAINING_TEXT

pytest.importorskip("tokenizers", reason="pip install 'equalinfo[peers]'")
BYTES = "The lazy dog, 12345 naïve 東京 — <|endoftext|> ▁ \x00\r\n  end".encode() + b"\xff\xc3 cut \xe6\x9d"


def made(spec: str, documents: Sequence[bytes] = TRAINING_TEXT) -> Tokenizer:
    return Spec.parse(spec).build(Sources(documents=lambda: documents))


@pytest.mark.parametrize(
    "spec", ["BPE[v=350]", "BPE[v=350,words]", "SuperBPE[v=350]", "SuperBPE[v=350,words]"]
)
def test_any_bytes_read_back_and_training_repeats(spec: str, tmp_path: Path) -> None:
    tokenizer = made(spec)
    assert (tokenizer.vocab, tokenizer.eos) == (350, 0)
    assert tokenizer.decode(tokenizer.encode(BYTES)) == BYTES
    assert {*tokenizer.vocab_entries()[1:257]} == {bytes([byte]) for byte in range(256)}
    assert made(spec).fingerprint == tokenizer.fingerprint
    tokenizer.save_pretrained(tmp_path / "tok")
    again = Tokenizer.from_pretrained(tmp_path / "tok")
    assert again.encode(BYTES).tolist() == tokenizer.encode(BYTES).tolist()


def test_transformers_opens_it(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = made("SuperBPE[v=350]")
    tokenizer.save_pretrained(tmp_path / "tok")
    theirs = transformers.AutoTokenizer.from_pretrained(str(tmp_path / "tok"))
    text = "the quick brown fox\nover the lazy dog 東京"
    assert theirs(text)["input_ids"] == tokenizer.encode(text).tolist()
    assert (theirs.eos_token_id, len(theirs)) == (0, 350)


def test_words() -> None:
    entries = made("BPE[v=380,words]").vocab_entries()[257:]
    assert entries
    assert all(re.fullmatch(rb" ?\w+|\s+|[^\w\s]+| ?[^\w\s]+", entry) for entry in entries if entry.isascii())
    assert not any(b" " in entry[1:].strip() for entry in entries)
    over = [entry for entry in made("SuperBPE[v=380]").vocab_entries()[257:] if b" " in entry.strip()]
    assert over
    assert all(len(entry.split()) <= 4 and b"\n" not in entry.strip() for entry in over)


def test_a_corpus_that_is_too_small() -> None:
    for spec in ("BPE[v=4k]", "SuperBPE[v=4k]"):
        with pytest.raises(EqualInfoError, match=r"largest v it supports is \d+"):
            made(spec, [b"abc abc abd"])
    with pytest.raises(EqualInfoError, match="--corpus"):
        Spec.parse("BPE[v=300]").build(Sources())


def slow_merges(
    lines: list[list[int]], entries: list[bytes], vocab: int, most_words: int
) -> list[tuple[int, int]]:
    """The rule, counted anew for each merge."""
    entries, merges, refused = list(entries), [], set()
    while len(entries) < vocab:
        counts = Counter()
        for line in lines:
            place = 0
            while place < len(line) - 1:
                counts[line[place], line[place + 1]] += 1
                place += 1
        best = min(
            ((-count, pair) for pair, count in counts.items() if pair not in refused and count > 1),
            default=None,
        )
        if best is None:
            break
        left, right = best[1]
        text = entries[left] + entries[right]
        if len(re.findall(rb" ?\w+", text)) > most_words:
            refused.add(best[1])
            continue
        if text not in entries:
            entries.append(text)
        joined = entries.index(text)
        merges.append((left, right))
        for line in lines:
            place = 0
            while place < len(line) - 1:
                if (line[place], line[place + 1]) == (left, right):
                    line[place : place + 2] = [joined]
                place += 1
    return merges


@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(st.lists(st.integers(0, 4), max_size=12), max_size=8),
    vocab=st.integers(5, 14),
)
def test_merges_are_those_of_counting_anew(lines: list[list[int]], vocab: int) -> None:
    entries = [b"a", b" b", b" c", b"d", b"aa"]
    flat = [index for line in lines for index in [*line, -1]]
    found = list(merges_across(np.array(flat, np.int64), entries, vocab, 3))
    assert found == slow_merges([list(line) for line in lines], entries, vocab, 3)


def test_merges_of_a_longer_text() -> None:
    rng = random.Random(0)
    entries = [b"a", b" b", b" c", b"d", b"aa"]
    lines = [[rng.choice([0, 0, 1, 2, 3]) for _ in range(40)] for _ in range(60)]
    flat = [index for line in lines for index in [*line, -1]]
    found = list(merges_across(np.array(flat, np.int64), entries, 60, 3))
    assert found == slow_merges([list(line) for line in lines], entries, 60, 3)
