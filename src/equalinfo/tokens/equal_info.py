"""EqualInfo: what its spec may say, and which of its classes a spec names (design, sections 3 and 4).

`EqualInfo[b=...,v=...]` are windows by interval splitting, listed at compile time where there are few enough.
`EqualInfo[v=...]` is a dictionary of the strings most probable under M1. With `fewest` they are chosen from more
such strings by use on a corpus, with `unigram` from those and the corpus's own by what they save it; with `words`
none crosses the start of a word, with `phrases` some do. With either, `digits=n` keeps runs of more than n digits out,
and `case` writes words in small letters, with a mark before those that had capitals.
"""

from abc import ABC

from equalinfo.coding.interval_splitting import LISTED_BITS, check_bits
from equalinfo.errors import EqualInfoError
from equalinfo.tokens.dictionary_options import (
    FIRST_SPELLINGS,
    FLAGS,
    FORMER,
    LARGEST_DICTIONARY,
    RENAMED,
    SMALLEST_DICTIONARY,
    own_flags,
    with_flags,
)
from equalinfo.tokens.methods import PARSERS, PREDICTORS
from equalinfo.tokens.spec import Options, Spec
from equalinfo.tokens.tokenizer import Tokenizer

ALWAYS_LISTED = 16  # up to so many bits windows are listed, even if a window is several ids
WIDEST_ID = 16  # bits of an id where a window is several: `coding.bits` makes uint16


class EqualInfo(Tokenizer, ABC):
    """The name in a spec of several classes, of which `variant` gives one."""

    options = Options(
        {"b": None, "v": None, "order": None, "digits": None},
        (*FLAGS, "case"),
        optional=("b", "order", "digits"),
        former=FORMER,
        installed=(PREDICTORS, PARSERS),
    )

    @classmethod
    def canonical(cls, spec: Spec, saved: bool) -> Spec:
        """Refuses, in one line with a spec that is right, flags of a dictionary that do not go together."""
        flags = own_flags(spec)
        if spec.get("b") is not None or not flags or flags in FIRST_SPELLINGS:
            return spec
        if flags in RENAMED:
            if saved:
                return with_flags(spec, RENAMED[flags])
            raise EqualInfoError(f"{spec} is now {with_flags(spec, RENAMED[flags])}")
        nearest = min(FIRST_SPELLINGS, key=lambda known: len(set(known.split(",")) ^ set(flags.split(","))))
        raise EqualInfoError(
            f"{spec}: a dictionary takes no flags or {' or '.join(FIRST_SPELLINGS)}; "
            f"write {with_flags(spec, nearest)}"
        )

    @classmethod
    def variant(cls, spec: Spec) -> type[Tokenizer]:
        """The class of a spec; EqualInfoError, one line, for options that do not go together."""
        from equalinfo.tokens import dictionaries

        bits = spec.get("b")
        within = f"digits={most}" if (most := spec.get("digits")) else "case" if "case" in spec else ""
        if within and not {"words", "phrases"} & set(spec.flags):
            raise EqualInfoError(
                f"{spec}: {within} is for dictionaries within words; "
                f"write EqualInfo[v=...,unigram,words,{within}]"
            )
        if bits is not None:
            _check_windows(spec, bits, spec["v"])
            if bits <= ALWAYS_LISTED or 1 << bits == spec["v"]:
                from equalinfo.tokens.listed_windows import CompiledWindows

                return CompiledWindows
            from equalinfo.tokens.windows import SplittingTokenizer  # brings in Numba

            return SplittingTokenizer
        if not SMALLEST_DICTIONARY <= spec["v"] <= LARGEST_DICTIONARY:
            raise EqualInfoError(
                f"{spec}: a dictionary has {SMALLEST_DICTIONARY} to {LARGEST_DICTIONARY} ids; choose a v within"
            )
        if parser := spec.flag_of(PARSERS):
            if own_flags(spec):
                raise EqualInfoError(
                    f"{spec}: {parser} parses a greedy dictionary; leave out {own_flags(spec)}"
                )
            return dictionaries.OtherParserTokenizer
        if "case" in spec:
            from equalinfo.tokens.case import CaseTokenizer

            return CaseTokenizer
        if "unigram" in spec:
            return dictionaries.ScoredTokenizer
        if "fewest" in spec:
            return dictionaries.FewestTokenizer
        return dictionaries.CompiledTokenizer


def _check_windows(spec: Spec, bits: int, vocab: int) -> None:
    check_bits(bits)
    if flags := [flag for flag in spec.flags if flag != spec.predictor]:
        raise EqualInfoError(f"{spec}: {flags[0]} is for dictionaries; leave out b={bits}")
    width = vocab.bit_length() - 1
    if vocab < 2 or 1 << width != vocab:
        raise EqualInfoError(f"{spec}: v={vocab} is not a power of two, as ids cut from windows need")
    if bits % width:
        raise EqualInfoError(f"{spec}: b={bits} is not a multiple of the {width} bits of an id")
    if width > WIDEST_ID and not (bits == width <= LISTED_BITS):
        raise EqualInfoError(
            f"{spec}: ids of {width} bits need windows of one id, at most b={LISTED_BITS}; use v=65k or less"
        )
