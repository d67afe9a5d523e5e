"""Blocks of text coded by the adaptive predictor, alone or with a model's frequencies as one more voice."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from equalinfo.coding.mixing import kernel
from equalinfo.coding.mixing.kernel import CONTEXTS, MATCHES, Learned, Span, code_steps
from equalinfo.coding.mixing.tables import MOST, SHARE, SQUASH
from equalinfo.coding.mixing.vectors import WIDTH
from equalinfo.predict.base import Predictor

Advance = Callable[[int], None]

CALL_BYTES = 1 << 16  # coded between two reports of how far the work is
SMALL = 1 << 18  # bytes of a block that does with smaller tables
FIRST_RATE = 28 << 8
MODEL_WEIGHT = 65536 * 3 // 10
NO_ROWS = np.zeros((0, 256), np.int32)


@cache
def primer() -> bytes:
    """Text that both sides read before every block, so that a short file does not begin from nothing."""
    return Path(__file__).with_name("primer.txt").read_bytes()


@cache
def taught(first: bytes, small: bool) -> Learned:
    """What is known after `first`; shared, and never written to."""
    learned = _untaught(small)
    text = np.frombuffer(first, np.uint8).copy()
    lanes, state = _lanes(1, 0, len(text)), _state()
    code = np.zeros(16 * len(text) + 64, np.uint8)
    span = Span(0, len(text), 0, len(text))
    code_steps(learned, lanes, state, text, span, NO_ROWS, code, False)
    return learned


def _untaught(small: bool) -> Learned:
    slot_bits, recent_bits = (20, 16) if small else (22, 20)
    shares = np.full(kernel.MAPS, 1 << 21, np.int64)
    shares[: kernel.MATCH_MAP] = np.tile(SHARE, CONTEXTS)
    lengths = np.arange(64 * MATCHES) % 64 + 3
    shares[kernel.MATCH_MAP : kernel.BARE_MAP] = (1 << 22) - (1 << 22) // lengths
    weights = np.zeros((kernel.ROWS, WIDTH), np.int32)
    weights[:, : 2 * CONTEXTS : 2] = weights[:, 2 * CONTEXTS :] = 65536 * 15 // 100
    places = np.clip(128 * np.arange(kernel.STEPS) - 2048, -2047, 2047)
    return Learned(
        np.zeros(kernel.SLOT << slot_bits, np.uint8),
        (shares << 10).astype(np.uint32),
        weights.reshape(-1),
        np.full(256 * kernel.SETS, 65536 // kernel.SETS, np.int64),
        np.tile(SQUASH[places + MOST].astype(np.uint16), 1 << 16),
        np.zeros(MATCHES << recent_bits, np.int32),
    )


def _lanes(count: int, primed: int, size: int) -> np.ndarray:
    lanes = np.zeros((count, kernel.LANE), np.int64)
    lanes[:, kernel.LINE] = lanes[:, kernel.LINE_BEFORE] = primed + size * np.arange(count)
    return lanes


def _state() -> np.ndarray:
    state = np.zeros(kernel.STATE, np.int64)
    state[kernel.HIGH] = kernel.MASK
    state[kernel.RATE] = FIRST_RATE
    state[kernel.NEXT_SKIP] = kernel.FEWEST_SKIPPED
    return state


class _Work:
    """One block being coded or decoded.

    Args:
        length: bytes of the block.
        code: written or read.
        predictor, context, first: as in `encode`.
    """

    def __init__(
        self, length: int, code: np.ndarray, predictor: Predictor | None, context: int, first: bytes | None
    ) -> None:
        first = primer() if first is None else first
        self.primed, self.length, self.code = len(first), length, code
        self.size = context if predictor else length  # bytes of a lane
        self.learned = Learned(*(part.copy() for part in taught(first, length <= SMALL)))
        if predictor:
            self.learned.weights.reshape(-1, WIDTH)[:, -2:] = MODEL_WEIGHT
        self.text = np.concatenate([np.frombuffer(first, np.uint8), np.zeros(length, np.uint8)])
        self.lanes = _lanes(-(-length // self.size), self.primed, self.size)
        self.state = _state()
        # Several lanes wait for a model after each byte.
        self.together = 1 if predictor else CALL_BYTES

    def going_on(self, step: int) -> np.ndarray:
        """Lanes that have a byte number `step`."""
        return np.flatnonzero(self.size * np.arange(len(self.lanes)) + step < self.length)

    def run(self, step: int, rows: np.ndarray, decode: bool, advance: Advance | None) -> bool:
        last = min(step + self.together, self.size)
        span = Span(self.primed, self.size, step, last)
        fits = code_steps(self.learned, self.lanes, self.state, self.text, span, rows, self.code, decode)
        if advance and fits:
            advance(len(self.going_on(step)) if len(rows) else last - step)
        return fits


def encode(
    block: bytes,
    predictor: Predictor | None = None,
    context: int = 0,
    advance: Advance | None = None,
    first: bytes | None = None,
) -> bytes | None:
    """The code of a block of one byte or more; None where it would not be shorter than the block.

    Args:
        predictor: a model whose frequencies are mixed in; it starts afresh every `context` bytes.
        advance: called with bytes coded; not with all of them where the result is None.
        first: read before the block; default: the primer.
    """
    work = _Work(len(block), np.zeros(len(block) + 64, np.uint8), predictor, context, first)
    work.text[work.primed :] = np.frombuffer(block, np.uint8)
    rows = np.zeros((work.size if predictor else 0, len(work.lanes), 256), np.int16)
    if predictor:
        for number in range(len(work.lanes)):
            lane = block[number * context : (number + 1) * context]
            rows[: len(lane), number] = predictor.frequencies(lane)
    for step in range(0, work.size, work.together):
        if not work.run(step, rows[step].astype(np.int32) if predictor else NO_ROWS, False, advance):
            return None
    code = work.code[: work.state[kernel.SHIFTS]].tobytes() + _closing(work.state)
    code = code.rstrip(b"\0") or b"\0"  # a reader finds zeros after the end
    return code if len(code) < len(block) else None


def decode(
    code: bytes,
    length: int,
    predictor: Predictor | None = None,
    context: int = 0,
    advance: Advance | None = None,
    first: bytes | None = None,
) -> bytes:
    """The block of `length` bytes, one or more, that `encode` made into `code`; other bytes decode to some text."""
    work = _Work(length, np.frombuffer(code, np.uint8).copy(), predictor, context, first)
    work.state[kernel.VALUE] = int.from_bytes(code[:4].ljust(4, b"\0"), "big")
    if predictor:
        contexts = predictor.new_contexts(len(work.lanes))
        rows = np.tile(predictor.initial, (len(work.lanes), 1)).astype(np.int32)
    for step in range(0, work.size, work.together):
        work.run(step, rows if predictor else NO_ROWS, True, advance)
        if predictor and len(active := work.going_on(step + 1)) and step + 1 < work.size:
            symbols = work.text[work.primed + active * work.size + step].astype(np.int64)
            rows[active] = contexts.step(active, np.full(len(active), step), symbols)
    return work.text[work.primed :].tobytes()


def _closing(state: np.ndarray) -> bytes:
    """The fewest bytes that, with zeros after them, name a value of the last interval."""
    low, high = int(state[kernel.LOW]), int(state[kernel.HIGH])
    for count in range(5):
        rest = 32 - 8 * count
        value = -(-low >> rest) << rest
        if value <= high:
            return (value >> rest).to_bytes(count, "big")
    raise AssertionError("an interval is never empty")
