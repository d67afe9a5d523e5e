"""Texts as runs of blocks, one arithmetic code each, and many such runs decoded side by side.

A block has `block_bytes` bytes, or fewer and END. Its bits are padded with zeros to whole tokens, so the next
block begins at a token.
"""

from collections.abc import Sequence
from queue import Empty, SimpleQueue

import numpy as np

from equalinfo.coding import arithmetic
from equalinfo.coding.arithmetic import END
from equalinfo.errors import UndecodableTokens
from equalinfo.kernels import kernel
from equalinfo.parallel import worker_threads
from equalinfo.predict.base import Predictor

STREAMS_AT_ONCE = 64

# What the decoder keeps of each slot: first bit of the open block, end of the stream's bits, bytes of the
# open block, bytes of the stream, and how it stands.
START, STOP, OPEN, DONE, STATE = range(5)
RUNNING, FINISHED, TRUNCATED, NOT_CLOSED, JOINED = range(5)
COMPLAINTS = {
    TRUNCATED: "the ids end in the middle of a block; are they truncated?",
    NOT_CLOSED: "a block does not end as an encoded one does; are the ids damaged?",
    JOINED: "more ids follow the end of the text; were two texts joined?",
}


def encode_block(predictor: Predictor, block: bytes, end: bool) -> np.ndarray:
    """Bits (0/1, uint8) of one block, the predictor starting afresh; `end` as in `arithmetic`."""
    rows = np.ascontiguousarray(predictor.frequencies(block))
    return arithmetic.encode_block(rows, np.frombuffer(block, np.uint8), end)


def open_block(predictor: Predictor, block: bytes) -> np.ndarray:
    """Between which bits those of every block lie that begins with `block`, [2, n] uint8 as in `arithmetic`."""
    rows = np.ascontiguousarray(predictor.frequencies(block))
    return arithmetic.open_block(rows, np.frombuffer(block, np.uint8))


def decode_streams(
    predictor: Predictor,
    streams: Sequence[np.ndarray],
    block_bytes: int,
    width: int,
    partial: bool = False,
    threads: int | None = None,
    at_once: int = STREAMS_AT_ONCE,
) -> list[bytes]:
    """The texts of many streams of bits; the same whatever `threads` and `at_once`.

    Args:
        streams: bits (0/1, uint8) of each.
        block_bytes: bytes of a block that has no END.
        width: a block's bits are padded to a multiple of it.
        partial: take what the bits settle whatever follows them, and no offence at how they end.
        threads: default: one per core.
        at_once: contexts that one thread has open.

    Raises:
        UndecodableTokens: bits that no text encodes to.
    """
    lengths = [len(stream) for stream in streams]
    stops = np.cumsum(lengths, dtype=np.int64)
    bits = np.concatenate([np.empty(0, np.uint8), *streams])
    texts = [b""] * len(streams)
    waiting: SimpleQueue[int] = SimpleQueue()
    for index in np.flatnonzero(lengths).tolist():
        waiting.put(index)
    with worker_threads(threads) as workers:
        slots = min(at_once, -(-waiting.qsize() // workers.threads))

        def work(_: int) -> None:
            rules = (block_bytes, width, partial)
            _decode_waiting(predictor, bits, stops, lengths, waiting, texts, slots, rules)

        if slots:
            list(workers.map(work, range(workers.threads)))
    return texts


def _decode_waiting(
    predictor: Predictor,
    bits: np.ndarray,
    stops: np.ndarray,
    lengths: list[int],
    waiting: SimpleQueue[int],
    texts: list[bytes],
    slots: int,
    rules: tuple[int, int, bool],
) -> None:
    """Decodes streams from `waiting` into `texts` until none waits; a slot whose stream ends takes the next."""
    contexts = predictor.new_contexts(slots)
    registers = arithmetic.new_streams(slots)
    places = np.zeros((slots, 5), np.int64)
    rows = np.empty((slots, 256), np.int32)
    written = np.empty((slots, 256), np.uint8)
    symbols = np.empty(slots, np.int64)
    owners = np.zeros(slots, np.int64)

    def take(slot: int) -> bool:
        try:
            owners[slot] = waiting.get_nowait()
        except Empty:
            return False
        stop = int(stops[owners[slot]])
        start = stop - lengths[owners[slot]]
        places[slot] = start, stop, 0, 0, RUNNING
        arithmetic.start_block(registers[slot], bits, start, stop)
        rows[slot] = predictor.initial
        return True

    active = np.array([slot for slot in range(slots) if take(slot)], np.int64)
    while len(active):
        if places[active, DONE].max() == written.shape[1]:
            written = np.hstack([written, np.empty_like(written)])
        _decode_step(registers, bits, places, rows, active, symbols, written, *rules)
        states = places[active, STATE]
        if states.any():
            for slot in active[states > FINISHED].tolist():
                raise UndecodableTokens(COMPLAINTS[int(places[slot, STATE])])
            ended = active[states == FINISHED]
            for slot in ended.tolist():
                texts[owners[slot]] = written[slot, : places[slot, DONE]].tobytes()
            left = np.array([slot for slot in ended.tolist() if not take(slot)], np.int64)
            active = np.setdiff1d(active, left, assume_unique=True)
        # Where a block has just begun, its first byte has the frequencies of the empty context.
        inside = active[places[active, OPEN] > 0]
        rows[active[places[active, OPEN] == 0]] = predictor.initial
        if len(inside):
            rows[inside] = contexts.step(inside, places[inside, OPEN] - 1, symbols[inside])


@kernel
def _decode_step(
    registers: np.ndarray,
    bits: np.ndarray,
    places: np.ndarray,
    rows: np.ndarray,
    active: np.ndarray,
    symbols: np.ndarray,
    written: np.ndarray,
    block_bytes: int,
    width: int,
    partial: bool,
) -> None:
    """Decodes one symbol in each active slot, writes it down, and begins the next block where one ends."""
    for slot in active:
        register, place = registers[slot], places[slot]
        if partial and not arithmetic.is_settled(register, rows[slot]):
            place[STATE] = FINISHED
            continue
        symbol = arithmetic.decode_symbol(register, bits, rows[slot])
        symbols[slot] = symbol
        if symbol != END:
            written[slot, place[DONE]] = symbol
            place[DONE] += 1
            place[OPEN] += 1
            if place[OPEN] < block_bytes:
                continue
        used = arithmetic.block_bits(register)
        end, following = place[START] + used, place[START] + -(-used // width) * width
        if not partial:
            if following > place[STOP]:
                place[STATE] = TRUNCATED
            elif not arithmetic.closed_as_encoded(register, bits[end:following]):
                place[STATE] = NOT_CLOSED
            elif symbol == END and following < place[STOP]:
                place[STATE] = JOINED
            if place[STATE] != RUNNING:
                continue
        place[OPEN], place[START] = 0, following
        if following >= place[STOP]:
            place[STATE] = FINISHED
        else:
            arithmetic.start_block(register, bits, following, place[STOP])
