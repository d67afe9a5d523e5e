"""Which strings become entries."""

import codecs
import heapq
import math
import random
import re
from collections import Counter
from itertools import chain, combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.dictionary.parse.greedy import GreedyParser
from equalinfo.dictionary.train import corpus_strings, m1_strings, word_counts
from equalinfo.dictionary.train.corpus_strings import (
    LONGEST,
    WITHOUT_SPACES,
    frequent_phrases,
    frequent_strings,
)
from equalinfo.dictionary.train.prune import prune, with_singles
from equalinfo.dictionary.train.word_boundaries import SPLIT_PATTERN, within_word, words_of
from equalinfo.dictionary.train.word_counts import count_words, whole
from equalinfo.dictionary.trie.automaton import build
from equalinfo.errors import EqualInfoError
from equalinfo.predict.base import FREQUENCY_TOTAL
from equalinfo.predict.unigram import Unigram
from equalinfo.tokens.spec import Spec
from tests.oracles import dictionary_reference
from tests.support import tiny
from tests.support.building import built
from tests.support.compiled_models import CORPUS, DICTIONARIES, compiled, model

MULTILINGUAL = (
    "Don't panic:  the 3rd of 10,000 «Straßen», naïve cafe\u0301s\u2028東京タワー 333m!? \t\r\n\n"
    "हिन्दी में १२ शब्द… \U0001f600\U0001f44d\U0001f3fd x=1;\u00a0y  = 2 \u3000 ok \x1c\x85z"
)


def is_whole(entry):
    try:
        entry.decode()
    except UnicodeDecodeError:
        return False
    return True


def begins_well(text, words):
    """Whether `text` is, or can become, UTF-8 (and one word)."""
    try:
        whole = codecs.getincrementaldecoder("utf-8")().decode(text)
    except UnicodeDecodeError:
        return False
    return not words or within_word(whole.encode())


def most_probable(predictor, count, words):
    """By best-first search with a heap: no string is more probable than its beginning."""
    table = m1_strings.information()
    heap, found = [(0, b"")], []
    while len(found) < count:
        cost, text = heapq.heappop(heap)
        if len(text) > 1 and is_whole(text):
            found.append(text)
        row = predictor.frequencies(text + b"\0")[-1]
        for byte in range(256):
            if begins_well(text + bytes([byte]), words):
                heapq.heappush(heap, (cost + int(table[row[byte]]), text + bytes([byte])))
    return found


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("peaked", [False, True])
def test_the_most_probable_strings_are_found(peaked, words):
    assert m1_strings.likely_strings(model(peaked), 150, words) == most_probable(model(peaked), 150, words)


def test_ties_go_by_bytes():
    uniform = Unigram(np.full(256, 64, np.int32))
    found = m1_strings.likely_strings(uniform, 300)
    assert found == [bytes([a, b]) for a in range(128) for b in range(128)][:300]
    # Here the two-byte characters tie with pairs of ASCII.
    every = m1_strings.likely_strings(uniform, 128 * 128 + 1920)
    assert every[-1] == "\u07ff".encode()


@pytest.mark.parametrize("words", [False, True])
def test_threads_change_nothing(words):
    found = []
    for threads in (1, 3):
        m1_strings._kept.clear()
        found.append(m1_strings.likely_strings(model(True), 3000, words, threads))
    assert found[0] == found[1]


def test_what_is_kept_is_what_would_be_found(monkeypatch):
    m1_strings._kept.clear()
    few, other = m1_strings.likely_strings(model(True), 20), m1_strings.likely_strings(model(False), 20)
    many = m1_strings.likely_strings(model(True), 500)
    assert many[:20] == few != other
    assert m1_strings.likely_strings(model(True), 300, True) != many[:300]
    monkeypatch.setattr(m1_strings, "_search", None)
    assert m1_strings.likely_strings(model(True), 20) == few
    assert m1_strings.likely_strings(model(True), 500) == many


def test_information_is_the_logarithm_rounded_up():
    table = m1_strings.information()
    exact = [-math.log2(f / FREQUENCY_TOTAL) * m1_strings.ONE_BIT for f in range(1, FREQUENCY_TOTAL + 1)]
    difference = table[1:] - np.array(exact)
    assert (difference > -1e-3).all()
    assert (difference < 1 + 1e-3).all()
    assert table[FREQUENCY_TOTAL] == 0
    assert table[1] == 14 * m1_strings.ONE_BIT
    assert (np.diff(table[1:]) < 0).all()


@pytest.mark.parametrize("spec", DICTIONARIES)
def test_entries(spec):
    tokenizer = compiled(spec)
    entries = tokenizer.vocab_entries()
    assert entries[:257] == [b"", *(bytes([byte]) for byte in range(256))]
    assert all(len(entry) > 1 and is_whole(entry) for entry in entries[257:])
    across = sum(not within_word(entry) for entry in entries[257:])
    if "words" in tokenizer.spec:
        assert not across
    if "phrases" in tokenizer.spec:
        assert across == 512 // 16


@pytest.mark.parametrize("spec", DICTIONARIES)
@settings(max_examples=20, deadline=None)
@given(st.sampled_from(CORPUS).flatmap(lambda text: st.integers(0, 80).map(lambda n: text[n : n + 50])))
def test_parses_are_the_reference(spec, text):
    tokenizer = compiled(spec)
    if "unigram" in spec:
        expected = dictionary_reference.likeliest(tokenizer.vocab_entries(), tokenizer.scores.tolist(), text)
        assert tokenizer.encode(text).tolist() == expected
        assert tokenizer.count(text) == len(expected)
        return
    parse = dictionary_reference.fewest if "," in spec else dictionary_reference.greedy
    assert tokenizer.encode(text).tolist() == parse(tokenizer.vocab_entries(), text)


def test_windows_parse_greedily():
    tokenizer = compiled("EqualInfo[b=12,v=4k]")
    for text in tiny.TEXTS:
        assert tokenizer.encode(text).tolist() == dictionary_reference.greedy(tokenizer.vocab_entries(), text)
        assert tokenizer.encode(text).tolist() == GreedyParser(tokenizer.automaton).encode(text).tolist()


@pytest.mark.parametrize("flag", ["fewest", "fewest,words", "unigram,words", "unigram,phrases"])
def test_compiling_is_deterministic(flag):
    identities = {compiled(f"EqualInfo[v=512,{flag}]", True, threads).fingerprint for threads in (1, 2, 5)}
    assert len(identities) == 1


def plain_prune(candidates, size, documents):
    while True:
        use = dict.fromkeys(candidates, 0)
        entries = with_singles(candidates)
        for document in documents:
            for token in dictionary_reference.fewest(entries, document):
                if token > 256:
                    use[entries[token]] += 1
        kept = max(size - 257, len(candidates) - max(1, len(candidates) * 3 // 10))
        best = sorted(candidates, key=lambda entry: -use[entry])[:kept]  # stable
        if kept == size - 257:
            return with_singles(best)
        candidates = [entry for entry in candidates if entry in set(best)]


def test_pruning_keeps_the_most_used():
    candidates = m1_strings.likely_strings(model(True), 120)
    words = [word + b" " for word in b" ".join(CORPUS[:1])[:200].split()]
    candidates = list(dict.fromkeys(candidates[:60] + words))
    documents = [CORPUS[0][:150], CORPUS[1][:90], b"x"]
    for size in (257, 262, 300):
        assert prune(candidates, size, lambda: documents, 2).entries() == plain_prune(
            candidates, size, documents
        )


def test_pruning_reads_the_corpus_afresh_and_reports():
    opened, said = [], []

    def documents():
        opened.append(1)
        return iter(CORPUS)

    prune(m1_strings.likely_strings(model(True), 2000), 600, documents, 1, lambda *what: said.append(what))
    # 2000 candidates become 1400, 980, 686, 481, and in the fifth round the 343 that are wanted.
    assert len(opened) == 5
    assert said[-1][1] == said[-1][2] == sum(map(len, CORPUS))


def test_pruning_refuses():
    with pytest.raises(EqualInfoError, match="no bytes"):
        prune([b"ab"], 258, lambda: [b""])
    with pytest.raises(EqualInfoError, match="needs 255 strings"):
        prune([b"ab"], 512, lambda: CORPUS)


@pytest.mark.parametrize(
    ("text", "whether"),
    [
        ("the", True),
        (" the", True),
        ("  ", True),
        (" \n\t", True),
        ("\n", True),
        (" 12", True),
        ("!?", True),
        (" \u2014\u201c", True),
        ("\u0939\u093f\u0928\u094d", True),
        ("e ", False),
        ("  the", False),
        ("\nthe", False),
        ("a1", False),
        ("1a", False),
        ("don't", False),
        ("'t", False),
        (". ", False),
        ("1.", False),
        ("\u00a0x", False),
    ],
)
def test_words(text, whether):
    assert within_word(text.encode()) == whether


def test_words_of_a_text_are_cut_nowhere_else():
    rng = random.Random(0)
    for _ in range(3000):
        text = "".join(rng.choice(" \n\t  abé1²,.\u00a0-漢") for _ in range(rng.randrange(9)))
        words = words_of(text)
        assert "".join(words) == text
        assert all(within_word(word.encode()) for word in words)
        assert not any(within_word((one + other).encode()) for one, other in pairwise(words))


def spaceless(text):
    return any(first <= ord(letter) < last for letter in text for first, last in WITHOUT_SPACES)


def plain_frequent(documents, count):
    words = Counter(word for document in documents for word in words_of(document.decode(errors="ignore")))
    times = Counter()
    for word, number in words.items():
        if number > 1 or spaceless(word):
            for begin, end in combinations(range(len(word) + 1), 2):
                if 2 <= len(word[begin:end].encode()) <= LONGEST:
                    times[word[begin:end].encode()] += number
    often = [string for string, number in times.items() if number > 1]
    strings = sorted(often, key=lambda string: (-times[string] * len(string), string))[:count]
    characters = [string for string in often if len(string.decode()) == 1 and spaceless(string.decode())]
    characters.sort(key=lambda string: (-times[string] * len(string), string))
    return list(dict.fromkeys(strings + characters))


def test_frequent_strings_are_those_of_plain_counting():
    rng = random.Random(1)
    for _ in range(30):
        texts = ["".join(rng.choices(" \nabé1,-漢字かกข𠀋\0", k=60)) * rng.randint(1, 2) for _ in range(4)]
        documents = [text.encode() for text in texts] + [b"", b"ab \xff ab", b"x" * 70 + b" " + b"x" * 70]
        for count in (5, 10_000):
            assert frequent_strings(count_words(documents), count) == plain_frequent(documents, count)
    assert frequent_strings(count_words([b"once"]), 5) == []
    assert frequent_strings(count_words(["一次,二次".encode()]), 5) == ["次".encode()]


def test_of_many_clauses_a_sample_counts_for_all(monkeypatch):
    """The same one in any order, and what text with spaces has stays what it is."""
    rng = random.Random(3)
    clauses = ["".join(chr(0x4E00 + int(rng.random() ** 3 * 300)) for _ in range(20)) for _ in range(2000)]
    whole = frequent_strings(count_words(["。".join(clauses).encode()]), 20)
    monkeypatch.setattr(corpus_strings, "CLAUSE_BYTES", 30_000)
    monkeypatch.setattr(word_counts, "GROUP_BYTES", 1 << 14)
    found = [
        frequent_strings(count_words(["。".join(some).encode()]), 20) for some in (clauses, clauses[::-1])
    ]
    assert found[0] == found[1]
    assert len(set(whole) & set(found[0][:20])) > 10
    documents = [b" the window of the room" * 2]
    alone = frequent_strings(count_words(documents), 1000)
    mixed = frequent_strings(count_words([*documents, "。".join(clauses).encode()]), 100_000)
    assert [string for string in mixed if string.isascii()] == alone


@pytest.mark.parametrize(
    ("memory", "corpora"), [(1 << 30, 20), (1, 5), pytest.param(1, 20, marks=pytest.mark.slow)]
)  # with a memory of 1 each word is a file
def test_frequent_phrases_are_those_of_plain_counting(memory, corpora, monkeypatch):
    monkeypatch.setattr(word_counts, "MEMORY", memory)
    monkeypatch.setattr(word_counts, "_FEW", 1 << 5)
    rng = random.Random(2)
    for _ in range(corpora):
        documents = [
            "".join(rng.choices(["the ", "of ", "é, ", "12", " \n", "a", "x" * 40], k=60)).encode()
            for _ in range(4)
        ]
        runs = Counter()
        for document in documents:
            words = words_of(document.decode())
            runs.update("".join(words[i : i + n]) for n in (2, 3, 4) for i in range(len(words) - n + 1))
        covered = {text.encode(): -n * len(text.encode()) for text, n in runs.items() if n > 1}
        expected = sorted((n, text) for text, n in covered.items() if len(text) <= 64)
        assert frequent_phrases(whole(documents), 10_000) == [text for _, text in expected]
        assert frequent_phrases(whole(documents), 3) == [text for _, text in expected[:3]]


def test_only_the_most_frequent_words_are_taken_apart(monkeypatch):
    documents = [2 * b"".join(b" %d" % number for number in range(k, k + 30)) for k in range(20)]
    everything = frequent_strings(count_words(documents), 10_000)
    monkeypatch.setattr(corpus_strings, "MOST_WORDS", 5)
    words = Counter(word for document in documents for word in words_of(document.decode()))
    most = sorted(words, key=lambda word: (-words[word], word))[:5]
    found = frequent_strings(count_words(documents), 10_000)
    assert set(found) < set(everything)
    assert {string for string in found if len(string) == 3} == {word.encode() for word in most}


def test_a_unigram_dictionary_covers_its_corpus_with_less_information():
    fewest_, unigram = compiled("EqualInfo[v=512,fewest,words]"), compiled("EqualInfo[v=512,unigram,words]")

    def information(tokenizer):
        counts = np.bincount(np.concatenate(tokenizer.encode_batch(CORPUS)), minlength=512)
        counts = counts[counts > 0]
        return -(counts * np.log2(counts / counts.sum())).sum()

    assert information(unigram) < information(fewest_)


def test_words_are_cut_where_the_split_cuts():
    """Splitting first, as an exported tokenizer does, changes no token; the pattern loses no character."""
    regex = pytest.importorskip("regex")
    pieces = sorted({p for n in range(1, 9) for i in range(99) for p in [MULTILINGUAL[i : i + n]]})
    entries = sorted({p.encode() for p in pieces if len(p.encode()) > 1 and within_word(p.encode())})
    assert len(entries) > 80
    automaton = build(with_singles(entries))
    from equalinfo.dictionary.parse.fewest import FewestParser

    for text in (MULTILINGUAL, MULTILINGUAL.swapcase() + MULTILINGUAL, " " + MULTILINGUAL[::-1]):
        parts = regex.findall(SPLIT_PATTERN, text)
        assert "".join(parts) == text
        split = [token for part in parts for token in FewestParser(automaton).encode(part.encode()).tolist()]
        assert FewestParser(automaton).encode(text.encode()).tolist() == split


def test_words_are_cut_where_the_split_of_tokenizers_cuts():
    tokenizers = pytest.importorskip("tokenizers")
    regex = pytest.importorskip("regex")
    split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(SPLIT_PATTERN), "isolated")
    for text in (MULTILINGUAL, MULTILINGUAL[::-1]):
        assert [part for part, _ in split.pre_tokenize_str(text)] == regex.findall(SPLIT_PATTERN, text)


@pytest.mark.parametrize(
    "text",
    [
        "EqualInfo[b=7,v=2]",
        "EqualInfo[b=129,v=2]",
        "EqualInfo[b=16,v=4k]",
        "EqualInfo[b=16,v=300]",
        "EqualInfo[b=16,v=1]",
        "EqualInfo[b=34,v=128k]",
        "EqualInfo[b=21,v=2097152]",
        "EqualInfo[b=16,v=256,fewest]",
        "EqualInfo[v=511]",
        "EqualInfo[v=1048577]",
        "EqualInfo[b=16,v=256,unigram,words]",
        "EqualInfo[v=16]",
    ],
)
def test_options_that_are_refused(text):
    with pytest.raises(EqualInfoError) as error:
        built(text, model(False), lambda: CORPUS)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["EqualInfo", "EqualInfo[b=16]", "EqualInfo[fewest]", "EqualInfo[v=4k,delay]"]
)
def test_specs_that_do_not_parse(text):
    with pytest.raises(EqualInfoError):
        Spec.parse(text)


@pytest.mark.parametrize(
    ("text", "canonical", "corpus"),
    [
        ("EqualInfo[v=4096,b=12]", "EqualInfo[b=12,v=4k]", False),
        ("EqualInfo[ words , fewest, v=64k]", "EqualInfo[v=65k,fewest,words]", True),
        ("EqualInfo[fewest,v=512]", "EqualInfo[v=512,fewest]", True),
        ("EqualInfo[words,unigram,v=4096]", "EqualInfo[v=4k,unigram,words]", True),
        ("EqualInfo[phrases,v=4096,unigram]", "EqualInfo[v=4k,unigram,phrases]", True),
        ("EqualInfo[v=4k]", "EqualInfo[v=4k]", False),
    ],
)
def test_specs_print_back(text, canonical, corpus):
    spec = Spec.parse(text)
    assert str(spec) == canonical
    assert Spec.parse(canonical) == spec
    assert spec.needs_m1
    assert spec.needs_corpus == corpus
    assert spec.columns[1] == ("interval splitting" if "b=" in canonical else "compiled dictionary")


def test_entries_chosen_by_use_need_a_corpus():
    with pytest.raises(EqualInfoError, match="--corpus"):
        built("EqualInfo[v=512,fewest,words]", model(False), None)
    with pytest.raises(EqualInfoError, match="too small"):
        built("EqualInfo[v=512,unigram,words]", model(False), lambda: [b""])


@pytest.mark.parametrize("flags", ["fewest,words", "unigram,words", "unigram,phrases"])
def test_no_entry_has_more_digits_in_a_row_than_the_spec_says(flags):
    rng = random.Random(5)
    numbers = " ".join(
        f"{rng.choice(['2024', '1999', '٤٥٦'])} {rng.randrange(200)}, room" for _ in range(3000)
    )
    words = " ".join("".join(rng.choices("abcdefgh", k=5)) for _ in range(100))
    documents = [*CORPUS, numbers.encode(), 3 * words.encode()]

    def longest(digits):
        spec = f"EqualInfo[v=600{digits},{flags}]"
        tokenizer = built(spec, None, lambda: documents)
        assert str(tokenizer.spec) == spec
        for text in (numbers, "1234567890", "a1²b٤٥٦٧", ""):
            assert tokenizer.decode(tokenizer.encode(text)) == text.encode()
        runs = [re.findall(r"\d+", entry.decode()) for entry in tokenizer.vocab_entries()[257:]]
        return max(map(len, chain.from_iterable(runs)), default=0)

    assert longest("") == longest(",digits=64") == 4
    assert [longest(f",digits={most}") for most in (1, 2, 3)] == [1, 2, 3]
