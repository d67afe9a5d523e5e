"""Dictionaries and texts that the tests of the parsers share."""

import random

from hypothesis import strategies as st

SINGLE = [b"", *(bytes([c]) for c in range(256))]


def encoded(parser, text):
    """Ids of a text; those of a short one by one call, which bytes take, are those of any other buffer."""
    ids = parser.encode(bytearray(text))
    assert parser.encode(text).tolist() == ids.tolist()
    return ids


def closed(entries):
    """With every prefix of an entry."""
    return sorted({entry[:n] for entry in entries for n in range(2, len(entry) + 1)})


_words = st.one_of(
    st.text("ab", min_size=2, max_size=12).map(str.encode),
    st.text("abc ", min_size=2, max_size=6).map(str.encode),
    st.text("aé€😀", min_size=1, max_size=3).map(str.encode).filter(lambda entry: len(entry) > 1),
    st.integers(2, 64).map(lambda n: b"a" * n),
    st.binary(min_size=2, max_size=4),
)
dictionaries = st.tuples(st.sets(_words, max_size=25), st.booleans()).map(
    lambda drawn: [*SINGLE, *(closed(drawn[0]) if drawn[1] else sorted(drawn[0]))]
)
texts = st.one_of(
    st.text("ab", max_size=200).map(str.encode),
    st.text("abc é€😀", max_size=100).map(str.encode),
    st.binary(max_size=50),
    st.integers(0, 300).map(lambda n: b"a" * n),
)


def random_dictionary(seed, alphabet, size, longest, prefixes):
    rng = random.Random(seed)
    drawn = {bytes(rng.choices(alphabet, k=rng.randint(2, longest))) for _ in range(size)}
    return [*SINGLE, *(closed(drawn) if prefixes else sorted(drawn))]


def random_text(seed, alphabet, size):
    return bytes(random.Random(seed).choices(alphabet, k=size))


# Parses that run ahead on every one of these and then have to go back.
TRAP = [*SINGLE, b"a" * 63 + b"b", b"aaab", b"ab" * 30 + b"c", b"ba" * 31]
HOSTILE = [
    b"a" * 5000,
    b" " * 5000,
    (b"a" * 62 + b"c") * 80,
    (b"a" * 63 + b"b") * 80,
    b"ab" * 2500,
    (b"ab" * 29 + b"a") * 80,
    bytes(range(256)) * 20,
    random_text(3, bytes(range(256)), 5000),
]
