"""Parses by words give the ids of the parsers that they stand in for."""

import random
import resource
import sys
import threading
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.dictionary.parse import parser, word_starts, word_table
from equalinfo.dictionary.parse.fewest import FewestParser
from equalinfo.dictionary.parse.memory import address_of
from equalinfo.dictionary.parse.viterbi import MOST, ViterbiParser
from equalinfo.dictionary.parse.word_table import WordParser, by_words
from equalinfo.dictionary.train.word_boundaries import character_classes, within_word
from equalinfo.dictionary.trie import automaton
from equalinfo.kernels import kernel
from tests.support.dictionaries import HOSTILE, SINGLE, random_text

# Letters, digits, signs and white space of one to four bytes, a mark, an ideograph that is not looked up.
CHARACTERS = "ab1.- \n\t\0\x1c\x85é٣€\u00a0\u0301中\u3000😀𝟙𠀀"
characters = st.text(CHARACTERS, max_size=150)
# Not UTF-8: longer forms of a space, a tab and a letter, a surrogate, beyond Unicode, characters that are cut off.
WRONG = [
    b"\xc0\xa0", b"\xe0\x80\xa0", b"\xf0\x80\x80\xa0", b"\xc0\x89", b"\xc1\xa1",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8", b"\xe4\xb8", b"\xf0\x9f\x98",
]  # fmt: skip
texts = st.one_of(
    characters.map(str.encode),
    st.text(max_size=60).map(str.encode),
    st.binary(max_size=60),
    st.lists(
        st.one_of(characters.map(str.encode), st.sampled_from(WRONG), st.binary(max_size=4)), max_size=6
    ).map(b"".join),
    st.tuples(st.sampled_from(CHARACTERS), st.integers(0, 1200)).map(
        lambda drawn: (drawn[0] * drawn[1]).encode()
    ),
)
runs = st.tuples(st.sampled_from(CHARACTERS), st.integers(1, 64)).map(lambda drawn: drawn[0] * drawn[1])
entries_within = st.sets(
    st.one_of(st.text(CHARACTERS, min_size=1, max_size=5), st.text("ab", min_size=2, max_size=40), runs)
    .map(str.encode)
    .filter(lambda entry: 1 < len(entry) <= 64 and within_word(entry)),
    max_size=40,
).map(lambda drawn: [*SINGLE, *sorted(drawn)])


def parsers(entries, seed=0, most=MOST):
    """A parser by words and what it stands in for."""
    built = automaton.build(entries)
    scores = np.random.default_rng(seed).integers(0, most + 1, len(entries))
    plain = ViterbiParser(built, scores)
    fast = by_words(plain, scores)
    assert isinstance(fast, WordParser)
    return fast, plain


def english(seed, size):
    """A dictionary of stems and endings with and without a space, and text of them, of numbers and of signs."""
    rng = random.Random(seed)
    stems = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(1, 7))) for _ in range(400)]
    entries = {lead + stem for stem in stems for lead in ("", " ")} | {
        "  ",
        "   ",
        "\n\n",
        "\n  ",
        "==",
        "12",
        "...",
    }
    words = [
        rng.choice(stems) + rng.choice(["", "", rng.choice(stems), rng.choice(stems) + "x"])
        for _ in range(size)
    ]
    gaps = [" "] * 12 + [", ", ".\n", "\n    ", " = ", "  ", "12 ", "中", "é", "\n" + "=" * 30 + "\n"]
    text = "".join(word + rng.choice(gaps) for word in words).encode()
    return [*SINGLE, *sorted(entry.encode() for entry in entries if len(entry) > 1)], text


@settings(max_examples=400, deadline=None)
@given(
    entries_within,
    st.lists(texts, min_size=1, max_size=4),
    st.integers(0, 3),
    st.sampled_from([0, 1, 9, MOST]),
)
def test_same_ids_as_the_plain_parse(entries, documents, seed, most):
    fast, plain = parsers(entries, seed, most)
    for document in documents:
        expected = plain.encode(bytearray(document)).tolist()
        for _ in range(2):  # from the search, then from the table
            assert fast.encode(document).tolist() == expected
        assert fast.count(document) == len(expected)
    for ids, document in zip(fast.encode_batch(documents, 1), documents, strict=True):
        assert ids.tolist() == plain.encode(bytearray(document)).tolist()


@settings(max_examples=100, deadline=None)
@given(entries_within, texts)
def test_equal_scores_give_the_fewest_tokens(entries, text):
    plain = FewestParser(automaton.build(entries))
    fast = by_words(plain, np.ones(len(entries), np.int64))
    assert fast.encode(text).tolist() == plain.encode(bytearray(text)).tolist()


@kernel
def starts_of(text, size, classes, starts):
    return word_starts.word_starts(address_of(text), np.uint64(size), address_of(classes), address_of(starts))


@settings(max_examples=300, deadline=None)
@given(st.one_of(characters, st.text(max_size=300)).filter(bool))
def test_words_start_where_classes_change(text):
    fast, _ = parsers(SINGLE)
    data = text.encode()
    padded = np.frombuffer(data + b"e\xff" * 60, np.uint8)
    starts = np.zeros(len(data) + 16, np.uint16)
    count = starts_of(padded, len(data), fast._classes, starts)
    kinds = character_classes()
    expected, place = [0], 0
    for before, after in pairwise(text):
        place += len(before.encode())
        a, b = kinds[ord(before)], kinds[ord(after)]
        if max(ord(before), ord(after)) >= word_starts.CODE_POINTS:
            continue
        if (b > 1 and a == 1) if a < 2 else a != b:
            expected.append(place)
    assert starts[:count].tolist() == expected


@pytest.mark.parametrize(
    "text", [*HOSTILE, b"a b" * 700, "中文。".encode() * 900, ("é" * 700 + " ").encode() * 3]
)
def test_long_words_and_hostile_text(text):
    entries, _ = english(1, 1)
    fast, plain = parsers([*entries, *(b"a" * n for n in (20, 30, 63)), b" " * 40])
    for cut in (0, 1, 3):
        assert fast.encode(text[cut:]).tolist() == plain.encode(bytearray(text[cut:])).tolist()
    assert fast.count(text) == len(plain.encode(bytearray(text)))


@pytest.mark.parametrize("character", ["é", "٣", "€", "\u00a0", "中", "\u3000", "😀", "𝟙"])
@pytest.mark.parametrize("before", ["a", "1", "-", " ", "é", "中"])
def test_a_character_across_the_end_of_a_chunk(before, character):
    # What lies behind the chunk is told apart by its own bytes, not by what the processor's stack had there.
    pair = (before + character).encode()
    fast, plain = parsers([*SINGLE, *([pair] if within_word(pair) else []), b"ab", b" a"])
    for missing in range(1, len(pair)):
        text = (b"ab " * 400)[: word_table.CHUNK - missing] + pair + b"ab" * 20
        assert fast.encode(text).tolist() == plain.encode(bytearray(text)).tolist()


def test_a_space_written_with_two_bytes():
    # Not UTF-8, but of the class of spaces, for which no bytes beyond ASCII are noted.
    fast, plain = parsers([*SINGLE, b"ab", b" a", b"  "])
    for place in range(130):
        text = (b"ab " * 50)[:place] + b"\xc0\xa0" * 3 + b"ab ab"
        assert fast.encode(text).tolist() == plain.encode(bytearray(text)).tolist()


@pytest.mark.parametrize("size", [15, 16, 17, 30, 31, 63, 64, 511, 512, 513, 1023, 1024, 1025, 1500, 5000])
def test_sizes_of_words(size):
    entries, _ = english(1, 1)
    fast, plain = parsers(entries)
    text = random_text(size, b"etaoin", size)
    for around in (text, b"." + text + b".", b"x " * 600 + text + b" e", text[:-1] + "é".encode()):
        for _ in range(2):
            assert fast.encode(around).tolist() == plain.encode(bytearray(around)).tolist()


def test_ids_come_in_rounds_where_there_are_many(monkeypatch):
    monkeypatch.setattr(word_table, "_ROOM", 2000)
    monkeypatch.setattr(parser, "ONE_CALL", 100)
    entries, text = english(2, 20_000)
    fast, plain = parsers(entries)
    documents = [text, b"", text[:3000] + b"a" * 2000, b"", b"x" * 600]
    assert [ids.tolist() for ids in fast.encode_batch(documents, 1)] == [
        plain.encode(bytearray(d)).tolist() for d in documents
    ]
    assert fast.encode(text).tolist() == plain.encode(bytearray(text)).tolist()
    assert fast.count(text) == plain.count(text)


def test_dictionaries_larger_than_16_bits():
    rng = random.Random(5)
    more = sorted({" " * rng.randint(0, 1) + "".join(rng.choices("abcdefgh", k=6)) for _ in range(90_000)})
    entries = [*SINGLE, *(entry.encode() for entry in more)]
    assert len(entries) > 70_000
    fast, plain = parsers(entries)
    text = "".join(rng.choices([*more, " ", ".", "abcdefgh"], k=30_000)).encode()
    for _ in range(2):
        ids = fast.encode_flat(np.frombuffer(text, np.uint8), np.array([0, 5000, len(text)]))[0]
        assert ids.dtype == np.uint32
        ends = (bytearray(text[:5000]), bytearray(text[5000:]))
        assert ids.tolist() == [token for part in ends for token in plain.encode(part).tolist()]


def small_table(fast, places):
    fast._places = places
    fast.table = fast._new_table()


@pytest.mark.parametrize("places", [4, 64, 1024])
def test_a_table_that_overflows_is_renewed(places):
    entries, text = english(3, 30_000)
    fast, plain = parsers(entries)
    expected = plain.encode(bytearray(text)).tolist()
    small_table(fast, places)
    seen = {id(fast.table)}
    for _ in range(6):
        assert fast.encode(text).tolist() == expected
        seen.add(id(fast.table))
    assert len(seen) > 1
    assert fast.table.size < word_table.HEADER + 4 * places + 16


@pytest.mark.parametrize(
    ("places", "times"),
    [(64, 25), *(pytest.param(places, 60, marks=pytest.mark.slow) for places in (4, 64, 1 << 12))],
)
def test_threads_share_a_table(places, times):
    """Also while it is filled, replaced, and other threads take and give back memory of many sizes."""
    entries, _ = english(4, 1)
    texts = [english(seed, 3000)[1] for seed in range(8)]
    fast, plain = parsers(entries)
    expected = [plain.encode(bytearray(text)).tolist() for text in texts]
    wrong = []

    def work(fast, seed):
        rng = random.Random(seed)
        for _ in range(30):
            k = rng.randrange(len(texts))
            if fast.encode(texts[k]).tolist() != expected[k]:
                wrong.append(k)

    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(times):
            fast = WordParser(plain, plain.scores, fast._classes)
            small_table(fast, places)
            threads = [threading.Thread(target=work, args=(fast, seed)) for seed in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(switch)
    assert not wrong


def test_memory_is_bounded_while_a_million_words_go_by():
    entries, _ = english(5, 1)
    fast, plain = parsers(entries)
    small_table(fast, 1 << 12)

    def numbered(begin):
        return " ".join(f"{n * 2654435761 % 2**32:x}" for n in range(begin, begin + 20_000)).encode()

    for begin in range(0, 200_000, 20_000):
        fast.encode(numbered(begin))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for begin in range(200_000, 1_000_000, 20_000):
        text = numbered(begin)
        ids = fast.encode(text)
        if begin % 200_000 == 0:
            assert ids.tolist() == plain.encode(bytearray(text)).tolist()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8_000  # kB


def test_dictionaries_across_words_keep_their_parser():
    for entry in (b"a b", b"a1", b" \xc3", b"\xa9\xc3"):
        plain = FewestParser(automaton.build([*SINGLE, entry]))
        assert by_words(plain, np.ones(258, np.int64)) is plain


def test_characters_of_another_unicode_are_not_cut(monkeypatch):
    """An entry of two letters, one of which this Python takes for a sign."""
    category = unicodedata.category
    monkeypatch.setattr(unicodedata, "category", lambda c: "Cn" if c == "é" else category(c))
    monkeypatch.setattr(word_starts, "character_classes", character_classes.__wrapped__)  # not what it keeps
    entries = [*SINGLE, "né".encode()]
    fast, plain = parsers(entries, most=0)
    assert (
        fast.encode("né née 1né".encode()).tolist() == plain.encode(bytearray("né née 1né".encode())).tolist()
    )
    assert fast._classes[ord("é")] == word_starts.UNKNOWN
