"""Method specs such as ``EqualInfoAC[b=16,v=65k,delay]``: parsed, checked, printed back the same.

The notation is the paper's (Lester et al. 2024); recipes, the command line, file names and plots use it.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from equalinfo.errors import EqualInfoError

# 32k is SentencePiece's habit in the paper; the others are powers of two. Of two names of a size, the last is printed.
SIZES_BY_NAME = {
    "1k": 1024,
    "2k": 2048,
    "4k": 4096,
    "8k": 8192,
    "16k": 16384,
    "32k": 32000,
    "64k": 65536,
    "65k": 65536,
    "128k": 131072,
    "256k": 262144,
    "512k": 524288,
}
NAMES_BY_SIZE = {size: name for name, size in SIZES_BY_NAME.items()}


@dataclass(frozen=True)
class Method:
    """What a method's spec may say, and its place in the four columns of the design.

    Args:
        numbers: options that take a number, with defaults (None: must be given).
        flags: options without a value.
        former: flags that were renamed, refused by the name that is theirs now.
        columns: predictor, coder, windows, chunking.
        optional: numbers that may be left out, and then are absent.
        version: raised when a change of code makes other ids from the same corpus and M1, so that runs make it again.
    """

    columns: tuple[str, str, str, str]
    numbers: dict[str, int | None] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    version: int = 1


UNIGRAM = "byte unigram"

# EqualInfo without b: its entries are the windows.
DICTIONARY = ("M1", "compiled dictionary", "one token each", "one entry")

# Flags of a dictionary that go together: how a text is parsed (without: greedily), then what bounds entries (without:
# nothing). Beside them how they were first spelled: what was made then opens, and identities still hash that.
FIRST_SPELLINGS = {
    "fewest": "refined",
    "fewest,words": "words",
    "unigram,words": "likely",
    "unigram,phrases": "likely,phrases",
}
RENAMED = {first: now for now, first in FIRST_SPELLINGS.items()}

# With the byte unigram (order=0), coders without windows have the names that the paper's StaticAC suggests.
STATIC = {"AC": "StaticAC", "Huffman": "StaticHuffman", "ANS": "StaticANS"}


def _coded(coder: str, windows: str, numbers: dict[str, int | None], flags: tuple[str, ...] = ()) -> Method:
    """A method of M1, or in its place, with `order`, of a context model of that order."""
    return Method(("M1", coder, windows, "log2 v bits"), numbers, flags, optional=("order",))


METHODS = {
    "Bytes": Method(("none", "none", "none", "8 bits")),
    "SentencePiece": Method(("none", "Unigram vocabulary", "none", "one piece"), {"v": None}, version=2),
    "GZip": Method(("none", "DEFLATE", "none", "log2 v bits"), {"v": 256}, ("bare",)),
    "AC": _coded("arithmetic", "none", {"v": 256, "order": None}),
    "StaticAC": Method((UNIGRAM, "arithmetic", "none", "log2 v bits"), {"v": 256}),
    "Huffman": _coded("Huffman", "none", {"v": 256, "order": None}),
    "StaticHuffman": Method((UNIGRAM, "Huffman", "none", "log2 v bits"), {"v": 256}),
    "ANS": _coded("rANS", "none", {"v": 256, "order": None}),
    "StaticANS": Method((UNIGRAM, "rANS", "none", "log2 v bits"), {"v": 256}),
    "EqualText": _coded("arithmetic", "n bytes", {"n": 8, "v": 256, "order": None}),
    "EqualInfo": Method(
        ("M1", "interval splitting", "b bits, exact", "log2 v bits"),
        {"b": None, "v": None, "order": None},
        ("fewest", "unigram", "words", "phrases"),
        optional=("b", "order"),
        former=("refined", "likely"),
    ),
    "EqualInfoAC": _coded(
        "arithmetic",
        "b bits, closed as in the paper",
        {"b": None, "v": 256, "order": None, "reset": 1},
        ("delay",),
    ),
    "EqualInfoHuffman": _coded("Huffman", "b bits, closed by zeros", {"b": None, "v": 256, "order": None}),
}


@dataclass(frozen=True)
class Spec:
    """A method with its options; `str()` gives the canonical spec.

    >>> str(Spec.parse("EqualInfoAC[v=65536, b=16]"))
    'EqualInfoAC[b=16,v=65k]'
    """

    method: str
    numbers: tuple[tuple[str, int], ...] = ()
    flags: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Spec":
        """The spec that `text` writes.

        Raises:
            EqualInfoError: not a known method, a missing, unknown, repeated or malformed option, a flag that has
                another name now, or flags of a dictionary that do not go together.

        Examples:
            >>> spec = Spec.parse("EqualInfo[v=4k,unigram,words]")
            >>> spec["v"], spec.flags, spec.needs_m1, spec.needs_corpus
            (4096, ('unigram', 'words'), True, True)
        """
        match = re.fullmatch(r"(\w+)\s*(?:\[([^\[\]]*)\])?", text.strip())
        if not match or match[1] not in METHODS:
            meant = _did_you_mean(match[1], METHODS) if match else ""
            raise EqualInfoError(
                f"no method {text!r}{meant}; write one of {', '.join(METHODS)}, as EqualInfoAC[b=16,v=256]"
            )
        name, method = match[1], METHODS[match[1]]
        numbers: dict[str, int] = {}
        flags: set[str] = set()
        for option in filter(None, (part.strip() for part in (match[2] or "").split(","))):
            key, equals, value = (part.strip() for part in option.partition("="))
            if key in numbers or key in flags:
                raise EqualInfoError(f"{text!r} gives {key} twice; give it once")
            if not equals and key in (*method.flags, *method.former):
                flags.add(key)
            elif equals and key in method.numbers:
                numbers[key] = _number(key, value, text)
            else:
                allowed = [f"{k}=..." for k in method.numbers] + list(method.flags)
                meant = _did_you_mean(key, [*method.numbers, *method.flags])
                raise EqualInfoError(
                    f"{text!r}: {name} has no option {option!r}{meant}; it takes {', '.join(allowed) or 'none'}"
                )
        for key, default in method.numbers.items():
            if key not in numbers and key not in method.optional:
                if default is None:
                    raise EqualInfoError(f"{text!r} lacks {key}; write {name}[{key}=...]")
                numbers[key] = default
        if numbers.get("order") == 0 and name in STATIC:
            del numbers["order"]
            name, method = STATIC[name], METHODS[STATIC[name]]
        ordered = tuple((key, numbers[key]) for key in method.numbers if key in numbers)
        spec = cls(name, ordered, tuple(flag for flag in (*method.former, *method.flags) if flag in flags))
        if name == "EqualInfo" and "b" not in numbers:
            _check_flags(spec)
        return spec

    def __getitem__(self, key: str) -> int:
        return dict(self.numbers)[key]

    def get(self, key: str) -> int | None:
        """A number, or None where the spec leaves it out."""
        return dict(self.numbers).get(key)

    def __contains__(self, flag: str) -> bool:
        return flag in self.flags

    @property
    def columns(self) -> tuple[str, str, str, str]:
        """Predictor, coder, windows and chunking (design, section 1)."""
        dictionary = self.method == "EqualInfo" and self.get("b") is None
        predictor, *rest = DICTIONARY if dictionary else METHODS[self.method].columns
        order = self.get("order")
        if order is not None:
            predictor = UNIGRAM if order == 0 else f"order-{order} contexts"
        return (predictor, rest[0], rest[1], rest[2])

    @property
    def order(self) -> int | None:
        """The order of the context model that predicts bytes, 0 for the byte unigram; None for M1 or nothing."""
        return 0 if METHODS[self.method].columns[0] == UNIGRAM else self.get("order")

    @property
    def needs_m1(self) -> bool:
        """Whether an M1 is needed to make the tokenizer (to use it, see `Tokenizer.m1_parameters`)."""
        return self.columns[0] == "M1"

    @property
    def needs_corpus(self) -> bool:
        """Whether the tokenizer is made from text besides what M1 was trained on."""
        return self.method == "SentencePiece" or self.order is not None or self.chosen_by_use

    @property
    def version(self) -> int:
        """Of the code that makes the tokenizer (`Method.version`)."""
        return METHODS[self.method].version

    @property
    def chosen_by_use(self) -> bool:
        """Whether a dictionary's entries are chosen by how often a corpus uses them."""
        return "fewest" in self or "unigram" in self

    @property
    def within_words(self) -> bool:
        """Whether no entry of a dictionary crosses the start of a word."""
        return "words" in self

    @property
    def slug(self) -> str:
        """The spec as part of a file name."""
        return re.sub(r"[^A-Za-z0-9]+", "-", str(self)).strip("-")

    def __str__(self) -> str:
        options = [
            f"{key}={_written(key, number)}"
            for key, number in self.numbers
            if not self._is_default(key, number)
        ]
        options += self.flags
        return f"{self.method}[{','.join(options)}]" if options else self.method

    @property
    def first_spelling(self) -> str:
        """The spec as it was first written: what identities hash, so that new names for flags change none."""
        first = FIRST_SPELLINGS.get(",".join(self.flags))
        return str(_with_flags(self, first)) if first else str(self)

    def _is_default(self, key: str, number: int) -> bool:
        # b, n and v are always shown: they are what a reader compares.
        return key == "reset" and number == METHODS[self.method].numbers[key]


def renamed(text: str) -> str:
    """A canonical spec in the flags of today, if an earlier version wrote it; other text as it is.

    >>> renamed("EqualInfo[v=4k,likely]")
    'EqualInfo[v=4k,unigram,words]'
    """
    match = re.fullmatch(r"(EqualInfo\[(?:\w+=\w+,)+)([a-z,]+)\]", text)
    return f"{match[1]}{RENAMED[match[2]]}]" if match and match[2] in RENAMED else text


def _check_flags(spec: Spec) -> None:
    """Raises EqualInfoError, one line with a spec that is right, for flags of a dictionary that are not."""
    flags = ",".join(spec.flags)
    if not flags or flags in FIRST_SPELLINGS:
        return
    if flags in RENAMED:
        raise EqualInfoError(f"{spec} is now {_with_flags(spec, RENAMED[flags])}")
    nearest = min(FIRST_SPELLINGS, key=lambda known: len(set(known.split(",")) ^ set(spec.flags)))
    raise EqualInfoError(
        f"{spec}: a dictionary takes no flags or {' or '.join(FIRST_SPELLINGS)}; "
        f"write {_with_flags(spec, nearest)}"
    )


def _with_flags(spec: Spec, flags: str) -> Spec:
    return replace(spec, flags=tuple(flags.split(",")))


def _did_you_mean(given: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(given, list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""


def _number(key: str, value: str, text: str) -> int:
    if key == "reset" and value == "never":
        return 0
    if key == "v" and value.lower() in SIZES_BY_NAME:
        return SIZES_BY_NAME[value.lower()]
    least = 0 if key == "order" else 1
    if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) < least:
        known = ", ".join(SIZES_BY_NAME)
        raise EqualInfoError(
            f"{text!r}: {key}={value!r} is not a number from {least} on"
            + (f" or one of {known}" if key == "v" else "")
        )
    return int(value)


def _written(key: str, number: int) -> str:
    if key == "reset" and number == 0:
        return "never"
    return NAMES_BY_SIZE.get(number, str(number)) if key == "v" else str(number)
