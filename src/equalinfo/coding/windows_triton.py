"""`encode_windows` on a GPU: thousands of texts, each one byte further at every step, without leaving the device.

The rules are those of `equal_info_windows.py`. As each byte is read, the kernel works out the code that the window
would have were it closed here, so nothing is kept of the bytes before. Positions are 64-bit integers, which windows of
up to 32 bits need.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from equalinfo.coding.equal_info_windows import (
    WindowRule,
    cumulative,
    empty_text,
    encode_windows,
)
from equalinfo.coding.many_places import EncodedWindows
from equalinfo.predict.base import PRECISION
from equalinfo.predict.exact_torch import TorchModel
from equalinfo.predict.exact_triton import ROWS, Steps, fits, frequencies_of

MOST_BITS = 32
CONTEXTS = 16_384
# Longer windows are rare; a text that has one is done by `encode_windows`.
CAPACITY = 512
STEPS_AT_ONCE = 64  # between two looks at how many texts are still at work
CODEWORD = tl.constexpr(65536)  # 2^GUARD
# What is known of each text at work: where it begins and stops, its window's interval (low, width, codewords taken)
# and best code so far; the place of the next byte, the best code's length, windows written, those of other codes.
WIDE, NARROW = 6, 4


@triton.jit
def _closing_codeword(low, width, first, last, ends):
    """`closing_code` of a text whose codewords lie from `first` to before `last`; `ends` are those of its next bytes.

    Returns whether there is one, the code, and whether it is the paper's.
    """
    keeps = last - first >= 256
    size = (((width.to(tl.float64).to(tl.int64, bitcast=True)) >> 52) - 1023).to(tl.int64)
    size = tl.full((), 1, tl.int64) << size
    aligned = (low + size - 1) & ~(size - 1)
    size = tl.where(aligned + size > low + width, size >> 1, size)
    code = ((low + size - 1) & ~(size - 1)) >> 16
    inside = (ends & (CODEWORD - 1)) != 0  # ends within codewords: no longer text holds such a codeword
    codewords = ends >> 16
    free = tl.max(tl.where(inside & (codewords == code), 1, 0), 0) > 0
    paper = (keeps & (code == first)) | ((code >= first) & free)
    open_codewords = tl.where(inside & (codewords >= first) & (codewords < last), codewords, last)
    other = tl.where(keeps, first, tl.min(open_codewords, 0))
    return paper | keeps | (other < last), tl.where(paper, code, other), paper


@triton.jit
def _child(low, width, is_byte, above, frequencies):
    """The interval of one of the next bytes."""
    upper = tl.sum(tl.where(is_byte, above, 0), 0).to(tl.int64)
    lower = upper - tl.sum(tl.where(is_byte, frequencies, 0), 0).to(tl.int64)
    start = (width * lower) >> 14
    return low + start, ((width * upper) >> 14) - start


@triton.jit
def _byte_at(texts, place, stop):
    """The byte there, and the last one beyond the text's end."""
    return tl.load(texts + tl.minimum(place, stop - 1)).to(tl.int32)


@triton.jit
def _advance_windows(
    logits,
    powers,
    texts,
    symbols,
    lengths,
    wide,
    narrow,
    working,
    roots,
    codes,
    window_lengths,
    CONTEXTS_,
    CAPACITY_,
):
    """Takes the byte that a context has just read into its open window, and chooses the byte that it reads next.

    `lengths` are the bytes of the open window, which are also the last one's position in M1's context. A text that is
    done has its stop at 0. State lies in `wide` and `narrow`, a row of CONTEXTS_ for each of WIDE and NARROW: a kernel
    that is launched takes pointers, not bundles of them.
    """
    n = tl.program_id(0).to(tl.int64)
    starts, stops = wide + n, wide + CONTEXTS_ + n
    lows, widths = wide + 2 * CONTEXTS_ + n, wide + 3 * CONTEXTS_ + n
    takens, best_codes = wide + 4 * CONTEXTS_ + n, wide + 5 * CONTEXTS_ + n
    places, best_lengths = narrow + n, narrow + CONTEXTS_ + n
    counts, changes = narrow + 2 * CONTEXTS_ + n, narrow + 3 * CONTEXTS_ + n
    stop = tl.load(stops)
    if stop > 0:
        begin, place, length = tl.load(starts), tl.load(places), tl.load(lengths + n)
        low, width, taken = tl.load(lows), tl.load(widths), tl.load(takens)
        bytes_ = tl.arange(0, 256)
        frequencies = frequencies_of(tl.load(logits + n * 256 + bytes_), powers)
        above = tl.cumsum(frequencies, 0)
        # What closes the window here, the parent's reserved codewords being in `taken`.
        first = tl.maximum((low + CODEWORD - 1) >> 16, taken)
        last = (low + width) >> 16
        ends = low + ((width * above.to(tl.int64)) >> 14)
        possible, code, paper = _closing_codeword(low, width, first, last, ends)
        best_code, best_length = tl.load(best_codes), tl.load(best_lengths)
        as_paper = tl.where(possible, paper, (best_length >> 16) > 0)
        best_code = tl.where(possible, code, best_code)
        best_length = tl.where(possible, length, best_length & 65535)
        taken = tl.where(last - first >= 256, first + 1, taken)
        # The next byte, or the end of the text.
        ended = begin + place >= stop
        byte = _byte_at(texts, begin + place, stop)
        next_low, next_width = _child(low, width, bytes_ == byte, above, frequencies)
        next_first = tl.maximum((next_low + CODEWORD - 1) >> 16, taken)
        closes = ended | (next_first >= (next_low + next_width) >> 16)
        full = (length + 1 >= CAPACITY_) & ~closes
        if closes:
            count = tl.load(counts)
            tl.store(codes + begin + count, best_code.to(tl.uint32).to(tl.int32, bitcast=True))
            tl.store(window_lengths + begin + count, best_length.to(tl.int16))
            tl.store(counts, count + 1)
            exact = as_paper & (best_length == length)
            tl.store(changes, tl.load(changes) + tl.where(exact, 0, 1))
            place = place - (length - best_length)
            ended = begin + place >= stop
            byte = _byte_at(texts, begin + place, stop)
            next_low, next_width = tl.load(roots + byte), tl.load(roots + 256 + byte)
            taken = tl.load(roots + 512 + byte)
            length = 0
        if full:
            tl.store(counts, -1)
        if (ended & closes) | full:
            tl.store(stops, 0)
            tl.atomic_add(working, -1)
        else:
            tl.store(symbols + n, byte)
            tl.store(places, place + 1)
            tl.store(lengths + n, length + 1)
            tl.store(lows, next_low)
            tl.store(widths, next_width)
            tl.store(takens, taken)
            tl.store(best_codes, best_code)
            tl.store(best_lengths, best_length | tl.where(as_paper, 65536, 0))


def possible(model: TorchModel, rule: WindowRule) -> bool:
    """Whether windows of this rule and model can be made here."""
    return rule.bits <= MOST_BITS and rule.reset == 1 and not rule.delay and fits(model)


class WindowEncoder:
    """Encodes texts on a model's device; the work space is kept from one call to the next.

    Args:
        contexts: texts at work at a time.
        capacity: bytes of the longest window but one.
    """

    def __init__(
        self, model: TorchModel, rule: WindowRule, contexts: int = CONTEXTS, capacity: int = CAPACITY
    ) -> None:
        assert possible(model, rule)
        self.model, self.rule, self.contexts = model, rule, -(-contexts // ROWS) * ROWS
        self.steps = Steps(model, self.contexts, capacity)
        root, bounds = empty_text(rule.bits), cumulative(model.initial[None])[0].tolist()
        children = [root.child(below, above) for below, above in pairwise(bounds)]
        device = model.device
        # `reserved_until` counts the codeword that an interval keeps; the kernel adds it when the byte has been read.
        values = [[child.low, child.width, root.reserved_until] for child in children]
        self._roots = torch.tensor(values, dtype=torch.int64, device=device).T.contiguous()
        self._wide = torch.zeros(WIDE, self.contexts, dtype=torch.int64, device=device)
        self._narrow = torch.zeros(NARROW, self.contexts, dtype=torch.int32, device=device)
        self._working = torch.zeros(1, dtype=torch.int32, device=device)
        self._tiles: dict[str, int] = {}
        self._graph: torch.cuda.CUDAGraph | None = None
        self._buffers: tuple[Tensor, Tensor, Tensor] | None = None

    def use(self, tiles: dict[str, int]) -> None:
        """Other tiles than the kernels' defaults, by their names in `Steps.launch`."""
        self._tiles, self._graph = tiles, None

    def _step(self) -> None:
        assert self._buffers is not None
        self.steps.launch(self._tiles)
        texts, codes, lengths = self._buffers
        _advance_windows[(self.contexts,)](
            self.steps.logits,
            self.steps.powers,
            texts,
            self.steps.symbols,
            self.steps.positions,
            self._wide,
            self._narrow,
            self._working,
            self._roots,
            codes,
            lengths,
            self.contexts,
            self.steps.capacity,
            num_warps=1,
            enable_fp_fusion=False,
        )

    @torch.inference_mode()
    def arrays(self, texts: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Codes and lengths of the windows of up to `contexts` texts, none of them empty.

        Returns:
            codes [windows] uint32 and lengths [windows] int16, text after text; windows of each text [texts] int32, -1
            (and none in the arrays) where one was longer than the capacity; windows whose code is not the paper's
            [texts] int32.
        """
        assert len(texts) <= self.contexts
        assert all(texts)
        device, n = self.model.device, len(texts)
        ends = np.cumsum([len(text) for text in texts])
        starts = ends - [len(text) for text in texts]
        joined = np.frombuffer(b"".join(texts), np.uint8)
        size = len(joined)
        if self._buffers is None or len(self._buffers[0]) < size:
            self._buffers, self._graph = None, None
            self._buffers = (
                torch.empty(size, dtype=torch.uint8, device=device),
                torch.empty(size, dtype=torch.int32, device=device),
                torch.empty(size, dtype=torch.int16, device=device),
            )
        self._buffers[0][:size] = torch.from_numpy(joined.copy())
        for one in (self._wide, self._narrow):
            one.zero_()
        all_starts, stops, *intervals, _ = self._wide
        places, _, all_counts, changes = self._narrow
        all_starts[:n] = torch.from_numpy(starts)
        stops[:n] = torch.from_numpy(ends)
        # The first byte of each text is read by the first step, its window being the empty text's child.
        firsts = torch.from_numpy(joined[starts].astype(np.int64)).to(device)
        self.steps.symbols[:n] = firsts.int()
        for interval, roots in zip(intervals, self._roots, strict=True):
            interval[:n] = roots[firsts]
        self.steps.positions.fill_(1)
        places.fill_(1)
        self._working.fill_(n)
        self._run()
        # Windows of a text lie from where its bytes begin; they are brought together before they leave the device.
        counts = all_counts[:n].clamp(min=0).long()
        gaps = all_starts[:n] - (counts.cumsum(0) - counts)
        written = torch.repeat_interleave(gaps, counts)
        written += torch.arange(len(written), device=device)
        return (
            self._buffers[1][written].cpu().numpy().view(np.uint32),
            self._buffers[2][written].cpu().numpy(),
            all_counts[:n].cpu().numpy(),
            changes[:n].cpu().numpy(),
        )

    def _run(self) -> None:
        if self.model.device.type == "cpu":  # Triton's interpreter, in tests
            while int(self._working):
                self._step()
            return
        if self._graph is None:
            self._step()  # compiles the kernels
            torch.cuda.synchronize()
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                for _ in range(STEPS_AT_ONCE):
                    self._step()
        while int(self._working):
            self._graph.replay()

    def encode(self, texts: Sequence[bytes]) -> list[EncodedWindows]:
        """As `encode_windows`."""
        results = [EncodedWindows([], []) for _ in texts]
        filled = [index for index, text in enumerate(texts) if text]
        for start in range(0, len(filled), self.contexts):
            some = filled[start : start + self.contexts]
            codes, lengths, counts, changes = self.arrays([texts[index] for index in some])
            place = 0
            for index, count, changed in zip(some, counts.tolist(), changes.tolist(), strict=True):
                if count < 0:
                    results[index] = encode_windows(self.model, [texts[index]], self.rule)[0]
                else:
                    part = slice(place, place + count)
                    results[index] = EncodedWindows(codes[part].tolist(), lengths[part].tolist(), changed)
                    place += count
        return results


assert PRECISION == 14  # the kernel's shifts
