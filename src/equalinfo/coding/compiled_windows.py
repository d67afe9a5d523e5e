"""The paper's windows without M1: every text that a window can hold, listed once.

Where M1 starts afresh with every window (`reset=1`), a window's code depends on nothing but the window's own bytes.
Up to b = 20 so few texts fit into a window that all of them are listed when a tokenizer is compiled (22,339 at
b = 16 with the M1 that ships), each with the code that closes it. Encoding is then a walk down a trie, decoding a
look-up, and both give exactly what `equal_info_windows` and `EqualInfoHuffman` give with M1 at hand.

A table proves for itself that nothing is lost: whatever text the encoder may stop at has a code, and the text that
this code stands for is that text or a beginning of it, and not empty. `WindowTable` refuses any other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock, local
from typing import Any

import numpy as np
from safetensors.numpy import save

from equalinfo.coding import huffman
from equalinfo.coding import window_kernels as kernels
from equalinfo.coding.equal_info_windows import GUARD, STOP_CODEWORDS, WindowRule
from equalinfo.errors import DamagedArtifact
from equalinfo.predict.base import PRECISION, OnProgress, Predictor, cumulative
from equalinfo.predict.prefixes import Children, visit_prefixes
from equalinfo.tensors import Expected, read_safetensors

LISTED_BITS = 20
# A predictor that is nearly certain of long texts makes more; then there is no table, and it runs for every byte.
MOST_TEXTS = 1 << 21
LONGEST = kernels.MOST_BACK
MOST_SCRATCH = 1 << 20
FILE = "windows.safetensors"
FORMAT = 1


@dataclass(eq=False, repr=False)
class WindowTable:
    """Texts of windows, in the order of their bytes (a text stands before those that it begins; the first is empty).

    Args:
        bits: b, at most LISTED_BITS.
        depths: length of each text, [n] uint16.
        symbols: its last byte, [n] uint8.
        codes: the code that closes a window which holds the text, -1 for the empty one and where only the decoder
            gets, [n] int32.
        mended: 1 where that is not the paper's code of the text, [n] uint8.
        texts: the number of the text that each code stands for, [2^b] uint32.

    Raises:
        DamagedArtifact: some window would not read back.
    """

    bits: int
    depths: np.ndarray
    symbols: np.ndarray
    codes: np.ndarray
    mended: np.ndarray
    texts: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.depths)
        alike = {len(self.symbols), len(self.codes), len(self.mended)} == {count}
        if not alike or not 0 < count <= MOST_TEXTS or len(self.texts) != 1 << self.bits:
            raise DamagedArtifact("the table of windows has another size; compile the tokenizer again")
        self._parents = kernels.parents(self.depths, self.symbols)
        if not kernels.reads_back(self._parents, self.depths, self.codes, self.mended, self.texts):
            raise DamagedArtifact("the table of windows is damaged; compile the tokenizer again")

    def __reduce__(self) -> tuple[Any, ...]:
        return WindowTable, (self.bits, self.depths, self.symbols, self.codes, self.mended, self.texts)

    def save(self, directory: Path) -> None:
        """Writes the table into a tokenizer directory."""
        arrays = {name: getattr(self, name) for name in _expected(self.bits) if name != "format"}
        (directory / FILE).write_bytes(save({"format": np.array([FORMAT], np.uint8), **arrays}))

    @classmethod
    def load(cls, directory: Path, bits: int) -> "WindowTable | None":
        """The table in a tokenizer directory, None where there is none.

        Raises:
            DamagedArtifact: it is not as `save` writes one.
        """
        path = directory / FILE
        if not path.exists():
            return None
        arrays = read_safetensors(path, _expected(bits))
        if arrays.pop("format")[0] != FORMAT:
            raise DamagedArtifact(f"{path} is of another format; compile the tokenizer again")
        try:
            return cls(bits, **arrays)
        except DamagedArtifact as error:
            raise DamagedArtifact(f"{path}: {error}") from error

    @cached_property
    def _words(self) -> np.ndarray:
        return kernels.place(self._parents, self.depths, self.symbols, self.codes, self.mended, self.texts)

    def encode(self, documents: Sequence[bytes], width: int) -> tuple[np.ndarray, np.ndarray, int, int]:
        """Documents in one thread.

        Args:
            width: bits of an id.

        Returns:
            ids uint16 of all documents; where each document's begin, [documents + 1] int64; how many windows are not
            the paper's, and of how many.
        """
        bounds = np.zeros(len(documents) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, documents), np.int64, len(documents)), out=bounds[1:])
        text = np.frombuffer(b"".join([*documents, b"\0"]), np.uint8)  # the walk looks one byte ahead
        windows = _scratch(len(text))
        counts = kernels.walk(self._words, text, bounds, windows)
        id_bounds = np.zeros(len(bounds), np.int64)
        np.cumsum(-(-counts * self.bits // width), out=id_bounds[1:])
        ids = np.empty(id_bounds[-1], np.uint16)
        mended = kernels.pack(windows, bounds, counts, self.bits, width, ids, id_bounds)
        return ids, id_bounds, int(mended), int(counts.sum())

    def windows(self, text: bytes) -> tuple[list[int], list[int], int]:
        """Codes of a text's windows, the bytes in each, and how many are not the paper's."""
        words = np.empty(len(text) + 1, np.uint32)
        bounds = np.array([0, len(text)], np.int64)
        count = kernels.walk(self._words, np.frombuffer(text + b"\0", np.uint8), bounds, words)[0]
        codes = words[:count] >> 1 & ((1 << self.bits) - 1)
        return codes.tolist(), self.depths[self.texts[codes]].tolist(), int((words[:count] & 1).sum())

    def decode(self, codes: np.ndarray) -> bytes:
        """The texts of window codes [n] uint32, each below 2^b, joined."""
        out: np.ndarray = kernels.join(self._parents, self.depths, self.symbols, self.texts[codes])
        return out.tobytes()

    def written(self, codes: np.ndarray) -> np.ndarray:
        """Which of `codes` [n] the text that each stands for is closed with, [n] bool."""
        closed: np.ndarray = self.codes[self.texts[codes]] == codes
        return closed


_thread = local()


def _scratch(size: int) -> np.ndarray:
    """At least `size` elements uint32, the same in every call from one thread: new memory costs as much as the walk."""
    if size > MOST_SCRATCH:
        return np.empty(size, np.uint32)
    held: np.ndarray | None = getattr(_thread, "scratch", None)
    if held is None or len(held) < size:
        held = _thread.scratch = np.empty(size, np.uint32)
    return held


def _expected(bits: int) -> Expected:
    return {
        "format": ((1,), np.uint8),
        "depths": ((None,), np.uint16),
        "symbols": ((None,), np.uint8),
        "codes": ((None,), np.int32),
        "mended": ((None,), np.uint8),
        "texts": ((1 << bits,), np.uint32),
    }


@dataclass
class _Listed:
    """A batch of texts: what closes each, and the codewords [from_, to) that stand for it or for longer ones."""

    texts: np.ndarray  # [n, d] uint8
    codes: np.ndarray  # [n] int64; kernels.INHERITED where only a shorter text can be closed
    mended: np.ndarray  # [n] bool
    entered: np.ndarray  # [n] bool: whether the encoder gets there
    from_: np.ndarray  # [n] int64
    to: np.ndarray  # [n] int64
    passed_on: int  # how many of these stand for longer texts


class _TooMany(Exception):
    pass


def list_arithmetic(
    predictor: Predictor, rule: WindowRule, threads: int = 1, on_progress: OnProgress | None = None
) -> WindowTable | None:
    """The windows of `EqualInfoAC`, as `encode_windows` makes them; None where they are too many to list.

    Args:
        rule: with `reset` 1.
        threads: has no influence on the result.
        on_progress: called now and then with the codes listed so far and the number of all.
    """

    def visit(frequencies: np.ndarray, texts: np.ndarray, nodes: np.ndarray) -> tuple[_Listed, Children]:
        low, width, reserved, entered = nodes.T
        bounds = cumulative(frequencies, np.int64)
        whole, last = -(-low >> GUARD), (low + width) >> GUARD
        first = np.maximum(whole, reserved)
        if texts.shape[1]:
            reserved = np.where(last - first >= STOP_CODEWORDS, first + 1, reserved)
        codes, mended = kernels.close_arithmetic(low, width, first, last, bounds, rule.delay)
        starts = width[:, None] * bounds >> PRECISION
        lows, widths = low[:, None] + starts[:, :-1], np.diff(starts)
        inside, after = -(-lows >> GUARD), (lows + widths) >> GUARD
        free = np.maximum(inside, reserved[:, None])
        enters = (free < after) & (entered[:, None] > 0)
        # With delay, the decoder reads texts of which every codeword is reserved by a shorter one.
        longer = np.nonzero(inside < after if rule.delay else enters)
        parents, following = longer
        children = np.column_stack([lows[longer], widths[longer], reserved[parents], enters[longer]])
        start = whole if rule.delay else first
        passed_on = int((after - (inside if rule.delay else free))[longer].sum())
        listed = _Listed(texts, codes, mended, entered > 0, start, last, passed_on)
        return listed, (parents, following, children)

    root = np.array([0, 1 << (rule.bits + GUARD), 0, 1])
    return _listed(predictor, rule.bits, root, visit, rule.delay, threads, on_progress)


def list_huffman(
    predictor: Predictor, bits: int, limit: int, threads: int = 1, on_progress: OnProgress | None = None
) -> WindowTable | None:
    """The windows of `EqualInfoHuffman`; None where they are too many to list.

    Args:
        limit: bits of the longest word.
        threads, on_progress: as in `list_arithmetic`.
    """

    def visit(frequencies: np.ndarray, texts: np.ndarray, nodes: np.ndarray) -> tuple[_Listed, Children]:
        code, used = nodes.T
        pairs = np.array([huffman.code_of(row, limit) for row in np.ascontiguousarray(frequencies)])
        lengths, words = pairs[:, 0, :256], pairs[:, 1, :256]  # without END
        longer = np.nonzero(used[:, None] + lengths <= bits)
        parents, following = longer
        taken = lengths[longer]
        children = np.column_stack([code[parents] << taken | words[longer], used[parents] + taken])
        start, size = code << (bits - used), 1 << (bits - used)
        every = np.ones(len(nodes), np.bool_)
        passed_on = int((1 << (bits - children[:, 1])).sum())
        listed = _Listed(texts, start, ~every, every, start, start + size, passed_on)
        return listed, (parents, following, children)

    return _listed(predictor, bits, np.array([0, 0]), visit, False, threads, on_progress)


def _listed(
    predictor: Predictor,
    bits: int,
    root: np.ndarray,
    visit: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[_Listed, Children]],
    shortest: bool,
    threads: int,
    on_progress: OnProgress | None,
) -> WindowTable | None:
    """The table of what `visit` lists.

    Args:
        shortest: a code stands for the shortest text that it closes, not for the longest whose interval holds it.
    """
    known = settled = 0
    counting = Lock()

    def counted(frequencies: np.ndarray, texts: np.ndarray, nodes: np.ndarray) -> tuple[_Listed, Children]:
        nonlocal known, settled
        listed, children = visit(frequencies, texts, nodes)
        with counting:
            known += len(children[0])
            settled += int((listed.to - listed.from_).sum()) - listed.passed_on
            if known > MOST_TEXTS or texts.shape[1] > LONGEST:
                raise _TooMany
            if on_progress:
                on_progress(settled, 1 << bits)
        return listed, children

    try:
        batches = visit_prefixes(predictor, root, counted, threads)
    except _TooMany:
        return None
    texts = [row.tobytes() for batch in batches for row in batch.texts]
    order = sorted(range(len(texts)), key=texts.__getitem__)

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(batch, name) for batch in batches])[order]

    depths = np.array([len(texts[number]) for number in order], np.uint16)
    symbols = np.array([texts[number][-1] if texts[number] else 0 for number in order], np.uint8)
    codes, mended, entered = joined("codes"), joined("mended").astype(np.uint8), joined("entered")
    owners = kernels.owners(depths, codes, joined("from_"), joined("to"), 1 << bits, shortest)
    kernels.inherit(kernels.parents(depths, symbols), codes, mended)
    codes[~entered] = codes[0] = -1
    mended[~entered] = mended[0] = 0
    return WindowTable(bits, depths, symbols, codes.astype(np.int32), mended, owners)
