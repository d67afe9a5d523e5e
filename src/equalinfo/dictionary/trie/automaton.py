"""A dictionary of byte strings as a double-array trie: one 8-byte word per state (`layout`).

    automaton = build([b"", b"a", ...])         # ids are positions; id 0, the empty string, is EOS
    arrays = automaton.to_arrays()              # to save, then
    automaton = from_arrays(**arrays)           # checks what it is given; memory-mapped arrays stay mapped

65,536 entries: 0.56 MB of words, built in 0.05 s and the sorting of the entries, checked in 15 ms. What the
parsers need besides is derived on first use, in 5 ms each, and kept: `fallbacks` for `greedy`, `suffixes`
for `fewest`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equalinfo.coding.bits import bounds_from
from equalinfo.dictionary.trie import validate
from equalinfo.dictionary.trie.layout import FREE, LABEL_MASK, MAX_VALUE
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.limits import MAX_ENTRY_BYTES
from equalinfo.predict.base import read_only


@dataclass(frozen=True, eq=False)
class Automaton:
    """A dictionary ready to parse with. Made by `build` or `from_arrays`; all arrays are read-only.

    Attributes:
        words: uint64 [slots], the double array.
        blob: uint8 [bytes], all entries one after the other.
        offsets: uint32 [v + 1]; entry i is ``blob[offsets[i]:offsets[i + 1]]``.
        states: states of the trie, root included.
        rows: how many of them do not accept, root included; 1 if every prefix of an entry is an entry.
    """

    words: NDArray[np.uint64]
    blob: NDArray[np.uint8]
    offsets: NDArray[np.uint32]
    states: int
    rows: int

    def __len__(self) -> int:
        """v: the number of ids, EOS included."""
        return self.offsets.size - 1

    def __getitem__(self, token: int) -> bytes:
        """The bytes of one id. Raises IndexError outside [0, v)."""
        if not 0 <= token < len(self):
            raise IndexError(f"no id {token} in a dictionary of {len(self)}")
        return self.blob[self.offsets[token] : self.offsets[token + 1]].tobytes()

    def entries(self) -> list[bytes]:
        """All entries; position is id."""
        blob, offsets = self.blob.tobytes(), self.offsets.tolist()
        return [blob[a:b] for a, b in pairwise(offsets)]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What to save: words, blob and offsets, for `from_arrays`."""
        return {"words": self.words, "blob": self.blob, "offsets": self.offsets}

    @cached_property
    def lengths(self) -> NDArray[np.uint8]:
        """Bytes of each entry: uint8 [v]."""
        return read_only(np.diff(self.offsets).astype(np.uint8))

    @cached_property
    def padded(self) -> NDArray[np.uint8]:
        """`blob` and 8 zero bytes, so that 8 bytes can be read at every entry."""
        return read_only(np.concatenate([self.blob, np.zeros(8, np.uint8)]))

    @cached_property
    def tree(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint8]]:
        """All states from the root down: slots, parents, depths; see `aho_corasick.breadth_first`."""
        from equalinfo.dictionary.trie import aho_corasick  # brings in Numba

        return aho_corasick.breadth_first(self.words, self.states)

    @cached_property
    def fallbacks(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """What a greedy parse does in a state that does not accept; see `aho_corasick.fallback_rows`."""
        from equalinfo.dictionary.trie import aho_corasick

        slots, parents, _ = self.tree
        table, tokens = aho_corasick.fallback_rows(self.words, slots, parents, self.rows)
        return read_only(table), read_only(tokens)

    @cached_property
    def suffixes(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Which entries end at a byte of text; see `aho_corasick.suffix_words`."""
        from equalinfo.dictionary.trie import aho_corasick

        steps, ends = aho_corasick.suffix_words(self.words, *self.tree)
        return read_only(steps), read_only(ends)


def build(entries: Sequence[bytes]) -> Automaton:
    """Makes the automaton of a dictionary; the same entries give the same arrays.

    Args:
        entries: position is id. Entry 0 is empty (EOS); the others are distinct, 1 to MAX_ENTRY_BYTES (64)
            bytes long, and all 256 single bytes are among them. Prefixes of entries need not be entries.

    Raises:
        EqualInfoError: the entries break one of these rules, or need more than 2^26 states.

    Examples:
        >>> automaton = build([b"", *(bytes([byte]) for byte in range(256)), b"equal"])
        >>> len(automaton), automaton[257]
        (258, b'equal')
    """
    if len(entries) > MAX_VALUE:
        raise EqualInfoError(f"a dictionary has at most {MAX_VALUE} entries, not {len(entries)}")
    if not entries or entries[0] != b"":
        raise EqualInfoError("entry 0 of a dictionary is EOS, the empty string")
    for token, entry in enumerate(entries):
        if not isinstance(entry, bytes):
            raise EqualInfoError(f"dictionary entry {token} is {type(entry).__name__}, not bytes")
        if not entry and token:
            raise EqualInfoError(f"dictionary entry {token} is empty; only entry 0 is")
        if len(entry) > MAX_ENTRY_BYTES:
            raise EqualInfoError(
                f"dictionary entry {token} has {len(entry)} bytes; the longest allowed is {MAX_ENTRY_BYTES}"
            )
    missing = set(range(256)) - {entry[0] for entry in entries if len(entry) == 1}
    if missing:
        raise EqualInfoError(f"a dictionary needs all 256 single bytes; 0x{min(missing):02x} is missing")
    offsets = bounds_from(list(map(len, entries))).astype(np.uint32)
    blob = np.frombuffer(b"".join(entries), np.uint8)
    order = np.array(sorted(range(1, len(entries)), key=entries.__getitem__), np.int64)

    from equalinfo.dictionary.trie import build as _build  # brings in Numba, which loading does not need

    states = int(_build.count_states(blob, read_only(offsets), order))
    if states < 0:
        again = order[-1 - states]
        raise EqualInfoError(f"dictionary entry {again} repeats {entries[again]!r}; entries are distinct")
    words = _build.place(blob, offsets, order, states)
    if not words.size:
        raise EqualInfoError("the dictionary is too large: it needs more than 2^26 states; use fewer entries")
    rows = _build.number_rows(words)
    return Automaton(read_only(words), blob, offsets, states, rows)


def from_arrays(words: NDArray[Any], blob: NDArray[Any], offsets: NDArray[Any]) -> Automaton:
    """The automaton that `to_arrays` took apart, after checking that it is one.

    Arrays are used as they are, memory-mapped or not, unless unaligned; do not change them afterwards.

    Raises:
        DamagedArtifact: wrong types or shapes, or contents that a parse could not follow safely.
    """
    arrays: Mapping[str, tuple[NDArray[Any], type]] = {
        "words": (words, np.uint64),
        "blob": (blob, np.uint8),
        "offsets": (offsets, np.uint32),
    }
    for name, (array, dtype) in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1:
            raise DamagedArtifact(
                f"the dictionary's {name} are not a {np.dtype(dtype)} vector; make it again"
            )
    words, blob, offsets = (
        read_only(np.require(array, dtype, ["C", "A"])) for array, dtype in arrays.values()
    )
    lengths = np.diff(offsets.astype(np.int64))
    if (
        not 257 <= lengths.size <= MAX_VALUE
        or offsets[0] != 0
        or int(offsets[-1]) != blob.size
        or lengths[0] != 0
        or lengths[1:].min() < 1
        or lengths.max() > MAX_ENTRY_BYTES
    ):
        raise DamagedArtifact("the dictionary's table of entries is damaged; make it again")
    fault = validate.fault(words, blob, offsets)
    if fault:
        raise DamagedArtifact(f"the dictionary's automaton is damaged ({fault}); make it again")
    states = 1 + int(np.count_nonzero((words & LABEL_MASK) < FREE))
    return Automaton(words, blob, offsets, states, states - (lengths.size - 1))
