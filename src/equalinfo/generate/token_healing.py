"""Token healing: the last tokens of a prompt are taken back, because its end closed them early.

Training never shows a token that ended only because the text did: after " gover" as its own tokens a model
expects what follows them in running text, which is not "nment". So the last tokens are taken back, as many as
more text could change, and the model is asked which ids it expects instead among all that agree with the bytes
taken back.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from equalinfo.model.continuations import Branches
from equalinfo.model.sampling import SamplingParams
from equalinfo.tokens.strings import TokenStrings

# A way to write the bytes is given up where it is this much less likely than the likeliest,
SMALLEST_SHARE = 1e-6
# and no more than so many unfinished ways are followed at a time.
WIDEST = 256


def split_unsettled(strings: TokenStrings, text: bytes, ids: Sequence[int]) -> tuple[list[int], bytes]:
    """The ids of a text that more text cannot change, and the bytes of the others.

    The others are those that reach into the longest end of the text that some longer string begins with. Where a
    parse takes the longest match from the left, only the last string can be one.

    Args:
        ids: the text's own, whole strings.
    """
    kept = [int(token) for token in ids]
    if strings.from_left:
        last = strings.text(kept[-strings.length :])
        return (kept[: -strings.length], last) if kept and strings.could_go_on(last) else (kept, b"")
    places = range(max(len(text) - strings.longest, 0), len(text))
    start = next((at for at in places if strings.could_go_on(text[at:])), len(text))
    position = len(text)
    while position > start:
        position -= len(strings.text(kept[-strings.length :]))
        del kept[-strings.length :]
    return kept, text[position:]


Ends = list[tuple[list[int], np.ndarray, np.ndarray]]  # what `Completions` says of each beginning


@dataclass(frozen=True)
class Completions:
    """The ways to go on from a context whose bytes begin with given ones.

    Args:
        ends: for each beginning of ids, the numbers of the strings that complete it, and the log-probability
            (nats) of each whole way given the context.
    """

    strings: TokenStrings
    ends: Ends

    @property
    def log_probability(self) -> float:
        """That of the bytes, in nats: all ways together; -inf if there is none."""
        every = np.concatenate([np.empty(0), *(logs for _, _, logs in self.ends)])
        highest = every.max(initial=-math.inf)
        return highest if highest == -math.inf else float(highest + np.log(np.exp(every - highest).sum()))

    def pick(self, choice: SamplingParams, uniform: float) -> list[int]:
        """The ids of one way, chosen as an id would be; there must be one. None where no bytes were given."""
        if not any(len(numbers) for _, numbers, _ in self.ends):
            return []
        logits = torch.from_numpy(np.concatenate([logs for _, _, logs in self.ends]))
        at = choice.pick(logits[None], np.array([uniform]))[0]
        for begun, numbers, _ in self.ends:
            if at < len(numbers):
                return begun + self.strings.ids(int(numbers[at]))
            at -= len(numbers)
        raise AssertionError("picked beyond the last way")


@dataclass
class _Open:
    """A way that does not cover the bytes yet: within a string, whose possible numbers are known, or between two."""

    ids: list[int]
    log: float
    rest: bytes
    place: int
    numbers: np.ndarray


def completions(
    strings: TokenStrings,
    branches: Branches,
    text: bytes,
    share: float = SMALLEST_SHARE,
    widest: int = WIDEST,
) -> Completions:
    """All ways to write bytes that begin with `text`, after the context of `branches`.

    Each is whole strings within `text` and then one that reaches its end or beyond.

    Args:
        share: a way is given up where it is that much less likely than another that has come equally far, so the
            sum is a lower bound.
        widest: of the ways that have come equally far, how many are followed.
    """
    if not text:
        return Completions(strings, [([], np.empty(0, np.int64), np.zeros(1))])
    ends: Ends = []
    # Ways that have come equally far continue together, those behind first: only they compare.
    waiting = {(-len(text), 0): [_Open([], 0.0, text, 0, _candidates(strings, text))]}
    while waiting:
        together = waiting.pop(min(waiting))
        together.sort(key=lambda way: -way.log)
        floor = together[0].log + math.log(share)
        together = [way for way in together[:widest] if way.log >= floor]
        rows = branches.after([way.ids for way in together])
        for way, logs_V in zip(together, rows, strict=True):
            for following in _gone_on(strings, way, logs_V, ends):
                waiting.setdefault((-len(following.rest), following.place), []).append(following)
    return Completions(strings, ends)


def _gone_on(strings: TokenStrings, way: _Open, logs_V: np.ndarray, ends: Ends) -> Iterator[_Open]:
    """The unfinished ways that are `way` and one id more; finished ones are added to `ends`."""
    digits = way.numbers // strings.vocab ** (strings.length - 1 - way.place) % strings.vocab
    logs = way.log + logs_V[digits]
    if way.place < strings.length - 1:
        for digit in np.unique(digits).tolist():
            within = digits == digit
            yield _Open(
                [*way.ids, digit], float(logs[within][0]), way.rest, way.place + 1, way.numbers[within]
            )
        return
    begun = way.ids[: len(way.ids) - way.place]
    lengths = np.array([len(other) for other in strings.texts_of(way.numbers.tolist())], np.int64)
    covers = lengths >= len(way.rest)
    if covers.any():
        ends.append((begun, way.numbers[covers], logs[covers]))
    inside = zip(
        way.numbers[~covers].tolist(), logs[~covers].tolist(), lengths[~covers].tolist(), strict=True
    )
    for number, log, length in inside:
        rest = way.rest[length:]
        yield _Open(begun + strings.ids(number), log, rest, 0, _candidates(strings, rest))


def _candidates(strings: TokenStrings, text: bytes) -> np.ndarray:
    """Numbers of the strings that agree with `text` as far as both go, and are not empty."""
    return np.array([*strings.inside(text), *strings.beginning_with(text)], np.int64)
