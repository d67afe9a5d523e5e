import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.dictionary.trie import automaton
from equalinfo.dictionary.trie.layout import ACCEPT, BASE_SHIFT, VALUE_SHIFT
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.limits import MAX_ENTRY_BYTES

SINGLE = [b"", *(bytes([c]) for c in range(256))]

entry_sets = st.sets(
    st.one_of(st.binary(min_size=2, max_size=5), st.text("ab", min_size=2, max_size=9).map(str.encode)),
    max_size=60,
)


def arrays_of(entries):
    return {name: array.copy() for name, array in automaton.build(entries).to_arrays().items()}


@settings(max_examples=50, deadline=None)
@given(entry_sets)
def test_arrays_come_back_as_the_same_dictionary(longer):
    entries = [*SINGLE, *sorted(longer)]
    built = automaton.build(entries)
    loaded = automaton.from_arrays(**built.to_arrays())
    assert loaded.entries() == entries
    assert len(loaded) == len(entries)
    assert (loaded.states, loaded.rows) == (built.states, built.rows)
    prefixes = {entry[:n] for entry in entries for n in range(len(entry) + 1)}
    assert loaded.states == len(prefixes)
    assert loaded.rows == len(prefixes - set(entries)) + 1


def test_building_is_deterministic():
    rng = np.random.default_rng(0)
    longer = {rng.integers(97, 103, rng.integers(2, 30)).astype(np.uint8).tobytes() for _ in range(3000)}
    first, second = (automaton.build([*SINGLE, *sorted(longer)]).words for _ in range(2))
    assert (first == second).all()


def test_states_pack_tightly():
    # All strings of two bytes and many of three, far more than the first allocation holds.
    pairs = [bytes([a, b]) for a in range(256) for b in range(256)]
    triples = [bytes([a, b, b]) for a in range(0, 256, 3) for b in range(256)]
    built = automaton.build([*SINGLE, *pairs, *triples])
    assert built.words.size < 1.3 * built.states + 1024
    automaton.from_arrays(**built.to_arrays())


def test_entries_of_one_id():
    built = automaton.build([*SINGLE, b"abc"])
    assert built[257] == b"abc"
    assert built[0] == b""
    for token in (258, -1):
        with pytest.raises(IndexError):
            built[token]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "entry 0"),
        (SINGLE[1:], "entry 0"),
        ([*SINGLE, b"ab", b""], "entry 258 is empty"),
        ([*SINGLE, b"ab", b"cd", b"ab"], "repeats b'ab'"),
        ([*SINGLE, b"a"], "repeats b'a'"),
        (SINGLE[:-1], "0xff is missing"),
        ([*SINGLE, "ab"], "entry 257 is str"),
        ([*SINGLE, b"a" * 65], "has 65 bytes"),
    ],
)
def test_bad_entries_are_named(entries, message):
    with pytest.raises(EqualInfoError, match=message):
        automaton.build(entries)


def test_longest_allowed_entry():
    automaton.from_arrays(**automaton.build([*SINGLE, b"a" * MAX_ENTRY_BYTES]).to_arrays())


def test_mapped_arrays_are_not_copied(tmp_path):
    mapped = {}
    for name, array in automaton.build([*SINGLE, b"abc"]).to_arrays().items():
        np.save(tmp_path / name, array)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    loaded = automaton.from_arrays(**mapped)
    assert np.shares_memory(loaded.words, mapped["words"])
    assert np.shares_memory(loaded.blob, mapped["blob"])


ENTRIES = [*SINGLE, b"ab", b"abc", b"xyz", "é".encode(), "€".encode()]
ONE = np.uint64(1)


def _base(arrays, slot, base):
    arrays["words"][slot] &= (ONE << BASE_SHIFT) - ONE
    arrays["words"][slot] |= np.uint64(base) << BASE_SHIFT


def _child_outside(arrays):
    _base(arrays, 256 + ord("q"), arrays["words"].size - 255)


def _cycle(arrays):
    # 'q' gets as its children what the root has: an endless path
    _base(arrays, 256 + ord("q"), 256)


def _two_parents(arrays):
    _base(arrays, 256 + ord("q"), int(arrays["words"][256 + ord("x")] >> BASE_SHIFT))


def _orphan(arrays):
    _base(arrays, 256 + ord("x"), 0)


def _id_too_large(arrays):
    arrays["words"][256 + ord("q")] |= np.uint64(5000) << VALUE_SHIFT


def _wrong_id(arrays):
    words = arrays["words"]
    words[256 + ord("q")] ^= ONE << VALUE_SHIFT


def _not_accepting(arrays):
    arrays["words"][256 + ord("q")] &= ~ACCEPT


def _wrong_row(arrays):
    word = int(arrays["words"][256 + ord("x")] >> BASE_SHIFT) + ord("y")
    arrays["words"][word] += ONE << VALUE_SHIFT


def _label(arrays):
    arrays["words"][300] ^= ONE


def _root(arrays):
    arrays["words"][0] = 0


def _cut(arrays):
    arrays["words"] = arrays["words"][:-200]


def _short(arrays):
    arrays["words"] = arrays["words"][:100]


def _words_type(arrays):
    arrays["words"] = arrays["words"].astype(np.int64)


def _blob(arrays):
    arrays["blob"][-3] ^= 1


def _blob_cut(arrays):
    arrays["blob"] = arrays["blob"][:-1]


def _offset_back(arrays):
    arrays["offsets"][258] = 2**31


def _offsets_cut(arrays):
    arrays["offsets"] = arrays["offsets"][:-1]


def _offsets_empty(arrays):
    arrays["offsets"] = arrays["offsets"][:0]


def _offsets_shape(arrays):
    arrays["offsets"] = arrays["offsets"].reshape(1, -1)


@pytest.mark.parametrize(
    "damage",
    [
        _child_outside, _cycle, _two_parents, _orphan, _id_too_large, _wrong_id, _not_accepting, _wrong_row,
        _label, _root, _cut, _short, _words_type, _blob, _blob_cut, _offset_back, _offsets_cut,
        _offsets_empty, _offsets_shape,
    ],
)  # fmt: skip
def test_damage_is_refused(damage):
    arrays = arrays_of(ENTRIES)
    damage(arrays)
    with pytest.raises(DamagedArtifact, match="make it again"):
        automaton.from_arrays(**arrays)


def test_any_flipped_bit_is_refused_or_harmless():
    clean = arrays_of(ENTRIES)
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        arrays = {name: array.copy() for name, array in clean.items()}
        name = ["words", "words", "blob", "offsets"][rng.integers(4)]
        raw = arrays[name].view(np.uint8)
        raw[rng.integers(raw.size)] ^= np.uint8(1 << rng.integers(8))
        try:
            loaded = automaton.from_arrays(**arrays)
        except DamagedArtifact:
            refused += 1
        else:  # a free slot's unused bits
            assert loaded.entries() == ENTRIES
    assert refused > 100


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=8, max_size=64), st.integers(0, 600))
def test_overwritten_words_never_crash_a_parse(junk, slot):
    from equalinfo.dictionary.parse.fewest import FewestParser
    from equalinfo.dictionary.parse.greedy import GreedyParser

    arrays = arrays_of(ENTRIES)
    junk = np.frombuffer(junk[: len(junk) // 8 * 8], np.uint64)
    arrays["words"][slot : slot + junk.size] = junk[: arrays["words"][slot:].size]
    try:
        loaded = automaton.from_arrays(**arrays)
    except DamagedArtifact:
        return
    text = b"abcabxyzxy\xe2\x82\xac" * 3
    assert b"".join(loaded[i] for i in GreedyParser(loaded).encode(text)) == text
    assert b"".join(loaded[i] for i in FewestParser(loaded).encode(text)) == text
