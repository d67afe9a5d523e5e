"""What the tokenizers share that cut text into windows of b bits: by a predictor run for every byte, or by a table."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np

from equalinfo.coding.bits import bits_to_codes, bits_to_ids, codes_to_bits, id_range, ids_to_bits, token_bits
from equalinfo.coding.compiled_windows import LISTED_BITS, WindowTable, list_arithmetic
from equalinfo.coding.equal_info_windows import (
    WindowRule,
    cumulated,
    decode_windows,
    encode_windows,
    settled_lengths,
    windows_of,
)
from equalinfo.coding.many_places import EncodedWindows, encode_at_many_places
from equalinfo.coding.remembered_windows import MOST_BITS, RememberedWindows, load_beginnings, save_beginnings
from equalinfo.coding.splitter import Splitter
from equalinfo.coding.window_kernels import unpack
from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.parallel import cores, grouped, in_groups
from equalinfo.predict.base import OnProgress, Predictor, cumulative
from equalinfo.predict.exact import ExactModel
from equalinfo.tokens.coded import CodedTokenizer
from equalinfo.tokens.spec import Spec, coded_options
from equalinfo.tokens.tokenizer import Advance, checked_ids

STREAMS_AT_ONCE = 128
GROUP_BYTES = 1 << 18  # of documents that a thread cuts by the table at a time


class WindowTokenizer(CodedTokenizer):
    """Windows of b bits, joined and cut into tokens (which may cross windows).

    Args:
        table: all windows, where they are listed; the predictor is then not asked.

    Attributes:
        width: bits of a token.

    Raises:
        EqualInfoError: v is no power of two, or a token is wider than a window.
    """

    def __init__(self, spec: Spec, predictor: Predictor, table: WindowTable | None = None) -> None:
        super().__init__(spec, predictor)
        self.width, self.window_bits, self.table = token_bits(spec["v"]), spec["b"], table
        if self.width > self.window_bits:
            raise EqualInfoError(
                f"{spec}: a token of {self.width} bits is wider than a window; use a larger b"
            )
        if self.window_bits % self.width == 0 and spec.get("reset") in (None, 1):
            self.ids_per_window = self.window_bits // self.width

    @property
    def m1_parameters(self) -> int:
        return 0 if self.table else super().m1_parameters

    def _made_of(self) -> tuple[Any, ...]:
        return (self.predictor, self.table) if self.table else (self.predictor,)

    def list_windows(self, on_progress: OnProgress | None = None, threads: int | None = None) -> None:
        if self.window_bits <= LISTED_BITS:
            self.table = self._listed(threads or cores(), on_progress)

    def _listed(self, threads: int, on_progress: OnProgress | None) -> WindowTable | None:
        """The table of all windows; None if the method has none."""
        return None

    def save_files(self, directory: Path) -> None:
        super().save_files(directory)
        if self.table:
            self.table.save(directory)

    def load_files(self, directory: Path) -> None:
        if self.window_bits <= LISTED_BITS:
            self.table = WindowTable.load(directory, self.window_bits)

    @abstractmethod
    def _encode_group(self, texts: Sequence[bytes]) -> list[EncodedWindows]:
        """Cuts and codes texts side by side."""

    @abstractmethod
    def _decode_group(self, streams: Sequence[np.ndarray], partial: bool) -> list[bytes]:
        """The texts of bits (0/1, uint8), whole windows unless `partial`, decoded side by side."""

    def _windows_of(self, texts: list[bytes], advance: Advance | None) -> list[EncodedWindows]:
        def encoded(group: Sequence[bytes]) -> list[EncodedWindows]:
            if self.table:
                windows = [EncodedWindows(*self.table.windows(text)) for text in group]
            else:
                windows = self._encode_group(group)
            if advance:
                advance(sum(map(len, group)))
            return windows

        return in_groups(encoded, texts, STREAMS_AT_ONCE)

    def _bits(self, windows: EncodedWindows) -> np.ndarray:
        return codes_to_bits(windows.codes, self.window_bits)

    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        if not self.table:
            return [
                bits_to_ids(self._bits(windows), self.width) for windows in self._windows_of(texts, advance)
            ]
        table, width = self.table, self.width
        groups = list(grouped(texts, GROUP_BYTES))
        if len(groups) <= 1 or cores() == 1:
            done = [table.encode(group, width) for group in groups]
        else:
            with ThreadPoolExecutor(cores()) as workers:
                done = list(workers.map(lambda group: table.encode(group, width), groups))
        result: list[np.ndarray] = []
        for ids, bounds, changed, windows in done:
            result.extend(ids[start:stop] for start, stop in pairwise(bounds.tolist()))
            self._count_windows(changed, windows)
        if advance:
            advance(sum(map(len, texts)))
        return result

    def _count_windows(self, changed: int, windows: int) -> None:
        """Told of windows that were encoded, and how many of them are not the paper's."""

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        """The text of each list of ids.

        Args:
            partial: the ids may end inside a window; EqualInfo then gives what its missing ids cannot change, the
                other methods nothing of that window before it is whole.

        Raises:
            UndecodableTokens: ids that are no text's; without `partial`, an incomplete window.
        """
        if self.table:
            return [self._looked_up(self.table, ids, partial) for ids in streams]
        bits = [self._stream(ids, partial) for ids in streams]
        stretches = self._stretches(bits)
        texts = iter(
            in_groups(lambda group: self._decode_group(group, partial), [*chain(*stretches)], STREAMS_AT_ONCE)
        )
        return [b"".join(islice(texts, len(some))) for some in stretches]

    def _stretches(self, streams: list[np.ndarray]) -> list[list[np.ndarray]]:
        """Parts of each stream that are decoded side by side, if its windows do not depend on each other."""
        if self.spec.get("reset") not in (None, 1):
            return [[stream] for stream in streams]
        windows = -(-sum(map(len, streams)) // (self.window_bits * STREAMS_AT_ONCE * cores()))
        size = max(1, windows) * self.window_bits
        return [np.split(stream, range(size, len(stream), size)) for stream in streams]

    def _looked_up(self, table: WindowTable, ids: Any, partial: bool) -> bytes:
        """The text of ids, by the table."""
        codes, left, rest = unpack(checked_ids(ids, self.vocab), self.window_bits, self.width)
        if partial:
            return table.decode(codes) + self._beginning(table, int(rest), left)
        if left >= self.width or rest:
            raise UndecodableTokens("the ids end in the middle of a window; are they truncated?")
        self._check_codes(table, codes)
        return table.decode(codes)

    def _beginning(self, table: WindowTable, bits: int, count: int) -> bytes:
        """What the first `count` bits of a window settle."""
        return b""

    def _check_codes(self, table: WindowTable, codes: np.ndarray) -> None:
        """Raises UndecodableTokens for codes that no window is closed with, if the method refuses these."""

    def _stream(self, ids: Any, partial: bool) -> np.ndarray:
        """The bits of ids; without `partial`, only whole windows, and what follows them must be padding."""
        bits = ids_to_bits(checked_ids(ids, self.vocab), self.width)
        if partial:
            return bits
        whole = len(bits) // self.window_bits * self.window_bits
        if len(bits) - whole >= self.width or bits[whole:].any():
            raise UndecodableTokens("the ids end in the middle of a window; are they truncated?")
        return bits[:whole]

    def _prompt_bounds(self, text: bytes) -> tuple[np.ndarray, np.ndarray]:
        # A token at the end may hold the beginning of the next window.
        bits = self._bits(self._windows_of([text], None)[0])
        return id_range(bits, bits, self.width)

    def _segments(self, text: bytes) -> list[tuple[bytes, list[int]]]:
        return self._segments_batch([text])[0]

    def _segments_batch(self, texts: list[bytes]) -> list[list[tuple[bytes, list[int]]]]:
        encoded = self._windows_of(texts, None)
        return [self._cut(text, windows) for text, windows in zip(texts, encoded, strict=True)]

    def _cut(self, data: bytes, windows: EncodedWindows) -> list[tuple[bytes, list[int]]]:
        ids = bits_to_ids(self._bits(windows), self.width).tolist()
        segments, position = [], 0
        for index, length in enumerate(windows.lengths):
            first = -(-index * self.window_bits // self.width)
            after = -(-(index + 1) * self.window_bits // self.width)
            segments.append((data[position : position + length], ids[first:after]))
            position += length
        return segments


class EqualInfoACTokenizer(WindowTokenizer):
    """Windows of b bits, joined and cut into tokens of log2 v bits (which may cross windows)."""

    columns = ("M1", "arithmetic", "b bits, closed as in the paper", "log2 v bits")
    options = coded_options({"b": None, "v": 256, "order": None, "reset": 1}, "delay")

    def __init__(
        self,
        spec: Spec,
        predictor: Predictor,
        table: WindowTable | None = None,
        beginnings: dict[str, np.ndarray] | None = None,
    ) -> None:
        if spec["reset"] > 2:
            raise EqualInfoError(f"{spec}: reset takes 1 (every window), 2 (every other) or never")
        self.rule = WindowRule(spec["b"], "delay" in spec, spec["reset"])
        super().__init__(spec, predictor, table)
        self._gpu_encoder: Any = None
        self.beginnings = beginnings

    def settled_lengths(self, text: bytes, ids: Sequence[int]) -> list[int]:
        return settled_lengths(self.predictor, text, list(ids), self.width)

    @cached_property
    def _remembered(self) -> RememberedWindows | None:
        """What spares M1 where windows begin alike; None for predictors that are fast without."""
        model = self.predictor
        if self.rule.reset != 1 or self.rule.bits > MOST_BITS:
            return None
        return RememberedWindows(cast(ExactModel, model), self.rule, self.beginnings) if model.slow else None

    def _made_of(self) -> tuple[Any, ...]:
        return (self.predictor, self.table, self.beginnings)

    def remember(
        self, documents: Callable[[], Iterable[bytes]], on_progress: OnProgress | None = None
    ) -> None:
        if not self.table and self._remembered:
            self.beginnings = self._remembered.remember(documents(), on_progress)

    def save_files(self, directory: Path) -> None:
        super().save_files(directory)
        if self.beginnings:
            save_beginnings(self.beginnings, directory)

    def load_files(self, directory: Path) -> None:
        super().load_files(directory)
        self.beginnings = load_beginnings(directory, self.window_bits)

    def _listed(self, threads: int, on_progress: OnProgress | None) -> WindowTable | None:
        return (
            list_arithmetic(self.predictor, self.rule, threads, on_progress) if self.rule.reset == 1 else None
        )

    def _encode_group(self, texts: Sequence[bytes]) -> list[EncodedWindows]:
        if self.rule.reset != 1:
            return encode_windows(self.predictor, texts, self.rule)
        root = cumulative(self.predictor.initial[None])[0]
        coder = partial(windows_of, rule=self.rule, root=root)
        return encode_at_many_places(self.predictor, texts, coder, cumulated, self.window_bits)

    def _windows_of(self, texts: list[bytes], advance: Advance | None) -> list[EncodedWindows]:
        if not self.table and self._on_gpu():
            results = self._gpu_encoder.encode(texts)
            if advance:
                advance(sum(map(len, texts)))
        elif not self.table and self._remembered:
            results = self._remembered.encode(texts, advance)
        else:
            results = super()._windows_of(texts, advance)
        self._count_windows(sum(one.changed for one in results), sum(len(one.codes) for one in results))
        return results

    def _count_windows(self, changed: int, windows: int) -> None:
        before, total = self.windows_changed
        self.windows_changed = before + changed, total + windows

    def _on_gpu(self) -> bool:
        """Whether kernels on a GPU make the windows: where M1 computes on one and they know model and rule."""
        predictor: Any = self.predictor
        if self._gpu_encoder is None and predictor.on_gpu:
            try:
                from equalinfo.coding.windows_triton import WindowEncoder, possible
            except ImportError:  # torch for a GPU without Triton
                return False
            if possible(predictor, self.rule):
                self._gpu_encoder = WindowEncoder(predictor, self.rule)
        return self._gpu_encoder is not None

    def _decode_group(self, streams: Sequence[np.ndarray], partial: bool) -> list[bytes]:
        codes = [bits_to_codes(bits, self.window_bits) for bits in streams]
        return decode_windows(self.predictor, codes, self.rule)


class SplittingTokenizer(WindowTokenizer):
    """Windows of b bits by interval splitting, each cut into b / log2 v ids; any whole windows stand for a text."""

    columns = ("M1", "interval splitting", "b bits, exact", "log2 v bits")

    def __init__(self, spec: Spec, predictor: Predictor) -> None:
        super().__init__(spec, predictor)
        self.splitter = Splitter(predictor, self.window_bits)

    def _encode_group(self, texts: Sequence[bytes]) -> list[EncodedWindows]:
        return self.splitter.encode(texts)

    def _decode_group(self, streams: Sequence[np.ndarray], partial: bool) -> list[bytes]:
        return self.splitter.decode([self._windows(bits) for bits in streams])

    def _windows(self, bits: np.ndarray) -> list[tuple[int, int]]:
        """The lowest and highest code that each window may have; they differ where the last is not whole."""
        windows = [(code, code) for code in bits_to_codes(bits, self.window_bits)]
        left = len(bits) % self.window_bits
        if left:
            missing = self.window_bits - left
            low = bits_to_codes(bits[len(bits) - left :], left)[0] << missing
            windows.append((low, low + (1 << missing) - 1))
        return windows
