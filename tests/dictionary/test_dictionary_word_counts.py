"""The words of a corpus and how often each comes: as plain counting has them, however they are counted."""

import os
import tempfile
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equalinfo.dictionary.parse.fewest import FewestParser
from equalinfo.dictionary.parse.viterbi import ONE_BIT, ViterbiParser
from equalinfo.dictionary.train import word_counts
from equalinfo.dictionary.train.prune import prune, with_singles
from equalinfo.dictionary.train.unigram import select
from equalinfo.dictionary.train.word_counts import WordCounts, add_up, count_words, whole
from equalinfo.dictionary.trie.automaton import build
from equalinfo.errors import EqualInfoError
from tests.oracles.dictionary_reference import stretches

ENTRIES = [
    b"ab",
    b" ab",
    b"abc",
    b" 1",
    b"12",
    b"--",
    b"\n ",
    b"  ",
    "é".encode(),
    " é".encode(),
    "漢字".encode(),
]
LETTERS = [b"a", b"b", b"c", b"d", b"e", b"f"]
text = st.text(" \n\t  abcé1²,.\u00a0-漢字\u2003\U00020000\U0001f600\0") | st.text()


def counted(words: WordCounts) -> dict[bytes, int]:
    found = {words.word(i): int(words.counts[i]) for i in range(len(words))}
    assert len(found) == len(words)
    return found


@given(st.lists(text, min_size=1, max_size=5))
def test_as_plain_counting(texts: list[str]) -> None:
    documents = [one.encode("utf-8", "ignore") for one in texts]
    expected = Counter(word for one in documents for word in stretches(one.decode()))
    assert counted(count_words(documents, 1)) == {word.encode(): n for word, n in expected.items()}


@given(
    st.lists(
        st.binary(max_size=200) | text.map(lambda one: one.encode("utf-8", "ignore")), min_size=1, max_size=6
    )
)
def test_a_parse_of_the_corpus_is_one_of_each_word(documents: list[bytes]) -> None:
    if not any(documents):
        documents.append(b"x")
    words = count_words(documents, 2)
    assert sum(len(word) * n for word, n in counted(words).items()) == sum(map(len, documents))
    automaton = build(with_singles(ENTRIES))
    scores = np.arange(len(automaton), dtype=np.int64) * 97 % 4000 + ONE_BIT
    for parser in (FewestParser(automaton), ViterbiParser(automaton, scores)):
        assert np.array_equal(words.usage(parser, "parse", 2), parser.usage(documents, 1))


def texts_of(seed: int, size: int) -> list[bytes]:
    random = np.random.default_rng(seed)
    words = ["".join(letters).encode() for letters in product("abcdefghijklmnopqrstu", repeat=3)]
    return [b" ".join(words[n] for n in random.integers(0, len(words), size)) for _ in range(40)]


def test_threads_and_files_change_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    documents = texts_of(0, 3000)
    expected = counted(count_words(documents, 1))
    monkeypatch.setattr(word_counts, "GROUP_BYTES", 10_000)
    assert counted(count_words(documents[::-1], 3)) == expected
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(word_counts, "MEMORY", 1_000_000)
    written = count_words(documents, 2)
    assert isinstance(written.text, np.memmap)
    assert counted(written) == expected
    assert not list(tmp_path.iterdir())
    candidates = [space + b"".join(pair) for space in (b"", b" ") for pair in product(LETTERS, repeat=2)]
    one = select(candidates, 300, whole(documents))
    for corpus in (written, count_words(documents, 1)):
        other = select(candidates, 300, corpus)
        assert other.automaton.entries() == one.automaton.entries()
        assert np.array_equal(other.scores, one.scores)
        assert prune(candidates, 300, corpus).entries() == prune(candidates, 300, lambda: documents).entries()


def test_no_room_for_files_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    monkeypatch.setattr(word_counts, "MEMORY", 100_000)
    with pytest.raises(EqualInfoError, match="set TMPDIR") as error:
        count_words(texts_of(1, 3000), 1)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("size", [59_990, 60_000, 60_001, 130_000])
def test_long_words(size: int) -> None:
    for long in (b"x" * size, "é".encode() * (size // 2), "漢".encode() * (size // 3), b"\xff" * size):
        found = counted(count_words([long + b" 12", b"12" + long], 1))
        if long[:1] == b"\xff":  # what is not text is cut from nothing
            assert found == {long + b" 12": 1, b"12" + long: 1}
        else:
            assert found == {long: 2, b" 12": 1, b"12": 1}


def test_counts_beyond_32_bits() -> None:
    often = WordCounts(np.frombuffer(b"ab cd", np.uint8), np.array([0, 2, 5]), np.array([1 << 32, 3 << 40]))
    words = add_up([often, often])
    assert counted(words) == {b"ab": 1 << 33, b" cd": 6 << 40}
    parser = FewestParser(build(with_singles([b"ab"])))
    use = words.usage(parser, "parse", 1)
    assert (use[257], use[1 + ord("c")]) == (1 << 33, 6 << 40)
    more = add_up([words, count_words([b"ab cd"], 1)])
    assert counted(more) == {b"ab": (1 << 33) + 1, b" cd": (6 << 40) + 1}


def test_it_says_how_far_it_is() -> None:
    said: list[tuple[str, int, int]] = []
    words = count_words([b"one two", b"three"], 1, lambda *what: said.append(what))
    words.usage(FewestParser(build(with_singles([b"on"]))), "parse", 1, lambda *what: said.append(what))
    assert said[-2:] == [("count words", 12, 12), ("parse", 12, 12)]


def test_nothing_is_left_in_the_folder_of_temporary_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(word_counts, "MEMORY", 100_000)

    def broken() -> object:
        yield from texts_of(2, 3000)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count_words(broken(), 1)  # type: ignore[arg-type]
    assert not os.listdir(tmp_path)
