"""The compact form gives back the same automaton, to the bit, or an error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.dictionary.trie.automaton import build
from equalinfo.dictionary.trie.compact import from_compact, to_compact
from equalinfo.errors import DamagedArtifact
from tests.support.dictionaries import SINGLE, TRAP, dictionaries, random_dictionary


def assert_same(automaton):
    again = from_compact(**to_compact(automaton))
    for name, array in automaton.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], array)
        assert again.to_arrays()[name].dtype == array.dtype
    assert (again.states, again.rows) == (automaton.states, automaton.rows)


@settings(deadline=None)
@given(dictionaries)
def test_any_dictionary(entries):
    assert_same(build(entries))


@pytest.mark.parametrize("prefixes", [True, False])
def test_larger(prefixes):
    assert_same(build(random_dictionary(3, b"abcdefgh ", 3000, 12, prefixes)))


def test_smaller_than_the_arrays():
    automaton = build(random_dictionary(3, b"abcdefgh ", 3000, 6, True))
    full = sum(array.nbytes for array in automaton.to_arrays().values())
    assert sum(array.nbytes for array in to_compact(automaton).values()) < 0.55 * full


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["blob", "lengths", "bases"]), st.data())
def test_damage_is_an_error_or_harmless(name, data):
    """Whatever one changed number gives is a dictionary that was checked, or an error."""
    compact = to_compact(build(TRAP))
    changed = compact[name].copy()
    position = data.draw(st.integers(0, changed.size - 1))
    changed.flat[position] = data.draw(st.integers(0, int(np.iinfo(changed.dtype).max)))
    try:
        again = from_compact(**{**compact, name: changed})
    except DamagedArtifact:
        return
    assert len(again) == len(TRAP)


@pytest.mark.parametrize("name", ["blob", "lengths", "bases"])
def test_arrays_of_another_form(name):
    compact = to_compact(build(SINGLE))
    for wrong in (
        compact[name][:0],
        compact[name].astype(np.int64),
        compact[name][None],
        compact[name][..., :-1],
    ):
        with pytest.raises(DamagedArtifact):
            from_compact(**{**compact, name: wrong})
