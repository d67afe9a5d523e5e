"""One arithmetic code for a block of text that the predictor reads as many short texts side by side.

A block is cut into lanes of `context` bytes (the last may be shorter), and the predictor starts afresh in each.
One code holds them all, interleaved: the first byte of every lane, then the second of every lane, and so on.
So a decoder steps the predictor for all lanes at once, and lanes cost no bits: no lengths, no ends, no padding.
The reader knows how many bytes a block has, so there is no END symbol either.
"""

from collections.abc import Sequence

import numpy as np

from equalinfo.coding import arithmetic
from equalinfo.coding.bits import bounds_from
from equalinfo.predict.base import Predictor


def cut_lanes(length: int, context: int) -> np.ndarray:
    """Lengths of the lanes of a block of `length` bytes, [lanes] int64; all but the last are `context`."""
    starts = np.arange(0, length, context)
    return np.minimum(context, length - starts)


def decode_interleaved(
    predictor: Predictor, codes: Sequence[bytes], lengths: Sequence[int], context: int
) -> list[bytes]:
    """The blocks of codes, decoded side by side.

    Args:
        codes: of each block, in whole bytes. Any bytes decode to some text of that length.
        lengths: bytes of each block.
        context: bytes in a lane, 1 or more.
    """
    lanes = [cut_lanes(length, context) for length in lengths]
    # Lanes of all blocks in one row, block after block; each knows whose code it reads.
    lane_lengths = np.concatenate([np.empty(0, np.int64), *lanes])
    owners = np.repeat(np.arange(len(codes)), [len(part) for part in lanes])
    bits = np.unpackbits(np.frombuffer(b"".join(codes), np.uint8))
    registers = arithmetic.new_streams(len(codes))
    stop = 0
    for register, code in zip(registers, codes, strict=True):
        start, stop = stop, stop + 8 * len(code)
        arithmetic.start_block(register, bits, start, stop)
    texts = np.zeros((len(lane_lengths), int(lane_lengths.max(initial=0))), np.uint8)
    contexts = predictor.new_contexts(len(lane_lengths))
    active = np.arange(len(lane_lengths))
    rows = np.ascontiguousarray(np.broadcast_to(predictor.initial, (len(active), 256)))
    for step in range(texts.shape[1]):
        symbols = arithmetic.decode_bytes(registers, bits, owners[active], rows)
        texts[active, step] = symbols
        going_on = lane_lengths[active] > step + 1
        active, symbols = active[going_on], symbols[going_on]
        if len(active):
            rows = contexts.step(active, np.full(len(active), step), symbols)
    first = bounds_from([len(one) for one in lanes])
    return [texts[first[i] : first[i + 1]].tobytes()[:length] for i, length in enumerate(lengths)]
