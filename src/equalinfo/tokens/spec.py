"""Method specs such as ``EqualInfoAC[b=16,v=65k,delay]``: parsed, checked, printed back the same.

The notation is the paper's (Lester et al. 2024); recipes, the command line, file names and plots use it.
"""

import difflib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from equalinfo.errors import EqualInfoError
from equalinfo.registry import Registry
from equalinfo.tokens.methods import FOREIGN, METHODS, PREDICTORS, SPECIAL
from equalinfo.tokens.special_tokens import NO_SPECIAL, SpecialTokens

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


UNIGRAM = "byte unigram"
Columns = tuple[str, str, str, str]


@dataclass(frozen=True)
class Options:
    """What a spec of a method may say; each tokenizer class declares its own.

    Args:
        numbers: options that take a number, with defaults (None: must be given).
        flags: options without a value.
        optional: numbers that may be left out, and then are absent.
        former: flags that were renamed, refused by the name that is theirs now.
        installed: whose names are flags too, those that other packages add.
    """

    numbers: Mapping[str, int | None] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    installed: tuple[Registry[Any], ...] = ()

    def is_flag(self, name: str) -> bool:
        return name in (*self.former, *self.flags) or any(name in names for names in self.installed)


def coded_options(numbers: Mapping[str, int | None], *flags: str) -> Options:
    """Options of a method that runs M1 or, in its place, a context model of an order or what a package adds."""
    return Options({**numbers, "order": None}, flags, optional=("order",), installed=(PREDICTORS,))


@dataclass(frozen=True)
class Spec:
    """A method with its options, or a tokenizer of another library with its `source`.

    `str()` gives the canonical spec, without `special`.

    Args:
        special: special tokens, which take the last of the `v` ids.

    >>> str(Spec.parse("EqualInfoAC[v=65536, b=16]"))
    'EqualInfoAC[b=16,v=65k]'
    """

    method: str
    numbers: tuple[tuple[str, int], ...] = ()
    flags: tuple[str, ...] = ()
    source: str = ""
    special: SpecialTokens = NO_SPECIAL

    @classmethod
    def parse(cls, text: str, saved: bool = False) -> "Spec":
        """The spec that `text` writes.

        Args:
            saved: it stands in a manifest, which an earlier version may have written: its flags are today's then.

        Raises:
            EqualInfoError: not a known method, a missing, unknown, repeated or malformed option, a flag that has
                another name now, or flags of a dictionary that do not go together.

        Examples:
            >>> spec = Spec.parse("EqualInfo[v=4k,unigram,words]")
            >>> spec["v"], spec.flags, spec.needs_m1, spec.needs_corpus
            (4096, ('unigram', 'words'), True, True)
        """
        if named_source(text):
            method_name, _, source = text.strip().partition(":")
            return cls(method_name, source=source)
        match = re.fullmatch(r"(\w+)\s*(?:\[([^\[\]]*)\])?", text.strip())
        if not match or match[1] not in METHODS:
            meant = _did_you_mean(match[1], METHODS) if match else ""
            raise EqualInfoError(
                f"no method {text!r}{meant}; write one of {', '.join(METHODS)}, as EqualInfoAC[b=16,v=256], "
                f"or {', '.join(FOREIGN)} and a colon, as hf:DIRECTORY"
            )
        name = match[1]
        method: type[Method] = METHODS[name]
        options = method.options
        numbers: dict[str, int] = {}
        flags: list[str] = []
        for option in filter(None, (part.strip() for part in (match[2] or "").split(","))):
            key, equals, value = (part.strip() for part in option.partition("="))
            if key in numbers or key in flags:
                raise EqualInfoError(f"{text!r} gives {key} twice; give it once")
            if not equals and options.is_flag(key):
                flags.append(key)
            elif equals and key in options.numbers:
                numbers[key] = _number(key, value, text)
            else:
                allowed = [f"{k}=..." for k in options.numbers] + list(options.flags)
                meant = _did_you_mean(key, [*options.numbers, *options.flags])
                raise EqualInfoError(
                    f"{text!r}: {name} has no option {option!r}{meant}; it takes {', '.join(allowed) or 'none'}"
                )
        for key, default in options.numbers.items():
            if key not in numbers and key not in options.optional:
                if default is None:
                    raise EqualInfoError(f"{text!r} lacks {key}; write {name}[{key}=...]")
                numbers[key] = default
        ordered = tuple((key, numbers[key]) for key in options.numbers if key in numbers)
        known = [flag for flag in (*options.former, *options.flags) if flag in flags]
        spec = cls(name, ordered, (*known, *sorted(set(flags) - set(known))))
        return method.canonical(spec, saved)

    def __getitem__(self, key: str) -> int:
        return dict(self.numbers)[key]

    def get(self, key: str) -> int | None:
        """A number, or None where the spec leaves it out."""
        return dict(self.numbers).get(key)

    def with_special(self, special: SpecialTokens) -> "Spec":
        """The same with special tokens among its ids.

        Raises:
            EqualInfoError: a method whose ids have no text.
        """
        if special and not self._plain_class.takes_special(self):
            raise EqualInfoError(f"{self} has no ids to make special; take a dictionary")
        return replace(self, special=special)

    @property
    def without_special(self) -> "Spec":
        """The spec of the ids that are not special."""
        count = len(self.special.names)
        numbers = tuple((key, number - count if key == "v" else number) for key, number in self.numbers)
        return replace(self, numbers=numbers, special=NO_SPECIAL)

    def __contains__(self, flag: str) -> bool:
        return flag in self.flags

    @property
    def tokenizer_class(self) -> "type[Method]":
        """The class that builds and loads its tokenizers; EqualInfoError for options that do not go together."""
        return SPECIAL["tokens"] if self.special else self._plain_class

    @property
    def _plain_class(self) -> "type[Method]":
        named = FOREIGN if self.source else METHODS
        return named[self.method].variant(self.without_special)

    def build(self, sources: Any) -> Any:
        """The tokenizer that it describes (`Tokenizer.build`), made from `sources` (`tokens.sources.Sources`).

        Examples:
            >>> from equalinfo.tokens.sources import Sources
            >>> tokenizer = Spec.parse("GZip[v=256]").build(Sources())
            >>> tokenizer.decode(tokenizer.encode("any text"))
            b'any text'
        """
        return self.tokenizer_class.build(self, sources)

    @property
    def columns(self) -> Columns:
        """Predictor, coder, windows and chunking (design, section 1)."""
        predictor, coder, windows, chunking = self._plain_class.columns
        order = self.get("order")
        if order is not None:
            predictor = UNIGRAM if order == 0 else f"order-{order} contexts"
        return self.predictor or predictor, coder, windows, chunking

    @property
    def order(self) -> int | None:
        """The order of the context model that predicts bytes, 0 for the byte unigram; None for M1 or nothing."""
        return 0 if self._plain_class.columns[0] == UNIGRAM else self.get("order")

    @property
    def predictor(self) -> str | None:
        """The flag that names a predictor of another package, if there is one."""
        return self.flag_of(PREDICTORS)

    def flag_of(self, names: Registry[Any]) -> str | None:
        """The flag that is one of these names."""
        return next((flag for flag in self.flags if flag in names), None)

    @property
    def needs_m1(self) -> bool:
        """Whether an M1 is needed to make the tokenizer (to use it, see `Tokenizer.runs_predictor`)."""
        return self.columns[0] == "M1"

    @property
    def needs_corpus(self) -> bool:
        """Whether the tokenizer is made from text besides what M1 was trained on."""
        return self._plain_class.needs_corpus or self.order is not None or self.predictor is not None

    @property
    def version(self) -> int:
        """Of the code that makes the tokenizer (`Tokenizer.version`)."""
        return self._plain_class.version

    @property
    def slug(self) -> str:
        """The spec as part of a file name."""
        return re.sub(r"[^A-Za-z0-9]+", "-", str(self)).strip("-")[-100:]

    def __str__(self) -> str:
        if self.source:
            return f"{self.method}:{self.source}"
        options = []
        for key, number in self.numbers:
            name = NAMES_BY_SIZE.get(number, str(number)) if key == "v" else str(number)
            # b, n and v are always shown: they are what a reader compares.
            if key != "reset" or number != METHODS[self.method].options.numbers[key]:
                options.append(f"{key}={'never' if key == 'reset' and number == 0 else name}")
        options += self.flags
        return f"{self.method}[{','.join(options)}]" if options else self.method


class Method(ABC):
    """What a class of tokenizers declares, and a spec asks; `tokens.tokenizer.Tokenizer` is the base of all.

    Attributes:
        options: what its spec may say.
        columns: predictor, coder, windows and chunking, as the design's table has them.
        version: raised when a change of code makes other ids from the same sources, so that runs make it again.
        needs_corpus: whether it is made from text, besides what its predictor is made from.
        runs_predictor: whether a predictor runs for every byte, to encode and to decode.
        text_of_ids: whether every id stands for its own bytes (`vocab_entries`).
    """

    options: ClassVar[Options] = Options()
    columns: ClassVar[Columns] = ("none", "none", "none", "8 bits")
    version: ClassVar[int] = 1
    needs_corpus: ClassVar[bool] = False
    runs_predictor: ClassVar[bool] = False
    text_of_ids: bool = False

    @classmethod
    def canonical(cls, spec: Spec, saved: bool) -> Spec:
        """The spec as it is written; options that never go together are refused with an EqualInfoError.

        Args:
            saved: as in `Spec.parse`.
        """
        return spec

    @classmethod
    def variant(cls, spec: Spec) -> "type[Method]":
        """The class of a spec where several share a name."""
        return cls

    @classmethod
    def vocab_of(cls, spec: Spec) -> int:
        """The number of ids that a spec asks for."""
        return spec["v"]

    @classmethod
    def takes_special(cls, spec: Spec) -> bool:
        """Whether special tokens may stand among its ids: not where these are cut from codes."""
        return cls.text_of_ids and not spec.get("b")

    @classmethod
    def source_fingerprint(cls, spec: Spec) -> str:
        """Hash of the files that a spec names, where it names any."""
        return ""

    @classmethod
    @abstractmethod
    def build(cls, spec: Spec, sources: Any) -> Any:
        """As `Tokenizer.build`."""

    @classmethod
    @abstractmethod
    def load(cls, spec: Spec, directory: Path, device: str = "cpu") -> Any:
        """As `Tokenizer.load`."""


def named_source(text: str) -> bool:
    """Whether a text is the spec of something made elsewhere, as `hf:DIRECTORY`."""
    name, _, source = text.strip().partition(":")
    return bool(source) and name in FOREIGN


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
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
