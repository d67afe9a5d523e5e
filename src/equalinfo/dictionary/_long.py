"""The greedy parse of one long text in four places at once, exactly.

A parse that starts at any byte soon falls into step with the one that started at the beginning: once both
cut at the same place they agree for ever, because what follows a cut depends on the bytes after it
alone. So a window is cut into four pieces, parsed at once as if each began a text, and joined: from the
last sure token of one piece the true parse is continued until it meets a cut of the next. If it does
not meet one soon (which takes periodic text), the rest of the window, and then more and more of what
follows, is parsed as one stream.
"""

import numpy as np

from equalinfo.dictionary._walk import LANES, finish, parse_short, walk4
from equalinfo.dictionary._words import MAX_ENTRY_BYTES
from equalinfo.kernels import kernel

LONG = 32768  # bytes; from here on a document is parsed this way
WINDOW = 4 * 65536
BRIDGE = 512  # how far the true parse is continued in search of a common cut; typically 20 bytes suffice
FIRST = 1024
MOST_SKIPPED = 64  # windows


@kernel
def _sure(lengths, ids, begin, end, stop, limit):  # type: ignore[no-untyped-def]
    """Drops tokens from the end of ``ids[begin:end]``, which end at `stop`, until none begins after `limit`.

    Whatever bytes follow `stop`, a token that begins MAX_ENTRY_BYTES before it is the same. Returns where
    the kept ones end, in ids and in the text.
    """
    while end > begin and stop > limit:
        size = np.int64(lengths[ids[end - 1]])
        if stop - size <= limit:
            break
        end -= 1
        stop -= size
    return end, stop


@kernel
def _append(ids, begin, end, out, keep, n):  # type: ignore[no-untyped-def]
    if keep:
        at = np.int64(n)
        out[at : at + end - begin] = ids[begin:end]
    return n + np.uint64(end - begin)


@kernel
def parse_long(words, table, tokens, lengths, text, start, end, out, keep, n):  # type: ignore[no-untyped-def]
    """The greedy parse of ``text[start:end]``; returns the new n. Arguments as in `_walk`."""
    every = ~np.uint64(0)
    ids = np.empty(WINDOW, np.uint32)
    bridge = np.empty(BRIDGE, np.uint32)
    at = np.empty(LANES, np.uint64)
    word = np.empty(LANES, np.uint64)
    count = np.empty(LANES, np.uint64)
    position = np.int64(start)
    end = np.int64(end)
    unit = np.int64(1)
    size = np.int64(FIRST)  # the first tokens, by one stream, show the unit
    skip = 1
    backoff = 1
    while position < end:
        if skip or end - position < LONG:
            stop = min(position + size, end)
            size = np.int64(WINDOW)
            skip = max(skip - 1, 0)
            total = np.int64(
                parse_short(words, table, tokens, text, position, stop, ids, every, np.uint64(0))
            )
            kept, position = _sure(
                lengths, ids, 0, total, stop, end if stop == end else stop - MAX_ENTRY_BYTES
            )
            n = _append(ids, 0, kept, out, keep, n)
            unit = np.int64(lengths[ids[kept - 1]])
            continue

        # In a run of one character, or one entry repeated, tokens are equally long; pieces that are
        # whole numbers of them cut where the true parse does.
        piece = min(end - position, WINDOW) // LANES // unit * unit
        for lane in range(LANES):
            at[lane] = position + lane * piece
            word[lane] = words[0]
            count[lane] = lane * piece
        walk4(words, table, tokens, text, piece, at, word, ids, every, count)
        window = position
        for lane in range(LANES):
            total = np.int64(finish(words, table, tokens, word[lane], ids, every, count[lane]))
            begin = lane * piece
            stop = window + begin + piece
            if lane > 0:
                cut = window + begin
                tail = min(position + BRIDGE, end)
                found = np.int64(
                    parse_short(words, table, tokens, text, position, tail, bridge, every, np.uint64(0))
                )
                found, _ = _sure(
                    lengths, bridge, 0, found, tail, end if tail == end else tail - MAX_ENTRY_BYTES
                )
                used = 0
                while True:
                    while cut < position and begin < total:
                        cut += np.int64(lengths[ids[begin]])
                        begin += 1
                    if cut == position or used == found:
                        break
                    position += np.int64(lengths[bridge[used]])
                    used += 1
                n = _append(bridge, 0, used, out, keep, n)
                if cut != position:
                    skip = backoff
                    backoff = min(2 * backoff, MOST_SKIPPED)
                    break
                backoff = 1
            kept, position = _sure(
                lengths, ids, begin, total, stop, end if stop == end else stop - MAX_ENTRY_BYTES
            )
            n = _append(ids, begin, kept, out, keep, n)
            unit = np.int64(lengths[ids[kept - 1]])
    return n
