"""What the spec of a dictionary may say: sizes, flags that go together, and how these were first spelled."""

from dataclasses import replace

from equalinfo.tokens.spec import Spec

SMALLEST_DICTIONARY, LARGEST_DICTIONARY = 512, 1 << 20
FLAGS, FORMER = ("fewest", "unigram", "words", "phrases"), ("refined", "likely")

# How a text is parsed (without: greedily), then what bounds entries (without: nothing). Beside them how they were
# first spelled: what was made then opens, and fingerprints still hash that.
FIRST_SPELLINGS = {
    "fewest": "refined",
    "fewest,words": "words",
    "unigram,words": "likely",
    "unigram,phrases": "likely,phrases",
}
RENAMED = {first: now for now, first in FIRST_SPELLINGS.items()}


def own_flags(spec: Spec) -> str:
    """Those of a spec that are not another package's."""
    return ",".join(flag for flag in spec.flags if flag in (*FLAGS, *FORMER))


def with_flags(spec: Spec, flags: str) -> Spec:
    """The spec with these flags; those of other packages stay."""
    return replace(spec, flags=(*flags.split(","), *(f for f in spec.flags if f not in (*FLAGS, *FORMER))))


def first_spelling(spec: Spec) -> str:
    """A spec as it was first written: what fingerprints hash, so that new names for flags change none."""
    first = FIRST_SPELLINGS.get(own_flags(spec))
    return str(with_flags(spec, first)) if first else str(spec)
